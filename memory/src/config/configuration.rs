//! The configuration of a process: keys, values, and where each was set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ConfigError;
use super::grammar::{ConfigValue, Refused, render_map};
use super::option::ConfigOption;
use super::origin::{self, Origin};

/// A value as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Every key that was set, known or not, in alphabetical order. What is set later replaces what was
/// set before: load files first, then the environment, then arguments.
///
/// A clone shares with its original which warnings were already given, so that a deprecated key is
/// reported once per process and not once per task.
#[derive(Clone, Default)]
pub struct Configuration {
    settings: BTreeMap<String, Setting>,
    warned: Arc<Mutex<BTreeSet<String>>>,
}

/// A setting that was found for an option.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The key it was found under: the option's own or an older one.
    pub key: &'a str,
    /// The text behind it.
    pub text: &'a str,
    /// Where it was set.
    pub origin: &'a Origin,
}

/// One key as it may be shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownSetting<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, or stars for a secret.
    pub value: &'a str,
    /// Where it was set.
    pub origin: &'a Origin,
}

impl Configuration {
    /// A configuration in which nothing is set.
    pub fn new() -> Configuration {
        Configuration::default()
    }

    /// Sets `key` on behalf of the program.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> &mut Configuration {
        self.insert(key.into(), value.into(), Origin::Program);
        self
    }

    /// Sets `key` with an origin, and gives what it replaced.
    pub(crate) fn insert(&mut self, key: String, text: String, origin: Origin) -> Option<Setting> {
        self.settings.insert(key, Setting { text, origin })
    }

    /// Takes `key` out, so that its default holds again.
    pub fn unset(&mut self, key: &str) -> bool {
        self.settings.remove(key).is_some()
    }

    /// Sets everything that `other` sets, with the origins it has there.
    pub fn merge(&mut self, other: &Configuration) {
        self.settings
            .extend(other.settings.iter().map(|(key, setting)| (key.clone(), setting.clone())));
    }

    /// The text behind exactly this key, secrets included.
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|setting| setting.text.as_str())
    }

    /// Whether the option is set under any of its keys.
    pub fn contains<T: ConfigValue>(&self, option: &ConfigOption<T>) -> bool {
        self.find(option).is_some() || self.gathered(option).is_some()
    }

    /// Where the option's value was set; `None` when its default holds.
    pub fn origin<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Option<&Origin> {
        self.find(option).map(|found| found.origin)
    }

    /// The setting that decides the option: its own key, else a deprecated one, else a fallback.
    pub fn find<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Option<Found<'_>> {
        std::iter::once(&option.key)
            .chain(option.deprecated)
            .chain(option.fallback)
            .find_map(|key| self.settings.get_key_value(*key))
            .map(|(key, setting)| Found { key, text: &setting.text, origin: &setting.origin })
    }

    /// The value of an option: what is set, else its default.
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] when the text is refused, [`ConfigError::Missing`] when nothing
    /// is set and there is neither a default nor an `Option` type.
    pub fn get<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Result<T, ConfigError> {
        if let Some(found) = self.find(option) {
            self.warn_of_deprecated(option, found);
            return option.parse(found.text).map_err(|refused| invalid(option, found, refused));
        }
        if let Some((text, origin)) = self.gathered(option) {
            let found = Found { key: option.key, text: &text, origin: &origin };
            return option.parse(&text).map_err(|refused| invalid(option, found, refused));
        }
        if let Some(text) = option.default {
            let parsed = option.parse(text);
            return Ok(parsed.expect("a test reads every default in its own grammar"));
        }
        T::when_unset().ok_or_else(|| ConfigError::Missing {
            key: option.key,
            description: option.description,
            accepted: option.accepted(),
        })
    }

    /// The entries `key.x: y` as one map, for options whose type is a map.
    fn gathered<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Option<(String, Origin)> {
        if !T::GATHERS_PREFIX {
            return None;
        }
        let prefix = format!("{}.", option.key);
        let mut origin = None;
        let mut entries = BTreeMap::new();
        for (key, setting) in self.settings.range(prefix.clone()..) {
            let Some(name) = key.strip_prefix(&prefix) else { break };
            origin = origin.or(Some(setting.origin.clone()));
            entries.insert(name.to_owned(), setting.text.clone());
        }
        origin.map(|origin| (render_map(&entries), origin))
    }

    fn warn_of_deprecated<T: ConfigValue>(&self, option: &ConfigOption<T>, found: Found<'_>) {
        for old in option.deprecated {
            let Some(setting) = self.settings.get(*old) else { continue };
            if !self.first_warning_about(old) {
                continue;
            }
            let (new, origin) = (option.key, &setting.origin);
            if found.key == *old {
                tracing::warn!("{old} ({origin}) is deprecated; write {new} instead");
            } else {
                tracing::warn!(
                    "{old} ({origin}) is ignored because {} is set; remove it",
                    found.key
                );
            }
        }
    }

    /// Whether this is the first call for `subject` on this configuration and its clones.
    pub(crate) fn first_warning_about(&self, subject: &str) -> bool {
        // Only inserts happen under the lock, so a panic elsewhere cannot leave it half changed.
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.insert(subject.to_owned())
    }

    /// Every setting in alphabetical order, fit to be shown: secrets are stars.
    pub fn shown(&self) -> impl Iterator<Item = ShownSetting<'_>> {
        self.settings.iter().map(|(key, setting)| ShownSetting {
            key,
            value: origin::shown(key, &setting.text),
            origin: &setting.origin,
        })
    }

    /// Every key with its text, secrets included, in alphabetical order: for handing the
    /// configuration to another process, never for printing.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(key, setting)| (key.as_str(), setting.text.as_str()))
    }
}

fn invalid<T: ConfigValue>(
    option: &ConfigOption<T>,
    found: Found<'_>,
    Refused(reason): Refused,
) -> ConfigError {
    let secret = origin::is_secret(found.key);
    ConfigError::InvalidValue {
        key: found.key.to_owned(),
        shown: origin::shown(found.key, found.text).to_owned(),
        origin: found.origin.clone(),
        // A reason may quote a part of the value.
        reason: if secret { "it does not follow the grammar".to_owned() } else { reason },
        accepted: option.accepted(),
    }
}

/// Secrets are stars here too.
impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown().map(|shown| (shown.key, shown.value))).finish()
    }
}

/// Equal when the same keys have the same texts from the same origins.
impl PartialEq for Configuration {
    fn eq(&self, other: &Configuration) -> bool {
        self.settings == other.settings
    }
}

//! The definition of an option: its key, type, default, older keys and description, as a constant.

use std::marker::PhantomData;

use super::grammar::{ConfigValue, Refused};

/// Narrows what an option takes beyond its type.
#[derive(Debug)]
pub(crate) struct Rule<T> {
    pub(crate) holds: fn(&T) -> bool,
    pub(crate) accepted: &'static str,
}

impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rule<T> {}

/// One option. Defined as a constant:
///
/// ```
/// use brisk_memory::config::{ConfigOption, Configuration, MemorySize};
///
/// const SEGMENT_SIZE: ConfigOption<MemorySize> =
///     ConfigOption::new("taskmanager.memory.segment-size", "Size of a segment.").default("32 kb");
///
/// let config = Configuration::new();
/// assert_eq!(config.get(&SEGMENT_SIZE)?.bytes(), 32_768);
/// # Ok::<(), brisk_memory::config::ConfigError>(())
/// ```
///
/// An option that may stay unset has the type `Option<T>`. An option without a default whose type
/// is not `Option` must be set by the user.
#[derive(Debug)]
pub struct ConfigOption<T> {
    pub(crate) key: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) deprecated: &'static [&'static str],
    pub(crate) fallback: &'static [&'static str],
    pub(crate) description: &'static str,
    pub(crate) rule: Option<Rule<T>>,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for ConfigOption<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ConfigOption<T> {}

impl<T: ConfigValue> ConfigOption<T> {
    /// An option without a default.
    pub const fn new(key: &'static str, description: &'static str) -> ConfigOption<T> {
        ConfigOption {
            key,
            default: None,
            deprecated: &[],
            fallback: &[],
            description,
            rule: None,
            marker: PhantomData,
        }
    }

    /// With the value that holds while nothing is set, in the option's own grammar.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// With older names of the key: each works, with one warning that tells the new name.
    #[must_use]
    pub const fn deprecated(mut self, keys: &'static [&'static str]) -> Self {
        self.deprecated = keys;
        self
    }

    /// With other keys whose value also holds for this one, without a warning.
    #[must_use]
    pub const fn fallback(mut self, keys: &'static [&'static str]) -> Self {
        self.fallback = keys;
        self
    }

    /// With a rule that values must meet, and the words that tell it.
    #[must_use]
    pub const fn rule(mut self, holds: fn(&T) -> bool, accepted: &'static str) -> Self {
        self.rule = Some(Rule { holds, accepted });
        self
    }

    /// The key.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The text of the default.
    pub const fn default_text(&self) -> Option<&'static str> {
        self.default
    }

    /// What the option takes, in words.
    pub fn accepted(&self) -> String {
        self.rule.map_or_else(T::accepted, |rule| rule.accepted.to_owned())
    }

    /// Reads a text as a value of this option.
    pub(crate) fn parse(&self, text: &str) -> Result<T, Refused> {
        let value = T::parse_value(text)?;
        match self.rule {
            Some(rule) if !(rule.holds)(&value) => {
                Err(Refused::because("it is outside of what this key takes"))
            }
            _ => Ok(value),
        }
    }

    /// The option without its type, for lists of options.
    pub fn describe(&self) -> OptionDescription {
        let refusal = self.default.and_then(|text| self.parse(text).err());
        OptionDescription {
            key: self.key,
            type_name: T::type_name(),
            accepted: self.accepted(),
            default: self.default,
            deprecated: self.deprecated,
            fallback: self.fallback,
            description: self.description,
            default_refused: refusal.map(|Refused(reason)| reason),
            reads: self.rule_free_reader(),
        }
    }

    fn rule_free_reader(&self) -> fn(&str) -> bool {
        |text| T::parse_value(text).is_ok()
    }
}

/// What the documentation and the checks need to know of an option.
#[derive(Debug, Clone)]
pub struct OptionDescription {
    /// The key.
    pub key: &'static str,
    /// Its type.
    pub type_name: String,
    /// What it takes.
    pub accepted: String,
    /// Its default.
    pub default: Option<&'static str>,
    /// Its older keys.
    pub deprecated: &'static [&'static str],
    /// Keys that also give it a value.
    pub fallback: &'static [&'static str],
    /// What it is for.
    pub description: &'static str,
    /// Why the default itself would be refused: `None` in every release.
    pub default_refused: Option<String>,
    /// Whether a text is of the option's type.
    pub reads: fn(&str) -> bool,
}

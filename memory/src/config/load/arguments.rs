//! `-Dkey=value` arguments.

use super::Settings;
use crate::config::error::ConfigError;
use crate::config::origin::{self, Origin};

/// Parts the arguments into settings and the rest.
pub(super) fn parse(
    arguments: impl IntoIterator<Item = String>,
) -> Result<(Settings, Vec<String>), ConfigError> {
    let mut settings = Settings::new();
    let mut others = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            others.push(argument);
            others.extend(arguments);
            break;
        }
        match argument.strip_prefix("-D") {
            None => others.push(argument),
            Some("") => {
                let missing = || refuse("-D", "nothing follows it");
                settings.push(definition(&arguments.next().ok_or_else(missing)?)?);
            }
            Some(rest) => settings.push(definition(rest)?),
        }
    }
    Ok((settings, others))
}

fn definition(text: &str) -> Result<(String, String, Origin), ConfigError> {
    let (key, value) = text.split_once('=').unwrap_or((text, "true"));
    let key = key.trim();
    if key.is_empty() {
        return Err(refuse("-D=...", "there is no key before the '='"));
    }
    if key.len() > super::KEY_BYTES_MAX {
        return Err(refuse("-D...", "the key is too long"));
    }
    Ok((key.to_owned(), value.trim().to_owned(), Origin::CommandLine))
}

fn refuse(shown: &str, reason: &'static str) -> ConfigError {
    debug_assert!(!shown.contains(origin::HIDDEN), "a refused argument has no key to hide");
    ConfigError::Argument { shown: shown.to_owned(), reason }
}

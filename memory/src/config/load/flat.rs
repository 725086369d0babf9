//! The grammar of `flink-conf.yaml`: one `key: value` a line, split at the first `": "`, and `#`
//! begins a comment anywhere. It is not YAML, although the file is named so.

use super::{Settings, Warnings, check_key, check_length};
use crate::config::error::ConfigError;
use crate::config::grammar::unquote;
use crate::config::origin::Origin;

/// What becomes of quotes around a whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// They belong to the value, as in Flink 1.x.
    Kept,
    /// They are taken off.
    Removed,
}

pub(super) fn parse(text: &str, origin: &Origin, quotes: Quotes) -> Result<Settings, ConfigError> {
    check_length(text, origin)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut settings = Settings::new();
    let mut warnings = Warnings::default();
    for (index, line) in text.lines().enumerate() {
        let origin = origin.at_line(u32::try_from(index + 1).unwrap_or(u32::MAX));
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        let Some((key, value)) = split(line, &origin, &mut warnings) else { continue };
        check_key(key, &settings, &origin)?;
        let value = match quotes {
            Quotes::Kept => value.to_owned(),
            Quotes::Removed => unquote(value),
        };
        settings.push((key.to_owned(), value, origin));
    }
    Ok(settings)
}

/// Splits one line, or tells why it is skipped. The value is not printed: it may be a secret.
fn split<'a>(
    line: &'a str,
    origin: &Origin,
    warnings: &mut Warnings,
) -> Option<(&'a str, &'a str)> {
    let (key, value, has_blank) = match (line.split_once(": "), line.split_once(':')) {
        (Some((key, value)), _) => (key, value, true),
        // `key:` without anything is no missing blank.
        (None, Some((key, value))) => (key, value, value.is_empty()),
        (None, None) => {
            warnings.give(format_args!("{origin} is skipped: it is not of the form 'key: value'"));
            return None;
        }
    };
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() || key.contains(char::is_whitespace) {
        let reason = "what stands before the ':' is not a key";
        warnings.give(format_args!("{origin} is skipped: {reason}"));
        return None;
    }
    if value.is_empty() {
        warnings.give(format_args!("{origin} is skipped: {key} has no value"));
        return None;
    }
    if !has_blank {
        warnings.give(format_args!("{origin}: write a blank after the ':' of {key}"));
    }
    Some((key, value))
}

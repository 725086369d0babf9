//! The grammar of `config.yaml`: YAML, nested or flat, where `a: {b: 1}` sets the key `a.b`.

use super::{KEY_BYTES_MAX, Settings, Warnings, check_key, check_length};
use crate::config::error::ConfigError;
use crate::config::origin::Origin;
use crate::config::yaml::{self, Content, Entry};

pub(super) fn parse(text: &str, origin: &Origin) -> Result<Settings, ConfigError> {
    check_length(text, origin)?;
    let refuse = |line, reason| ConfigError::Syntax { origin: origin.at_line(line), reason };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = yaml::parse(text).map_err(|error| refuse(error.line, error.reason))?;
    let mut found = Flattened { settings: Settings::new(), warnings: Warnings::default() };
    let Some(root) = document else { return Ok(found.settings) };
    match root.content {
        Content::Null => {}
        Content::Mapping(entries) => flatten("", &entries, origin, &mut found)?,
        Content::Scalar(_) | Content::Sequence(_) => {
            let reason = "the file is not a map of keys; write 'key: value' with a blank after \
                          the ':'";
            return Err(refuse(root.line, reason.to_owned()));
        }
    }
    Ok(found.settings)
}

struct Flattened {
    settings: Settings,
    warnings: Warnings,
}

/// Depth is bounded by the YAML reader.
fn flatten(
    prefix: &str,
    entries: &[Entry],
    origin: &Origin,
    found: &mut Flattened,
) -> Result<(), ConfigError> {
    for entry in entries {
        let origin = origin.at_line(entry.line);
        if prefix.len() + entry.key.len() > KEY_BYTES_MAX {
            let reason = format!("a key is longer than {KEY_BYTES_MAX} bytes");
            return Err(ConfigError::Syntax { origin, reason });
        }
        let key = match prefix {
            "" => entry.key.trim().to_owned(),
            prefix => format!("{prefix}.{}", entry.key.trim()),
        };
        check_key(&key, &found.settings, &origin)?;
        match &entry.value.content {
            Content::Mapping(inner) if !inner.is_empty() => {
                flatten(&key, inner, &origin, found)?;
            }
            Content::Null => {
                found.warnings.give(format_args!("{origin} is skipped: {key} has no value"));
            }
            Content::Scalar(_) | Content::Sequence(_) | Content::Mapping(_) => {
                found.settings.push((key, yaml::render_plain(&entry.value), origin));
            }
        }
    }
    Ok(())
}

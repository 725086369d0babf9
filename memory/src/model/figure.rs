//! A size together with the words that tell where it came from.

use crate::config::{ConfigError, ConfigOption, ConfigValue, Configuration, MemorySize};

/// One size of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// The size.
    pub(super) size: MemorySize,
    /// Where it came from: a place, "default", or the rule that gave it.
    pub(super) how: String,
}

impl Figure {
    pub(super) fn derived(size: MemorySize, how: impl Into<String>) -> Figure {
        Figure { size, how: how.into() }
    }

    /// What is left of `whole`, which the parts must not exceed (checked by the caller, who can name
    /// their keys).
    pub(super) fn rest_of(whole: &Figure, parts: MemorySize, name: &str) -> Figure {
        let size = whole.size.checked_sub(parts).expect("the caller refused larger parts");
        Figure::derived(size, format!("what is left of {name}"))
    }

    /// An option with a default.
    pub(super) fn of(
        config: &Configuration,
        option: &ConfigOption<MemorySize>,
    ) -> Result<Figure, ConfigError> {
        Ok(Figure { size: config.get(option)?, how: place(config, option) })
    }

    /// An option that may be unset.
    pub(super) fn if_set(
        config: &Configuration,
        option: &ConfigOption<Option<MemorySize>>,
    ) -> Result<Option<Figure>, ConfigError> {
        let size = config.get(option)?;
        Ok(size.map(|size| Figure { size, how: place(config, option) }))
    }
}

/// `conf/config.yaml line 3`, with the key where an older one was used, or `default`.
pub(super) fn place<T: ConfigValue>(config: &Configuration, option: &ConfigOption<T>) -> String {
    match config.find(option) {
        None => "default".to_owned(),
        Some(found) if found.key == option.key() => found.origin.to_string(),
        Some(found) => format!("{} as {}", found.origin, found.key),
    }
}

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// How far the name is moved to the right: parts stand below their sum.
    pub(super) depth: usize,
    pub(super) name: &'static str,
    pub(super) figure: Figure,
}

impl Row {
    pub(super) fn new(depth: usize, name: &'static str, figure: Figure) -> Row {
        Row { depth, name, figure }
    }
}

/// The rows as a table of name, size, bytes and where from.
pub(super) fn render_table(title: &str, rows: &[Row]) -> String {
    let names: Vec<String> =
        rows.iter().map(|row| format!("{}{}", "  ".repeat(row.depth), row.name)).collect();
    let name_width = names.iter().map(String::len).chain([title.len()]).max().unwrap_or(0);
    let mut out = format!("{title:name_width$}  {:>12}  {:>20}  from\n", "size", "bytes");
    for (name, Row { figure, .. }) in names.iter().zip(rows) {
        let (human, bytes) = (figure.size.human(), figure.size.bytes());
        out.push_str(&format!("{name:name_width$}  {human:>12}  {bytes:>20}  {}\n", figure.how));
    }
    out
}

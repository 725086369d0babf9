//! Filling a [`Configuration`] from files, the environment and arguments.
//!
//! Owns: the two file grammars and the order in which sources are applied. Control plane, any
//! thread, before workers exist: files are read directly, because there is no driver yet that
//! would read them.
//! Invariants: no input can panic, and none makes us keep more than a small multiple of
//! [`FILE_BYTES_MAX`]; an error leaves the configuration as it was.
//!
//! Deliberately absent: writing configuration files, and watching them for changes.

mod arguments;
mod flat;
mod nested;

use std::io::Read;
use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use super::error::ConfigError;
use super::nearest::meant_by;
use super::origin::Origin;

/// Far above any real file; bounds what is read into memory.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Longer keys exist in no list of options; bounds what nesting can build up.
pub const KEY_BYTES_MAX: usize = 512;

/// Keys one source may set: over ten times the options that exist.
pub const KEYS_MAX: usize = 10_000;

/// The file of the 2.x grammar.
const NESTED_FILE: &str = "config.yaml";

/// The file of the 1.x grammar.
const FLAT_FILE: &str = "flink-conf.yaml";

/// The variable that names the folder of the configuration file.
pub const FLINK_CONF_DIR: &str = "FLINK_CONF_DIR";

/// The variable that holds lines of the 1.x grammar.
pub const FLINK_PROPERTIES: &str = "FLINK_PROPERTIES";

/// Warnings of one source that are logged one by one; the rest is only counted.
const WARNINGS_MAX: usize = 20;

/// What a source sets, before any of it is applied.
type Settings = Vec<(String, String, Origin)>;

/// Logs the first warnings of a source, and at its end how many more there were.
#[derive(Debug, Default)]
struct Warnings {
    given: usize,
}

impl Warnings {
    fn give(&mut self, message: std::fmt::Arguments<'_>) {
        self.given += 1;
        if self.given <= WARNINGS_MAX {
            tracing::warn!("{message}");
        }
    }
}

impl Drop for Warnings {
    fn drop(&mut self) {
        if let Some(more @ 1..) = self.given.checked_sub(WARNINGS_MAX) {
            tracing::warn!("{more} more warnings about the same source are not shown");
        }
    }
}

impl Configuration {
    /// What a process starts with: the file of the folder `FLINK_CONF_DIR`, where that is set, and
    /// over it the lines of `FLINK_PROPERTIES`. `lookup` gives the value of a variable.
    ///
    /// # Errors
    /// When the folder has no configuration file, or it cannot be read or understood.
    pub fn from_environment(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Configuration, ConfigError> {
        let mut config = Configuration::new();
        if let Some(folder) = lookup(FLINK_CONF_DIR).filter(|folder| !folder.is_empty()) {
            config.load_folder(Path::new(&folder))?;
        }
        if let Some(text) = lookup(FLINK_PROPERTIES) {
            config.apply_properties(&text)?;
        }
        Ok(config)
    }

    /// Loads `config.yaml` of `folder`, or `flink-conf.yaml` where there is none, and gives the path
    /// of the file it took.
    ///
    /// # Errors
    /// When the folder has neither, or the file cannot be read or understood.
    pub fn load_folder(&mut self, folder: &Path) -> Result<PathBuf, ConfigError> {
        let nested = folder.join(NESTED_FILE);
        let flat = folder.join(FLAT_FILE);
        let path = [&nested, &flat].into_iter().find(|path| path.exists());
        let path = path.ok_or_else(|| ConfigError::NoFile { folder: folder.to_owned() })?;
        if *path == nested && flat.exists() {
            tracing::warn!("{} is ignored because {NESTED_FILE} is beside it", flat.display());
        }
        self.load_file(path)?;
        Ok(path.clone())
    }

    /// Loads one file: `flink-conf.yaml` and names that end in `.conf` or `.properties` in the flat
    /// grammar of 1.x, all others as YAML.
    ///
    /// # Errors
    /// When the file cannot be read or understood, or is longer than [`FILE_BYTES_MAX`].
    pub fn load_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read_bounded(path)?;
        let is_flat = path.file_name().is_some_and(|name| name == FLAT_FILE)
            || path.extension().is_some_and(|end| end == "conf" || end == "properties");
        if is_flat { self.load_flat(&text, path) } else { self.load_yaml(&text, path) }
    }

    /// Loads the text of a `config.yaml`; `path` names it in errors.
    ///
    /// # Errors
    /// When it is not YAML, not a map, or beyond the bounds of this module.
    pub fn load_yaml(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let settings = nested::parse(text, &Origin::file(path, 1))?;
        self.apply(settings);
        Ok(())
    }

    /// Loads the text of a `flink-conf.yaml`; `path` names it in warnings.
    ///
    /// # Errors
    /// When it is beyond the bounds of this module. Lines that are no `key: value` are reported and
    /// skipped, as Flink does.
    pub fn load_flat(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let settings = flat::parse(text, &Origin::file(path, 1), flat::Quotes::Kept)?;
        self.apply(settings);
        Ok(())
    }

    /// Applies the lines of `FLINK_PROPERTIES`. They follow the flat grammar; since images of both
    /// generations are configured by them, a value in quotes loses these.
    ///
    /// # Errors
    /// When it is beyond the bounds of this module.
    pub fn apply_properties(&mut self, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::Environment { variable: FLINK_PROPERTIES, line: 1 };
        let settings = flat::parse(text, &origin, flat::Quotes::Removed)?;
        self.apply(settings);
        Ok(())
    }

    /// Applies every `-Dkey=value` and `-D key=value` among `arguments` and gives the others back in
    /// their order. `-Dkey` alone means `true`; what follows `--` is left alone. A key that is none,
    /// but nearly one of ours, is warned of.
    ///
    /// # Errors
    /// When `-D` has no key; nothing is applied then.
    pub fn apply_arguments(
        &mut self,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Vec<String>, ConfigError> {
        let (settings, others) = arguments::parse(arguments)?;
        let mut warnings = Warnings::default();
        for (key, ..) in &settings {
            if let Some(meant) = meant_by(key) {
                let unknown = format_args!("-D{key}: no such key, so it has no effect");
                warnings.give(format_args!("{unknown}; did you mean {meant}?"));
            }
        }
        self.apply(settings);
        Ok(others)
    }

    fn apply(&mut self, settings: Settings) {
        let mut warnings = Warnings::default();
        for (key, text, origin) in settings {
            let line_before = match self.insert(key.clone(), text, origin.clone()) {
                Some(before) if is_same_source(&before.origin, &origin) => before.origin,
                _ => continue,
            };
            let origins = format_args!("{origin} wins over {line_before}");
            warnings.give(format_args!("{key} is set twice: {origins}"));
        }
    }
}

fn is_same_source(one: &Origin, other: &Origin) -> bool {
    // A repeated argument is how people override an alias or a script's default: no warning.
    !matches!(one, Origin::CommandLine | Origin::Program) && one.at_line(0) == other.at_line(0)
}

fn read_bounded(path: &Path) -> Result<String, ConfigError> {
    let what = "the configuration file";
    let io = |source| ConfigError::Io { what, path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
            tracing::warn!("{} line {line} is not UTF-8; its bytes are replaced", path.display());
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    })
}

/// Refuses a source that is too long; called by each grammar before it looks at the text.
fn check_length(text: &str, origin: &Origin) -> Result<(), ConfigError> {
    if text.len() as u64 <= FILE_BYTES_MAX {
        return Ok(());
    }
    let reason = format!("the source is longer than {FILE_BYTES_MAX} bytes");
    Err(ConfigError::Syntax { origin: origin.clone(), reason })
}

/// Refuses one more key of a source when it is too long or one too many.
fn check_key(key: &str, settings: &Settings, origin: &Origin) -> Result<(), ConfigError> {
    let reason = if key.len() > KEY_BYTES_MAX {
        format!("a key is longer than {KEY_BYTES_MAX} bytes")
    } else if settings.len() >= KEYS_MAX {
        format!("more than {KEYS_MAX} keys")
    } else {
        return Ok(());
    };
    Err(ConfigError::Syntax { origin: origin.clone(), reason })
}

/// Puts arbitrary bytes through every loader and every type: the entry for fuzzing. Must return.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("fuzz.yaml");
    let mut config = Configuration::new();
    let loaded = [
        config.load_yaml(&text, path),
        config.load_flat(&text, path),
        config.apply_properties(&text),
        config.apply_arguments(text.lines().map(str::to_owned)).map(drop),
    ];
    for error in loaded.into_iter().filter_map(Result::err) {
        assert!(!error.to_string().is_empty());
    }
    for option in super::options::all() {
        for shown in config.shown().take(64) {
            (option.reads)(shown.value);
        }
        (option.reads)(&text);
    }
    assert!(!format!("{config:?}").is_empty());
}

#[cfg(test)]
mod tests;

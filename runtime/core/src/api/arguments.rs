//! Arguments that every program on Brisk understands.

use brisk_memory::config::{Configuration, options::core};
use std::{ffi::OsString, path::Path};

use crate::error::Error;

/// What the arguments of a program say about its environment, and the rest.
///
/// | argument | meaning |
/// |---|---|
/// | `-Dkey=value`, `-D key=value` | sets a key of the configuration; wins over files |
/// | `--config FILE` | reads `config.yaml` or `flink-conf.yaml` |
/// | `--parallelism N` | sets `parallelism.default` |
/// | `--json` | asks for output that machines read |
///
/// `--config` and `--parallelism` also take their value after `=`. What follows
/// `--` is left alone.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The configuration.
    pub configuration: Configuration,
    /// Whether `--json` was given.
    pub json: bool,
    /// The arguments that are not about the environment.
    pub rest: Vec<OsString>,
}

impl Arguments {
    /// Reads the arguments of a program, without its name.
    ///
    /// # Errors
    /// If a value is missing or wrong, or a file can't be read.
    pub fn parse(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, Error> {
        let mut configuration = Configuration::from_environment(|name| std::env::var(name).ok())?;
        let mut arguments = arguments.into_iter().map(Into::into);
        let (mut files, mut properties, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        let mut json = false;
        let mut parallelism = None;
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                rest.push(argument);
                rest.extend(arguments.by_ref());
            } else if argument == "--json" {
                json = true;
            } else if let Some(file) = value_of("--config", &argument, &mut arguments)? {
                files.push(file);
            } else if let Some(number) = value_of("--parallelism", &argument, &mut arguments)? {
                parallelism = Some(text(number)?);
            } else if argument == "-D" {
                properties.push("-D".to_string());
                properties.extend(arguments.next().map(text).transpose()?);
            } else if argument.as_encoded_bytes().starts_with(b"-D") {
                properties.push(text(argument)?);
            } else {
                rest.push(argument);
            }
        }
        for file in files {
            configuration.load_file(Path::new(&file))?;
        }
        if let Some(number) = parallelism {
            properties.push(format!("-D{}={number}", core::DEFAULT_PARALLELISM.key()));
        }
        configuration.apply_arguments(properties)?;
        // Wrong here means wrong as it was typed, so it is said at once.
        configuration.get(&core::DEFAULT_PARALLELISM)?;
        Ok(Self { configuration, json, rest })
    }
}

/// The value of `name` if `argument` is it. A file's name need not be UTF-8, unless it is written
/// behind a `=`.
fn value_of(
    name: &str,
    argument: &OsString,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<Option<OsString>, Error> {
    if argument == name {
        let value = rest.next();
        let missing = || Error::Program(format!("{name} needs a value: {name} VALUE"));
        return value.ok_or_else(missing).map(Some);
    }
    let value = argument.as_encoded_bytes().strip_prefix(name.as_bytes());
    match value.is_some_and(|value| value.starts_with(b"=")) {
        true => Ok(Some(text(argument.clone())?[name.len() + 1..].into())),
        false => Ok(None),
    }
}

/// The text of an argument that must be text.
fn text(argument: OsString) -> Result<String, Error> {
    argument.into_string().map_err(|argument| {
        Error::Program(format!("the argument '{}' is not UTF-8", argument.display()))
    })
}

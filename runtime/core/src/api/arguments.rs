//! Arguments that every program on Brisk understands.

use brisk_memory::config::{Configuration, options::core};
use std::path::Path;

use crate::error::Error;

/// What the arguments of a program say about its environment, and the rest.
///
/// | argument | meaning |
/// |---|---|
/// | `-Dkey=value` | sets a key of the configuration; wins over files |
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
    pub rest: Vec<String>,
}

impl Arguments {
    /// Reads the arguments of a program, without its name.
    ///
    /// # Errors
    /// If a value is missing or wrong, or a file can't be read.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let mut configuration = Configuration::from_environment(|name| std::env::var(name).ok())?;
        let mut arguments = arguments.into_iter();
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
                parallelism = Some(number);
            } else if argument.starts_with("-D") {
                properties.push(argument);
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

/// The value of `name` if `argument` is it.
fn value_of(
    name: &str,
    argument: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<Option<String>, Error> {
    if let Some(value) = argument.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
        return Ok(Some(value.to_string()));
    }
    if argument != name {
        return Ok(None);
    }
    match rest.next() {
        Some(value) => Ok(Some(value)),
        None => Err(Error::Program(format!("{name} needs a value: {name} VALUE"))),
    }
}

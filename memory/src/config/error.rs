//! What can go wrong with a configuration: one enum, whose messages name the key, where it was set,
//! the offending value and what would be accepted.

use std::path::PathBuf;

use super::origin::Origin;
use crate::model::ModelError;

/// A configuration that cannot be used. Every message stands alone: it can be printed as the only
/// line a process writes before it ends.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key holds text that its type does not accept.
    #[error("{key}: '{shown}' ({origin}) is refused: {reason}; accepted: {accepted}")]
    InvalidValue {
        /// The key as it was written, which may be a deprecated one.
        key: String,
        /// The value, or stars when the key is a secret.
        shown: String,
        /// Where it was set.
        origin: Origin,
        /// Why it was refused.
        reason: String,
        /// What the key takes.
        accepted: String,
    },
    /// A key without a default was needed and is not set.
    #[error("{key} is not set and has no default ({description}); accepted: {accepted}")]
    Missing {
        /// The key to set.
        key: &'static str,
        /// What it stands for.
        description: &'static str,
        /// What the key takes.
        accepted: String,
    },
    /// A file or environment variable does not follow its grammar.
    #[error("{origin}: {reason}")]
    Syntax {
        /// Where it was found.
        origin: Origin,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// A command line argument that looks like `-Dkey=value` but is not.
    #[error("argument '{shown}': {reason}; write -Dkey=value")]
    Argument {
        /// The argument, without its value when the key is a secret.
        shown: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A file or folder could not be read.
    #[error("cannot read {what} {}: {source}", path.display())]
    Io {
        /// What was to be read.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// The reason the system gave.
        source: std::io::Error,
    },
    /// The folder holds none of the two files.
    #[error(
        "{} holds neither config.yaml nor flink-conf.yaml; create one of them or set \
         FLINK_CONF_DIR to the folder that has it",
        folder.display()
    )]
    NoFile {
        /// The folder.
        folder: PathBuf,
    },
    /// The values are fine one by one, but do not add up to a memory plan.
    #[error(transparent)]
    Model(#[from] ModelError),
}

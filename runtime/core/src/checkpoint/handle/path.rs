//! Names of state files, relative to the checkpoint they belong to.

use std::fmt;
use std::sync::Arc;

/// Which folder a state file is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// The checkpoint's own (`chk-N`, or the savepoint): gone with it.
    Checkpoint,
    /// The job's `shared`: there while a checkpoint refers to it.
    Shared,
    /// The job's `taskowned`: the task that wrote it removes it, nobody else.
    TaskOwned,
}

/// Longest name of a file, in bytes; what every filesystem takes.
const NAME_BYTES_MAX: usize = 200;

/// A file of state: a folder and a name in it, without any way out of that folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StatePath {
    place: Place,
    name: Arc<str>,
}

/// A text that is no name of a state file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} is not the name of a state file: 1 to {NAME_BYTES_MAX} of the characters a-z, A-Z, 0-9, \
     '-', '_', '.' are expected, the first of them a letter or digit"
)]
pub struct StatePathError(pub String);

impl StatePath {
    /// A file in `place`.
    ///
    /// # Errors
    /// When `name` has other characters than letters, digits, `-`, `_` and `.`, begins with one of
    /// the last three, or is empty or longer than 200 bytes.
    pub fn new(place: Place, name: &str) -> Result<StatePath, StatePathError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !begins_well || name.len() > NAME_BYTES_MAX || !name.bytes().all(legal) {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(StatePathError(shown));
        }
        Ok(StatePath { place, name: name.into() })
    }

    /// The folder.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The name in it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Checkpoint => f.write_str(&self.name),
            Place::Shared => write!(f, "../shared/{}", self.name),
            Place::TaskOwned => write!(f, "../taskowned/{}", self.name),
        }
    }
}

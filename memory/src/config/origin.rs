//! Where a value came from, and which values must not be shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value was set. Printed in errors and by the `explain` reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file.
    File {
        /// The file.
        path: Arc<PathBuf>,
        /// Its line, counted from 1.
        line: u32,
    },
    /// A line of an environment variable.
    Environment {
        /// The variable.
        variable: &'static str,
        /// The line of its value, counted from 1.
        line: u32,
    },
    /// A `-Dkey=value` argument.
    CommandLine,
    /// The program itself.
    Program,
}

impl Origin {
    /// The origin of one line of `path`.
    pub fn file(path: &Path, line: u32) -> Origin {
        Origin::File { path: Arc::new(path.to_owned()), line }
    }

    /// The same source, another line of it.
    #[must_use]
    pub fn at_line(&self, line: u32) -> Origin {
        match self {
            Origin::File { path, .. } => Origin::File { path: Arc::clone(path), line },
            Origin::Environment { variable, .. } => Origin::Environment { variable, line },
            Origin::CommandLine | Origin::Program => self.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{} line {line}", path.display()),
            Origin::Environment { variable, line } => {
                write!(f, "environment {variable} line {line}")
            }
            Origin::CommandLine => f.write_str("command line"),
            Origin::Program => f.write_str("set by the program"),
        }
    }
}

/// What is shown in place of a secret.
pub const HIDDEN: &str = "******";

/// Parts of a key, in lower case, that mark its value as a secret: Flink's own list.
const SECRET_PARTS: [&str; 12] = [
    "password",
    "secret",
    "token",
    "account.key",
    "access-key",
    "access.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "basic-auth",
    "jaas.config",
];

/// Whether the value of `key` must never be shown.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with(".key")
        || key.contains("http-headers")
        || SECRET_PARTS.iter().any(|part| key.contains(part))
}

/// `value`, or stars when `key` names a secret.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if is_secret(key) { HIDDEN } else { value }
}

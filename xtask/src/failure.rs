//! Why a command ended without success, and the exit code that says so.

use std::fmt;

/// The reason a command failed. Its exit code tells a script which kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A test or a check found something: the work is at fault (exit code 1).
    Found(String),
    /// The command line was not understood (exit code 2).
    Usage(String),
    /// The machine lacks something and it could not be installed (exit code 3).
    Environment(String),
    /// A time limit ended the run (exit code 4).
    TimeLimit(String),
}

impl Failure {
    /// The process exit code of this kind of failure.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Found(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Environment(_) => 3,
            Failure::TimeLimit(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Found(text)
        | Failure::Usage(text)
        | Failure::Environment(text)
        | Failure::TimeLimit(text)) = self;
        f.write_str(text)
    }
}

//! What can go wrong around a measurement.

use std::io;
use std::path::{Path, PathBuf};

/// A run that has no figure to show for it.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The system can't run this job.
    #[error("{what} is not available in this build")]
    NotAvailable {
        /// The job that was asked for.
        what: String,
    },
    /// A tool that the set-up needs is missing and could not be installed.
    #[error("{tool} is missing: {advice}")]
    MissingTool {
        /// The program.
        tool: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// A program could not be started, failed, or took too long.
    #[error("`{command}` {problem}{stderr}")]
    Command {
        /// The command line.
        command: String,
        /// What happened.
        problem: String,
        /// The last lines that it wrote to stderr, after a line break, or nothing.
        stderr: String,
    },
    /// A program's output was not what the harness reads.
    #[error("`{command}` printed no measurement but {output:?}")]
    Output {
        /// The command line.
        command: String,
        /// What it printed.
        output: String,
        /// Why it could not be read.
        #[source]
        source: serde_json::Error,
    },
    /// A system finished with another result than the reference.
    #[error(
        "{system} computed {actual} where the reference has {expected}: its time doesn't count"
    )]
    WrongResult {
        /// Which system and job.
        system: String,
        /// What it printed.
        actual: String,
        /// What is right.
        expected: String,
    },
    /// A file or a socket.
    #[error("{action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A socket, a thread or a clock.
    #[error("{action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A Brisk job failed.
    #[error("the Brisk job failed: {0}")]
    Job(String),
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
}

impl BenchError {
    /// Says which file an error is about.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BenchError {
        let path = path.to_owned();
        move |source| BenchError::File { action, path, source }
    }

    /// Says what was tried when an error came that is about no file.
    pub fn system(action: &'static str) -> impl FnOnce(io::Error) -> BenchError {
        move |source| BenchError::System { action, source }
    }

    /// The error and its causes in one line.
    pub fn with_causes(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

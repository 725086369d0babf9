//! Errors of drivers and of the metadata side of files.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::Severity;

/// What can go wrong outside of operations (those carry an `io::Error` that names their file).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DriverError {
    /// An unknown value of the configuration key.
    #[error("taskmanager.io.driver: '{given}' is not one of auto, uring, epoll")]
    UnknownKind {
        /// The value.
        given: String,
    },
    /// io_uring was asked for and the system refuses it.
    #[error(
        "io_uring is not available here ({step}: {source}); allow it, or set taskmanager.io.driver \
         to epoll or auto"
    )]
    UringRefused {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no descriptor for waiting and waking.
    #[error("{step} failed: {source}; check the limit of open files (ulimit -n)")]
    Setup {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder could not be worked on.
    #[error("can't {action} {}: {source}", path.display())]
    File {
        /// In the infinitive: "open", "rename to x".
        action: String,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No connections can be accepted at an address.
    #[error(
        "can't listen at {at}: {source}; the address must be one of this machine, and its port free"
    )]
    Listen {
        /// The address.
        at: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl DriverError {
    /// What the system said, in a word, if it was the system.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            DriverError::UnknownKind { .. } => None,
            DriverError::UringRefused { source, .. }
            | DriverError::Setup { source, .. }
            | DriverError::File { source, .. }
            | DriverError::Listen { source, .. } => Some(source.kind()),
        }
    }

    /// What this failure should cost.
    pub fn severity(&self) -> Severity {
        match self {
            DriverError::UnknownKind { .. }
            | DriverError::UringRefused { .. }
            | DriverError::Setup { .. }
            | DriverError::Listen { .. } => Severity::FailProcess,
            DriverError::File { .. } => Severity::FailTask,
        }
    }
}

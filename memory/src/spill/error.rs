//! What can go wrong with spill files.

use std::io;
use std::path::PathBuf;

use crate::Severity;
use crate::driver::DriverError;

/// An error of spilling.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpillError {
    /// None of the directories can be used.
    #[error(
        "no directory for spill files can be used; the last one tried was {}: {source}; \
         check io.tmp.dirs", directory.display()
    )]
    NoDirectory {
        /// The last one tried.
        directory: PathBuf,
        /// Why not that one.
        source: DriverError,
    },
    /// The list of directories is empty.
    #[error("there is no directory for spill files; set io.tmp.dirs")]
    NoneConfigured,
    /// A directory holds as much as it may.
    #[error(
        "{owner}: the spill directory {} holds {used} bytes and may hold {quota}: {wanted} more \
         don't fit; raise io.tmp.quota, or add a directory to io.tmp.dirs", directory.display()
    )]
    Quota {
        /// Who wanted to spill.
        owner: String,
        /// Which directory.
        directory: PathBuf,
        /// Bytes it may hold.
        quota: u64,
        /// Bytes it holds.
        used: u64,
        /// Bytes that were to be added.
        wanted: u64,
    },
    /// The disk is full.
    #[error(
        "{owner}: no space left for spill file {} at {offset}: free space in {}, or add a \
         directory on another disk to io.tmp.dirs", path.display(), directory.display()
    )]
    DiskFull {
        /// Who wanted to spill.
        owner: String,
        /// Which directory.
        directory: PathBuf,
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A spill file could not be made.
    #[error("{owner}: {source}; check the disk, or take the directory out of io.tmp.dirs")]
    Create {
        /// Who wanted to spill.
        owner: String,
        /// What the system said.
        source: DriverError,
    },
    /// A write failed.
    #[error(
        "{owner}: spill file {} could not be written at {offset}: {source}; check the disk, or take \
         the directory out of io.tmp.dirs", path.display()
    )]
    Write {
        /// Who wanted to spill.
        owner: String,
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A read failed.
    #[error(
        "{owner}: spill file {} could not be read at {offset}: {source}; check the disk, or take the \
         directory out of io.tmp.dirs", path.display()
    )]
    Read {
        /// Whose file.
        owner: String,
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// What was read is not what was written.
    #[error(
        "{owner}: spill file {} is damaged at {offset}: {found}; check the disk, or take \
         the directory out of io.tmp.dirs", path.display()
    )]
    Damaged {
        /// Whose file.
        owner: String,
        /// Which file.
        path: PathBuf,
        /// Where the block begins.
        offset: u64,
        /// What doesn't fit.
        found: String,
    },
    /// Use of a writer or reader after its first error.
    #[error("{owner}: spill file {} failed before", path.display())]
    FailedBefore {
        /// Whose file.
        owner: String,
        /// Which file.
        path: PathBuf,
    },
}

impl SpillError {
    /// What this failure should cost.
    pub fn severity(&self) -> Severity {
        match self {
            SpillError::NoDirectory { .. } | SpillError::NoneConfigured => Severity::FailProcess,
            SpillError::Quota { .. }
            | SpillError::DiskFull { .. }
            | SpillError::Create { .. }
            | SpillError::Write { .. }
            | SpillError::Read { .. }
            | SpillError::Damaged { .. }
            | SpillError::FailedBefore { .. } => Severity::FailTask,
        }
    }
}

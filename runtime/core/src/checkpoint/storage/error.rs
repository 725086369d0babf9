//! What can go wrong with checkpoint storage.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::DriverError;

use crate::checkpoint::CheckpointId;
use crate::checkpoint::metadata::MetadataError;

/// An error of checkpoint storage. Each message names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A folder or a name.
    #[error(transparent)]
    Files(#[from] DriverError),
    /// Reading or writing.
    #[error("can't {action} {} at byte {offset}: {source}", path.display())]
    Io {
        /// "read", "write" or "sync".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Metadata that isn't.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// State that isn't what was written.
    #[error("state file {} is damaged at byte {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What doesn't fit.
        what: String,
    },
    /// No checkpoint there.
    #[error(
        "Cannot find a checkpoint or savepoint at '{}': there is no _metadata file",
        path.display()
    )]
    NoCheckpoint {
        /// What was given.
        path: PathBuf,
    },
    /// A number was used twice, or two jobs share a folder.
    #[error(
        "{} is there already, so checkpoint {id} can't be written: another job uses the same folder",
        path.display()
    )]
    AlreadyThere {
        /// The checkpoint.
        id: CheckpointId,
        /// Its metadata.
        path: PathBuf,
    },
    /// A single state above the limit of `jobmanager`.
    #[error(
        "Size of the state is larger than the maximum permitted memory-backed state. Size={size}, \
         maxSize={max}. Consider using a different checkpoint storage: set \
         execution.checkpointing.storage to filesystem and execution.checkpointing.dir to a folder"
    )]
    StateTooLarge {
        /// Bytes of the state.
        size: u64,
        /// Bytes it may have.
        max: u64,
    },
    /// An acknowledgement above the limit of the RPC system.
    #[error(
        "the acknowledgement of checkpoint {id} by {task} has {size} bytes of state and exceeds \
         pekko.framesize ({max} bytes): raise it, or set execution.checkpointing.storage to filesystem"
    )]
    AcknowledgementTooLarge {
        /// The checkpoint.
        id: CheckpointId,
        /// Whose.
        task: String,
        /// Bytes of all inline state.
        size: u64,
        /// Bytes it may have.
        max: u64,
    },
    /// A file is larger than anything that was written.
    #[error("{} has {len} bytes, above {max}: it is no metadata of a checkpoint", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        len: u64,
        /// What is read at most.
        max: u64,
    },
    /// Use of a writer after its first error.
    #[error("state file {} failed before", path.display())]
    FailedBefore {
        /// The file.
        path: PathBuf,
    },
}

impl StorageError {
    pub(crate) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> StorageError {
        StorageError::Damaged { path: path.to_owned(), offset, what: what.into() }
    }

    /// Whether the file or folder isn't there.
    pub fn is_not_found(&self) -> bool {
        match self {
            StorageError::Files(error) => error.kind() == Some(io::ErrorKind::NotFound),
            StorageError::NoCheckpoint { .. } => true,
            _ => false,
        }
    }
}

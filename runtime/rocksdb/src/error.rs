//! What can go wrong in RocksDB.

use std::path::PathBuf;

use brisk_core::{checkpoint::storage::StorageError, state::StateError};
use brisk_memory::driver::DriverError;

/// Why state could not be kept in RocksDB.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RocksDbError {
    /// RocksDB itself.
    #[error("{what} of {owner} in {} failed: {cause}; see whether the disk is full", path.display())]
    Database {
        /// What was attempted.
        what: &'static str,
        /// Whose state it is.
        owner: String,
        /// The folder of the database.
        path: PathBuf,
        /// What RocksDB said.
        #[source]
        cause: rocksdb::Error,
    },
    /// A folder or a file.
    #[error(transparent)]
    Files(#[from] DriverError),
    /// A file of a checkpoint.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no memory.
    #[error(transparent)]
    Memory(#[from] StateError),
    /// None of the folders can be used.
    #[error(
        "RocksDB has no folder for its files: {cause}; set state.backend.rocksdb.localdir, or \
         io.tmp.dirs, to folders that can be written"
    )]
    NoFolder {
        /// What was wrong with the last one.
        cause: String,
    },
    /// Less memory than the backend can work with.
    #[error(
        "RocksDB has {bytes} bytes of managed memory for each of {slots} slots, below the least of \
         {least}: raise taskmanager.memory.managed.size, or set \
         state.backend.rocksdb.memory.fixed-per-slot"
    )]
    TooLittleMemory {
        /// What there is.
        bytes: u64,
        /// The slots.
        slots: u32,
        /// What it takes.
        least: u64,
    },
    /// A snapshot that is not what was written.
    #[error("the RocksDB files of {owner} are damaged: {what}; restore from another checkpoint")]
    Damaged {
        /// Whose state it is.
        owner: String,
        /// What doesn't fit.
        what: String,
    },
    /// The thread that saves.
    #[error("the thread that saves the RocksDB files of {owner} is gone")]
    SaverGone {
        /// Whose state it is.
        owner: String,
    },
    /// What the thread that saves has met.
    #[error("{0}")]
    Saving(String),
}

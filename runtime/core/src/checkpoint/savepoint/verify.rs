//! Reading a savepoint to its last byte, and removing it.

use std::path::{Path, PathBuf};

use super::entry::{CanonicalDecoder, CanonicalError, Decoded};
use crate::checkpoint::handle::{BackendKind, KeyedStateHandle, StateHandle};
use crate::checkpoint::storage::{Disk, FileSystemStorage, Found, StateReader, StorageError, load};
use crate::state::verify_segments;

/// What can be wrong with a savepoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavepointError {
    /// A file.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Keyed state that isn't.
    #[error("{}, operator {operator}, subtask {subtask}: {source}", path.display())]
    Keyed {
        /// The savepoint.
        path: PathBuf,
        /// Name and uid.
        operator: String,
        /// Which subtask, from 0.
        subtask: u32,
        /// What is wrong.
        source: CanonicalError,
    },
    /// Checkpoints belong to their job.
    #[error(
        "{} is a checkpoint, not a savepoint: its job removes it, and other checkpoints may need \
         files that it names", .0.display()
    )]
    NoSavepoint(PathBuf),
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Verified {
    /// Pieces of state.
    pub states: u64,
    /// Bytes of state.
    pub bytes: u64,
    /// Entries of keyed state in the canonical format.
    pub entries: u64,
}

/// Reads all of a savepoint or checkpoint and checks every checksum, and of canonical keyed state also
/// groups and order. `path` is its folder or its `_metadata`.
///
/// # Errors
/// At the first thing that is wrong; the message names the file.
pub fn verify(disk: &mut Disk, path: &Path) -> Result<Verified, SavepointError> {
    let found = load(disk, path)?;
    let mut verified = Verified::default();
    for operator in &found.checkpoint.operators {
        for (index, subtask) in operator.indexed_subtasks() {
            for keyed in &subtask.keyed {
                if keyed.backend == BackendKind::Canonical {
                    let entries = verify_keyed(disk, &found, keyed)?.map_err(|source| {
                        let (path, operator) = (found.folder.clone(), operator.label());
                        SavepointError::Keyed { path, operator, subtask: index.0, source }
                    })?;
                    verified.entries += entries;
                }
            }
            for state in subtask.handles() {
                verified.states += 1;
                verified.bytes += state.len();
            }
            for state in subtask.in_blocks() {
                each_block(disk, &found, state, |_| ())?;
            }
            for keyed in &subtask.keyed {
                verify_segments(disk, &found.folder, keyed)?;
            }
        }
    }
    Ok(verified)
}

fn each_block(
    disk: &mut Disk,
    found: &Found,
    state: &StateHandle,
    mut look: impl FnMut(&[u8]),
) -> Result<(), StorageError> {
    match state {
        StateHandle::Inline(bytes) => look(bytes),
        StateHandle::File(slice) => {
            let path = FileSystemStorage::resolve(&found.folder, &slice.path);
            let mut reader = StateReader::open(disk, &path, slice)?;
            while let Some(block) = reader.next_block(disk)? {
                look(&block);
            }
        }
    }
    Ok(())
}

fn verify_keyed(
    disk: &mut Disk,
    found: &Found,
    keyed: &KeyedStateHandle,
) -> Result<Result<u64, CanonicalError>, StorageError> {
    let states = u32::try_from(keyed.schemas.len()).expect("counted in 32 bits when it was read");
    let mut decoder = CanonicalDecoder::new(keyed.range, states, keyed.state.len());
    let mut outcome = Ok(0_u64);
    each_block(disk, found, &keyed.state, |block| {
        decoder.feed(block);
        while let Ok(entries) = &mut outcome {
            match decoder.decode_next() {
                Ok(Decoded::NeedMore) => break,
                Ok(Decoded::Entry(_)) => *entries += 1,
                Ok(_) => {}
                Err(error) => outcome = Err(error),
            }
        }
    })?;
    Ok(outcome.and_then(|entries| decoder.finish().map(|()| entries)))
}

/// Removes a savepoint with all its files.
///
/// # Errors
/// When there is none, it is a checkpoint, or the disk fails.
pub fn dispose(disk: &mut Disk, path: &Path) -> Result<(), SavepointError> {
    let found = load(disk, path)?;
    if !found.checkpoint.kind.is_savepoint() {
        return Err(SavepointError::NoSavepoint(found.folder));
    }
    Ok(FileSystemStorage::remove(disk.files(), &found.folder)?)
}

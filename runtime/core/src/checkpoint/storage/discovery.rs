//! Finding and reading checkpoints that are there.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::EntryKind;

use super::disk::Disk;
use super::error::StorageError;
use super::filesystem::{CHECKPOINT_FOLDER, FileSystemStorage};
use crate::checkpoint::CheckpointId;
use crate::checkpoint::handle::{CompletedCheckpoint, StateHandle};
use crate::checkpoint::metadata::{METADATA_BYTES_MAX, METADATA_FILE, decode};

/// A checkpoint and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// What it consists of.
    pub checkpoint: CompletedCheckpoint,
    /// Its folder.
    pub folder: PathBuf,
}

/// Reads the checkpoint or savepoint at `path`: its folder, or the `_metadata` in it. Every file that
/// it names is there and long enough; what is in them is checked when they are read.
///
/// # Errors
/// When there is none, or it is damaged; the message names the file.
pub fn load(disk: &mut Disk, path: &Path) -> Result<Found, StorageError> {
    let is_file = path.file_name().is_some_and(|name| name == METADATA_FILE);
    let folder = match path.parent() {
        Some(folder) if is_file => folder,
        _ => path,
    };
    let name = folder.join(METADATA_FILE);
    let bytes = match disk.read_file(&name, METADATA_BYTES_MAX) {
        Err(error) if error.is_not_found() => {
            return Err(StorageError::NoCheckpoint { path: path.to_owned() });
        }
        bytes => bytes?,
    };
    let checkpoint = decode(&name, &bytes)?;
    for slice in checkpoint.handles().filter_map(StateHandle::file) {
        let file = FileSystemStorage::resolve(folder, &slice.path);
        let end = slice.offset.saturating_add(slice.stored_len);
        let len = disk.files().metadata(&file)?.len;
        if len < end {
            let what = format!("it has {len} bytes, but checkpoint {} needs {end}", checkpoint.id);
            return Err(StorageError::damaged(&file, len, what));
        }
    }
    Ok(Found { checkpoint, folder: folder.to_owned() })
}

/// The newest complete checkpoint in a job's folder, as after a crash of everything.
///
/// A folder without `_metadata` is one that was never completed. A damaged one is not passed over:
/// sinks may have committed what belongs to it, so going back further is for people to decide, who
/// can name an older one.
///
/// # Errors
/// When the newest is damaged, or the disk fails.
pub fn latest_complete(disk: &mut Disk, job_dir: &Path) -> Result<Option<Found>, StorageError> {
    for (id, folder) in checkpoint_folders(disk, job_dir)?.into_iter().rev() {
        match load(disk, &folder) {
            Err(StorageError::NoCheckpoint { .. }) => {}
            Err(error) => return Err(error),
            Ok(found) if found.checkpoint.id == id => return Ok(Some(found)),
            Ok(found) => {
                let what = format!("it says that it is checkpoint {}", found.checkpoint.id);
                return Err(StorageError::damaged(&folder.join(METADATA_FILE), 0, what));
            }
        }
    }
    Ok(None)
}

/// The folders `chk-N` of a job, by number. A job without a folder has none.
pub(super) fn checkpoint_folders(
    disk: &Disk,
    job_dir: &Path,
) -> Result<Vec<(CheckpointId, PathBuf)>, StorageError> {
    let entries = match disk.files().list(job_dir) {
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let name = entry.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(CHECKPOINT_FOLDER));
        let Some(Ok(number)) = number.map(str::parse) else { continue };
        if disk.files().entry_metadata(&entry)?.kind == EntryKind::Directory {
            folders.push((CheckpointId(number), entry));
        }
    }
    folders.sort_by_key(|(id, _)| *id);
    Ok(folders)
}

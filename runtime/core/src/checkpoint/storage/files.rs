//! [`FileTarget`]: files of a backend's own, copied to where checkpoints keep them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use brisk_memory::driver::OpenOptions;

use super::{
    BLOCK_BYTES_MAX, Compression, Disk, FileSystemStorage, JobManagerStorage, StorageError,
    block::{FILE_HEADER, encode_block},
};
use crate::checkpoint::{
    CheckpointId,
    coordinator::{BarrierOptions, CheckpointTarget},
    handle::{FileSlice, Place, StateHandle, StatePath},
};

/// Where the files of one checkpoint go, and what it may share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileTarget {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// The one whose files it may name instead of files of its own.
    pub base: Option<CheckpointId>,
    /// Where files go.
    pub to: FilePlace,
}

/// Where files go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilePlace {
    /// Into acknowledgements.
    Inline(JobManagerStorage),
    /// Into a folder; smaller ones into acknowledgements.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What it is to the checkpoint.
        place: Place,
        /// Files of fewer bytes go into acknowledgements.
        inline_below: u64,
    },
}

impl FileTarget {
    /// Into the acknowledgements of this checkpoint.
    pub fn inline(storage: JobManagerStorage, options: &BarrierOptions) -> Self {
        Self::of(options, FilePlace::Inline(storage))
    }

    /// Into the folder that the job's checkpoints share, or that of the savepoint.
    pub fn files(storage: &FileSystemStorage, options: &BarrierOptions, inline_below: u64) -> Self {
        // What a user owns is whole by itself.
        let place = match options.target {
            CheckpointTarget::Checkpoint => Place::Shared,
            CheckpointTarget::Folder(_) => Place::Checkpoint,
        };
        let folder = storage.folder(options.id, &options.target, place);
        Self::of(options, FilePlace::Folder { folder, place, inline_below })
    }

    fn of(options: &BarrierOptions, to: FilePlace) -> Self {
        Self { checkpoint: options.id, base: options.base, to }
    }

    /// Copies a file and brings the copy's bytes to stable storage. `name` is one that no other file
    /// of the job ever has.
    ///
    /// # Errors
    /// When the file can't be read or is too large, or the copy can't be written; a part of it may
    /// then be left.
    pub fn keep(
        &self,
        disk: &mut Disk,
        from: &Path,
        name: &str,
    ) -> Result<StateHandle, StorageError> {
        let len = disk.files().open(from, OpenOptions::READ)?.len()?;
        let (folder, place) = match &self.to {
            FilePlace::Inline(storage) => {
                storage.check_state(len)?;
                return inline(disk, from, len);
            }
            FilePlace::Folder { inline_below, .. } if len < *inline_below || len == 0 => {
                return inline(disk, from, len);
            }
            FilePlace::Folder { folder, place, .. } => (folder, *place),
        };
        let path = StatePath::new(place, name).expect("names are letters, digits and dashes");
        disk.files().create_dir_all(folder)?;
        copy(disk, (from, len), &folder.join(path.name()), path).map(StateHandle::File)
    }

    /// Removes a copy that no checkpoint came to name. That it can't be is left to the storage's
    /// check.
    pub fn discard(&self, disk: &Disk, handle: &StateHandle) {
        if let (FilePlace::Folder { folder, .. }, Some(slice)) = (&self.to, handle.file()) {
            let _ = disk.files().unlink(&folder.join(slice.path.name()));
        }
    }
}

fn inline(disk: &mut Disk, from: &Path, len: u64) -> Result<StateHandle, StorageError> {
    Ok(StateHandle::Inline(Arc::from(disk.read_file(from, len)?)))
}

/// Writes a file's bytes block by block, as they are: whoever made the file has compressed them.
fn copy(
    disk: &mut Disk,
    (from, len): (&Path, u64),
    to: &Path,
    path: StatePath,
) -> Result<FileSlice, StorageError> {
    let source = disk.files().open(from, OpenOptions::READ)?;
    let target = disk.files().open(to, OpenOptions::CREATE_NEW)?;
    disk.write_at(&target, 0, &FILE_HEADER)?;
    let offset = FILE_HEADER.len() as u64;
    let (mut read, mut end, mut checksum) = (0, offset, 0);
    while read < len {
        let want = (len - read).min(BLOCK_BYTES_MAX as u64) as usize;
        let bytes = disk.read_at(&source, read, want)?;
        if bytes.len() < want {
            return Err(StorageError::damaged(from, read, "it became shorter while it was read"));
        }
        let block = encode_block(&bytes, Compression::None).expect("nothing is compressed");
        disk.write_at(&target, end, &block)?;
        checksum = crc32c::crc32c_append(checksum, &bytes);
        (read, end) = (read + want as u64, end + block.len() as u64);
    }
    disk.sync(&target, end)?;
    Ok(FileSlice { path, offset, stored_len: end - offset, len, checksum })
}

//! A spill file: its life from creation to removal.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::area::{AreaShared, DirectoryIndex};
use super::block::{BlockEntry, BlockIndex};
use super::error::SpillError;
use super::reader::SpillReader;
use crate::driver::File;

/// An open spill file; removed from the disk when this is dropped.
#[derive(Debug)]
pub(super) struct SpillFile {
    area: Arc<AreaShared>,
    directory: DirectoryIndex,
    file: File,
    owner: String,
    reserved: Mutex<u64>,
}

impl SpillFile {
    pub(super) fn new(
        area: Arc<AreaShared>,
        directory: DirectoryIndex,
        file: File,
        owner: String,
    ) -> SpillFile {
        SpillFile { area, directory, file, owner, reserved: Mutex::new(0) }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Counts `bytes` more of the directory's quota.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), SpillError> {
        self.area.reserve(self.directory, &self.owner, bytes)?;
        *self.reserved.lock().expect("nothing panics under this lock") += bytes;
        Ok(())
    }

    pub(super) fn failed_before(&self) -> SpillError {
        SpillError::FailedBefore { owner: self.owner.clone(), path: self.path() }
    }

    pub(super) fn write_error(&self, offset: u64, source: io::Error) -> SpillError {
        let (owner, path) = (self.owner.clone(), self.path());
        if source.kind() == io::ErrorKind::StorageFull
            || source.kind() == io::ErrorKind::QuotaExceeded
        {
            let directory = self.area.directory_path(self.directory).to_owned();
            return SpillError::DiskFull { owner, directory, path, offset, source };
        }
        SpillError::Write { owner, path, offset, source }
    }

    pub(super) fn read_error(&self, offset: u64, source: io::Error) -> SpillError {
        SpillError::Read { owner: self.owner.clone(), path: self.path(), offset, source }
    }

    pub(super) fn damaged(&self, offset: u64, found: String) -> SpillError {
        SpillError::Damaged { owner: self.owner.clone(), path: self.path(), offset, found }
    }

    fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        // The kernel may keep the file a little longer for a driver that used it: free its space.
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!("{error}");
        }
        if let Err(error) = self.area.files().unlink(self.file.path()) {
            tracing::warn!("a spill file stays until the next start: {error}");
        }
        let reserved = *self.reserved.get_mut().expect("nothing panics under this lock");
        self.area.release(self.directory, reserved);
    }
}

/// A spill file that is whole. A clone is the same file, which is removed with the last of them
/// and of its readers.
#[derive(Clone, Debug)]
pub struct SpilledFile {
    pub(super) file: Arc<SpillFile>,
    pub(super) blocks: Arc<[BlockEntry]>,
}

impl SpilledFile {
    /// How many blocks it has.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// How many bytes were written to a block.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn block_len(&self, index: BlockIndex) -> usize {
        self.blocks[index.0].len as usize
    }

    /// Bytes written, without what aligns blocks.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.len)).sum()
    }

    /// Where it lies.
    pub fn path(&self) -> &std::path::Path {
        self.file.file().path()
    }

    /// A reader from the first block to the last that keeps at most `ahead` blocks read or asked
    /// for.
    ///
    /// # Panics
    /// When `ahead` is zero.
    pub fn reader(&self, ahead: usize) -> SpillReader {
        self.reader_of(BlockIndex(0)..BlockIndex(self.blocks()), ahead)
    }

    /// The same for a part of the file.
    ///
    /// # Panics
    /// When the file has no such part, or `ahead` is zero.
    pub fn reader_of(&self, part: std::ops::Range<BlockIndex>, ahead: usize) -> SpillReader {
        SpillReader::new(self.clone(), part, ahead)
    }
}

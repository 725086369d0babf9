//! [`StateReader`]: state out of a file, checked block by block.

use std::ops::Range;
use std::path::{Path, PathBuf};

use brisk_memory::driver::{File, OpenOptions};

use super::block::{
    BLOCK_HEADER_BYTES, BlockHeader, FILE_HEADER, FILE_HEADER_BYTES, check_block, decode_block,
    decode_header,
};
use super::disk::Disk;
use super::error::StorageError;
use crate::checkpoint::handle::FileSlice;

/// Reads one state of a file from its begin, or a part of it.
#[derive(Debug)]
pub struct StateReader {
    path: PathBuf,
    file: File,
    slice: FileSlice,
    /// Where the next block begins in the file, and in the state.
    at: u64,
    state_at: u64,
    checksum: u32,
    /// Whether every block so far was read, so that the checksum of the whole can be checked.
    read_all: bool,
}

impl StateReader {
    /// Opens a file and looks at its header. `path` is that of the slice, see
    /// [`super::FileSystemStorage::resolve`].
    ///
    /// # Errors
    /// When the file isn't there, is no state file, or is too short for the slice.
    pub fn open(
        disk: &mut Disk,
        path: &Path,
        slice: &FileSlice,
    ) -> Result<StateReader, StorageError> {
        let file = disk.files().open(path, OpenOptions::READ)?;
        let len = file.len()?;
        if disk.read_at(&file, 0, FILE_HEADER_BYTES)? != FILE_HEADER {
            return Err(StorageError::damaged(path, 0, "it does not begin as a state file does"));
        }
        let end = slice.offset.saturating_add(slice.stored_len);
        if end > len || slice.offset < FILE_HEADER_BYTES as u64 {
            let what = format!(
                "it has {len} bytes, but the state is said to be at {} to {end}",
                slice.offset
            );
            return Err(StorageError::damaged(path, len, what));
        }
        Ok(StateReader {
            path: path.to_owned(),
            file,
            at: slice.offset,
            state_at: 0,
            checksum: 0,
            read_all: true,
            slice: slice.clone(),
        })
    }

    /// The next block's state; none at the end, where length and checksum of the whole are checked.
    ///
    /// # Errors
    /// When the disk fails, or the block is not what was written.
    pub fn next_block(&mut self, disk: &mut Disk) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(header) = self.header(disk)? else { return Ok(None) };
        let begin = self.at;
        let stored =
            disk.read_at(&self.file, begin + BLOCK_HEADER_BYTES as u64, header.stored_len)?;
        let raw = decode_block(header, stored)
            .map_err(|what| StorageError::damaged(&self.path, begin, what))?;
        self.checksum = crc32c::crc32c_append(self.checksum, &raw);
        self.pass(header);
        Ok(Some(raw))
    }

    fn pass(&mut self, header: BlockHeader) {
        self.at += (BLOCK_HEADER_BYTES + header.stored_len) as u64;
        self.state_at += header.raw_len as u64;
    }

    fn header(&mut self, disk: &mut Disk) -> Result<Option<BlockHeader>, StorageError> {
        let end = self.slice.offset + self.slice.stored_len;
        if self.at == end {
            self.check_whole()?;
            return Ok(None);
        }
        let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
        let bytes = disk.read_at(&self.file, self.at, BLOCK_HEADER_BYTES.min(left))?;
        let header = decode_header(&bytes)
            .map_err(|what| StorageError::damaged(&self.path, self.at, what))?;
        let fits = BLOCK_HEADER_BYTES + header.stored_len <= left
            && self.state_at + header.raw_len as u64 <= self.slice.len;
        if !fits {
            let what = "a block reaches beyond its state";
            return Err(StorageError::damaged(&self.path, self.at, what));
        }
        Ok(Some(header))
    }

    fn check_whole(&self) -> Result<(), StorageError> {
        let (found, len) = (self.state_at, self.slice.len);
        if found != len {
            let what = format!("the state has {found} bytes instead of {len}");
            return Err(StorageError::damaged(&self.path, self.at, what));
        }
        if self.read_all && self.checksum != self.slice.checksum {
            let what =
                "the state doesn't have its checksum: the file is not the one that was written";
            return Err(StorageError::damaged(&self.path, self.slice.offset, what));
        }
        Ok(())
    }

    /// Passes over blocks that end before `at`. Those that are compressed are read and checked: how many
    /// bytes of state are in them, and so where those behind begin, only their checksum vouches for.
    ///
    /// # Errors
    /// As [`StateReader::next_block`].
    pub fn skip_to(&mut self, disk: &mut Disk, at: u64) -> Result<(), StorageError> {
        while self.state_at < at {
            let Some(header) = self.header(disk)? else { break };
            if self.state_at + header.raw_len as u64 > at {
                break;
            }
            if header.is_compressed() {
                let begin = self.at + BLOCK_HEADER_BYTES as u64;
                let stored = disk.read_at(&self.file, begin, header.stored_len)?;
                check_block(&header, &stored)
                    .map_err(|what| StorageError::damaged(&self.path, self.at, what))?;
            }
            self.read_all = false;
            self.pass(header);
        }
        Ok(())
    }

    /// Where in the state the next block begins.
    pub fn position(&self) -> u64 {
        self.state_at
    }

    /// All of the state. Its length is that of the handle, so know what you ask for.
    ///
    /// # Errors
    /// As [`StateReader::next_block`].
    pub fn read_to_end(mut self, disk: &mut Disk) -> Result<Vec<u8>, StorageError> {
        let mut state = Vec::new();
        while let Some(block) = self.next_block(disk)? {
            state.extend_from_slice(&block);
        }
        Ok(state)
    }

    /// A part of the state, such as that of some key groups; blocks before it are passed over, see
    /// [`StateReader::skip_to`].
    ///
    /// # Errors
    /// As [`StateReader::next_block`], and when the part is not within the state.
    pub fn read_range(
        mut self,
        disk: &mut Disk,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        if range.start > range.end || range.end > self.slice.len {
            let (start, end, len) = (range.start, range.end, self.slice.len);
            let what = format!("bytes {start} to {end} of a state of {len}");
            return Err(StorageError::damaged(&self.path, self.slice.offset, what));
        }
        self.skip_to(disk, range.start)?;
        let mut part = Vec::new();
        while self.state_at < range.end {
            let begin = self.state_at;
            let Some(block) = self.next_block(disk)? else { break };
            let from = range.start.saturating_sub(begin) as usize;
            let to = (range.end - begin).min(block.len() as u64) as usize;
            part.extend_from_slice(&block[from..to]);
        }
        if part.len() as u64 == range.end - range.start {
            Ok(part)
        } else {
            Err(StorageError::damaged(&self.path, self.at, "the state ends before its length"))
        }
    }
}

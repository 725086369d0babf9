//! [`SegmentReader`]: segments out of files whose bytes anybody may have written.

use std::path::{Path, PathBuf};

use brisk_memory::driver::{File, OpenOptions};

use super::{HEADER_BYTES, MAGIC, StoredSegment};
use crate::checkpoint::storage::{Disk, StorageError};

/// Bytes that are read ahead, in the hope that the segments behind are asked for next.
const READ_BYTES: u64 = 1 << 20;

/// Reads segments of one file.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    path: PathBuf,
    file: File,
    len: u64,
    /// Bytes of the file from this offset on.
    window: (u64, Vec<u8>),
}

impl SegmentReader {
    /// Of the file at `path`.
    ///
    /// # Errors
    /// When the file isn't there, or is no file of segments.
    pub(crate) fn open(disk: &mut Disk, path: &Path) -> Result<SegmentReader, StorageError> {
        let file = disk.files().open(path, OpenOptions::READ)?;
        let len = file.len()?;
        if disk.read_at(&file, 0, MAGIC.len())? != MAGIC {
            return Err(StorageError::damaged(path, 0, "it does not begin as a segment file does"));
        }
        Ok(SegmentReader { path: path.to_owned(), file, len, window: (0, Vec::new()) })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The segment of `segment_bytes` at this place.
    ///
    /// # Errors
    /// When the disk fails, or it is not what was written.
    pub(crate) fn read(
        &mut self,
        disk: &mut Disk,
        (at, segment_bytes): (StoredSegment, usize),
    ) -> Result<Vec<u8>, StorageError> {
        let StoredSegment { offset, len, checksum } = at;
        let end = offset.saturating_add(u64::from(len));
        if offset < HEADER_BYTES as u64 || end > self.len || len as usize > segment_bytes {
            let what = format!(
                "it has {} bytes, but a segment is said to be at {offset} to {end}",
                self.len
            );
            return Err(StorageError::damaged(&self.path, self.len, what));
        }
        let (from, bytes) = &self.window;
        if offset < *from || end > from + bytes.len() as u64 {
            let wanted = (self.len - offset).min(READ_BYTES.max(u64::from(len)));
            self.window = (offset, disk.read_at(&self.file, offset, wanted as usize)?);
        }
        let (from, bytes) = &self.window;
        let within = (offset - from) as usize;
        let Some(stored) = bytes.get(within..within + len as usize) else {
            return Err(StorageError::damaged(&self.path, offset, "it ends within a segment"));
        };
        if crc32c::crc32c(stored) != checksum {
            let what = "a segment doesn't have its checksum";
            return Err(StorageError::damaged(&self.path, offset, what));
        }
        if stored.len() == segment_bytes {
            return Ok(stored.to_vec());
        }
        let raw = zstd::bulk::decompress(stored, segment_bytes);
        match raw.map_err(|error| error.to_string()) {
            Ok(raw) if raw.len() == segment_bytes => Ok(raw),
            Ok(raw) => {
                let what = format!("a segment has {} bytes, not {segment_bytes}", raw.len());
                Err(StorageError::damaged(&self.path, offset, what))
            }
            Err(error) => {
                let what = format!("a segment can't be decompressed: {error}");
                Err(StorageError::damaged(&self.path, offset, what))
            }
        }
    }
}

//! [`SegmentFileWriter`]: segments on their way from the arena to a file.
//!
//! Segments are gathered and written together: a direct write that makes its file longer holds the
//! file to itself on a journaling filesystem.

use std::io;
use std::path::PathBuf;

use brisk_memory::driver::{
    AlignedBytes, Completion, Driver, File, Files, IoBuffer, IoPart, OpenOptions, Operation,
    OperationId,
};

use super::super::filesystem::gone_or;
use super::{HEADER_BYTES, MAGIC, Placed, StoredSegment};
use crate::checkpoint::handle::{Place, StatePath};
use crate::checkpoint::storage::block::ZSTD_LEVEL;
use crate::checkpoint::storage::{Compression, StateFileFinish, StorageError};

/// Bytes that are written at once, if so many are there.
const WRITE_BYTES: usize = 1 << 20;

/// Writes on their way at a time.
const WRITES_IN_FLIGHT_MAX: usize = 2;

/// Names that are tried, should one be taken.
const NAMES_MAX: u32 = 100;

/// What a writer is made of.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFileOptions {
    /// The folder of shared files.
    pub(crate) folder: PathBuf,
    /// Begins the file's name; more follows, so that no name comes twice.
    pub(crate) name: String,
    pub(crate) compression: Compression,
}

/// Writes segments to one new file, which is made with the first of them.
///
/// The worker's loop hands the completions for which [`SegmentFileWriter::owns`] says yes to
/// [`SegmentFileWriter::completed`]. At most two writes of 1 MiB are on their way.
#[derive(Debug)]
pub(crate) struct SegmentFileWriter {
    options: SegmentFileOptions,
    file: Option<(File, StatePath)>,
    /// Where what comes next goes.
    end: u64,
    /// To be written next, behind what is on its way.
    gathered: Vec<IoPart>,
    gathered_bytes: usize,
    /// The same, of compressed segments.
    packed: Vec<u8>,
    in_flight: Vec<(OperationId, u64)>,
    sync: Sync,
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sync {
    NotAsked,
    Running(OperationId),
    Done,
}

impl SegmentFileWriter {
    /// A writer; makes no file yet.
    pub(crate) fn new(options: SegmentFileOptions) -> SegmentFileWriter {
        SegmentFileWriter {
            options,
            file: None,
            end: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            packed: Vec::new(),
            in_flight: Vec::new(),
            sync: Sync::NotAsked,
            failed: false,
        }
    }

    /// Whether a segment would be taken now.
    pub(crate) fn has_room(&self) -> bool {
        self.gathered_bytes + self.packed.len() < WRITE_BYTES
            || self.in_flight.len() < WRITES_IN_FLIGHT_MAX
    }

    /// Adds a segment, which it keeps until it is written.
    ///
    /// # Errors
    /// When the file can't be made, or an earlier write has failed.
    ///
    /// # Panics
    /// When there is no room.
    pub(crate) fn append(
        &mut self,
        driver: &mut Driver,
        segment: IoBuffer,
    ) -> Result<Placed, StorageError> {
        assert!(self.has_room(), "a segment is offered where there is room");
        self.check()?;
        if self.gathered_bytes + self.packed.len() >= WRITE_BYTES {
            self.flush(driver);
        }
        if self.file.is_none() {
            self.create(driver)?;
        }
        let at = match self.options.compression {
            Compression::None => self.gather(segment),
            Compression::Zstd => self.pack(segment.as_slice())?,
        };
        let (_, path) = self.file.as_ref().expect("made a moment ago");
        Ok(Placed { path: path.clone(), at })
    }

    fn gather(&mut self, segment: IoBuffer) -> StoredSegment {
        let bytes = segment.as_slice();
        let (offset, len) = (self.end, bytes.len());
        let checksum = crc32c::crc32c(bytes);
        self.end += len as u64;
        self.gathered_bytes += len;
        self.gathered.push(IoPart { buffer: segment, len });
        StoredSegment { offset, len: u32::try_from(len).expect("at most 1 MiB"), checksum }
    }

    fn pack(&mut self, bytes: &[u8]) -> Result<StoredSegment, StorageError> {
        let smaller = match zstd::bulk::compress(bytes, ZSTD_LEVEL) {
            Ok(smaller) => Some(smaller).filter(|smaller| smaller.len() < bytes.len()),
            Err(source) => return Err(self.failed_to("compress", self.end, source)),
        };
        let stored = smaller.as_deref().unwrap_or(bytes);
        let (offset, checksum) = (self.end, crc32c::crc32c(stored));
        self.end += stored.len() as u64;
        self.packed.extend_from_slice(stored);
        let len = u32::try_from(stored.len()).expect("at most 1 MiB");
        Ok(StoredSegment { offset, len, checksum })
    }

    /// Submits what was gathered.
    fn flush(&mut self, driver: &mut Driver) {
        if !self.packed.is_empty() {
            // Direct writes are of whole blocks; what comes next begins behind.
            let len = self.packed.len().next_multiple_of(HEADER_BYTES);
            self.end += (len - self.packed.len()) as u64;
            self.packed.resize(len, 0);
            let buffer = IoBuffer::Heap(AlignedBytes::copy_of(&self.packed));
            self.packed.clear();
            self.gathered_bytes += len;
            self.gathered.push(IoPart { buffer, len });
        }
        if self.gathered.is_empty() {
            return;
        }
        let file = self.file.as_ref().expect("made with the first segment").0.clone();
        let mut offset = self.end - self.gathered_bytes as u64;
        self.gathered_bytes = 0;
        let mut parts = std::mem::take(&mut self.gathered).into_iter().peekable();
        while parts.peek().is_some() {
            let several: Vec<IoPart> = parts.by_ref().take(Operation::PARTS_MAX).collect();
            let len: usize = several.iter().map(|part| part.len).sum();
            let file = file.clone();
            let write = Operation::WriteSeveral { file, offset, parts: several };
            self.in_flight.push((driver.submit(write), offset));
            offset += len as u64;
        }
    }

    fn create(&mut self, driver: &Driver) -> Result<(), StorageError> {
        let files = driver.files();
        files.create_dir_all(&self.options.folder).map_err(|error| self.not_made(error))?;
        let mut attempt = 0;
        loop {
            let name = format!("{}-{:x}-{attempt}", self.options.name, driver.wall_millis());
            let path = StatePath::new(Place::Shared, &name).expect("letters, digits and hyphens");
            let full = self.options.folder.join(path.name());
            match files.open(&full, OpenOptions::CREATE_NEW.direct()) {
                Ok(file) => {
                    self.file = Some((file, path));
                    break;
                }
                Err(error)
                    if error.kind() == Some(io::ErrorKind::AlreadyExists)
                        && attempt < NAMES_MAX =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(self.not_made(error)),
            }
        }
        let mut header = AlignedBytes::zeroed(HEADER_BYTES);
        header.as_mut_slice()[..MAGIC.len()].copy_from_slice(MAGIC);
        self.gathered.push(IoPart { buffer: IoBuffer::Heap(header), len: HEADER_BYTES });
        self.gathered_bytes = HEADER_BYTES;
        self.end = HEADER_BYTES as u64;
        Ok(())
    }

    fn not_made(&mut self, error: brisk_memory::driver::DriverError) -> StorageError {
        self.failed = true;
        StorageError::Files(error)
    }

    /// Whether this operation is one of this writer.
    pub(crate) fn owns(&self, id: OperationId) -> bool {
        self.sync == Sync::Running(id) || self.in_flight.iter().any(|(own, _)| *own == id)
    }

    /// Takes in that an operation has ended; what it wrote is let go of.
    ///
    /// # Errors
    /// When it failed; the file can't be finished then.
    ///
    /// # Panics
    /// When the operation is not one of this writer.
    pub(crate) fn completed(&mut self, completion: Completion) -> Result<(), StorageError> {
        if self.sync == Sync::Running(completion.id) {
            self.sync = Sync::Done;
            let synced = completion.result;
            return synced.map(drop).map_err(|source| self.failed_to("sync", self.end, source));
        }
        let own = self.in_flight.iter().position(|(id, _)| *id == completion.id);
        let (_, offset) = self.in_flight.swap_remove(own.expect("an operation of this writer"));
        let written = completion.result;
        written.map(drop).map_err(|source| self.failed_to("write", offset, source))
    }

    /// Brings everything to stable storage.
    ///
    /// # Errors
    /// When a write has failed.
    pub(crate) fn finish(&mut self, driver: &mut Driver) -> Result<StateFileFinish, StorageError> {
        self.check()?;
        if self.file.is_none() || self.sync == Sync::Done {
            return Ok(StateFileFinish::Done);
        }
        self.flush(driver);
        if self.sync == Sync::NotAsked && self.in_flight.is_empty() {
            let (file, _) = self.file.clone().expect("looked at above");
            self.sync = Sync::Running(driver.submit(Operation::Sync { file }));
        }
        Ok(StateFileFinish::Pending)
    }

    /// Removes the file, which nobody will name. What is on its way goes nowhere.
    pub(crate) fn abandon(&self, files: &Files) {
        let Some((_, path)) = &self.file else { return };
        if let Err(error) = gone_or(files.unlink(&self.options.folder.join(path.name()))) {
            tracing::warn!("after a checkpoint that was given up: {error}");
        }
    }

    fn check(&self) -> Result<(), StorageError> {
        match self.failed {
            false => Ok(()),
            true => Err(StorageError::FailedBefore { path: self.full_path() }),
        }
    }

    fn full_path(&self) -> PathBuf {
        let name = self.file.as_ref().map_or(self.options.name.as_str(), |(_, path)| path.name());
        self.options.folder.join(name)
    }

    fn failed_to(&mut self, action: &'static str, offset: u64, source: io::Error) -> StorageError {
        self.failed = true;
        StorageError::Io { action, path: self.full_path(), offset, source }
    }
}

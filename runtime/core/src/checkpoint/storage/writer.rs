//! [`StateFileWriter`]: the state of a worker's tasks in one file of a checkpoint, without waiting.

use std::path::PathBuf;
use std::sync::Arc;

use brisk_memory::driver::{
    AlignedBytes, Completion, Driver, File, IoBuffer, OpenOptions, Operation, OperationId,
};

use super::block::{BLOCK_BYTES_MAX, Compression, FILE_HEADER, FILE_HEADER_BYTES, encode_block};
use super::error::StorageError;
use crate::checkpoint::handle::{FileSlice, StateHandle, StatePath};

/// Bytes of state in a block. To sum, copy and hand over so many takes 30 us, for which records wait.
const BLOCK_BYTES: usize = 64 << 10;
const _: () = assert!(BLOCK_BYTES <= BLOCK_BYTES_MAX);

/// Blocks on their way at a time.
const WRITES_IN_FLIGHT_MAX: usize = 8;

/// What a writer is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriterOptions {
    /// The folder, see [`super::FileSystemStorage::folder`].
    pub folder: PathBuf,
    /// The file in it, which no other worker and no other checkpoint uses.
    pub path: StatePath,
    /// Whether blocks are compressed.
    pub compression: Compression,
    /// State below so many bytes is not written here but goes into its handle
    /// (`execution.checkpointing.data-inline-threshold`).
    pub inline_below: u64,
}

/// Writes the states of one worker, one after another, to one file; the file is made with the first
/// state that is worth it, so a checkpoint of little state has no file but its metadata.
///
/// The worker's loop hands the completions for which [`StateFileWriter::owns`] says yes to
/// [`StateFileWriter::completed`]. At most eight blocks are on their way.
#[derive(Debug)]
pub struct StateFileWriter {
    options: WriterOptions,
    file: Option<File>,
    /// Where the next block goes.
    end: u64,
    /// The last bytes of the state in hand, not yet a block.
    open: Vec<u8>,
    state: Option<OpenState>,
    in_flight: Vec<(OperationId, u64)>,
    sync: Sync,
    failed: bool,
}

/// The state in hand.
#[derive(Clone, Copy, Debug)]
struct OpenState {
    begin: u64,
    len: u64,
    checksum: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sync {
    NotAsked,
    Running(OperationId),
    Done,
}

/// What became of a state.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "the handle is in here"]
pub enum StateOutcome {
    /// Its last block found no room; ask again after the next completion.
    Full,
    /// It is here, or will be in the file once that is finished.
    Handle(StateHandle),
}

/// The answer to the wish to finish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a pending file is not safe yet"]
pub enum StateFileFinish {
    /// Writes are on their way; ask again after the next completion.
    Pending,
    /// Every byte is on stable storage; the file's name will be with the metadata.
    Done,
}

impl StateFileWriter {
    /// A writer; makes no file yet.
    pub fn new(options: WriterOptions) -> StateFileWriter {
        StateFileWriter {
            options,
            file: None,
            end: 0,
            open: Vec::new(),
            state: None,
            in_flight: Vec::new(),
            sync: Sync::NotAsked,
            failed: false,
        }
    }

    /// The file, as handles name it.
    pub fn path(&self) -> &StatePath {
        &self.options.path
    }

    /// Bytes written so far.
    pub fn file_bytes(&self) -> u64 {
        self.end
    }

    /// Begins a state.
    ///
    /// # Panics
    /// When the last one has not ended.
    pub fn begin(&mut self) {
        assert!(self.state.is_none(), "one state at a time");
        assert!(self.open.is_empty(), "the last state left nothing behind");
        self.state = Some(OpenState { begin: self.end, len: 0, checksum: 0 });
    }

    /// Adds to the state in hand and says how many bytes were taken; fewer when enough is on its
    /// way: go on after the next completion.
    ///
    /// # Errors
    /// When the file can't be made, or an earlier write has failed.
    pub fn append(&mut self, driver: &mut Driver, bytes: &[u8]) -> Result<usize, StorageError> {
        self.check()?;
        let mut taken = 0;
        while taken < bytes.len() {
            if self.open.len() == BLOCK_BYTES && !self.write_block(driver)? {
                break;
            }
            let part = (bytes.len() - taken).min(BLOCK_BYTES - self.open.len());
            self.open.extend_from_slice(&bytes[taken..taken + part]);
            taken += part;
        }
        let state = self.state.as_mut().expect("a state has begun");
        state.len += taken as u64;
        state.checksum = crc32c::crc32c_append(state.checksum, &bytes[..taken]);
        Ok(taken)
    }

    /// Ends the state in hand.
    ///
    /// # Errors
    /// When the file can't be made, or an earlier write has failed.
    pub fn end(&mut self, driver: &mut Driver) -> Result<StateOutcome, StorageError> {
        self.check()?;
        let state = self.state.expect("a state has begun");
        let in_file = self.end > state.begin;
        if !in_file && (state.len < self.options.inline_below || state.len == 0) {
            self.state = None;
            let bytes = std::mem::take(&mut self.open);
            return Ok(StateOutcome::Handle(StateHandle::Inline(Arc::from(bytes))));
        }
        if !self.open.is_empty() && !self.write_block(driver)? {
            return Ok(StateOutcome::Full);
        }
        self.state = None;
        // The file's header came with the first block.
        let offset = state.begin.max(FILE_HEADER_BYTES as u64);
        Ok(StateOutcome::Handle(StateHandle::File(FileSlice {
            path: self.options.path.clone(),
            offset,
            stored_len: self.end - offset,
            len: state.len,
            checksum: state.checksum,
        })))
    }

    /// False when enough is on its way.
    fn write_block(&mut self, driver: &mut Driver) -> Result<bool, StorageError> {
        if self.in_flight.len() >= WRITES_IN_FLIGHT_MAX {
            return Ok(false);
        }
        let mut block = match encode_block(&self.open, self.options.compression) {
            Ok(block) => block,
            Err(source) => return Err(self.failed_to("compress", self.end, source)),
        };
        if self.file.is_none() {
            self.file = Some(self.create(driver)?);
            block.splice(0..0, FILE_HEADER);
        }
        let file = self.file.clone().expect("made a moment ago");
        let (offset, len) = (self.end, block.len());
        let buffer = IoBuffer::Heap(AlignedBytes::copy_of(&block));
        let id = driver.submit(Operation::Write { file, offset, buffer, len });
        self.in_flight.push((id, offset));
        self.end += len as u64;
        self.open.clear();
        Ok(true)
    }

    fn create(&mut self, driver: &Driver) -> Result<File, StorageError> {
        let files = driver.files();
        let path = self.options.folder.join(self.options.path.name());
        let made = files
            .create_dir_all(&self.options.folder)
            .and_then(|()| files.open(&path, OpenOptions::CREATE_NEW));
        made.map_err(|error| {
            self.failed = true;
            StorageError::Files(error)
        })
    }

    /// Whether this operation is one of this writer.
    pub fn owns(&self, id: OperationId) -> bool {
        self.sync == Sync::Running(id) || self.in_flight.iter().any(|(own, _)| *own == id)
    }

    /// Takes in that an operation has ended.
    ///
    /// # Errors
    /// When it failed; the file can't be finished then.
    ///
    /// # Panics
    /// When the operation is not one of this writer.
    pub fn completed(&mut self, completion: Completion) -> Result<(), StorageError> {
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
    ///
    /// # Panics
    /// When a state has begun and not ended.
    pub fn finish(&mut self, driver: &mut Driver) -> Result<StateFileFinish, StorageError> {
        self.check()?;
        assert!(self.state.is_none(), "every state has ended");
        let Some(file) = &self.file else { return Ok(StateFileFinish::Done) };
        match self.sync {
            Sync::Done => Ok(StateFileFinish::Done),
            Sync::NotAsked if self.in_flight.is_empty() => {
                self.sync = Sync::Running(driver.submit(Operation::Sync { file: file.clone() }));
                Ok(StateFileFinish::Pending)
            }
            Sync::NotAsked | Sync::Running(_) => Ok(StateFileFinish::Pending),
        }
    }

    fn check(&self) -> Result<(), StorageError> {
        match self.failed {
            false => Ok(()),
            true => Err(StorageError::FailedBefore { path: self.full_path() }),
        }
    }

    fn full_path(&self) -> PathBuf {
        self.options.folder.join(self.options.path.name())
    }

    fn failed_to(
        &mut self,
        action: &'static str,
        offset: u64,
        source: std::io::Error,
    ) -> StorageError {
        self.failed = true;
        StorageError::Io { action, path: self.full_path(), offset, source }
    }
}

//! Writing a spill file, a block at a time.

use std::sync::Arc;

use super::block::{BlockEntry, aligned, padded};
use super::error::SpillError;
use super::file::{SpillFile, SpilledFile};
use crate::driver::{Completion, Driver, IoBuffer, Operation, OperationId};

/// Writes blocks to a new spill file.
///
/// The worker's loop hands the completions for which [`SpillWriter::owns`] says yes to
/// [`SpillWriter::completed`].
#[derive(Debug)]
pub struct SpillWriter {
    file: SpillFile,
    blocks: Vec<BlockEntry>,
    /// Where the next block goes.
    end: u64,
    in_flight: Vec<(OperationId, u64)>,
    in_flight_max: usize,
    failed: bool,
}

/// The answer to a block.
#[derive(Debug)]
#[must_use = "a block that was not accepted is in here"]
pub enum SpillWrite {
    /// It is on its way.
    Accepted,
    /// Enough are on their way; offer it again after the next completion.
    Full(IoBuffer),
}

/// The answer to the wish to finish.
#[derive(Debug)]
#[must_use = "the file is in here"]
pub enum SpillFinish {
    /// Writes are on their way; ask again after the next completion.
    Pending(SpillWriter),
    /// The file is whole.
    Done(SpilledFile),
}

impl SpillWriter {
    pub(super) fn new(file: SpillFile, in_flight_max: usize) -> SpillWriter {
        SpillWriter {
            file,
            blocks: Vec::new(),
            end: 0,
            in_flight: Vec::new(),
            in_flight_max,
            failed: false,
        }
    }

    /// Adds the first `len` bytes of `block` to the file, as one block.
    ///
    /// A segment goes as it is (its bytes up to the next multiple of the alignment become zeros),
    /// and so does a shared buffer of whole aligned pages; other buffers are copied.
    ///
    /// # Errors
    /// When the directory's quota is used up, or an earlier write has failed.
    ///
    /// # Panics
    /// When `len` is zero, above the buffer's length or above 4 GiB.
    pub fn write(
        &mut self,
        driver: &mut Driver,
        block: IoBuffer,
        len: usize,
    ) -> Result<SpillWrite, SpillError> {
        assert!(len > 0 && len <= block.as_slice().len(), "a block of {len} bytes");
        if self.failed {
            return Err(self.file.failed_before());
        }
        if self.in_flight.len() >= self.in_flight_max {
            return Ok(SpillWrite::Full(block));
        }
        let size = padded(len);
        if let Err(error) = self.file.reserve(size as u64) {
            self.failed = true;
            return Err(error);
        }
        let entry = BlockEntry {
            offset: self.end,
            len: u32::try_from(len).expect("a block is below 4 GiB"),
            checksum: crc32c::crc32c(&block.as_slice()[..len]),
        };
        let buffer = aligned(block, len);
        let file = self.file.file().clone();
        let id = driver.submit(Operation::Write { file, offset: self.end, buffer, len: size });
        self.in_flight.push((id, self.end));
        self.blocks.push(entry);
        self.end += size as u64;
        Ok(SpillWrite::Accepted)
    }

    /// Whether there is room for another write.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() < self.in_flight_max
    }

    /// Whether this operation is one of this writer.
    pub fn owns(&self, id: OperationId) -> bool {
        self.in_flight.iter().any(|(own, _)| *own == id)
    }

    /// Takes in that a write has ended, and gives its buffer back.
    ///
    /// # Errors
    /// When it failed; the file can't be finished then.
    ///
    /// # Panics
    /// When the operation is not one of this writer.
    pub fn completed(&mut self, completion: Completion) -> Result<IoBuffer, SpillError> {
        let own = self.in_flight.iter().position(|(id, _)| *id == completion.id);
        let (_, offset) = self.in_flight.swap_remove(own.expect("an operation of this writer"));
        if let Err(error) = completion.result {
            self.failed = true;
            return Err(self.file.write_error(offset, error));
        }
        Ok(completion.buffer.expect("a write has a buffer"))
    }

    /// Ends the file when all its writes have succeeded. After an error, as after a drop, writes
    /// may still be on their way: their completions then belong to nobody.
    ///
    /// # Errors
    /// When a write has failed; the file is removed.
    pub fn finish(self) -> Result<SpillFinish, SpillError> {
        if self.failed {
            return Err(self.file.failed_before());
        }
        if !self.in_flight.is_empty() {
            return Ok(SpillFinish::Pending(self));
        }
        Ok(SpillFinish::Done(SpilledFile { file: Arc::new(self.file), blocks: self.blocks.into() }))
    }
}

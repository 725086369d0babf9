//! Writing a spill file, a block at a time.
//!
//! Blocks are gathered and written together: on a journaling filesystem a write that makes its
//! file longer holds the file to itself, so 32 KiB at a time gave 130 to 470 MB/s whatever was in
//! flight, and 128 KiB at a time 1100.

use std::sync::Arc;

use super::block::{BlockEntry, aligned, padded};
use super::error::SpillError;
use super::file::{SpillFile, SpilledFile};
use crate::driver::{Completion, Driver, IoBuffer, IoPart, Operation, OperationId};

/// Writes blocks to a new spill file.
///
/// The worker's loop hands the completions for which [`SpillWriter::owns`] says yes to
/// [`SpillWriter::completed`].
///
/// It holds up to `write_bytes` of blocks back to write them together, besides those in flight. A
/// caller with no buffer left calls [`SpillWriter::flush`] before it waits for one to come back.
#[derive(Debug)]
pub struct SpillWriter {
    file: SpillFile,
    blocks: Vec<BlockEntry>,
    /// Where the next block goes.
    end: u64,
    /// The last blocks, not yet submitted.
    gathered: Vec<IoPart>,
    gathered_bytes: usize,
    in_flight: Vec<(OperationId, u64)>,
    limits: WriterLimits,
    failed: bool,
}

/// How much a writer holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterLimits {
    pub(super) writes_in_flight: usize,
    pub(super) write_bytes: usize,
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
    pub(super) fn new(file: SpillFile, limits: WriterLimits) -> SpillWriter {
        SpillWriter {
            file,
            blocks: Vec::new(),
            end: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            in_flight: Vec::new(),
            limits,
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
        if self.gathered_enough() && !self.flush(driver) {
            return Ok(SpillWrite::Full(block));
        }
        let size = padded(len);
        if let Err(error) = self.file.reserve(size as u64) {
            self.failed = true;
            return Err(error);
        }
        self.blocks.push(BlockEntry {
            offset: self.end,
            len: u32::try_from(len).expect("a block is below 4 GiB"),
            checksum: crc32c::crc32c(&block.as_slice()[..len]),
        });
        self.end += size as u64;
        self.gathered.push(IoPart { buffer: aligned(block, len), len: size });
        self.gathered_bytes += size;
        if self.gathered_enough() {
            self.flush(driver);
        }
        Ok(SpillWrite::Accepted)
    }

    /// Submits what was gathered. False when enough writes are in flight; then call it again after
    /// the next completion.
    pub fn flush(&mut self, driver: &mut Driver) -> bool {
        if self.gathered.is_empty() {
            return true;
        }
        if self.in_flight.len() >= self.limits.writes_in_flight {
            return false;
        }
        let file = self.file.file().clone();
        let offset = self.end - self.gathered_bytes as u64;
        let mut parts = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let operation = match parts.pop() {
            Some(IoPart { buffer, len }) if parts.is_empty() => {
                Operation::Write { file, offset, buffer, len }
            }
            last => {
                parts.extend(last);
                Operation::WriteSeveral { file, offset, parts }
            }
        };
        self.in_flight.push((driver.submit(operation), offset));
        true
    }

    fn gathered_enough(&self) -> bool {
        self.gathered_bytes >= self.limits.write_bytes
            || self.gathered.len() == Operation::PARTS_MAX
    }

    /// Whether a block would be accepted now.
    pub fn has_room(&self) -> bool {
        !self.gathered_enough() || self.in_flight.len() < self.limits.writes_in_flight
    }

    /// Whether this operation is one of this writer.
    pub fn owns(&self, id: OperationId) -> bool {
        self.in_flight.iter().any(|(own, _)| *own == id)
    }

    /// Takes in that a write has ended, and gives its buffers back, in their order.
    ///
    /// # Errors
    /// When it failed; the file can't be finished then.
    ///
    /// # Panics
    /// When the operation is not one of this writer.
    pub fn completed(&mut self, completion: Completion) -> Result<Vec<IoBuffer>, SpillError> {
        let own = self.in_flight.iter().position(|(id, _)| *id == completion.id);
        let (_, offset) = self.in_flight.swap_remove(own.expect("an operation of this writer"));
        if let Err(error) = completion.result {
            self.failed = true;
            return Err(self.file.write_error(offset, error));
        }
        let mut buffers = completion.buffers;
        buffers.extend(completion.buffer);
        assert!(!buffers.is_empty(), "a write has a buffer");
        Ok(buffers)
    }

    /// Ends the file when all its writes have succeeded. After an error, as after a drop, writes
    /// may still be on their way: their completions then belong to nobody.
    ///
    /// # Errors
    /// When a write has failed; the file is removed.
    pub fn finish(mut self, driver: &mut Driver) -> Result<SpillFinish, SpillError> {
        if self.failed {
            return Err(self.file.failed_before());
        }
        self.flush(driver);
        if !self.in_flight.is_empty() {
            return Ok(SpillFinish::Pending(self));
        }
        assert!(self.gathered.is_empty(), "with nothing in flight there is room for the rest");
        Ok(SpillFinish::Done(SpilledFile { file: Arc::new(self.file), blocks: self.blocks.into() }))
    }
}

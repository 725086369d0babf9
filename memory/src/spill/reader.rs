//! Reading a spill file, ahead of its use.

use std::collections::VecDeque;
use std::ops::Range;

use super::block::{BlockEntry, BlockIndex, SpillBlock, padded};
use super::error::SpillError;
use super::file::SpilledFile;
use crate::driver::{Completion, Driver, IoBuffer, Operation, OperationId};

/// Reads blocks in their order, several ahead.
///
/// It reads ahead as far as it is given buffers. The worker's loop hands the completions for which
/// [`SpillReader::owns`] says yes to [`SpillReader::completed`].
#[derive(Debug)]
pub struct SpillReader {
    spilled: SpilledFile,
    /// Blocks asked for and not handed out, in their order.
    window: VecDeque<Ahead>,
    ahead_max: usize,
    /// The first block that was not asked for.
    next: usize,
    end: usize,
    failed: bool,
}

#[derive(Debug)]
enum Ahead {
    Asked(OperationId, BlockIndex),
    Arrived(SpillBlock),
}

/// The answer to a buffer.
#[derive(Debug)]
#[must_use = "a buffer that was not accepted is in here"]
pub enum SpillSupply {
    /// A block is being read into it.
    Accepted,
    /// There is nothing to ask for now: enough is ahead, or all was asked for.
    Full(IoBuffer),
}

/// The answer to the wish for a block.
#[derive(Debug)]
#[must_use = "the block is in here"]
pub enum SpillRead {
    /// The next one.
    Block(SpillBlock),
    /// It is on its way, or a buffer for it is missing: see [`SpillReader::wants_buffer`].
    Pending,
    /// All were handed out.
    End,
}

impl SpillReader {
    pub(super) fn new(spilled: SpilledFile, part: Range<BlockIndex>, ahead: usize) -> SpillReader {
        assert!(ahead > 0, "without a block ahead none is read");
        let (next, end) = (part.start.0, part.end.0);
        assert!(
            next <= end && end <= spilled.blocks(),
            "blocks {next} to {end} of a file of {}",
            spilled.blocks()
        );
        SpillReader {
            spilled,
            window: VecDeque::with_capacity(ahead),
            ahead_max: ahead,
            next,
            end,
            failed: false,
        }
    }

    /// Whether a buffer would be accepted.
    pub fn wants_buffer(&self) -> bool {
        !self.failed && self.next < self.end && self.window.len() < self.ahead_max
    }

    /// How large the next buffer has to be: the next block, up to the alignment. None at the end.
    pub fn wanted_len(&self) -> Option<usize> {
        let block = self.spilled.blocks[..self.end].get(self.next)?;
        Some(padded(block.len as usize))
    }

    /// Asks for the next block that was not asked for, into this buffer.
    ///
    /// # Errors
    /// When an earlier read has failed.
    ///
    /// # Panics
    /// When the buffer is smaller than [`SpillReader::wanted_len`], or shared.
    pub fn supply(
        &mut self,
        driver: &mut Driver,
        buffer: IoBuffer,
    ) -> Result<SpillSupply, SpillError> {
        if self.failed {
            return Err(self.spilled.file.failed_before());
        }
        if !self.wants_buffer() {
            return Ok(SpillSupply::Full(buffer));
        }
        let index = BlockIndex(self.next);
        let block = self.entry(index);
        let len = padded(block.len as usize);
        let file = self.spilled.file.file().clone();
        let id = driver.submit(Operation::Read { file, offset: block.offset, buffer, len });
        self.window.push_back(Ahead::Asked(id, index));
        self.next += 1;
        Ok(SpillSupply::Accepted)
    }

    /// Whether this operation is one of this reader.
    pub fn owns(&self, id: OperationId) -> bool {
        self.window.iter().any(|ahead| matches!(ahead, Ahead::Asked(own, _) if *own == id))
    }

    /// Takes in that a read has ended.
    ///
    /// # Errors
    /// When it failed, or the block is damaged. The reader can't go on then.
    ///
    /// # Panics
    /// When the operation is not one of this reader.
    pub fn completed(&mut self, completion: Completion) -> Result<(), SpillError> {
        let found = self.window.iter().enumerate().find_map(|(place, ahead)| match ahead {
            Ahead::Asked(id, index) if *id == completion.id => Some((place, *index)),
            Ahead::Asked(..) | Ahead::Arrived(_) => None,
        });
        let (place, index) = found.expect("an operation of this reader");
        match self.checked(index, completion) {
            Ok(block) => {
                self.window[place] = Ahead::Arrived(block);
                Ok(())
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }

    fn checked(&self, index: BlockIndex, read: Completion) -> Result<SpillBlock, SpillError> {
        let file = &self.spilled.file;
        let entry = self.entry(index);
        let len = entry.len as usize;
        let bytes = read.result.map_err(|error| file.read_error(entry.offset, error))?;
        let buffer = read.buffer.expect("a read has a buffer");
        if bytes < len {
            let found = format!("{bytes} of {len} bytes are there");
            return Err(file.damaged(entry.offset, found));
        }
        let checksum = crc32c::crc32c(&buffer.as_slice()[..len]);
        if checksum != entry.checksum {
            let found = format!(
                "{len} bytes have the checksum {checksum:08x} instead of {:08x}",
                entry.checksum
            );
            return Err(file.damaged(entry.offset, found));
        }
        Ok(SpillBlock { index, buffer, len })
    }

    /// The next block in order, when it has arrived.
    ///
    /// # Errors
    /// When a read has failed.
    pub fn next_block(&mut self) -> Result<SpillRead, SpillError> {
        if self.failed {
            return Err(self.spilled.file.failed_before());
        }
        match self.window.pop_front() {
            Some(Ahead::Arrived(block)) => Ok(SpillRead::Block(block)),
            Some(asked) => {
                self.window.push_front(asked);
                Ok(SpillRead::Pending)
            }
            None if self.next < self.end => Ok(SpillRead::Pending),
            None => Ok(SpillRead::End),
        }
    }

    fn entry(&self, index: BlockIndex) -> BlockEntry {
        self.spilled.blocks[index.0]
    }
}

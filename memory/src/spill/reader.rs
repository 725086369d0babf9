//! Reading a spill file, ahead of its use.

use std::collections::VecDeque;
use std::ops::Range;

use super::block::{BlockEntry, BlockIndex, SpillBlock, padded};
use super::error::SpillError;
use super::file::SpilledFile;
use crate::driver::{Completion, Driver, IoBuffer, IoPart, Operation, OperationId};

/// Reads blocks in their order, several ahead.
///
/// It reads ahead as far as it is given buffers; those given together are filled by one read,
/// which is cheaper than one for each. The worker's loop hands the completions for which
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

/// The answer to the wish for a block.
#[derive(Debug)]
#[must_use = "the block is in here"]
pub enum SpillRead {
    /// The next one.
    Block(SpillBlock),
    /// It is on its way, or a buffer for it is missing: see [`SpillReader::wanted`].
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

    /// How many buffers could be filled now.
    pub fn wanted(&self) -> usize {
        if self.failed {
            return 0;
        }
        (self.end - self.next).min(self.ahead_max - self.window.len())
    }

    /// How large the next buffer has to be: its block, up to the alignment. None at the end.
    pub fn wanted_len(&self) -> Option<usize> {
        let block = self.spilled.blocks[..self.end].get(self.next)?;
        Some(padded(block.len as usize))
    }

    /// Asks for the next blocks that were not asked for, into as many of these buffers as are
    /// wanted, and returns the others.
    ///
    /// # Errors
    /// When an earlier read has failed.
    ///
    /// # Panics
    /// When a buffer is smaller than its block, up to the alignment, or shared.
    pub fn supply(
        &mut self,
        driver: &mut Driver,
        mut buffers: Vec<IoBuffer>,
    ) -> Result<Vec<IoBuffer>, SpillError> {
        if self.failed {
            return Err(self.spilled.file.failed_before());
        }
        let spare = buffers.split_off(self.wanted().min(buffers.len()));
        let mut left = buffers.into_iter().peekable();
        while left.peek().is_some() {
            self.ask(driver, left.by_ref().take(Operation::PARTS_MAX).collect());
        }
        Ok(spare)
    }

    /// One read of as many blocks as there are buffers.
    fn ask(&mut self, driver: &mut Driver, buffers: Vec<IoBuffer>) {
        let file = self.spilled.file.file().clone();
        let blocks = &self.spilled.blocks[self.next..self.next + buffers.len()];
        let offset = blocks[0].offset;
        let part = |(buffer, block): (IoBuffer, &BlockEntry)| IoPart {
            buffer,
            len: padded(block.len as usize),
        };
        let mut parts: Vec<_> = buffers.into_iter().zip(blocks).map(part).collect();
        let count = parts.len();
        let operation = match parts.pop() {
            Some(IoPart { buffer, len }) if parts.is_empty() => {
                Operation::Read { file, offset, buffer, len }
            }
            last => {
                parts.extend(last);
                Operation::ReadSeveral { file, offset, parts }
            }
        };
        let id = driver.submit(operation);
        for index in self.next..self.next + count {
            self.window.push_back(Ahead::Asked(id, BlockIndex(index)));
        }
        self.next += count;
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
        let outcome = self.take_in(completion);
        self.failed |= outcome.is_err();
        outcome
    }

    fn take_in(&mut self, completion: Completion) -> Result<(), SpillError> {
        let Completion { id, result, buffer, mut buffers, .. } = completion;
        let is_asked = |ahead: &Ahead| matches!(ahead, Ahead::Asked(own, _) if *own == id);
        let first = self.window.iter().position(is_asked).expect("an operation of this reader");
        buffers.extend(buffer);
        let asked = self.index_at(first);
        let offset = self.entry(asked).offset;
        let read = result.map_err(|error| self.spilled.file.read_error(offset, error))?;
        for (place, buffer) in buffers.into_iter().enumerate() {
            let index = BlockIndex(asked.0 + place);
            let before = usize::try_from(self.entry(index).offset - offset).expect("one read");
            let block = self.checked(index, buffer, read.saturating_sub(before))?;
            self.window[first + place] = Ahead::Arrived(block);
        }
        Ok(())
    }

    fn index_at(&self, place: usize) -> BlockIndex {
        match &self.window[place] {
            Ahead::Asked(_, index) => *index,
            Ahead::Arrived(block) => block.index,
        }
    }

    /// The block, if its bytes are those that were written; `bytes` of them were read.
    fn checked(
        &self,
        index: BlockIndex,
        buffer: IoBuffer,
        bytes: usize,
    ) -> Result<SpillBlock, SpillError> {
        let file = &self.spilled.file;
        let entry = self.entry(index);
        let len = entry.len as usize;
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

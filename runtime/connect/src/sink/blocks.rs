//! Bytes of a file on their way to the disk, in blocks: one is filled while another is written.
//!
//! ```text
//!   block:  idle -> filling -> full -> written (asked for, under way) -> idle
//! ```
//!
//! A line that does not fit into the block that is being filled goes on in the next one; when that is
//! still under way the rest of the line waits in `rest`, which is the only part that can grow, and by
//! one line at most, since no further line is taken until it is empty.

use std::fmt;

use crate::constants::{WRITE_BLOCK, WRITE_BLOCKS};

/// A write to be done: the first `length` bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WriteAsk {
    pub(super) block: usize,
    pub(super) offset: u64,
    pub(super) length: usize,
}

/// Memory of a block, lent to whoever writes it.
pub(super) trait BlockMemory {
    fn zeroed(length: usize) -> Self;
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// The blocks of one file.
#[derive(Debug)]
pub(super) struct Blocks<M> {
    /// None while the memory is lent for a write.
    blocks: [Option<M>; WRITE_BLOCKS],
    filling: usize,
    filled: usize,
    /// Bytes that were asked to be written.
    offset: u64,
    under_way: usize,
    rest: Vec<u8>,
    /// Bytes at the front of `rest` that are in a block by now.
    rest_taken: usize,
}

impl<M: BlockMemory> Blocks<M> {
    pub(super) fn new() -> Blocks<M> {
        Blocks {
            blocks: std::array::from_fn(|_| Some(M::zeroed(WRITE_BLOCK))),
            filling: 0,
            filled: 0,
            offset: 0,
            under_way: 0,
            rest: Vec::new(),
            rest_taken: 0,
        }
    }

    /// Whether a line would be taken without waiting for a write.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.rest.is_empty() && self.filled < WRITE_BLOCK && self.blocks[self.filling].is_some()
    }

    /// Bytes taken so far.
    #[inline]
    pub(super) fn taken(&self) -> u64 {
        self.offset + (self.filled + self.rest.len() - self.rest_taken) as u64
    }

    /// Takes bytes, whether there is room or not.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.rest.is_empty()
            && let Some(block) = &mut self.blocks[self.filling]
            && let Some(room) = block.bytes_mut().get_mut(self.filled..self.filled + bytes.len())
        {
            room.copy_from_slice(bytes);
            self.filled += bytes.len();
        } else {
            self.push_across(bytes);
        }
    }

    #[cold]
    fn push_across(&mut self, bytes: &[u8]) {
        let taken = if self.rest.is_empty() { self.fill(bytes) } else { 0 };
        self.rest.extend_from_slice(&bytes[taken..]);
    }

    /// Puts into the block being filled what fits.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let Some(block) = &mut self.blocks[self.filling] else { return 0 };
        let room = &mut block.bytes_mut()[self.filled..];
        let taken = bytes.len().min(room.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        taken
    }

    /// The next write to be done, with the memory it writes from: a full block, or any block that
    /// has bytes when this is the `end`.
    pub(super) fn ask(&mut self, end: bool) -> Option<(WriteAsk, M)> {
        self.drain_rest();
        let is_due = self.filled == WRITE_BLOCK || (end && self.filled > 0);
        if !is_due {
            return None;
        }
        let memory = self.blocks[self.filling].take()?;
        let ask = WriteAsk { block: self.filling, offset: self.offset, length: self.filled };
        self.offset += self.filled as u64;
        self.under_way += 1;
        self.filling = (self.filling + 1) % WRITE_BLOCKS;
        self.filled = 0;
        self.drain_rest();
        Some((ask, memory))
    }

    fn drain_rest(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let rest = std::mem::take(&mut self.rest);
        self.rest_taken += self.fill(&rest[self.rest_taken..]);
        if self.rest_taken < rest.len() {
            self.rest = rest;
        } else {
            self.rest_taken = 0;
        }
    }

    /// A write has ended; its memory comes back.
    pub(super) fn complete(&mut self, block: usize, memory: M) {
        assert!(self.under_way > 0);
        assert!(self.blocks[block].is_none(), "the memory of block {block} was lent");
        self.under_way -= 1;
        self.blocks[block] = Some(memory);
        self.drain_rest();
    }

    /// Whether all bytes taken are written.
    pub(super) fn is_written(&self) -> bool {
        self.under_way == 0 && self.filled == 0 && self.rest.is_empty()
    }
}

impl<M: BlockMemory> fmt::Write for Blocks<M> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! The reads of one split, in order.

use std::ops::Range;

use crate::constants::{READ_CHUNK, TAIL_SLACK};

/// How much is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSizes {
    /// Bytes of one read.
    pub chunk: usize,
    /// Bytes beyond the end of a split that are read with its last chunk.
    pub tail: usize,
}

impl ReadSizes {
    /// Bytes of the largest read.
    pub fn buffer(&self) -> usize {
        self.chunk + self.tail
    }
}

impl Default for ReadSizes {
    fn default() -> ReadSizes {
        ReadSizes { chunk: READ_CHUNK, tail: TAIL_SLACK }
    }
}

/// A part of a file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRequest {
    /// First byte.
    pub offset: u64,
    /// Bytes, at most [`ReadSizes::buffer`].
    pub length: usize,
}

impl ReadRequest {
    /// One after the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.length as u64
    }
}

/// Plans the reads of one split: chunks up to its end and a little beyond, where its last record
/// very likely ends; more when it does not.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    next: u64,
    /// Where planned reads end.
    end: u64,
    /// Where the file ends.
    size: u64,
    sizes: ReadSizes,
}

impl ReadPlan {
    /// Plans the reads of `part` of a file of `size` bytes.
    pub fn new(part: Range<u64>, size: u64, sizes: ReadSizes) -> ReadPlan {
        assert!(part.start <= part.end && part.end <= size);
        assert!(sizes.chunk > 0);
        let end = part.end.saturating_add(sizes.tail as u64).min(size);
        ReadPlan { next: part.start, end, size, sizes }
    }

    /// The next read, if there is one to do ahead of what is being parsed.
    pub fn next_read(&mut self) -> Option<ReadRequest> {
        if self.next >= self.end {
            return None;
        }
        let length = match usize::try_from(self.end - self.next) {
            Ok(left) if left <= self.sizes.buffer() => left,
            _ => self.sizes.chunk,
        };
        let request = ReadRequest { offset: self.next, length };
        self.next = request.end();
        assert!(request.end() <= self.size);
        Some(request)
    }

    /// The record at the end of the split goes on: plans one more chunk. False at the end of the
    /// file.
    pub fn extend(&mut self) -> bool {
        assert_eq!(self.next, self.end, "what was planned has been asked for");
        self.end = (self.next + self.sizes.chunk as u64).min(self.size);
        self.next < self.end
    }
}

#[cfg(test)]
mod tests;

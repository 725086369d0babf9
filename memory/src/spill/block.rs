//! Blocks: where one lies in its file, and what must be read there.

use crate::driver::{AlignedBytes, IoBuffer};

/// Blocks begin and end, in the file and in memory, at multiples of this, as direct transfers want
/// it on every disk there is.
pub const BLOCK_ALIGNMENT: usize = 4096;

/// The number of a block in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockIndex(pub usize);

/// Place and checksum of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockEntry {
    pub(super) offset: u64,
    pub(super) len: u32,
    pub(super) checksum: u32,
}

const _: () = assert!(size_of::<BlockEntry>() == 16);

/// A block that was read and found whole.
#[derive(Debug)]
pub struct SpillBlock {
    /// Which one.
    pub index: BlockIndex,
    /// Holds its bytes at its start.
    pub buffer: IoBuffer,
    /// How many they are.
    pub len: usize,
}

impl SpillBlock {
    /// The bytes that were written.
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer.as_slice()[..self.len]
    }
}

/// What a block of `len` bytes takes in the file.
pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(BLOCK_ALIGNMENT)
}

/// The block in memory that can be written as it is, zeros up to the alignment included. A shared
/// buffer that doesn't begin and end at the alignment is copied; a segment never.
pub(super) fn aligned(block: IoBuffer, len: usize) -> IoBuffer {
    let bytes = block.as_slice();
    let fits = bytes.as_ptr().addr().is_multiple_of(BLOCK_ALIGNMENT) && padded(len) <= bytes.len();
    match block {
        IoBuffer::Segment(mut segment) if fits => {
            segment.as_mut_slice()[len..padded(len)].fill(0);
            IoBuffer::Segment(segment)
        }
        IoBuffer::Heap(mut heap) if fits => {
            heap.as_mut_slice()[len..padded(len)].fill(0);
            IoBuffer::Heap(heap)
        }
        shared @ IoBuffer::Buffer(_) if fits && len == padded(len) => shared,
        other => {
            let mut copy = AlignedBytes::zeroed(padded(len));
            copy.as_mut_slice()[..len].copy_from_slice(&other.as_slice()[..len]);
            IoBuffer::Heap(copy)
        }
    }
}

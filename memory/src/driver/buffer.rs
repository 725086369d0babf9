//! What an operation reads into or writes from.

use std::fmt;

use memmap2::MmapMut;

use crate::{Buffer, Segment};

/// Heap bytes on their own pages: zeroed, aligned to 4096 bytes, so usable with `O_DIRECT`.
///
/// Each costs a system call to make; for what is read and written often use segments.
pub struct AlignedBytes {
    pages: MmapMut,
}

impl AlignedBytes {
    /// `len` zeroed bytes.
    ///
    /// # Panics
    /// When `len` is zero or the system has no memory left, as other heap allocations do.
    pub fn zeroed(len: usize) -> AlignedBytes {
        assert!(len > 0, "a buffer of no bytes can't be read into or written");
        let pages = MmapMut::map_anon(len)
            .unwrap_or_else(|error| panic!("no memory for a buffer of {len} bytes: {error}"));
        AlignedBytes { pages }
    }

    /// A copy of `bytes`.
    ///
    /// # Panics
    /// As [`AlignedBytes::zeroed`].
    pub fn copy_of(bytes: &[u8]) -> AlignedBytes {
        let mut copy = AlignedBytes::zeroed(bytes.len());
        copy.pages.copy_from_slice(bytes);
        copy
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.pages
    }

    /// The bytes, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.pages
    }
}

impl fmt::Debug for AlignedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBytes({} bytes)", self.pages.len())
    }
}

/// A buffer moves into its operation and comes back in the completion.
#[derive(Debug)]
pub enum IoBuffer {
    /// A segment, which is the cheapest: it is registered with the kernel where that is possible.
    Segment(Segment),
    /// A shared slice of one: to write from only.
    Buffer(Buffer),
    /// Ordinary memory.
    Heap(AlignedBytes),
}

impl IoBuffer {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            IoBuffer::Segment(segment) => segment.as_slice(),
            IoBuffer::Buffer(buffer) => buffer,
            IoBuffer::Heap(bytes) => bytes.as_slice(),
        }
    }

    /// The bytes, to read into them.
    ///
    /// # Panics
    /// When they are shared.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            IoBuffer::Segment(segment) => segment.as_mut_slice(),
            IoBuffer::Buffer(_) => panic!("a shared buffer can't be read into"),
            IoBuffer::Heap(bytes) => bytes.as_mut_slice(),
        }
    }
}

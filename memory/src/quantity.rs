//! The quantities of this crate: how large a segment is, how many there are, which one it is.
//!
//! Invariants: a `SegmentSize` is a power of two from 4 KiB to 1 MiB, so that segments of one
//! mapping are page-aligned and 32-bit offsets suffice inside one. Plain values, any thread.

use std::fmt;

use crate::error::MemoryError;

/// The smallest legal segment: one page, which is also what direct I/O aligns to.
const SEGMENT_BYTES_MIN: usize = 4 << 10;
/// The largest legal segment: half a huge page; above it a pool of a few segments is too coarse.
const SEGMENT_BYTES_MAX: usize = 1 << 20;
/// The default of `taskmanager.memory.segment-size`.
const SEGMENT_BYTES_DEFAULT: usize = 32 << 10;

const _: () = assert!(SEGMENT_BYTES_MIN.is_power_of_two());
const _: () = assert!(SEGMENT_BYTES_MAX.is_power_of_two());
const _: () = assert!(SEGMENT_BYTES_DEFAULT >= SEGMENT_BYTES_MIN);
const _: () = assert!(SEGMENT_BYTES_DEFAULT <= SEGMENT_BYTES_MAX);

/// The size of every segment of one arena: a power of two from 4 KiB to 1 MiB.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SegmentSize(u32);

impl SegmentSize {
    /// The smallest legal size, 4 KiB.
    pub const MIN: SegmentSize = SegmentSize(SEGMENT_BYTES_MIN as u32);
    /// The largest legal size, 1 MiB.
    pub const MAX: SegmentSize = SegmentSize(SEGMENT_BYTES_MAX as u32);

    /// A segment size of `bytes`; an error unless it is a power of two from 4 KiB to 1 MiB.
    pub fn new(bytes: usize) -> Result<SegmentSize, MemoryError> {
        if !bytes.is_power_of_two() || !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes) {
            return Err(MemoryError::SegmentSize { bytes });
        }
        Ok(SegmentSize(u32::try_from(bytes).expect("at most 1 MiB")))
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl Default for SegmentSize {
    /// 32 KiB, the default of `taskmanager.memory.segment-size`.
    fn default() -> SegmentSize {
        SegmentSize(SEGMENT_BYTES_DEFAULT as u32)
    }
}

impl fmt::Display for SegmentSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB", self.bytes() >> 10)
    }
}

/// A number of segments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SegmentCount(pub u32);

impl SegmentCount {
    /// No segment.
    pub const ZERO: SegmentCount = SegmentCount(0);

    /// The bytes of this many segments of `size`.
    pub const fn bytes(self, size: SegmentSize) -> usize {
        self.0 as usize * size.bytes()
    }
}

impl fmt::Display for SegmentCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which segment of its arena: the offset in the mapping is this times the segment size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SegmentIndex(pub(crate) u32);

impl SegmentIndex {
    /// The number itself, from 0 to the arena's segment count.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SegmentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#![expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
//! A counted, read-only slice of a segment.
//!
//! Invariant: while there is a buffer nobody writes to its segment, and it covers only bytes that
//! were frozen. Clones and slices share the segment; the last of them takes it home. Any thread.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, Range};
use std::ptr::NonNull;

use crate::arena::SlotRef;
use crate::pool::give_back;
use crate::quantity::SegmentIndex;
use crate::segment::Segment;

/// A counted, read-only slice of a segment.
pub struct Buffer {
    data: NonNull<u8>,
    slot: SlotRef,
    len: usize,
}

const _: () = assert!(size_of::<Buffer>() == 24);
const _: () = assert!(size_of::<Option<Buffer>>() == 24);

// SAFETY: the bytes are read-only while any buffer exists, and the count of handles is atomic.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Takes over the only handle to `slot`.
    #[inline]
    pub(super) fn first(slot: SlotRef, len: usize) -> Buffer {
        Buffer { data: slot.data(), slot, len }
    }

    /// The bytes `range` of this buffer, sharing its segment. Panics when they are not inside it.
    #[inline]
    pub fn slice(&self, range: Range<usize>) -> Buffer {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "bytes {range:?} of a buffer of {}",
            self.len
        );
        self.slot.share();
        // SAFETY: `start` is at most `len`, so the result points into the segment or to its end.
        let data = unsafe { self.data.add(range.start) };
        Buffer { data, slot: self.slot, len: range.len() }
    }

    /// Its length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no byte.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Which segment of the arena it lies in.
    pub fn segment_index(&self) -> SegmentIndex {
        self.slot.index()
    }

    /// Where in its segment it starts.
    pub fn offset(&self) -> usize {
        self.data.as_ptr() as usize - self.slot.data().as_ptr() as usize
    }

    /// Whether this is the only handle to its segment.
    pub fn is_unique(&self) -> bool {
        self.slot.handles() == 1
    }

    /// The segment, to write to again, when this is the only handle to it; else the buffer.
    pub fn try_into_segment(self) -> Result<Segment, Buffer> {
        if !self.is_unique() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        Ok(Segment { data: this.slot.data(), slot: this.slot })
    }
}

impl Clone for Buffer {
    #[inline]
    fn clone(&self) -> Buffer {
        self.slot.share();
        Buffer { data: self.data, slot: self.slot, len: self.len }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        if self.slot.release() {
            give_back(self.slot);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `data` and `len` lie inside a segment that is mapped while this handle counts,
        // and that nobody writes to while it does.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Buffer(segment {}, {} bytes at {})",
            self.segment_index(),
            self.len,
            self.offset()
        )
    }
}

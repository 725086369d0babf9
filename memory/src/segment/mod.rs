#![expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
//! Handles to segments: [`Segment`] owns one, [`Buffer`] shares a read-only slice of one.
//!
//! A handle is two or three words; the counts are in the side table beside the segments. The last
//! handle to go takes the segment home to the pool that lent it, from whatever thread it is on.
//! Data plane: no allocation, no lock unless a pool gives a segment back to its region.

mod buffer;
mod holding;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

pub use buffer::Buffer;
pub use holding::{Claims, ClaimsRef, HeldIndex, Holding};

use crate::arena::{Slot, SlotRef};
use crate::pool::{Lane, give_back};
use crate::quantity::SegmentIndex;

/// The only handle to one segment: bytes to write to. Its drop returns the segment to the pool that
/// lent it.
pub struct Segment {
    data: NonNull<u8>,
    slot: SlotRef,
}

const _: () = assert!(size_of::<Segment>() == 16);
const _: () = assert!(size_of::<Option<Segment>>() == 16);

// SAFETY: a Segment is the only handle to its bytes, as a Box would be, and the slot it points to
// may be used from any thread.
unsafe impl Send for Segment {}
// SAFETY: a shared reference to a Segment only reads its bytes.
unsafe impl Sync for Segment {}

impl Segment {
    /// The first handle to a segment that was at home, taken for `lane`.
    #[inline]
    pub(crate) fn lend(slot: &Slot, lane: Option<Lane>) -> Segment {
        slot.lend(lane);
        Segment { data: slot.data(), slot: SlotRef::new(slot) }
    }

    /// Its bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the slot gives start and size of bytes that are mapped while the segment is lent,
        // zeroed by the kernel, and written by nobody but the holder of this handle.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.slot.size()) }
    }

    /// Its bytes, to write.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and this handle is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.slot.size()) }
    }

    /// Its size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.slot.size()
    }

    /// Ends writing: the first `len` bytes become a read-only buffer, the rest is out of reach.
    ///
    /// Panics when `len` is more than the segment has.
    #[inline]
    pub fn freeze(self, len: usize) -> Buffer {
        assert!(len <= self.slot.size(), "a buffer of {len} bytes in a smaller segment");
        let this = ManuallyDrop::new(self);
        Buffer::first(this.slot, len)
    }

    /// Which segment of the arena it is.
    pub fn index(&self) -> SegmentIndex {
        self.slot.index()
    }
}

impl Drop for Segment {
    #[inline]
    fn drop(&mut self) {
        let last = self.slot.release();
        assert!(last, "a segment that is written to has one handle");
        give_back(self.slot);
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({}, {} bytes)", self.index(), self.size())
    }
}

#![expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
//! Numbered segments of one holder, written in place until they are frozen.
//!
//! A hash table or a log keeps its bytes in segments that it reaches by number, many times for each
//! that it takes. So the address and the size are here, and not, as for a lone [`Segment`], in the
//! side table, whose line would be one more to miss.
//!
//! Freezing shares a segment: the buffer that is given out must not change, so a frozen segment is
//! read-only until it is thawed (nobody has a buffer of it any more) or replaced (by a copy).
//! Invariant: an open segment has one handle, the holding's. Data plane, one thread at a time.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::{Buffer, Segment};
use crate::arena::SlotRef;
use crate::quantity::SegmentSize;

/// Which segment of a [`Holding`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HeldIndex(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The holding's only.
    Open,
    /// Buffers of it may be out.
    Frozen,
    /// Taken out; the number waits to be used again.
    Gone,
}

#[derive(Clone, Copy)]
struct Entry {
    data: NonNull<u8>,
    slot: SlotRef,
    state: State,
}

/// Segments by number.
pub struct Holding {
    entries: Vec<Entry>,
    unused: Vec<HeldIndex>,
    size: usize,
}

// SAFETY: a holding is the only handle to its open segments, and a reader of its frozen ones, as
// `Segment` and `Buffer` are, which may both be sent.
unsafe impl Send for Holding {}
// SAFETY: a shared reference to a holding only reads bytes.
unsafe impl Sync for Holding {}

impl Holding {
    /// Of segments of `size`, none yet.
    pub fn new(size: SegmentSize) -> Holding {
        Holding { entries: Vec::new(), unused: Vec::new(), size: size.bytes() }
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.unused.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of each segment.
    #[inline(always)]
    pub fn segment_bytes(&self) -> usize {
        self.size
    }

    /// Adds a segment, open; its number, which may be one that was used before.
    pub fn add(&mut self, segment: Segment) -> HeldIndex {
        let entry = self.entry(segment);
        if let Some(index) = self.unused.pop() {
            self.entries[index.0 as usize] = entry;
            return index;
        }
        self.entries.push(entry);
        HeldIndex(u32::try_from(self.entries.len() - 1).expect("an arena has fewer segments"))
    }

    fn entry(&self, segment: Segment) -> Entry {
        assert_eq!(segment.size(), self.size, "a segment of another size");
        let segment = ManuallyDrop::new(segment);
        Entry { data: segment.data, slot: segment.slot, state: State::Open }
    }

    /// Takes a segment out and drops it; buffers of it live on.
    pub fn remove(&mut self, index: HeldIndex) {
        self.release(index);
        self.entries[index.0 as usize].state = State::Gone;
        self.unused.push(index);
    }

    /// Puts `segment`, open, in the place of one that is dropped; buffers of that live on.
    pub fn replace(&mut self, index: HeldIndex, segment: Segment) {
        self.release(index);
        self.entries[index.0 as usize] = self.entry(segment);
    }

    fn release(&mut self, index: HeldIndex) {
        let Entry { data, slot, state } = self.entries[index.0 as usize];
        match state {
            State::Open => drop(Segment { data, slot }),
            State::Frozen => drop(Buffer::first(slot, self.size)),
            State::Gone => panic!("{index:?} was taken out before"),
        }
    }

    /// The bytes of a segment.
    #[inline(always)]
    pub fn bytes(&self, index: HeldIndex) -> &[u8] {
        let entry = &self.entries[index.0 as usize];
        assert!(entry.state != State::Gone, "a segment that was taken out");
        // SAFETY: `data` starts `size` bytes that are mapped while this entry counts as a handle,
        // and that only this holding writes to, while nobody borrows it.
        unsafe { std::slice::from_raw_parts(entry.data.as_ptr(), self.size) }
    }

    /// The bytes of an open segment, to write.
    ///
    /// Panics when it is frozen: a buffer of it might be out.
    #[inline(always)]
    pub fn bytes_mut(&mut self, index: HeldIndex) -> &mut [u8] {
        let entry = &self.entries[index.0 as usize];
        assert!(entry.state == State::Open, "a segment that is not open");
        // SAFETY: as in `bytes`; it is open, so this entry is the only handle to it, and the holding
        // is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(entry.data.as_ptr(), self.size) }
    }

    /// Whether a segment may be written to.
    #[inline(always)]
    pub fn is_open(&self, index: HeldIndex) -> bool {
        self.entries[index.0 as usize].state == State::Open
    }

    /// Shares a segment: it keeps its bytes as they are until the buffer is dropped.
    pub fn freeze(&mut self, index: HeldIndex) -> Buffer {
        let entry = &mut self.entries[index.0 as usize];
        assert!(entry.state != State::Gone, "a segment that was taken out");
        entry.state = State::Frozen;
        entry.slot.share();
        Buffer::first(entry.slot, self.size)
    }

    /// Opens a frozen segment if no buffer of it is out; whether it is open now.
    pub fn thaw(&mut self, index: HeldIndex) -> bool {
        let entry = &mut self.entries[index.0 as usize];
        assert!(entry.state != State::Gone, "a segment that was taken out");
        if entry.slot.handles() == 1 {
            entry.state = State::Open;
        }
        entry.state == State::Open
    }

    /// The numbers of all segments there are.
    pub fn indices(&self) -> impl Iterator<Item = HeldIndex> {
        let held = self.entries.iter().enumerate().filter(|(_, entry)| entry.state != State::Gone);
        held.map(|(at, _)| HeldIndex(at as u32))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let held: Vec<HeldIndex> = self.indices().collect();
        held.into_iter().for_each(|index| self.remove(index));
    }
}

impl fmt::Debug for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holding({} segments of {} bytes)", self.len(), self.size)
    }
}

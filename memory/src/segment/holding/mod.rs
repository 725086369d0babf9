#![expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
//! Numbered segments of one holder, written in place until they are frozen.
//!
//! A hash table or a log keeps its bytes in segments that it reaches by number, many times for each
//! that it takes. So the address and the size are here, and not, as for a lone [`Segment`], in the
//! side table, whose line would be one more to miss.
//!
//! Freezing shares a segment: the buffer that is given out must not change, so a frozen segment is
//! read-only until it is thawed (nobody has a buffer of it any more) or replaced (by a copy).
//!
//! All segments at once are frozen without being touched ([`Holding::freeze_all`]): a segment is open
//! if it was opened in the present epoch, and a freeze begins another. What somebody wants of the
//! frozen ones is noted in a [`Claims`]; a segment that nobody has come for when it is about to change
//! or to go is handed over there and then.
//!
//! A segment can be lifted out while its number stays in use, its bytes being kept elsewhere, and be put
//! down again ([`Holding::lift`]). What was put down is frozen, so that its holder learns of the first
//! change.
//!
//! Invariants: an open segment has one handle, the holding's, and no claim. A claim without a handle
//! of its own is for a segment that the holding still has. Data plane, one thread at a time.

mod claims;

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::{Buffer, Segment};
use crate::arena::SlotRef;
use crate::quantity::SegmentSize;
pub use claims::{Claims, ClaimsRef};

/// Which segment of a [`Holding`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HeldIndex(pub u32);

/// The time between two freezes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Epoch(u32);

impl Epoch {
    /// Of a segment that was frozen by itself.
    const NEVER: Epoch = Epoch(0);
    /// Of a number whose segment was taken out; it waits to be used again.
    const GONE: Epoch = Epoch(u32::MAX);
    /// Of a number whose segment was lifted out. What is in memory has an epoch before.
    const AWAY: Epoch = Epoch(u32::MAX - 1);
    const FIRST: Epoch = Epoch(1);
}

#[derive(Clone, Copy)]
struct Entry {
    data: NonNull<u8>,
    slot: SlotRef,
    /// When it was opened; open if that is now.
    opened: Epoch,
}

/// Segments by number.
pub struct Holding {
    entries: Vec<Entry>,
    unused: Vec<HeldIndex>,
    size: usize,
    epoch: Epoch,
    /// Of freezes whose segments somebody still wants.
    claims: Vec<ClaimsRef>,
}

// SAFETY: a holding is the only handle to its open segments, and a reader of its frozen ones, as
// `Segment` and `Buffer` are, which may both be sent.
unsafe impl Send for Holding {}
// SAFETY: a shared reference to a holding only reads bytes.
unsafe impl Sync for Holding {}

impl Holding {
    /// Of segments of `size`, none yet.
    pub fn new(size: SegmentSize) -> Holding {
        let (entries, unused, claims) = (Vec::new(), Vec::new(), Vec::new());
        Holding { entries, unused, size: size.bytes(), epoch: Epoch::FIRST, claims }
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
        Entry { data: segment.data, slot: segment.slot, opened: self.epoch }
    }

    /// Takes a segment out and drops it; buffers of it live on.
    pub fn remove(&mut self, index: HeldIndex) {
        self.release(index);
        self.entries[index.0 as usize].opened = Epoch::GONE;
        self.unused.push(index);
    }

    /// Puts `segment`, open, in the place of one that is dropped; buffers of that live on.
    pub fn replace(&mut self, index: HeldIndex, segment: Segment) {
        self.release(index);
        self.entries[index.0 as usize] = self.entry(segment);
    }

    fn release(&mut self, index: HeldIndex) {
        let Entry { data, slot, opened } = self.entries[index.0 as usize];
        assert!(opened != Epoch::GONE, "{index:?} was taken out before");
        if opened == Epoch::AWAY {
            return;
        }
        if opened == self.epoch {
            return drop(Segment { data, slot });
        }
        let buffer = Buffer::first(slot, self.size);
        self.claims.retain(ClaimsRef::is_wanted);
        self.claims.iter().for_each(|claims| claims.hand_over(index, &buffer));
    }

    /// Whether there is a segment of this number.
    pub fn has(&self, index: HeldIndex) -> bool {
        self.entries.get(index.0 as usize).is_some_and(|entry| entry.opened < Epoch::AWAY)
    }

    /// All segments, numbered as they were, which it has no more.
    pub fn take_all(&mut self) -> Holding {
        let (entries, unused, claims) = (Vec::new(), Vec::new(), Vec::new());
        let none = Holding { entries, unused, claims, ..*self };
        std::mem::replace(self, none)
    }

    /// The bytes of a segment.
    #[inline(always)]
    pub fn bytes(&self, index: HeldIndex) -> &[u8] {
        let entry = &self.entries[index.0 as usize];
        assert!(entry.opened < Epoch::AWAY, "a segment that was taken out");
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
        assert!(entry.opened == self.epoch, "a segment that is not open");
        // SAFETY: as in `bytes`; it is open, so this entry is the only handle to it, and the holding
        // is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(entry.data.as_ptr(), self.size) }
    }

    /// Whether a segment may be written to.
    #[inline(always)]
    pub fn is_open(&self, index: HeldIndex) -> bool {
        self.entries[index.0 as usize].opened == self.epoch
    }

    /// Shares a segment: it keeps its bytes as they are until the buffer is dropped.
    pub fn freeze(&mut self, index: HeldIndex) -> Buffer {
        let entry = &mut self.entries[index.0 as usize];
        assert!(entry.opened < Epoch::AWAY, "a segment that was taken out");
        entry.opened = Epoch::NEVER;
        entry.slot.share();
        Buffer::first(entry.slot, self.size)
    }

    /// Freezes all segments, of which those that are `wanted`, in order, can be had from the claims: each
    /// is handed over when it is asked for, or before it changes. Takes time only for these.
    ///
    /// # Panics
    /// If one of them is not there, or comes before another of a lesser number.
    pub fn freeze_all(&mut self, wanted: Vec<HeldIndex>) -> Claims {
        self.epoch = Epoch(self.epoch.0 + 1);
        assert!(self.epoch < Epoch::AWAY, "a holding is frozen less than 2^32 times");
        let slot = |index: &HeldIndex| {
            let Entry { slot, opened, .. } = self.entries[index.0 as usize];
            assert!(opened < Epoch::AWAY, "{index:?} is not there");
            slot
        };
        let slots = wanted.iter().map(slot).collect();
        let claims = Claims::new(wanted, slots, self.size);
        self.claims.retain(ClaimsRef::is_wanted);
        self.claims.push(claims.downgrade());
        claims
    }

    /// Opens a frozen segment if nobody has a buffer of it or a claim to it; whether it is open now.
    pub fn thaw(&mut self, index: HeldIndex) -> bool {
        let Entry { slot, opened, .. } = self.entries[index.0 as usize];
        assert!(opened < Epoch::AWAY, "a segment that was taken out");
        // Claims first: one that was taken by another thread meanwhile has become a handle.
        let is_free = |claims: &ClaimsRef| !claims.is_waiting_for(index);
        if opened != self.epoch && self.claims.iter().all(is_free) && slot.handles() == 1 {
            self.entries[index.0 as usize].opened = self.epoch;
        }
        self.is_open(index)
    }

    /// The same where there is no segment to copy to: whoever has a claim gets a copy on the heap.
    /// False if a buffer of it is out.
    pub fn thaw_by_heap(&mut self, index: HeldIndex) -> bool {
        let bytes = self.bytes(index);
        self.claims.iter().for_each(|claims| claims.copy_aside(index, bytes));
        self.thaw(index)
    }

    /// Takes the segment of a number out of memory; `None`, and nothing, if somebody has a buffer of it.
    /// The number stays in use, and nobody has a claim to it any more: whoever lifts it out has kept its
    /// bytes for them.
    pub fn lift(&mut self, index: HeldIndex) -> Option<Segment> {
        let Entry { data, slot, opened } = self.entries[index.0 as usize];
        assert!(opened < Epoch::AWAY, "a segment that was taken out");
        // Claims first: one that was taken by another thread meanwhile has become a handle.
        self.claims.iter().for_each(|claims| claims.withdraw(index));
        if slot.handles() != 1 {
            return None;
        }
        self.entries[index.0 as usize].opened = Epoch::AWAY;
        Some(Segment { data, slot })
    }

    /// Gives a number whose segment was lifted out one again, frozen.
    pub fn put_down(&mut self, index: HeldIndex, segment: Segment) {
        assert!(self.is_away(index), "{index:?} has a segment");
        self.entries[index.0 as usize] = Entry { opened: Epoch::NEVER, ..self.entry(segment) };
    }

    /// Whether a segment was lifted out.
    pub fn is_away(&self, index: HeldIndex) -> bool {
        self.entries[index.0 as usize].opened == Epoch::AWAY
    }

    /// Whether a segment is in memory and nobody has a buffer of it.
    pub fn is_sole(&self, index: HeldIndex) -> bool {
        let Entry { slot, opened, .. } = self.entries[index.0 as usize];
        opened < Epoch::AWAY && slot.handles() == 1
    }

    /// Whether somebody waits for what a segment was when it was frozen.
    pub fn is_claimed(&self, index: HeldIndex) -> bool {
        self.claims.iter().any(|claims| claims.is_waiting_for(index))
    }

    /// Numbers are below this.
    pub fn numbers(&self) -> usize {
        self.entries.len()
    }

    /// The numbers of all segments there are, those that were lifted out among them.
    pub fn indices(&self) -> impl Iterator<Item = HeldIndex> {
        let held = self.entries.iter().enumerate().filter(|(_, entry)| entry.opened != Epoch::GONE);
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

#![expect(unsafe_code, reason = "handles point into the side table, which outlives them")]
//! The side table: one slot beside each segment, with all that is known about it.
//!
//! A slot says how many handles a segment has, which pool lent it, and which segment follows it in
//! whatever list it is on. So a handle is two pointers, and passing one on allocates nothing.
//!
//! ```text
//! offset  0  data    where the segment's bytes start
//!         8  pool    the pool that drew it, null while it is in the region's free list
//!        16  count   handles: 0 at home, 1 unique, more when shared
//!        20  next    the segment below it on its list: local number plus one, 0 for none
//!        24  size    bytes
//!        28  local   number within the region
//!        32  index   number within the arena
//!        36  lane    what it was taken for: the pool's lane plus one, 0 for none
//! ```
//!
//! Invariants: a slot is on at most one list, and on none while its count is not 0. `pool` changes
//! only under the region's lock. A slot fills one cache line so that neighbours held by different
//! cores do not disturb one another. Any thread.

use std::ptr::NonNull;

use crate::pool::{Lane, PoolShared};
use crate::quantity::{SegmentIndex, SegmentSize};
use crate::sync::{AtomicPtr, AtomicU32, Ordering, fence};

/// Handles to one segment beyond which something must be leaking them: half of what the count
/// holds, so that racing increments stop far from wrapping.
const HANDLES_MAX: u32 = u32::MAX / 2;

/// A segment's number within its region, as the lists write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Local(pub(crate) u32);

impl Local {
    /// One 32-bit word for a link: the number plus one, 0 for the end of a list.
    pub(crate) fn pack(link: Option<Local>) -> u32 {
        link.map_or(0, |local| local.0 + 1)
    }

    /// The reverse of [`Local::pack`].
    pub(crate) fn unpack(word: u32) -> Option<Local> {
        word.checked_sub(1).map(Local)
    }
}

/// What is known about one segment.
#[repr(C, align(64))]
pub(crate) struct Slot {
    data: NonNull<u8>,
    pool: AtomicPtr<PoolShared>,
    count: AtomicU32,
    next: AtomicU32,
    size: u32,
    local: Local,
    index: SegmentIndex,
    lane: AtomicU32,
}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Slot>() == 64);
    assert!(std::mem::offset_of!(Slot, pool) == 8);
    assert!(std::mem::offset_of!(Slot, count) == 16);
    assert!(std::mem::offset_of!(Slot, next) == 20);
    assert!(std::mem::offset_of!(Slot, size) == 24);
    assert!(std::mem::offset_of!(Slot, local) == 28);
    assert!(std::mem::offset_of!(Slot, index) == 32);
    assert!(std::mem::offset_of!(Slot, lane) == 36);
};

impl Slot {
    /// Bytes in the segment.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// The segment's number within its arena.
    pub(crate) fn index(&self) -> SegmentIndex {
        self.index
    }

    /// The segment's number within its region.
    #[inline]
    pub(crate) fn local(&self) -> Local {
        self.local
    }

    /// Where the segment's bytes start.
    #[inline]
    pub(crate) fn data(&self) -> NonNull<u8> {
        self.data
    }

    /// How many handles there are; exact only for who holds one.
    pub(crate) fn handles(&self) -> u32 {
        // Acquire pairs with the Release in `release`: who finds itself alone sees all reads done.
        self.count.load(Ordering::Acquire)
    }

    /// From home to one handle, taken for `lane`.
    #[inline]
    pub(crate) fn lend(&self, lane: Option<Lane>) {
        // Relaxed: the list the slot came from has ordered this after the last `release`.
        assert_eq!(self.count.load(Ordering::Relaxed), 0, "a segment lent twice");
        self.count.store(1, Ordering::Relaxed);
        // Relaxed: as above; handles order it before the last `release`.
        self.lane.store(Lane::pack(lane), Ordering::Relaxed);
    }

    /// What the segment was taken for.
    #[inline]
    pub(crate) fn lane(&self) -> Option<Lane> {
        // Relaxed: written when it was lent, and handles order what comes after.
        Lane::unpack(self.lane.load(Ordering::Relaxed))
    }

    /// One handle more, made from an existing one.
    #[inline]
    pub(crate) fn share(&self) {
        // Relaxed: the new handle reaches other threads only by way of the old one's thread.
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        assert!(before > 0, "a handle made from a segment that is at home");
        assert!(before < HANDLES_MAX, "handles of segment {} leak", self.index);
    }

    /// One handle less; true when it was the last, and the caller must take the segment home.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        // Acquire pairs with the Release below. A sole holder needs no read-modify-write: nobody
        // else can make handles.
        if self.count.load(Ordering::Acquire) == 1 {
            self.count.store(0, Ordering::Relaxed);
            return true;
        }
        // Release pairs with the fence and the Acquire loads: reads of the bytes come before.
        let before = self.count.fetch_sub(1, Ordering::Release);
        assert!(before > 0, "a handle of segment {} was released twice", self.index);
        if before == 1 {
            fence(Ordering::Acquire);
        }
        before == 1
    }

    /// The segment below this one on its list.
    #[inline]
    pub(crate) fn next(&self) -> Option<Local> {
        // Relaxed: the word at the head of each list orders it.
        Local::unpack(self.next.load(Ordering::Relaxed))
    }

    /// Puts this one above `below`.
    #[inline]
    pub(crate) fn set_next(&self, below: Option<Local>) {
        // Relaxed: the word at the head of each list orders it.
        self.next.store(Local::pack(below), Ordering::Relaxed);
    }

    /// The pool that drew this segment, null when none did.
    #[inline]
    pub(crate) fn pool(&self) -> *const PoolShared {
        // Relaxed: written before the segment was lent, and handles order what comes after.
        self.pool.load(Ordering::Relaxed)
    }

    /// Names the pool that draws this segment, or null when it goes to the free list. The caller
    /// holds the region's lock.
    pub(crate) fn set_pool(&self, pool: *const PoolShared) {
        self.pool.store(pool.cast_mut(), Ordering::Relaxed);
    }
}

/// The slots of one region.
pub(crate) struct Slots {
    slots: Box<[Slot]>,
}

// SAFETY: `data` is the only field that is not Send by itself; it points into the mapping, which
// the region keeps as long as its slots, and whose bytes only handles touch.
unsafe impl Send for Slots {}
// SAFETY: as above; the other fields that change are atomics.
unsafe impl Sync for Slots {}

impl Slots {
    /// The slots of `count` segments of `size` that lie one after another from `data` on, the first
    /// of which is number `first` of the arena.
    pub(crate) fn new(data: *mut u8, size: SegmentSize, first: u32, count: u32) -> Slots {
        let slot = |local: u32| Slot {
            data: NonNull::new(data.wrapping_add(local as usize * size.bytes()))
                .expect("a mapping does not start at address zero"),
            pool: AtomicPtr::new(std::ptr::null_mut()),
            count: AtomicU32::new(0),
            next: AtomicU32::new(0),
            size: u32::try_from(size.bytes()).expect("at most 1 MiB"),
            local: Local(local),
            index: SegmentIndex(first + local),
            lane: AtomicU32::new(0),
        };
        Slots { slots: (0..count).map(slot).collect() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The slot with this number.
    #[inline]
    pub(crate) fn get(&self, local: Local) -> &Slot {
        &self.slots[local.0 as usize]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }
}

/// A pointer to the slots of a region, for who keeps the region besides.
#[derive(Clone, Copy)]
pub(crate) struct SlotsRef(NonNull<[Slot]>);

// SAFETY: a slot may be used from any thread (see `Slots`).
unsafe impl Send for SlotsRef {}
// SAFETY: as above.
unsafe impl Sync for SlotsRef {}

impl SlotsRef {
    /// Points to `slots`. The result may be used only while their region exists.
    pub(crate) fn new(slots: &Slots) -> SlotsRef {
        SlotsRef(NonNull::from(&*slots.slots))
    }

    /// The slot with this number.
    #[inline]
    pub(crate) fn get(&self, local: Local) -> &Slot {
        // SAFETY: only a `Pool` keeps a SlotsRef, beside the region that keeps the slots.
        let slots = unsafe { self.0.as_ref() };
        &slots[local.0 as usize]
    }
}

/// A pointer to a slot, held by whoever holds the segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotRef(NonNull<Slot>);

// SAFETY: a slot may be used from any thread (see `Slots`).
unsafe impl Send for SlotRef {}
// SAFETY: as above.
unsafe impl Sync for SlotRef {}

impl SlotRef {
    /// Points to `slot`. The result may be used only while the segment is lent: a region with lent
    /// segments is never freed.
    #[inline]
    pub(crate) fn new(slot: &Slot) -> SlotRef {
        SlotRef(NonNull::from(slot))
    }
}

impl std::ops::Deref for SlotRef {
    type Target = Slot;

    #[inline]
    fn deref(&self) -> &Slot {
        // SAFETY: only `Segment` and `Buffer` keep a SlotRef, and only while their count in the
        // slot is not 0; a region whose segments are lent is leaked rather than freed (`Keeper`).
        unsafe { self.0.as_ref() }
    }
}

//! One bucket: a segment with a control byte for each slot, then the slots.
//!
//! ```text
//! 0        slots      slots + 16    slots_at                                  segment
//! | control | first 16 again | pad  | slot 0 | slot 1 | ...             | rest |
//! ```
//!
//! A key's search begins at its home, which its hash gives, and goes on slot by slot, around the end.
//! Sixteen control bytes are looked at together wherever they begin, which is why the first are
//! repeated behind the last. So a key lies at its home or a few slots behind it, and the two cache
//! lines of a search, control and slot, are both known from the hash alone.

use std::marker::PhantomData;

use super::control::{DELETED, EMPTY, WINDOW, Window};

/// Slots begin on a cache line.
const SLOTS_ALIGN: usize = 64;
/// Bits of a hash that are compared before a key is.
const TAG_BITS: u32 = 7;

/// What a slot is.
pub(super) trait Slot {
    /// Its size.
    const BYTES: usize;

    /// The hash of the key in it.
    fn hash(slot: &[u8]) -> u32;
}

/// How slots lie in a segment.
pub(super) struct Geometry<S> {
    slots: usize,
    slots_at: usize,
    home_bits: u32,
    slot: PhantomData<fn() -> S>,
}

/// What becomes of a slot whose key is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Erased {
    /// As if it had never been used.
    Clean,
    /// Searches go on behind it.
    Tombstone,
}

impl<S: Slot> Geometry<S> {
    /// As many slots as fit into `segment_bytes`.
    pub(super) fn new(segment_bytes: usize) -> Self {
        let slots_at = |slots: usize| (slots + WINDOW).next_multiple_of(SLOTS_ALIGN);
        let mut slots = segment_bytes / (S::BYTES + 1);
        while slots_at(slots) + slots * S::BYTES > segment_bytes {
            slots -= 1;
        }
        assert!(slots > 2 * WINDOW, "{slots} slots in {segment_bytes} bytes");
        let home_bits = (slots as u32).next_power_of_two().trailing_zeros();
        Self { slots, slots_at: slots_at(slots), home_bits, slot: PhantomData }
    }

    /// Keys that a bucket holds: at seven eighths searches are still short.
    pub(super) fn capacity(&self) -> usize {
        self.slots / 8 * 7
    }

    /// Slots that share a cache line, where lines hold whole ones.
    const PER_LINE: usize =
        if SLOTS_ALIGN.is_multiple_of(S::BYTES) { SLOTS_ALIGN / S::BYTES } else { 1 };

    /// Whether slots lie across the bounds of lines.
    const STRADDLES: bool = !SLOTS_ALIGN.is_multiple_of(S::BYTES);

    /// Where the search for a hash begins: at the first slot of a cache line, so that it mostly
    /// ends in the same line. The low bits decide, the directory uses the high ones.
    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        let low = hash & ((1 << self.home_bits) - 1);
        let slot = (low as usize * self.slots) >> self.home_bits;
        slot - slot % Self::PER_LINE
    }

    #[inline(always)]
    fn tag(&self, hash: u32) -> u8 {
        (hash >> self.home_bits) as u8 & ((1 << TAG_BITS) - 1)
    }

    #[inline(always)]
    fn wrapped(&self, slot: usize) -> usize {
        if slot >= self.slots { slot - self.slots } else { slot }
    }

    /// The first bytes of the two cache lines in which the search for `hash` begins, and of the line
    /// behind, where slots don't fill lines: there a search goes on as often as not.
    #[inline(always)]
    pub(super) fn lines<'a>(&self, bytes: &'a [u8], hash: u32) -> (&'a u8, &'a u8, Option<&'a u8>) {
        let home = self.home(hash);
        let slot = self.slots_at + home * S::BYTES;
        let behind = if Self::STRADDLES { bytes.get(slot + SLOTS_ALIGN) } else { None };
        (&bytes[home], &bytes[slot], behind)
    }

    /// The slot that `is` recognizes by its bytes.
    #[inline(always)]
    pub(super) fn find(
        &self,
        bytes: &[u8],
        hash: u32,
        mut is: impl FnMut(&[u8]) -> bool,
    ) -> Option<usize> {
        let (mut at, tag) = (self.home(hash), self.tag(hash));
        loop {
            let window = Window::at(bytes, at);
            for hit in window.equal(tag) {
                let slot = self.wrapped(at + hit);
                if is(self.slot(bytes, slot)) {
                    return Some(slot);
                }
            }
            // There is an empty one: a bucket is never full.
            if window.equal(EMPTY).found() {
                return None;
            }
            at = self.wrapped(at + WINDOW);
        }
    }

    /// Where a slot begins.
    #[inline(always)]
    pub(super) fn offset(&self, slot: usize) -> usize {
        self.slots_at + slot * S::BYTES
    }

    /// The bytes of a slot.
    #[inline(always)]
    pub(super) fn slot<'a>(&self, bytes: &'a [u8], slot: usize) -> &'a [u8] {
        &bytes[self.offset(slot)..][..S::BYTES]
    }

    /// The bytes of a slot, to write.
    #[inline(always)]
    pub(super) fn slot_mut<'a>(&self, bytes: &'a mut [u8], slot: usize) -> &'a mut [u8] {
        &mut bytes[self.offset(slot)..][..S::BYTES]
    }

    /// Makes a bucket without keys of a segment's bytes.
    pub(super) fn clear(&self, bytes: &mut [u8]) {
        bytes[..self.slots + WINDOW].fill(EMPTY);
    }

    fn set(&self, bytes: &mut [u8], slot: usize, control: u8) {
        bytes[slot] = control;
        if slot < WINDOW {
            bytes[self.slots + slot] = control;
        }
    }

    /// Gives `hash` a slot; whether it was one that had never been used. There must be a free one.
    pub(super) fn occupy(&self, bytes: &mut [u8], hash: u32) -> (usize, bool) {
        let mut at = self.home(hash);
        loop {
            let free = Window::at(bytes, at).free();
            if free.found() {
                let slot = self.wrapped(at + free.before_first());
                let fresh = bytes[slot] == EMPTY;
                self.set(bytes, slot, self.tag(hash));
                return (slot, fresh);
            }
            at = self.wrapped(at + WINDOW);
        }
    }

    /// Takes the key out of a slot.
    pub(super) fn erase(&self, bytes: &mut [u8], slot: usize) -> Erased {
        assert!(bytes[slot] < DELETED, "a slot without a key");
        let before = self.wrapped(slot + self.slots - WINDOW);
        let used_before = Window::at(bytes, before).equal(EMPTY).behind_last();
        let used_from = Window::at(bytes, slot).equal(EMPTY).before_first();
        // A search that passed this slot saw sixteen used ones in a row, this one among them.
        if used_before + used_from >= WINDOW {
            self.set(bytes, slot, DELETED);
            return Erased::Tombstone;
        }
        self.set(bytes, slot, EMPTY);
        Erased::Clean
    }

    /// The first slot with a key at or behind `from`.
    #[inline]
    pub(super) fn occupied_from(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let control = bytes[..self.slots].get(from..)?;
        control.iter().position(|control| *control < DELETED).map(|at| from + at)
    }

    /// Counts slots with keys and tombstones, and checks what must hold.
    pub(super) fn verify(&self, bytes: &[u8]) -> (usize, usize) {
        assert_eq!(bytes[..WINDOW], bytes[self.slots..self.slots + WINDOW], "the first again");
        let control = &bytes[..self.slots];
        let live = control.iter().filter(|control| **control < DELETED).count();
        let deleted = control.iter().filter(|control| **control == DELETED).count();
        (live, deleted)
    }
}

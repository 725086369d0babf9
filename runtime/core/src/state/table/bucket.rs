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
//!
//! Where any bytes are a key, as with integers, slots without one hold [`VACANT`] in its place. Then the
//! slots of the first line are compared as they are, and most searches touch no control byte: going to
//! memory twice for a key costs more than comparing those of a line. A key that looks like none is
//! searched by its control bytes, and so is one that found its line full when it came: of a bucket that
//! is half full one in 25. Where buckets are fuller, all are.

use std::marker::PhantomData;

use super::control::{DELETED, EMPTY, WINDOW, Window};

/// A cache line, on which slots begin.
const LINE: usize = 64;
/// Bits of a hash that are compared before a key is.
const TAG_BITS: u32 = 7;
/// Each byte in the place of a key where there is none.
pub(super) const VACANT: u8 = 0xff;
/// Longer keys are compared one after the other, behind their tags.
const COMPARED_KEY_BYTES: usize = 16;

/// What a slot is.
pub(super) trait Slot {
    /// Its size.
    const BYTES: usize;

    /// Bytes of the key it begins with, where [`VACANT`] ones can be looked at as if they were one.
    fn key_bytes() -> Option<usize>;

    /// The hash of the key in it.
    fn hash(slot: &[u8]) -> u32;
}

/// How slots lie in a segment.
pub(super) struct Geometry<S> {
    slots: usize,
    slots_at: usize,
    home_bits: u32,
    /// Bytes of a key if slots without one say so by themselves.
    vacant: Option<usize>,
    slot: PhantomData<fn() -> S>,
}

/// Whether searches mostly end in the line of slots in which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fullness {
    /// Where five eighths are used, one in fifteen does not.
    Loose,
    /// They are too full, or need control bytes.
    Dense,
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
        let compared = S::key_bytes().filter(|bytes| *bytes <= COMPARED_KEY_BYTES);
        let few = !Self::STRADDLES && Self::PER_LINE <= WINDOW;
        let vacant = if few { compared } else { None };
        let slots_at = |slots: usize| (slots + WINDOW).next_multiple_of(LINE);
        let mut slots = segment_bytes / (S::BYTES + 1) / Self::PER_LINE * Self::PER_LINE;
        while slots_at(slots) + slots * S::BYTES > segment_bytes {
            slots -= Self::PER_LINE;
        }
        assert!(slots > 2 * WINDOW, "{slots} slots in {segment_bytes} bytes");
        let home_bits = (slots as u32).next_power_of_two().trailing_zeros();
        let slots_at = slots_at(slots);
        Self { slots, slots_at, home_bits, vacant, slot: PhantomData }
    }

    /// Keys that a bucket holds: at seven eighths searches are still short.
    pub(super) fn capacity(&self) -> usize {
        self.slots / 8 * 7
    }

    /// Slots that share a cache line, where lines hold whole ones.
    const PER_LINE: usize = if LINE.is_multiple_of(S::BYTES) { LINE / S::BYTES } else { 1 };

    /// Whether slots lie across the bounds of lines.
    const STRADDLES: bool = !LINE.is_multiple_of(S::BYTES);

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

    /// The first bytes of the cache lines in which the search for `hash` begins: of slots, and of what it
    /// mostly goes on with in a bucket as full as the others: the control bytes, and the slots behind
    /// where they don't fill lines.
    #[inline(always)]
    pub(super) fn lines<'a>(
        &self,
        bytes: &'a [u8],
        hash: u32,
        fullness: Fullness,
    ) -> (&'a u8, Option<&'a u8>, Option<&'a u8>) {
        let home = self.home(hash);
        let slot = self.slots_at + home * S::BYTES;
        let control = if fullness == Fullness::Loose { None } else { bytes.get(home) };
        let behind = if Self::STRADDLES { bytes.get(slot + LINE) } else { None };
        (&bytes[slot], control, behind)
    }

    /// How full so many buckets are with so many keys.
    pub(super) fn fullness(&self, buckets: usize, keys: usize) -> Fullness {
        let is_loose = self.vacant.is_some() && keys <= buckets * self.slots / 8 * 5;
        if is_loose { Fullness::Loose } else { Fullness::Dense }
    }

    /// The slot at the home of `hash` that `is` recognizes, if keys say by themselves that they are none.
    #[inline(always)]
    pub(super) fn find_at_home(
        &self,
        bytes: &[u8],
        hash: u32,
        mut is: impl FnMut(&[u8]) -> bool,
    ) -> Option<usize> {
        let key_bytes = self.vacant?;
        let home = self.home(hash);
        let line = &bytes[self.offset(home)..][..Self::PER_LINE * S::BYTES];
        let mut hits = 0;
        for (at, slot) in line.chunks_exact(S::BYTES).enumerate() {
            // All are compared: which it is can't be foreseen, so a branch for each would cost more.
            hits |= u32::from(is(slot)) << at;
        }
        if hits == 0 {
            return None;
        }
        let slot = home + hits.trailing_zeros() as usize;
        let is_vacant = self.slot(bytes, slot)[..key_bytes].iter().all(|byte| *byte == VACANT);
        (!is_vacant).then_some(slot)
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
        if self.vacant.is_some() {
            bytes[self.slots_at..].fill(VACANT);
        }
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
        if self.vacant.is_some() {
            self.slot_mut(bytes, slot).fill(VACANT);
        }
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
        if let Some(key_bytes) = self.vacant {
            let mut free = (0..self.slots).filter(|slot| control[*slot] >= DELETED);
            let is_vacant =
                |slot| self.slot(bytes, slot)[..key_bytes].iter().all(|byte| *byte == VACANT);
            assert!(free.all(is_vacant), "a slot without a key looks as if it had one");
        }
        let live = control.iter().filter(|control| **control < DELETED).count();
        let deleted = control.iter().filter(|control| **control == DELETED).count();
        (live, deleted)
    }
}

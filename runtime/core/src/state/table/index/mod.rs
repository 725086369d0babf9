//! Finding slots by hash: extendible hashing (Fagin, Nievergelt, Pippenger and Strong 1979).
//!
//! ```text
//! directory, by the top bits of the hash      buckets, each a segment
//! 00 ------------------------------------->   0*  (its keys agree in one bit)
//! 01 ------------------------------------->   0*
//! 10 ------------------------------------->   10
//! 11 ------------------------------------->   11 -> overflow, when hashes cannot be told apart
//! ```
//!
//! A full bucket splits by itself, so no insertion waits for the whole table. The directory doubles
//! when a bucket of the finest kind splits; it holds four bytes for each bucket or a few. It covers
//! the hashes of the subtask's key groups only, in order, so that a bucket is a range of hashes.
//!
//! Invariants: a bucket and its overflow hold exactly the slots whose hashes are in its range; every
//! bucket keeps an empty slot; `used` counts slots that are not empty, `live` those with a key.
//! What fails for want of memory has changed nothing. Buckets are never merged.

mod scan;
mod split;

use brisk_memory::{HeldIndex, Segment};

pub(super) use scan::Cursor;
pub use scan::FrozenBucket;

use super::{
    bucket::{Erased, Fullness, Geometry, Slot},
    changes::ChangeLog,
    segments::Segments,
    version::Version,
};
use crate::{
    chain::prefetch,
    state::{HashRange, StateError, Supply},
};

/// Where a key is. Valid until the index changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    segment: HeldIndex,
    slot: usize,
}

/// A slot in a segment that is open, to change bytes of it.
pub(super) struct OpenSlot<'a> {
    changes: &'a mut ChangeLog,
    segment: (HeldIndex, &'a mut [u8]),
    begin: usize,
    len: usize,
}

impl OpenSlot<'_> {
    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.segment.1[self.begin..][..self.len]
    }

    /// As [`Index::replace`].
    #[inline(always)]
    pub(super) fn replace(self, within: usize, new: &[u8]) {
        self.changes.replace(self.segment, self.begin + within, new);
    }
}

/// What is known of a segment of the index.
#[derive(Clone, Copy, Debug)]
struct Meta {
    /// Hashes of this bucket, counted from the index's first, and how many bits it leaves open.
    start: u64,
    open_bits: u32,
    used: usize,
    live: usize,
    overflow: Option<HeldIndex>,
    /// When it last changed in any way but that of the log of changes, and when in that way, too.
    changed: Version,
    logged: Version,
}

/// Slots by hash.
pub(super) struct Index<S> {
    pub(super) segments: Segments,
    metas: Vec<Meta>,
    directory: Vec<HeldIndex>,
    range: HashRange,
    /// Bits of a hash that the directory does not look at.
    shift: u32,
    geometry: Geometry<S>,
    len: usize,
    /// When the last key came.
    fullness: Fullness,
    version: Version,
    /// Of values that were changed in their slots.
    pub(super) changes: ChangeLog,
    /// Slots on their way from a bucket that is laid anew.
    moved: Vec<u8>,
}

impl<S: Slot> Index<S> {
    /// An empty index of one bucket.
    pub(super) fn new(range: HashRange, supply: &mut Supply) -> Result<Self, StateError> {
        let size = supply.segment_size();
        let shift = range.span().next_power_of_two().trailing_zeros();
        let geometry = Geometry::new(size.bytes());
        let mut index = Self {
            segments: Segments::new(supply),
            metas: Vec::new(),
            directory: Vec::new(),
            range,
            shift,
            fullness: geometry.fullness(1, 0),
            geometry,
            len: 0,
            version: Version::FIRST,
            changes: ChangeLog::new(supply),
            moved: Vec::new(),
        };
        let segment = supply.take()?;
        let only = index.add_segment(segment, 0, shift);
        index.directory.push(only);
        Ok(index)
    }

    fn add_segment(&mut self, segment: Segment, start: u64, open_bits: u32) -> HeldIndex {
        let index = self.segments.add(segment);
        self.geometry.clear(self.segments.bytes_mut(index));
        let meta = self.blank(start, open_bits);
        match self.metas.get_mut(index.0 as usize) {
            Some(known) => *known = meta,
            None => self.metas.push(meta),
        }
        index
    }

    /// Of a segment without slots that is new in this version.
    fn blank(&self, start: u64, open_bits: u32) -> Meta {
        let (changed, logged) = (self.version, Version::FIRST);
        Meta { start, open_bits, used: 0, live: 0, overflow: None, changed, logged }
    }

    /// Forgets all keys; one bucket is left.
    pub(super) fn clear(&mut self, supply: &mut Supply) -> Result<(), StateError> {
        let kept = self.directory[0];
        self.make_writable(kept, supply)?;
        let others: Vec<HeldIndex> =
            self.segments.indices().filter(|index| *index != kept).collect();
        others.into_iter().for_each(|index| self.segments.remove(index));
        self.geometry.clear(self.segments.bytes_mut(kept));
        self.shift = self.range.span().next_power_of_two().trailing_zeros();
        self.directory = vec![kept];
        *self.meta_mut(kept) = self.blank(0, self.shift);
        self.len = 0;
        Ok(())
    }

    /// Keys.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Segments in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.segments.len() - self.segments.away()
    }

    #[inline(always)]
    fn position(&self, hash: u32) -> usize {
        (u64::from(hash.wrapping_sub(self.range.first())) >> self.shift) as usize
    }

    #[inline(always)]
    pub(super) fn bucket(&self, hash: u32) -> HeldIndex {
        self.directory[self.position(hash)]
    }

    fn meta(&self, index: HeldIndex) -> &Meta {
        &self.metas[index.0 as usize]
    }

    fn meta_mut(&mut self, index: HeldIndex) -> &mut Meta {
        &mut self.metas[index.0 as usize]
    }

    /// Asks for the cache lines in which the search for `hash` begins; a hash outside of the range,
    /// as in front of a signal, asks for none.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u32) {
        let Some(bucket) = self.directory.get(self.position(hash)) else { return };
        let bytes = self.segments.bytes(*bucket);
        let (slot, control, behind) = self.geometry.lines(bytes, hash, self.fullness);
        prefetch(slot);
        if let Some(control) = control {
            prefetch(control);
        }
        if let Some(behind) = behind {
            prefetch(behind);
        }
    }

    /// The slot that `is` recognizes.
    #[inline(always)]
    pub(super) fn find(&self, hash: u32, mut is: impl FnMut(&[u8]) -> bool) -> Option<Place> {
        let mut segment = self.bucket(hash);
        loop {
            let bytes = self.segments.bytes(segment);
            if let Some(slot) = self.geometry.find(bytes, hash, &mut is) {
                return Some(Place { segment, slot });
            }
            segment = self.meta(segment).overflow?;
        }
    }

    /// The slot that `is` recognizes if it can be changed at once: in the first segment, which is open, and
    /// where its search begins, if most are there. What [`Index::find`], [`Index::open_slot`] and
    /// [`Index::replace`] do, for the case that is usual, looking up the segment once.
    #[inline(always)]
    pub(super) fn find_open(
        &mut self,
        hash: u32,
        is: impl FnMut(&[u8]) -> bool,
    ) -> Option<OpenSlot<'_>> {
        let at = self.bucket(hash);
        if !self.segments.is_open(at) {
            return None;
        }
        let bytes = self.segments.bytes_mut(at);
        let slot = match self.fullness {
            Fullness::Loose => self.geometry.find_at_home(bytes, hash, is),
            Fullness::Dense => self.geometry.find(bytes, hash, is),
        }?;
        let (begin, len) = (self.geometry.offset(slot), S::BYTES);
        Some(OpenSlot { changes: &mut self.changes, segment: (at, bytes), begin, len })
    }

    /// The bytes of a slot.
    #[inline(always)]
    pub(super) fn slot(&self, place: Place) -> &[u8] {
        self.geometry.slot(self.segments.bytes(place.segment), place.slot)
    }

    /// The bytes of a slot, to write.
    #[inline(always)]
    pub(super) fn slot_mut(
        &mut self,
        place: Place,
        supply: &mut Supply,
    ) -> Result<&mut [u8], StateError> {
        self.make_writable(place.segment, supply)?;
        Ok(self.geometry.slot_mut(self.segments.bytes_mut(place.segment), place.slot))
    }

    /// Makes sure that [`Index::slot_mut`] of this place won't fail.
    pub(super) fn open_for(&mut self, place: Place, supply: &mut Supply) -> Result<(), StateError> {
        match self.segments.is_open(place.segment) {
            true => Ok(()),
            false => self.segments.open(place.segment, supply),
        }
    }

    /// Before [`Index::replace`].
    #[inline(always)]
    pub(super) fn open_slot(
        &mut self,
        place: Place,
        supply: &mut Supply,
    ) -> Result<(), StateError> {
        if self.segments.is_open(place.segment) {
            return Ok(());
        }
        self.open_in_place(place.segment, supply)
    }

    #[cold]
    #[inline(never)]
    fn open_in_place(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        self.segments.open(at, supply)?;
        self.meta_mut(at).logged = self.version;
        self.changes.opened();
        Ok(())
    }

    /// Changes bytes of a slot, which it neither comes to nor goes from, from `within` it on.
    #[inline(always)]
    pub(super) fn replace(&mut self, place: Place, within: usize, new: &[u8]) {
        let Place { segment, slot } = place;
        let begin = self.geometry.offset(slot) + within;
        self.changes.replace((segment, self.segments.bytes_mut(segment)), begin, new);
    }

    /// Before every other change of a segment: a frozen one is copied first, and the version is noted.
    #[inline(always)]
    fn make_writable(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        if self.segments.is_open(at) && self.meta(at).changed == self.version {
            return Ok(());
        }
        self.open(at, supply)
    }

    #[cold]
    #[inline(never)]
    fn open(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        if !self.segments.is_open(at) {
            self.segments.open(at, supply)?;
        }
        self.meta_mut(at).changed = self.version;
        Ok(())
    }

    /// Gives a key that is not there a slot, and its bytes to write.
    #[inline(never)]
    pub(super) fn insert(&mut self, hash: u32, supply: &mut Supply) -> Result<Place, StateError> {
        assert!(self.range.contains(hash), "a key of another subtask's key groups");
        let segment = self.make_room(hash, supply)?;
        self.make_writable(segment, supply)?;
        self.fullness = self.geometry.fullness(self.segments.len(), self.len);
        Ok(self.occupy(segment, hash))
    }

    fn occupy(&mut self, segment: HeldIndex, hash: u32) -> Place {
        let (slot, fresh) = self.geometry.occupy(self.segments.bytes_mut(segment), hash);
        let meta = self.meta_mut(segment);
        meta.used += usize::from(fresh);
        meta.live += 1;
        self.len += 1;
        Place { segment, slot }
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, place: Place, supply: &mut Supply) -> Result<(), StateError> {
        self.make_writable(place.segment, supply)?;
        let erased = self.geometry.erase(self.segments.bytes_mut(place.segment), place.slot);
        let meta = self.meta_mut(place.segment);
        meta.used -= usize::from(erased == Erased::Clean);
        meta.live -= 1;
        self.len -= 1;
        Ok(())
    }
}

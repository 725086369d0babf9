//! Going over all slots, freezing them, and checking them.

use brisk_memory::{Buffer, HeldIndex, Holding};
use std::{collections::HashMap, ops::RangeInclusive};

use super::{Index, Meta, Place};
use crate::state::{
    HashRange, StateError,
    spill::DiskCopy,
    table::{
        bucket::Slot,
        frozen::SpilledBucket,
        image::{PartKind, TablePart},
        segments::Wanted,
        version::Version,
    },
};

/// Where a scan has come to. It ends in disorder when the index changes meanwhile.
#[derive(Clone, Copy, Debug)]
pub(in crate::state::table) struct Cursor {
    /// The first hash of the bucket that comes next, counted as buckets count it.
    next: u64,
    /// Where the scan ends, counted so too.
    end: u64,
    /// The segment in hand and its next slot.
    at: Option<(HeldIndex, usize)>,
}

/// One segment of a frozen index.
#[derive(Clone, Debug)]
pub struct FrozenBucket {
    /// Its bytes.
    pub bytes: Buffer,
    /// When it last changed.
    pub changed: Version,
    /// The hashes that its keys may have.
    pub hashes: RangeInclusive<u32>,
}

impl<S: Slot> Index<S> {
    /// A scan of the buckets that have hashes in `range`, bucket after bucket; the first and the last
    /// may hold others, too.
    pub(in crate::state::table) fn scan(&self, range: HashRange) -> Cursor {
        assert!(self.range.contains(range.first()), "hashes of another subtask");
        let first = self.directory[self.position(range.first())];
        let next = self.meta(first).start;
        let end = u64::from(range.first().wrapping_sub(self.range.first())) + range.span();
        Cursor { next, end, at: None }
    }

    /// A scan of the bucket that `hash` is in, and the first hash of the one behind it.
    pub(in crate::state::table) fn scan_bucket(&self, hash: u32) -> (Cursor, Option<u32>) {
        let head = self.meta(self.directory[self.position(hash)]);
        let behind = head.start + (1 << head.open_bits);
        let next = behind < self.range.span();
        let next = next.then(|| self.range.first().wrapping_add(behind as u32));
        (Cursor { next: head.start, end: behind, at: None }, next)
    }

    /// The next slot with a key.
    pub(in crate::state::table) fn next(&self, cursor: &mut Cursor) -> Option<Place> {
        loop {
            self.enter(cursor)?;
            if let Some(place) = self.next_here(cursor) {
                return Some(place);
            }
        }
    }

    /// The segment that a scan looks into next; `None` at its end.
    #[inline]
    pub(in crate::state::table) fn enter(&self, cursor: &mut Cursor) -> Option<HeldIndex> {
        if let Some((segment, _)) = cursor.at {
            return Some(segment);
        }
        if cursor.next >= cursor.end {
            return None;
        }
        let head = self.directory[(cursor.next >> self.shift) as usize];
        cursor.next = self.meta(head).start + (1 << self.meta(head).open_bits);
        cursor.at = Some((head, 0));
        Some(head)
    }

    /// The next slot with a key in the segment that was entered; at its end the scan goes on behind it.
    #[inline]
    pub(in crate::state::table) fn next_here(&self, cursor: &mut Cursor) -> Option<Place> {
        let (segment, from) = cursor.at?;
        let slot = self.geometry.occupied_from(self.segments.bytes(segment), from);
        cursor.at = match slot {
            Some(slot) => Some((segment, slot + 1)),
            None => self.meta(segment).overflow.map(|link| (link, 0)),
        };
        slot.map(|slot| Place { segment, slot })
    }

    /// Shares all segments as they are now, in the order of their hashes; each is copied before it
    /// changes. Begins a new version.
    pub(in crate::state::table) fn freeze(&mut self) -> Vec<FrozenBucket> {
        self.version = self.version.next();
        let frozen = self.by_hash().into_iter().map(|index| {
            let Meta { changed, logged, .. } = *self.meta(index);
            let (hashes, changed) = (self.hashes_of(index), changed.max(logged));
            FrozenBucket { bytes: self.segments.freeze(index), changed, hashes }
        });
        frozen.collect()
    }

    /// Writes all segments to disk, as they are now, in the order of their hashes. Begins a new version.
    pub(in crate::state::table) fn freeze_on_disk(
        &mut self,
    ) -> Result<Vec<SpilledBucket>, StateError> {
        self.version = self.version.next();
        let copies: HashMap<HeldIndex, DiskCopy> = self.segments.copies()?.into_iter().collect();
        let bucket =
            |index| SpilledBucket { copy: copies[&index].clone(), hashes: self.hashes_of(index) };
        Ok(self.by_hash().into_iter().map(bucket).collect())
    }

    /// All segments, in the order of their hashes.
    fn by_hash(&self) -> Vec<HeldIndex> {
        let mut held = Vec::with_capacity(self.segments.len());
        let mut next = 0;
        while next < self.range.span() {
            let head = self.directory[(next >> self.shift) as usize];
            next = self.meta(head).start + (1 << self.meta(head).open_bits);
            held.extend(self.chain(head));
        }
        held
    }

    /// The hashes that the keys of a segment may have.
    fn hashes_of(&self, index: HeldIndex) -> RangeInclusive<u32> {
        let Meta { start, open_bits, .. } = *self.meta(index);
        let hash = |from_first: u64| self.range.first().wrapping_add(from_first as u32);
        let last = (start + (1 << open_bits)).min(self.range.span()) - 1;
        hash(start)..=hash(last)
    }

    /// The version that the next freeze ends.
    pub(in crate::state::table) fn version(&self) -> Version {
        self.version
    }

    /// All segments, by number.
    pub(in crate::state::table) fn parts(&self) -> impl Iterator<Item = TablePart> {
        self.segments.indices().map(|index| {
            let Meta { start, open_bits, changed, logged, .. } = *self.meta(index);
            let first_hash = self.range.first().wrapping_add(start as u32);
            let kind = PartKind::Bucket { first_hash, open_bits: open_bits as u8 };
            TablePart { kind, number: index.0, changed, logged }
        })
    }

    /// Takes all segments out; the index can't be used any more.
    pub(in crate::state::table) fn take_segments(&mut self) -> Holding {
        self.segments.take_all()
    }

    /// Freezes all segments, some of which, in order, somebody wants. Begins a new version.
    pub(in crate::state::table) fn freeze_parts(&mut self, wanted: Vec<HeldIndex>) -> Wanted {
        self.version = self.version.next();
        self.segments.freeze_all(wanted)
    }

    /// Checks what must hold. Linear in the number of slots.
    pub(in crate::state::table) fn verify_invariants(&self) {
        let (mut len, mut segments, mut next) = (0, 0, 0);
        while next < 1 << self.shift << self.directory.len().trailing_zeros() {
            let head = self.directory[(next >> self.shift) as usize];
            let bucket = *self.meta(head);
            assert_eq!(bucket.start, next, "buckets follow one another");
            assert!(bucket.open_bits >= self.shift, "the directory tells buckets apart");
            next = bucket.start + (1 << bucket.open_bits);
            for link in self.chain(head) {
                if self.segments.is_away(link) {
                    (len, segments) = (len + self.meta(link).live, segments + 1);
                    continue;
                }
                let (live, deleted) = self.geometry.verify(self.segments.bytes(link));
                let meta = self.meta(link);
                assert_eq!((meta.live, meta.used), (live, live + deleted), "slots are counted");
                assert!(meta.used <= self.geometry.capacity(), "a bucket keeps an empty slot");
                (len, segments) = (len + live, segments + 1);
                for hash in self.hashes(link) {
                    assert_eq!(self.bucket(hash), head, "a key is in its bucket");
                }
            }
        }
        assert_eq!((len, segments), (self.len, self.segments.len()), "nothing is lost");
    }
}

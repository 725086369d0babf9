//! Making room: overflow, splitting, and laying a bucket anew.

use brisk_memory::{HeldIndex, Segment};

use super::{Index, Meta};
use crate::state::{StateError, Supply, table::bucket::Slot};

/// Directory entries that there may be whatever the number of buckets, and as many times the number
/// of buckets: beyond, hashes agree in so many bits that a full bucket overflows.
const DIRECTORY_MIN: usize = 1024;
const DIRECTORY_PER_BUCKET: usize = 8;

impl<S: Slot> Index<S> {
    /// A segment for `hash` with a free slot.
    pub(super) fn make_room(
        &mut self,
        hash: u32,
        supply: &mut Supply,
    ) -> Result<HeldIndex, StateError> {
        let capacity = self.geometry.capacity();
        loop {
            let head = self.bucket(hash);
            let roomy = self.chain(head).find(|link| self.meta(*link).used < capacity);
            if let Some(roomy) = roomy {
                return Ok(roomy);
            }
            let (count, live) = self
                .chain(head)
                .fold((0, 0), |(count, live), link| (count + 1, live + self.meta(link).live));
            if live <= count * capacity / 4 * 3 {
                // Tombstones: the same keys laid anew.
                self.lay_anew(head, None, supply)?;
            } else if self.can_split(head) {
                self.split(head, supply)?;
            } else {
                let segment = supply.take()?;
                let Meta { start, open_bits, .. } = *self.meta(head);
                let link = self.add_segment(segment, start, open_bits);
                let last = self.last_of(head);
                self.meta_mut(last).overflow = Some(link);
            }
        }
    }

    /// A bucket's segments.
    pub(in crate::state::table) fn chain(
        &self,
        head: HeldIndex,
    ) -> impl Iterator<Item = HeldIndex> {
        std::iter::successors(Some(head), |link| self.meta(*link).overflow)
    }

    fn last_of(&self, head: HeldIndex) -> HeldIndex {
        self.chain(head).last().expect("a bucket is a segment")
    }

    /// Whether splitting may tell hashes apart, at a bearable size of the directory.
    fn can_split(&self, head: HeldIndex) -> bool {
        let open_bits = self.meta(head).open_bits;
        let bound = DIRECTORY_MIN.max(DIRECTORY_PER_BUCKET * self.segments.len());
        if open_bits == 0 || open_bits == self.shift && self.directory.len() * 2 > bound {
            return false;
        }
        let mut hashes = self.chain(head).flat_map(|link| self.hashes(link));
        let first = hashes.next();
        hashes.any(|hash| Some(hash) != first)
    }

    /// The hashes of a segment's keys.
    pub(super) fn hashes(&self, segment: HeldIndex) -> impl Iterator<Item = u32> {
        let bytes = self.segments.bytes(segment);
        let occupied = move |from| self.geometry.occupied_from(bytes, from);
        let slots = std::iter::successors(occupied(0), move |slot| occupied(slot + 1));
        slots.map(move |slot| S::hash(self.geometry.slot(bytes, slot)))
    }

    /// Divides a bucket's range in two.
    fn split(&mut self, head: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        let segment = supply.take()?;
        if self.meta(head).open_bits == self.shift {
            self.directory = self.directory.iter().flat_map(|bucket| [*bucket; 2]).collect();
            self.shift -= 1;
        }
        self.lay_anew(head, Some(segment), supply)
    }

    /// Takes a bucket's keys out and puts them back, the upper half of its range into `sibling` if
    /// there is one. Overflow that is not needed any more is given back.
    fn lay_anew(
        &mut self,
        head: HeldIndex,
        sibling: Option<Segment>,
        supply: &mut Supply,
    ) -> Result<(), StateError> {
        let links: Vec<HeldIndex> = self.chain(head).collect();
        let mut blanks = Vec::new();
        for link in &links {
            if self.segments.is_open(*link) {
                continue;
            }
            match self.segments.open_or_blank(*link, supply)? {
                None => self.meta_mut(*link).changed = self.version,
                Some(blank) => blanks.push(blank),
            }
        }
        // From here on nothing fails: the keys need no more segments than before, and the sibling.
        let mut moved = std::mem::take(&mut self.moved);
        moved.clear();
        for link in &links {
            self.take_out(*link, &mut moved);
            if !self.segments.is_open(*link) {
                self.segments.replace(*link, blanks.pop().expect("as many as are frozen"));
            }
            self.geometry.clear(self.segments.bytes_mut(*link));
            let changed = self.version;
            let meta = self.meta_mut(*link);
            (meta.used, meta.live, meta.overflow, meta.changed) = (0, 0, None, changed);
        }
        let sibling = sibling.map(|segment| self.add_sibling(head, segment));
        let mut spare = links[1..].to_vec();
        for slot in moved.chunks_exact(S::BYTES) {
            let hash = S::hash(slot);
            let home = self.bucket(hash);
            assert!(home == head || Some(home) == sibling, "a key of another bucket");
            let link = self.roomy(home, &mut spare);
            let place = self.occupy(link, hash);
            self.geometry.slot_mut(self.segments.bytes_mut(link), place.slot).copy_from_slice(slot);
        }
        spare.into_iter().for_each(|link| self.segments.remove(link));
        self.moved = moved;
        Ok(())
    }

    fn take_out(&mut self, link: HeldIndex, moved: &mut Vec<u8>) {
        let bytes = self.segments.bytes(link);
        let mut from = 0;
        while let Some(slot) = self.geometry.occupied_from(bytes, from) {
            moved.extend_from_slice(self.geometry.slot(bytes, slot));
            from = slot + 1;
        }
        self.len -= self.meta(link).live;
    }

    /// Gives the upper half of a bucket's range to a new one.
    fn add_sibling(&mut self, head: HeldIndex, segment: Segment) -> HeldIndex {
        let open_bits = self.meta(head).open_bits - 1;
        assert!(open_bits >= self.shift, "the directory tells the halves apart");
        self.meta_mut(head).open_bits = open_bits;
        let start = self.meta(head).start + (1 << open_bits);
        let sibling = self.add_segment(segment, start, open_bits);
        let first = (start >> self.shift) as usize;
        self.directory[first..first + (1 << (open_bits - self.shift))].fill(sibling);
        sibling
    }

    /// The segment of a bucket with room, one of `spare` if none has.
    fn roomy(&mut self, head: HeldIndex, spare: &mut Vec<HeldIndex>) -> HeldIndex {
        let last = self.last_of(head);
        if self.meta(last).used < self.geometry.capacity() {
            return last;
        }
        let link = spare.pop().expect("its keys had room before");
        let Meta { start, open_bits, .. } = *self.meta(head);
        let meta = self.meta_mut(link);
        (meta.start, meta.open_bits) = (start, open_bits);
        self.meta_mut(last).overflow = Some(link);
        link
    }
}

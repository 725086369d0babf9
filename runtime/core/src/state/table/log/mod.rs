//! Entries of any length: keys with their values, one behind the other in data segments.
//!
//! ```text
//! entry    0..4    hash of the key, u32 LE
//!          4..8    bytes of the key, u32 LE
//!          8..12   bytes of the value, u32 LE
//!          12..16  bytes that the entry takes, u32 LE, a multiple of 16; the lowest bit says that
//!                  key and value lie elsewhere
//!          16..    key, padding, value, room for the value to grow
//!          or      numbers of the segments that key, padding and value fill, u32 LE each
//! ```
//!
//! A value is changed in place where it fits. Where it does not, the entry is written anew at the end
//! and the old one is garbage, counted per segment; when less than half of a full segment is live, the
//! caller moves what lives to the end ([`Log::is_sparse`]). An entry that is longer than a segment fills
//! segments of its own, whose numbers it holds: with segments of 32 KiB up to 255 MiB.
//!
//! What fails for want of memory has changed nothing.

mod entry;
mod frozen;
mod stored;

use brisk_memory::{Buffer, HeldIndex, Segment};

use super::{
    changes::{ChangeLog, Spot},
    segments::Segments,
    version::Version,
};
use crate::{
    chain::prefetch,
    record::AlignedBytes,
    state::{StateError, Supply},
};
use entry::Shape;
pub(super) use entry::{Draft, HEADER, Header, PART, UNIT};
pub(super) use frozen::FrozenLog;
use stored::Body;
pub(super) use stored::Stored;

/// Where an entry is: the number of its segment and the place in it, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location(pub(super) u32);

#[derive(Clone, Copy, Debug)]
struct Meta {
    /// Bytes of entries, garbage among them; none for a segment of a long entry.
    used: usize,
    live: usize,
    /// When it last changed in any way but that of the log of changes, and when in that way, too.
    changed: Version,
    logged: Version,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entries,
    PartOfLong,
}

/// One data segment of a frozen log.
#[derive(Clone, Debug)]
pub struct FrozenData {
    /// Its number, by which locations and long entries name it.
    pub number: u32,
    /// Its bytes.
    pub bytes: Buffer,
    /// When it last changed.
    pub changed: Version,
}

/// Entries by location.
pub(super) struct Log {
    pub(super) segments: Segments,
    metas: Vec<Meta>,
    /// The segment that is written.
    head: Option<HeldIndex>,
    /// What the address of a value is a multiple of.
    value_align: usize,
    units_per_segment: u32,
    version: Version,
    /// Of values that were changed in their entries.
    pub(super) changes: ChangeLog,
}

impl Log {
    /// An empty log of values that need an address divisible by `value_align`.
    pub(super) fn new(value_align: usize, supply: &Supply) -> Self {
        assert!(UNIT.is_multiple_of(value_align), "entries begin at a multiple of {UNIT}");
        let size = supply.segment_size();
        Self {
            segments: Segments::new(supply),
            metas: Vec::new(),
            head: None,
            value_align,
            units_per_segment: (size.bytes() / UNIT) as u32,
            version: Version::FIRST,
            changes: ChangeLog::new(supply),
        }
    }

    /// Segments in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.segments.len() - self.segments.away()
    }

    /// The segment that is written.
    pub(super) fn head(&self) -> Option<HeldIndex> {
        self.head
    }

    /// The first segment of entries whose number is `from` or greater.
    pub(super) fn next_of_entries(&self, from: u32) -> Option<HeldIndex> {
        let is_it =
            |at: &HeldIndex| at.0 >= from && self.metas[at.0 as usize].kind == Kind::Entries;
        self.segments.indices().find(is_it)
    }

    /// The segments with the rest of a long entry, whose segment is in memory.
    pub(super) fn parts_of(&self, location: Location) -> Vec<HeldIndex> {
        let (header, bytes) = self.at(location);
        if header.is_long { self.parts(header, bytes).collect() } else { Vec::new() }
    }

    #[inline(always)]
    fn split(&self, location: Location) -> (HeldIndex, usize) {
        let (segment, unit) =
            (location.0 / self.units_per_segment, location.0 % self.units_per_segment);
        (HeldIndex(segment), unit as usize * UNIT)
    }

    #[inline(always)]
    fn at(&self, location: Location) -> (Header, &[u8]) {
        let (segment, offset) = self.split(location);
        let bytes = &self.segments.bytes(segment)[offset..];
        (Header::read(bytes), bytes)
    }

    /// Asks for the first cache lines of an entry.
    #[inline(always)]
    pub(super) fn prefetch(&self, location: Location, lines: usize) {
        let (segment, offset) = self.split(location);
        let bytes = self.segments.bytes(segment)[offset..].iter().step_by(64);
        bytes.take(lines).for_each(prefetch);
    }

    /// Key and value of an entry, aligned.
    #[inline(always)]
    pub(super) fn get(&self, location: Location) -> Stored<'_> {
        let (header, bytes) = self.at(location);
        let shape = header.shape(self.value_align);
        let body = match header.is_long {
            false => Body::Here(&bytes[HEADER..]),
            true => Body::Joined(self.join(header, bytes)),
        };
        Stored { shape, body }
    }

    fn parts<'a>(
        &self,
        header: Header,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = HeldIndex> + use<'a> {
        let end = header.shape(self.value_align).end;
        header.parts(bytes, end.div_ceil(self.segments.segment_bytes()))
    }

    #[cold]
    fn join(&self, header: Header, bytes: &[u8]) -> AlignedBytes {
        let mut joined = AlignedBytes::new();
        let total = header.shape(self.value_align).end;
        for part in self.parts(header, bytes) {
            let bytes = self.segments.bytes(part);
            joined.extend_from_slice(&bytes[..bytes.len().min(total - joined.len())]);
        }
        joined
    }

    /// Where the value's bytes may be changed, when the entry is not a long one.
    #[inline(always)]
    pub(super) fn open_value(
        &mut self,
        location: Location,
        supply: &mut Supply,
    ) -> Result<Option<Spot>, StateError> {
        let (segment, offset) = self.split(location);
        let header = Header::read(&self.segments.bytes(segment)[offset..]);
        if header.is_long {
            return Ok(None);
        }
        self.open_in_place(segment, supply)?;
        let Shape { value, end, .. } = header.shape(self.value_align);
        let body = offset + HEADER;
        Ok(Some(Spot { segment, begin: body + value, end: body + end }))
    }

    /// The bytes there.
    #[inline(always)]
    pub(super) fn bytes(&self, spot: Spot) -> &[u8] {
        &self.segments.bytes(spot.segment)[spot.begin..spot.end]
    }

    /// Changes the bytes there.
    #[inline(always)]
    pub(super) fn replace(&mut self, spot: Spot, new: &[u8]) {
        assert_eq!(spot.end - spot.begin, new.len(), "a value in place keeps its length");
        let segment = self.segments.bytes_mut(spot.segment);
        self.changes.replace((spot.segment, segment), spot.begin, new);
    }

    /// Changes the value in place; false when it does not fit.
    pub(super) fn set_value(
        &mut self,
        location: Location,
        value: &[u8],
        supply: &mut Supply,
    ) -> Result<bool, StateError> {
        let (segment, offset) = self.split(location);
        let mut header = Header::read(&self.segments.bytes(segment)[offset..]);
        header.value_bytes = value.len();
        let Shape { value: start, end, .. } = header.shape(self.value_align);
        if header.is_long || HEADER + end > header.room {
            return Ok(false);
        }
        self.open_in_place(segment, supply)?;
        let mut first = [0; HEADER];
        header.write(&mut first);
        let bytes = self.segments.bytes_mut(segment);
        self.changes.replace((segment, bytes), offset, &first);
        let bytes = self.segments.bytes_mut(segment);
        self.changes.replace((segment, bytes), offset + HEADER + start, value);
        Ok(true)
    }

    /// Before every change that is noted in the log of changes.
    #[inline(always)]
    fn open_in_place(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        if self.segments.is_open(at) {
            return Ok(());
        }
        self.open_to_log(at, supply)
    }

    #[cold]
    #[inline(never)]
    fn open_to_log(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        self.segments.open(at, supply)?;
        self.metas[at.0 as usize].logged = self.version;
        self.changes.opened();
        Ok(())
    }

    /// Before every other change of a segment: a frozen one is copied first, and the version is noted.
    #[inline(always)]
    fn make_writable(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        if self.segments.is_open(at) && self.metas[at.0 as usize].changed == self.version {
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
        self.metas[at.0 as usize].changed = self.version;
        Ok(())
    }

    /// Writes an entry at the end.
    pub(super) fn append(
        &mut self,
        draft: Draft<'_>,
        supply: &mut Supply,
    ) -> Result<Location, StateError> {
        let header = draft.header(self.value_align);
        if header.room > self.segments.segment_bytes() {
            return self.append_long(draft, supply);
        }
        let (segment, offset) = self.room_for(header.room, supply)?;
        let bytes = &mut self.segments.bytes_mut(segment)[offset..];
        header.write(bytes);
        let shape = header.shape(self.value_align);
        bytes[HEADER..HEADER + shape.key].copy_from_slice(draft.key);
        bytes[HEADER + shape.value..HEADER + shape.end].copy_from_slice(draft.value);
        Ok(self.location(segment, offset))
    }

    fn location(&self, segment: HeldIndex, offset: usize) -> Location {
        let first = segment.0.checked_mul(self.units_per_segment);
        Location(first.expect("at most 64 GiB of entries") + (offset / UNIT) as u32)
    }

    /// Takes `room` bytes at the end, in an open segment.
    fn room_for(
        &mut self,
        room: usize,
        supply: &mut Supply,
    ) -> Result<(HeldIndex, usize), StateError> {
        let size = self.segments.segment_bytes();
        let segment = match self.head {
            Some(head) if self.metas[head.0 as usize].used + room <= size => {
                self.make_writable(head, supply)?;
                head
            }
            _ => {
                let segment = supply.take()?;
                let added = self.add(segment, Kind::Entries);
                self.head = Some(added);
                added
            }
        };
        let meta = &mut self.metas[segment.0 as usize];
        let offset = meta.used;
        meta.used += room;
        meta.live += room;
        Ok((segment, offset))
    }

    fn add(&mut self, segment: Segment, kind: Kind) -> HeldIndex {
        let index = self.segments.add(segment);
        let (changed, logged) = (self.version, Version::FIRST);
        let meta = Meta { used: 0, live: 0, changed, logged, kind };
        match self.metas.get_mut(index.0 as usize) {
            Some(known) => *known = meta,
            None => self.metas.push(meta),
        }
        index
    }

    #[cold]
    fn append_long(
        &mut self,
        draft: Draft<'_>,
        supply: &mut Supply,
    ) -> Result<Location, StateError> {
        let size = self.segments.segment_bytes();
        let shape = Shape::new(draft.key.len(), draft.value.len(), self.value_align);
        let count = shape.end.div_ceil(size);
        let room = (HEADER + PART * count).next_multiple_of(UNIT);
        if room > size {
            let limit = (size - HEADER) / PART * size;
            let owner = supply.owner().to_owned();
            return Err(StateError::EntryTooLarge { owner, bytes: shape.end, limit });
        }
        let mut body = Vec::with_capacity(shape.end);
        body.extend_from_slice(draft.key);
        body.resize(shape.value, 0);
        body.extend_from_slice(draft.value);
        let mut parts = Vec::with_capacity(count);
        for part in body.chunks(size) {
            let mut segment = supply.take()?;
            segment.as_mut_slice()[..part.len()].copy_from_slice(part);
            parts.push(segment);
        }
        let (segment, offset) = self.room_for(room, supply)?;
        let parts: Vec<HeldIndex> =
            parts.into_iter().map(|part| self.add(part, Kind::PartOfLong)).collect();
        let header = Header { room, is_long: true, ..draft.header(self.value_align) };
        let bytes = &mut self.segments.bytes_mut(segment)[offset..];
        header.write(bytes);
        for (at, part) in parts.iter().enumerate() {
            bytes[HEADER + PART * at..][..PART].copy_from_slice(&part.0.to_le_bytes());
        }
        Ok(self.location(segment, offset))
    }

    /// Counts an entry as garbage. A segment without live entries is given back at once.
    pub(super) fn release(&mut self, location: Location) {
        let (segment, _) = self.split(location);
        let (header, bytes) = self.at(location);
        if header.is_long {
            let parts: Vec<HeldIndex> = self.parts(header, bytes).collect();
            parts.into_iter().for_each(|part| self.segments.remove(part));
        }
        let meta = &mut self.metas[segment.0 as usize];
        meta.live = meta.live.checked_sub(header.room).expect("garbage was live");
        if meta.live == 0 && self.head != Some(segment) {
            self.segments.remove(segment);
        }
    }

    /// Whether the segment of an entry that was released should be emptied: it is full, and less than
    /// half of it is live.
    pub(super) fn is_sparse(&self, released: Location) -> bool {
        let segment = self.segment_of(released);
        let Meta { live, .. } = self.metas[segment.0 as usize];
        self.head != Some(segment) && live > 0 && live * 2 < self.segments.segment_bytes()
    }

    /// The segment of an entry.
    pub(super) fn segment_of(&self, location: Location) -> HeldIndex {
        self.split(location).0
    }

    /// Gives all segments back.
    pub(super) fn clear(&mut self) {
        let held: Vec<HeldIndex> = self.segments.indices().collect();
        held.into_iter().for_each(|index| self.segments.remove(index));
        self.head = None;
    }

    /// The entries of a segment, garbage among them, in order: hash and location.
    pub(super) fn entries(&self, segment: HeldIndex) -> impl Iterator<Item = (u32, Location)> {
        let Meta { used, .. } = self.metas[segment.0 as usize];
        let bytes = self.segments.bytes(segment);
        let mut offset = 0;
        std::iter::from_fn(move || {
            let header = (offset < used).then(|| Header::read(&bytes[offset..]))?;
            let location = self.location(segment, offset);
            offset += header.room;
            Some((header.hash, location))
        })
    }

    /// Writes a live entry of a segment that is being emptied at the end. Parts of a long one stay
    /// where they are.
    pub(super) fn relocate(
        &mut self,
        from: Location,
        supply: &mut Supply,
    ) -> Result<Location, StateError> {
        let (old, old_offset) = self.split(from);
        let (header, _) = self.at(from);
        let (segment, offset) = self.room_for(header.room, supply)?;
        assert!(segment != old, "the segment that is written is not emptied");
        let moved = self.segments.bytes(old)[old_offset..][..header.room].to_vec();
        self.segments.bytes_mut(segment)[offset..][..header.room].copy_from_slice(&moved);
        let meta = &mut self.metas[old.0 as usize];
        meta.live = meta.live.checked_sub(header.room).expect("it was live");
        Ok(self.location(segment, offset))
    }

    /// Gives back a segment whose entries were all moved or released.
    pub(super) fn give_back(&mut self, segment: HeldIndex) {
        assert_eq!(self.metas[segment.0 as usize].live, 0, "entries would be lost");
        self.segments.remove(segment);
    }

    /// Shares all segments as they are now; each is copied before it changes. Begins a new version.
    pub(super) fn freeze(&mut self) -> Vec<FrozenData> {
        self.version = self.version.next();
        let held: Vec<HeldIndex> = self.segments.indices().collect();
        let frozen = held.into_iter().map(|index| {
            let Meta { changed, logged, .. } = self.metas[index.0 as usize];
            let changed = changed.max(logged);
            FrozenData { number: index.0, bytes: self.segments.freeze(index), changed }
        });
        frozen.collect()
    }

    /// Checks what must hold, given the live entries. Linear in their number.
    pub(super) fn verify_invariants(&self, live: impl Iterator<Item = Location>) {
        let mut counted = vec![0; self.metas.len()];
        let mut parts = 0;
        for location in live {
            if self.segments.is_away(self.segment_of(location)) {
                continue;
            }
            let (header, bytes) = self.at(location);
            counted[self.split(location).0.0 as usize] += header.room;
            parts += if header.is_long { self.parts(header, bytes).count() } else { 0 };
        }
        let mut found = 0;
        for index in self.segments.indices() {
            let meta = self.metas[index.0 as usize];
            match meta.kind {
                Kind::Entries if self.segments.is_away(index) => {}
                Kind::Entries => {
                    let sum: usize = self.entries(index).map(|(_, at)| self.at(at).0.room).sum();
                    assert_eq!(sum, meta.used, "entries follow one another");
                    assert_eq!(counted[index.0 as usize], meta.live, "live bytes are counted");
                }
                Kind::PartOfLong => found += 1,
            }
        }
        assert!(self.segments.away() > 0 || found == parts, "every part belongs to one long entry");
    }
}

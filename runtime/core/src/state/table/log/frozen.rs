//! A log as it was when it was frozen.

use brisk_memory::{Buffer, HeldIndex, Holding};

use super::{Body, FrozenData, HEADER, Header, Kind, Location, Log, Meta, Shape, Stored, UNIT};
use crate::{
    chain::prefetch,
    record::AlignedBytes,
    state::{
        StateError,
        spill::DiskCopy,
        table::{
            image::{PartKind, TablePart},
            segments::Wanted,
        },
    },
};

impl Log {
    /// All segments, by number.
    pub(in crate::state::table) fn table_parts(&self) -> impl Iterator<Item = TablePart> {
        self.segments.indices().map(|index| {
            let Meta { used, kind, changed, logged, .. } = self.metas[index.0 as usize];
            let kind = match kind {
                Kind::Entries => PartKind::Entries { used: used as u32 },
                Kind::PartOfLong => PartKind::PartOfLong,
            };
            TablePart { kind, number: index.0, changed, logged }
        })
    }

    /// Freezes all segments, some of which, in order, somebody wants. Begins a new version.
    pub(in crate::state::table) fn freeze_parts(&mut self, wanted: Vec<HeldIndex>) -> Wanted {
        self.version = self.version.next();
        self.segments.freeze_all(wanted)
    }

    /// Takes all segments out; the log can't be used any more.
    pub(in crate::state::table) fn take_segments(&mut self) -> Holding {
        self.segments.take_all()
    }

    /// Writes all segments to disk, as they are now, by number. Begins a new version.
    pub(in crate::state::table) fn freeze_on_disk(
        &mut self,
    ) -> Result<Vec<(HeldIndex, DiskCopy)>, StateError> {
        self.version = self.version.next();
        self.segments.copies()
    }

    /// Bytes of entries that are not garbage.
    pub(in crate::state::table) fn live_bytes(&self) -> usize {
        self.segments.indices().map(|index| self.metas[index.0 as usize].live).sum()
    }
}

/// Entries by location, read-only.
pub(in crate::state::table) struct FrozenLog {
    /// By number; a number that was not used is empty.
    segments: Vec<Option<Buffer>>,
    segment_bytes: usize,
    value_align: usize,
}

impl FrozenLog {
    /// Of the data segments of a log whose values need an address divisible by `value_align`.
    pub(in crate::state::table) fn new(
        data: Vec<FrozenData>,
        segment_bytes: usize,
        value_align: usize,
    ) -> Self {
        let count = data.iter().map(|part| part.number as usize + 1).max().unwrap_or(0);
        let mut segments: Vec<Option<Buffer>> = (0..count).map(|_| None).collect();
        for FrozenData { number, bytes, .. } in data {
            segments[number as usize] = Some(bytes);
        }
        Self { segments, segment_bytes, value_align }
    }

    /// The number of the segment of an entry.
    pub(in crate::state::table) fn number(&self, location: Location) -> u32 {
        location.0 / (self.segment_bytes / UNIT) as u32
    }

    /// How key and value of an entry lie, given the bytes of its segment, and the segments that they are
    /// in, if those are others.
    pub(in crate::state::table) fn look(
        &self,
        location: Location,
        segment: &[u8],
    ) -> (Shape, Option<Vec<HeldIndex>>) {
        let bytes = &segment[location.0 as usize % (self.segment_bytes / UNIT) * UNIT..];
        let header = Header::read(bytes);
        let shape = header.shape(self.value_align);
        let parts = || header.parts(bytes, shape.end.div_ceil(self.segment_bytes)).collect();
        (shape, header.is_long.then(parts))
    }

    /// Key and value of an entry in one piece, given the bytes of its segment.
    pub(in crate::state::table) fn archives<'a>(
        &self,
        location: Location,
        segment: &'a [u8],
    ) -> (&'a [u8], &'a [u8]) {
        let (shape, _) = self.look(location, segment);
        let at = location.0 as usize % (self.segment_bytes / UNIT) * UNIT + HEADER;
        (&segment[at..at + shape.key], &segment[at + shape.value..at + shape.end])
    }

    fn segment(&self, index: HeldIndex) -> &[u8] {
        self.segments[index.0 as usize].as_ref().expect("a location is in a segment of the log")
    }

    fn from(&self, location: Location) -> &[u8] {
        let units = (self.segment_bytes / UNIT) as u32;
        let (segment, unit) = (location.0 / units, location.0 % units);
        &self.segment(HeldIndex(segment))[unit as usize * UNIT..]
    }

    /// Asks for the first cache line of an entry.
    pub(in crate::state::table) fn prefetch(&self, location: Location) {
        prefetch(&self.from(location)[0]);
    }

    /// Key and value of an entry, aligned.
    pub(in crate::state::table) fn get(&self, location: Location) -> Stored<'_> {
        let bytes = self.from(location);
        let header = Header::read(bytes);
        let shape = header.shape(self.value_align);
        if !header.is_long {
            return Stored { shape, body: Body::Here(&bytes[HEADER..]) };
        }
        let mut joined = AlignedBytes::with_capacity(shape.end);
        for part in header.parts(bytes, shape.end.div_ceil(self.segment_bytes)) {
            let part = self.segment(part);
            joined.extend_from_slice(&part[..part.len().min(shape.end - joined.len())]);
        }
        Stored { shape, body: Body::Joined(joined) }
    }
}

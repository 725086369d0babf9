//! The entries in segments that were written as they lay, read back from where anybody may have
//! changed them.
//!
//! Buckets come first. Where they lead to a log, they say which entries live in its segments: a bit for
//! each place at which one may begin. Segments of the log can then come in any order, each once.
//! Nothing here panics whatever the bytes; what keys and values are is checked by whoever sees them.

use brisk_memory::SegmentSize;
use std::collections::HashMap;

use super::{
    KeyTable, PartKind,
    bucket::Geometry,
    changes::replay,
    log::{HEADER, Header, PART, UNIT},
    slots::{Located, Pair},
};
use crate::{Key, Record, checkpoint::savepoint::CanonicalError, error::TaskError};

enum Layout<K, V> {
    Slots(Geometry<Pair<K, V>>),
    Logged(Geometry<Located>),
}

/// A bit for each unit of a segment.
type Units = Box<[u64]>;

/// See the module's page.
pub(in crate::state) struct SegmentEntries<K, V> {
    layout: Layout<K, V>,
    segment_bytes: usize,
    /// Where entries live, of segments of the log that have not come.
    live: HashMap<u32, Units>,
    /// Parts of long entries that none has asked for.
    parts: HashMap<u32, Vec<u8>>,
}

fn damaged(what: String) -> TaskError {
    TaskError::DamagedKeyedState { cause: CanonicalError { offset: 0, what } }
}

impl<K: Key, V: Record> SegmentEntries<K, V> {
    pub(in crate::state) fn new(segment_bytes: usize) -> Self {
        let layout = match Pair::<K, V>::FITS {
            true => Layout::Slots(Geometry::new(segment_bytes)),
            false => Layout::Logged(Geometry::new(segment_bytes)),
        };
        Self { layout, segment_bytes, live: HashMap::new(), parts: HashMap::new() }
    }

    /// Takes a bucket; shows `each` key and value that lie in it.
    ///
    /// # Errors
    /// If it contradicts another, or `each` says so.
    pub(in crate::state) fn bucket(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let mut from = 0;
        match &self.layout {
            Layout::Slots(geometry) => {
                while let Some(slot) = geometry.occupied_from(bytes, from) {
                    let (key, value) = Pair::<K, V>::archives(geometry.slot(bytes, slot));
                    each(key, value)?;
                    from = slot + 1;
                }
            }
            Layout::Logged(geometry) => {
                let units = self.segment_bytes / UNIT;
                while let Some(slot) = geometry.occupied_from(bytes, from) {
                    let (_, location) = Located::read(geometry.slot(bytes, slot));
                    let (segment, unit) = (location.0 / units as u32, location.0 as usize % units);
                    let none = || vec![0; units.div_ceil(64)].into_boxed_slice();
                    let word = &mut self.live.entry(segment).or_insert_with(none)[unit / 64];
                    if *word & 1 << (unit % 64) != 0 {
                        return Err(damaged("two keys lead to one entry".to_owned()));
                    }
                    *word |= 1 << (unit % 64);
                    from = slot + 1;
                }
            }
        }
        Ok(())
    }

    /// Whether values lie in segments of this kind, which a log of changes may be about.
    pub(in crate::state) fn has_values(&self, kind: PartKind) -> bool {
        match self.layout {
            Layout::Slots(_) => kind.is_bucket(),
            Layout::Logged(_) => matches!(kind, PartKind::Entries { .. }),
        }
    }

    /// Whether an entry is in this segment of the log.
    pub(in crate::state) fn lives_in(&self, number: u32) -> bool {
        self.live.contains_key(&number)
    }

    /// Takes a part of a long entry, before the segment with that entry.
    pub(in crate::state) fn part_of_long(&mut self, number: u32, bytes: Vec<u8>) {
        self.parts.insert(number, bytes);
    }

    /// Takes a segment of the log with entries in its first `used` bytes, and shows `each` key and value
    /// of those that live.
    ///
    /// # Errors
    /// If it is not what it is said to be, or `each` says so.
    pub(in crate::state) fn entries(
        &mut self,
        (number, used): (u32, usize),
        bytes: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let Some(mut live) = self.live.remove(&number) else { return Ok(()) };
        let Some(bytes) = bytes.get(..used) else {
            return Err(damaged(format!("{used} bytes of entries in segment {number}")));
        };
        let mut offset = 0;
        while offset < used {
            let wrong = |what| damaged(format!("{what} at {offset} in segment {number}"));
            if used - offset < HEADER {
                return Err(wrong("half an entry"));
            }
            let header = Header::read(&bytes[offset..]);
            let Header { room, .. } = header;
            if room < HEADER || !room.is_multiple_of(UNIT) || room > used - offset {
                return Err(wrong("an entry without an end"));
            }
            let unit = offset / UNIT;
            let (word, bit) = (&mut live[unit / 64], 1 << (unit % 64));
            if *word & bit != 0 {
                *word &= !bit;
                let entry = &bytes[offset..offset + room];
                let shape = header.shape(KeyTable::<K, V>::VALUE_ALIGN);
                if !header.is_long {
                    let body = &entry[HEADER..];
                    let value = body.get(shape.value..shape.end);
                    let value = value.ok_or_else(|| wrong("an entry that is too long"))?;
                    each(&body[..shape.key], value)?;
                } else {
                    let joined = self.join(header, entry).ok_or_else(|| wrong("half an entry"))?;
                    each(&joined[..shape.key], &joined[shape.value..shape.end])?;
                }
            }
            offset += room;
        }
        match live.iter().all(|word| *word == 0) {
            true => Ok(()),
            false => Err(damaged(format!("a key leads to no entry in segment {number}"))),
        }
    }

    /// The body of a long entry; `None` if parts of it are missing.
    fn join(&mut self, header: Header, entry: &[u8]) -> Option<Vec<u8>> {
        let end = header.shape(KeyTable::<K, V>::VALUE_ALIGN).end;
        let count = end.div_ceil(self.segment_bytes);
        if count > self.parts.len() || HEADER + PART * count > entry.len() {
            return None;
        }
        let mut joined = Vec::with_capacity(count * self.segment_bytes);
        for part in header.parts(entry, count) {
            joined.extend_from_slice(&self.parts.remove(&part.0)?);
        }
        (joined.len() >= end).then_some(joined)
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    /// If keys lead to segments that have not come.
    pub(in crate::state) fn finish(&self) -> Result<(), TaskError> {
        match self.live.keys().min() {
            None => Ok(()),
            Some(segment) => {
                Err(damaged(format!("a key leads to segment {segment}, which is missing")))
            }
        }
    }
}

/// Takes arbitrary bytes as segments: a bucket, a part of a long entry, entries. Must return.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    through::<u64, u64>(bytes);
    through::<String, String>(bytes);
    through::<u64, [u64; 12]>(bytes);
}

fn through<K: Key, V: Record>(bytes: &[u8]) {
    let segment_bytes = SegmentSize::MIN.bytes();
    let segment = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        let mut segment = rest[..rest.len().min(segment_bytes)].to_vec();
        segment.resize(segment_bytes, 0);
        segment
    };
    let mut entries = SegmentEntries::<K, V>::new(segment_bytes);
    // What keys and values are does not matter here.
    let each = |_: &[u8], _: &[u8]| Ok(());
    let _ = entries.bucket(&segment(0), each);
    entries.part_of_long(1, segment(segment_bytes));
    for number in [0, 2] {
        let used = bytes.len() % (segment_bytes + 1);
        let _ = entries.entries((number, used), &segment(segment_bytes * number as usize), each);
    }
    let _ = entries.finish();
    let mut replayed = segment(0);
    let _ = replay(bytes, segment_bytes, |_, from, words| {
        replayed[from..from + words.len()].copy_from_slice(words);
    });
}

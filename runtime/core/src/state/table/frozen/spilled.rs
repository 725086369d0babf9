//! Going over a frozen table that is on disk.
//!
//! The entries of a key group lie all over the log, so a part of all entries is taken at a time, as many
//! as may be on the heap: the buckets say where they are, and each segment of the log that has some is
//! read once for that part. A table is so gone over as many times as it has parts.

use brisk_memory::driver::{AlignedBytes as Block, IoBuffer};
use std::{collections::VecDeque, ops::RangeInclusive};

use super::{Layout, go_over};
use crate::{
    Key, Record,
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::AlignedBytes,
    state::{
        StateError,
        spill::{DiskCopy, Spill},
        table::{
            log::{FrozenLog, Location},
            slots::{Located, Pair},
        },
    },
};

/// Bytes of entries that are on the heap at once. In tests few, so that there are several parts.
const PART_BYTES: usize = if cfg!(test) { 20 << 10 } else { 128 << 20 };

/// Segments that are read together.
const READ_AT_ONCE: usize = 16;

/// A bucket of a frozen table.
#[derive(Debug)]
pub(in crate::state::table) struct SpilledBucket {
    pub(in crate::state::table) copy: DiskCopy,
    pub(in crate::state::table) hashes: RangeInclusive<u32>,
}

/// A frozen table that is on disk.
pub(in crate::state::table) struct SpilledTable {
    pub(in crate::state::table) spill: Spill,
    /// By hash.
    pub(in crate::state::table) buckets: VecDeque<SpilledBucket>,
    /// Of the log, by number; a number that was not used is empty.
    pub(in crate::state::table) log: Vec<Option<DiskCopy>>,
    /// How long an entry is, about.
    pub(in crate::state::table) entry_bytes: usize,
}

type Entry = (AlignedBytes, AlignedBytes);

/// Its entries.
pub(super) struct SpilledEntries {
    table: SpilledTable,
    groups: MaxParallelism,
    /// Those that are on the heap, by key group.
    here: VecDeque<(KeyGroup, Vec<Entry>)>,
    in_hand: Vec<Entry>,
}

fn aligned(bytes: &[u8]) -> AlignedBytes {
    let mut copy = AlignedBytes::with_capacity(bytes.len());
    copy.extend_from_slice(bytes);
    copy
}

impl SpilledEntries {
    pub(super) fn new(table: SpilledTable, groups: MaxParallelism) -> Self {
        Self { table, groups, here: VecDeque::new(), in_hand: Vec::new() }
    }

    /// Takes the entries of the next key group in hand, and says how many they are; `None` when there is
    /// none.
    pub(super) fn next_group<K: Key, V: Record>(
        &mut self,
        layout: &Layout<K, V>,
    ) -> Result<Option<(KeyGroup, usize)>, StateError> {
        // The last group that is here may go on behind it.
        while self.here.len() < 2 && !self.table.buckets.is_empty() {
            self.take_part(layout)?;
        }
        let Some((group, entries)) = self.here.pop_front() else { return Ok(None) };
        self.in_hand = entries;
        Ok(Some((group, self.in_hand.len())))
    }

    /// Key and value of an entry in hand.
    pub(super) fn entry(&self, at: u32) -> (&[u8], &[u8]) {
        let (key, value) = &self.in_hand[at as usize];
        (key, value)
    }

    fn take_part<K: Key, V: Record>(&mut self, layout: &Layout<K, V>) -> Result<(), StateError> {
        let count = (PART_BYTES / self.table.entry_bytes.max(1)).max(1);
        let mut entries: Vec<(KeyGroup, Entry)> = Vec::new();
        let mut logged: Vec<(KeyGroup, Location)> = Vec::new();
        while entries.len() + logged.len() < count {
            let some = READ_AT_ONCE.min(self.table.buckets.len());
            if some == 0 {
                break;
            }
            let buckets: Vec<SpilledBucket> = self.table.buckets.drain(..some).collect();
            let read = self.read(buckets.iter().map(|bucket| &bucket.copy))?;
            for (bucket, bytes) in buckets.iter().zip(&read) {
                let of = |hash| KeyGroup(key_group_of(hash, self.groups.0 as usize) as u32);
                let (low, high) = (of(*bucket.hashes.start()), of(*bucket.hashes.end()));
                let group = |hash: Option<u32>| hash.map_or(low, of);
                let bytes = bytes.as_slice();
                match layout {
                    Layout::Slots(geometry) => {
                        go_over(geometry, bytes, low < high, |hash, slot| {
                            let (key, value) = Pair::<K, V>::archives(geometry.slot(bytes, slot));
                            entries.push((group(hash), (aligned(key), aligned(value))));
                        })
                    }
                    Layout::Logged(geometry, _) => {
                        go_over(geometry, bytes, low < high, |hash, slot| {
                            let (_, at) = Located::read(geometry.slot(bytes, slot));
                            logged.push((group(hash), at));
                        });
                    }
                }
            }
        }
        if let Layout::Logged(_, log) = layout {
            self.read_logged(log, logged, &mut entries)?;
        }
        self.arrange(entries);
        Ok(())
    }

    /// Reads entries of the log, each of its segments once.
    fn read_logged(
        &self,
        log: &FrozenLog,
        mut wanted: Vec<(KeyGroup, Location)>,
        entries: &mut Vec<(KeyGroup, Entry)>,
    ) -> Result<(), StateError> {
        wanted.sort_unstable_by_key(|(_, at)| at.0);
        let of_segments: Vec<&[(KeyGroup, Location)]> = wanted
            .chunk_by(|(_, one), (_, other)| log.number(*one) == log.number(*other))
            .collect();
        for some in of_segments.chunks(READ_AT_ONCE) {
            let numbers = || some.iter().map(|wanted| log.number(wanted[0].1));
            let read = self.read(numbers().map(|number| self.copy(number)))?;
            for (wanted, bytes) in some.iter().zip(&read) {
                for (group, at) in *wanted {
                    let (shape, parts) = log.look(*at, bytes.as_slice());
                    let (key, value) = match parts {
                        None => {
                            let (key, value) = log.archives(*at, bytes.as_slice());
                            (aligned(key), aligned(value))
                        }
                        Some(parts) => {
                            let mut joined = Vec::with_capacity(shape.end);
                            for part in parts {
                                let part = self.read([self.copy(part.0)].into_iter())?;
                                joined.extend_from_slice(part[0].as_slice());
                            }
                            (
                                aligned(&joined[..shape.key]),
                                aligned(&joined[shape.value..shape.end]),
                            )
                        }
                    };
                    entries.push((*group, (key, value)));
                }
            }
        }
        Ok(())
    }

    fn arrange(&mut self, mut entries: Vec<(KeyGroup, Entry)>) {
        entries.sort_by_key(|(group, _)| *group);
        for (group, entry) in entries {
            match self.here.back_mut() {
                Some((last, known)) if *last == group => known.push(entry),
                _ => self.here.push_back((group, vec![entry])),
            }
        }
    }

    fn copy(&self, number: u32) -> &DiskCopy {
        let copy = self.table.log.get(number as usize).and_then(Option::as_ref);
        copy.expect("a location is in a segment of the log")
    }

    fn read<'a>(
        &self,
        copies: impl Iterator<Item = &'a DiskCopy>,
    ) -> Result<Vec<IoBuffer>, StateError> {
        let bytes = self.table.spill.segment_bytes();
        let buffer = |copy| (copy, IoBuffer::Heap(Block::zeroed(bytes)));
        self.table.spill.read(copies.map(buffer).collect())
    }
}

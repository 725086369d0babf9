//! Going over a frozen table key group by key group, while the table itself goes on changing.
//!
//! ```text
//! buckets, by hash     |    0    |  1  |2|3|      4      | 4, overflow |   5   | ...
//! key groups           |  group 0   |   group 1  |      group 2            | ...
//! ```
//!
//! A bucket is a range of hashes and so is a key group, so the entries of a group lie in neighbouring
//! buckets. One bucket (with its overflow) is laid out at a time: only where it reaches over the end
//! of a group are its slots sorted, by group. Buckets are let go of once all of their entries were
//! handed out; a log is needed to the end. A table of which a part is on disk is gone over there, all of
//! it (`spilled`).

mod spilled;

use brisk_memory::SegmentSize;
use std::{collections::VecDeque, fmt};

use super::{
    FrozenBucket,
    bucket::{Geometry, Slot},
    key_table::Frozen,
    log::{FrozenLog, Stored, UNIT},
    slots::{Located, Pair},
};
use crate::{
    Key, Record,
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    state::StateError,
};
use spilled::SpilledEntries;
pub(super) use spilled::{SpilledBucket, SpilledTable};

/// Where an entry of a frozen table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRef {
    bucket: u32,
    slot: u32,
}

/// The archives of a key and its value.
pub struct FrozenEntry<'a>(Archives<'a>);

enum Archives<'a> {
    Slot(&'a [u8], &'a [u8]),
    Logged(Stored<'a>),
}

impl FrozenEntry<'_> {
    /// The key's archive.
    pub fn key(&self) -> &[u8] {
        match &self.0 {
            Archives::Slot(key, _) => key,
            Archives::Logged(stored) => stored.key(),
        }
    }

    /// The value's archive.
    pub fn value(&self) -> &[u8] {
        match &self.0 {
            Archives::Slot(_, value) => value,
            Archives::Logged(stored) => stored.value(),
        }
    }
}

enum Layout<K, V> {
    Slots(Geometry<Pair<K, V>>),
    Logged(Geometry<Located>, FrozenLog),
}

/// The entries of a frozen table.
pub struct FrozenEntries<K, V> {
    /// Those that are not gone over yet, by hash.
    buckets: VecDeque<FrozenBucket>,
    /// How many were let go of before those.
    released: usize,
    layout: Layout<K, V>,
    /// In place of the buckets, if it is on disk.
    spilled: Option<SpilledEntries>,
    groups: MaxParallelism,
    /// The entries of the buckets in hand by key group, and how many of them were handed out.
    laid_out: Vec<(KeyGroup, EntryRef)>,
    taken: usize,
    /// The first of the buckets in hand, and the first that was not laid out yet.
    in_hand: usize,
    next: usize,
}

/// How many entries are handed out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Those of a key group in one bucket; a group may come several times, one after the other.
    Bucket,
    /// All of a key group.
    Group,
}

impl<K: Key, V: Record> FrozenEntries<K, V> {
    /// Over what was frozen of a table with segments of `segment_bytes`, whose values need an address
    /// divisible by `value_align` in a log.
    pub(super) fn new(
        frozen: Frozen,
        groups: MaxParallelism,
        segment_bytes: usize,
        value_align: usize,
    ) -> Self {
        let Frozen { buckets, data } = frozen;
        let layout = if Pair::<K, V>::FITS {
            Layout::Slots(Geometry::new(segment_bytes))
        } else {
            let log = FrozenLog::new(data, segment_bytes, value_align);
            Layout::Logged(Geometry::new(segment_bytes), log)
        };
        Self {
            buckets: buckets.into(),
            released: 0,
            layout,
            spilled: None,
            groups,
            laid_out: Vec::new(),
            taken: 0,
            in_hand: 0,
            next: 0,
        }
    }

    /// Over a table that is on disk.
    pub(super) fn on_disk(
        table: SpilledTable,
        groups: MaxParallelism,
        (segment_bytes, value_align): (usize, usize),
    ) -> Self {
        let frozen = Frozen { buckets: Vec::new(), data: Vec::new() };
        let spilled = Some(SpilledEntries::new(table, groups));
        Self { spilled, ..Self::new(frozen, groups, segment_bytes, value_align) }
    }

    /// Over a table without entries.
    pub(in crate::state) fn none(groups: MaxParallelism) -> Self {
        let frozen = Frozen { buckets: Vec::new(), data: Vec::new() };
        Self::new(frozen, groups, SegmentSize::MIN.bytes(), UNIT)
    }

    /// The next entries, in `run`, and their key group; `None` when all were handed out. Those of the
    /// call before are not to be looked at any more.
    ///
    /// # Errors
    /// If they are on disk and can't be read.
    pub fn next_run(
        &mut self,
        size: Run,
        run: &mut Vec<EntryRef>,
    ) -> Result<Option<KeyGroup>, StateError> {
        run.clear();
        let Some(spilled) = &mut self.spilled else { return Ok(self.next_in_memory(size, run)) };
        let Some((group, count)) = spilled.next_group(&self.layout)? else { return Ok(None) };
        run.extend((0..count as u32).map(|slot| EntryRef { bucket: 0, slot }));
        Ok(Some(group))
    }

    fn next_in_memory(&mut self, size: Run, run: &mut Vec<EntryRef>) -> Option<KeyGroup> {
        self.release();
        while self.taken == self.laid_out.len() {
            if !self.lay_out() {
                return None;
            }
        }
        let group = self.laid_out[self.taken].0;
        loop {
            let rest = &self.laid_out[self.taken..];
            let of_group = rest.iter().take_while(|(of, _)| *of == group);
            run.extend(of_group.map(|(_, entry)| entry));
            self.taken += rest.iter().take_while(|(of, _)| *of == group).count();
            if size == Run::Bucket || self.taken < self.laid_out.len() || !self.lay_out() {
                return Some(group);
            }
        }
    }

    /// Lets go of buckets whose entries were all handed out.
    fn release(&mut self) {
        let done = if self.taken < self.laid_out.len() { self.in_hand } else { self.next };
        self.buckets.drain(..done - self.released);
        self.released = done;
    }

    /// Takes the next bucket with its overflow in hand; false when there is none.
    fn lay_out(&mut self) -> bool {
        self.laid_out.clear();
        self.taken = 0;
        self.in_hand = self.next;
        let Some(first) = self.buckets.get(self.next - self.released) else { return false };
        let hashes = first.hashes.clone();
        let group = |hash| key_group_of(hash, self.groups.0 as usize) as u32;
        let (low, high) = (group(*hashes.start()), group(*hashes.end()));
        while let Some(bucket) = self.buckets.get(self.next - self.released)
            && bucket.hashes == hashes
        {
            let (bytes, at, laid_out) = (&*bucket.bytes, self.next as u32, &mut self.laid_out);
            let add = |hash: Option<u32>, slot: usize| {
                let group = KeyGroup(hash.map_or(low, group));
                laid_out.push((group, EntryRef { bucket: at, slot: slot as u32 }));
            };
            match &self.layout {
                Layout::Slots(geometry) => go_over(geometry, bytes, low < high, add),
                Layout::Logged(geometry, _) => go_over(geometry, bytes, low < high, add),
            }
            self.next += 1;
        }
        if low < high {
            self.laid_out.sort_by_key(|(group, _)| *group);
        }
        true
    }

    fn bucket(&self, entry: EntryRef) -> &[u8] {
        &self.buckets[entry.bucket as usize - self.released].bytes
    }

    /// Asks for the first cache line of an entry that is looked at soon.
    pub fn prefetch(&self, entry: EntryRef) {
        if self.spilled.is_some() {
            return;
        }
        if let Layout::Logged(geometry, log) = &self.layout {
            let slot = geometry.slot(self.bucket(entry), entry.slot as usize);
            log.prefetch(Located::read(slot).1);
        }
    }

    /// An entry of the last run.
    pub fn entry(&self, entry: EntryRef) -> FrozenEntry<'_> {
        if let Some(spilled) = &self.spilled {
            let (key, value) = spilled.entry(entry.slot);
            return FrozenEntry(Archives::Slot(key, value));
        }
        let bytes = self.bucket(entry);
        FrozenEntry(match &self.layout {
            Layout::Slots(geometry) => {
                let (key, value) =
                    Pair::<K, V>::archives(geometry.slot(bytes, entry.slot as usize));
                Archives::Slot(key, value)
            }
            Layout::Logged(geometry, log) => {
                let (_, at) = Located::read(geometry.slot(bytes, entry.slot as usize));
                Archives::Logged(log.get(at))
            }
        })
    }
}

/// Shows `each` slot with a key, and the key's hash where it is wanted.
fn go_over<S: Slot>(
    geometry: &Geometry<S>,
    bytes: &[u8],
    hashed: bool,
    mut each: impl FnMut(Option<u32>, usize),
) {
    let mut from = 0;
    while let Some(slot) = geometry.occupied_from(bytes, from) {
        each(hashed.then(|| S::hash(geometry.slot(bytes, slot))), slot);
        from = slot + 1;
    }
}

impl<K, V> fmt::Debug for FrozenEntries<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenEntries").field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for FrozenEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenEntry").field("key", &self.key()).finish_non_exhaustive()
    }
}

//! Keys and values of two types, over the bytes.

mod image;
mod legacy;
mod room;
mod scan;
mod upsert;

use std::fmt;

use super::{
    FrozenBucket, FrozenData, FrozenEntries,
    index::{Index, Place},
    log::{Draft, HEADER, Location, Log, UNIT},
    scratch::Scratch,
    slots::{Located, Pair, logged},
};
use crate::{
    Key, Record,
    graph::MaxParallelism,
    record::{Archived, decode, is_plain, plain_bytes, selector::is_archived},
    state::{HashRange, StateError, Supply},
};

pub(in crate::state) use legacy::Legacy;
use legacy::Will;
pub use scan::Scan;

/// Keys between the request for a key's slot and that for its entry in the log.
const CLOSER: usize = 8;

/// Segments of a log whose entries are worth that second look: 64 MiB of the usual ones. A smaller log
/// lies in the caches for the most part, and the look costs a tenth of a word count. In tests few, so
/// that they do the same.
const LARGE: usize = if cfg!(test) { 2 } else { 2048 };

/// What happens to the value of one key.
pub trait Change<K: Record, V> {
    /// Whether `stored` is the key.
    fn is(&self, stored: &Archived<K>) -> bool;

    /// The key.
    fn key(&self) -> K;

    /// The value if the key is new.
    fn first(self) -> V;

    /// Changes the value if it is not.
    fn add(self, value: &mut V);
}

/// A change that a table had no room for.
#[derive(Debug)]
pub struct Refused<K, V> {
    /// Why.
    pub error: StateError,
    /// The key and its value after the change; the table does not have the key any more. `None` when
    /// nothing was done.
    pub left_over: Option<(K, V)>,
}

/// The segments of a table at one moment.
#[derive(Debug)]
pub struct Frozen {
    /// Those in which keys are found.
    pub buckets: Vec<FrozenBucket>,
    /// Those of the log.
    pub data: Vec<FrozenData>,
}

/// A value for each key, in managed segments.
pub struct KeyTable<K, V> {
    body: Body<K, V>,
    range: HashRange,
    supply: Supply,
    /// Archives of keys and of values, on their way into the log.
    scratch: (Scratch, Scratch),
    /// Hashes of keys that come soon.
    coming: [u32; CLOSER],
    next_coming: usize,
    /// Segments may be on disk: they are brought back before anything is looked for in them.
    is_spilling: bool,
    will: Option<Will<K, V>>,
}

enum Body<K, V> {
    Slots(Index<Pair<K, V>>),
    Logged(Index<Located>, Log),
}

impl<K: Key, V: Record> KeyTable<K, V> {
    /// What values in a log have to be aligned to: exactly known for plain ones.
    pub(super) const VALUE_ALIGN: usize =
        if is_plain::<V>() { align_of::<Archived<V>>() } else { UNIT };

    /// Cache lines of a usual entry: its header, the key, the value.
    const LINES: usize =
        (HEADER + size_of::<Archived<K>>() + size_of::<Archived<V>>()).div_ceil(64);

    /// An empty table of keys whose hashes are in `range`.
    ///
    /// # Errors
    /// If there is no segment for it.
    pub fn new(range: HashRange, mut supply: Supply) -> Result<Self, StateError> {
        let body = if Pair::<K, V>::FITS {
            Body::Slots(Index::new(range, &mut supply)?)
        } else {
            let log = Log::new(Self::VALUE_ALIGN, &supply);
            Body::Logged(Index::new(range, &mut supply)?, log)
        };
        let (scratch, coming) = ((Scratch::new(), Scratch::new()), [range.first(); CLOSER]);
        let (is_spilling, will) = (false, None);
        Ok(Self { body, range, supply, scratch, coming, next_coming: 0, is_spilling, will })
    }

    /// Keys.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Slots(index) => index.len(),
            Body::Logged(index, _) => index.len(),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the segments it holds in memory.
    pub fn bytes(&self) -> usize {
        let segments = match &self.body {
            Body::Slots(index) => index.in_memory(),
            Body::Logged(index, log) => index.in_memory() + log.in_memory(),
        };
        segments * self.supply.segment_size().bytes()
    }

    /// Asks for the cache lines in which the search for `hash` begins. Called for key after key, some
    /// time before each is searched; entries in the log, which are found by what those lines hold,
    /// are asked for when a few further keys have come.
    #[inline(always)]
    pub fn prefetch(&mut self, hash: u32) {
        if self.is_spilling {
            return;
        }
        match &self.body {
            Body::Slots(index) => index.prefetch(hash),
            Body::Logged(index, log) => {
                index.prefetch(hash);
                let closer = std::mem::replace(&mut self.coming[self.next_coming], hash);
                self.next_coming = (self.next_coming + 1) % CLOSER;
                // What is no record has no key of this table.
                if log.in_memory() < LARGE || !self.range.contains(closer) {
                    return;
                }
                index.find(closer, |slot| {
                    let (found, at) = Located::read(slot);
                    if found == closer {
                        log.prefetch(at, Self::LINES);
                    }
                    found == closer
                });
            }
        }
    }

    fn insert_pair(&mut self, hash: u32, key: &K, value: &V) -> Result<(), StateError> {
        loop {
            match self.try_insert(hash, key, value) {
                Ok(()) => return Ok(()),
                Err(error) => self.make_room(hash, error)?,
            }
        }
    }

    fn try_insert(&mut self, hash: u32, key: &K, value: &V) -> Result<(), StateError> {
        let Self { body, supply, scratch, .. } = self;
        match body {
            Body::Slots(index) => {
                let place = index.insert(hash, supply)?;
                Pair::write(index.slot_mut(place, supply)?, key, value);
            }
            Body::Logged(index, log) => {
                let (key, value) = (scratch.0.archive(key), scratch.1.archive(value));
                let to = log.append(Draft { hash, key, value, slack: 0 }, supply)?;
                match index.insert(hash, supply) {
                    Ok(place) => Located::write(index.slot_mut(place, supply)?, hash, to),
                    Err(error) => {
                        log.release(to);
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts an entry as garbage; empties its segment if little else is in there.
    fn release(&mut self, at: Location) {
        let Body::Logged(_, log) = &mut self.body else { unreachable!("the types decide") };
        log.release(at);
        if !log.is_sparse(at) {
            return;
        }
        // Where there is no room for that now, the garbage waits for the next time.
        while let Err(error) = self.compact(at) {
            if self.make_room_beside(at, error).is_err() {
                return;
            }
        }
    }

    /// Moves what lives in the segment of `released` to the end of the log.
    #[cold]
    fn compact(&mut self, released: Location) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        let Body::Logged(index, log) = body else { unreachable!("the types decide") };
        let segment = log.segment_of(released);
        let entries: Vec<(u32, Location)> = log.entries(segment).collect();
        for (hash, at) in entries {
            let Some(place) = index.find(hash, |slot| Located::read(slot) == (hash, at)) else {
                continue;
            };
            index.slot_mut(place, supply)?;
            let to = log.relocate(at, supply)?;
            Located::write(index.slot_mut(place, supply)?, hash, to);
        }
        log.give_back(segment);
        Ok(())
    }

    /// The value of the key that `is` recognizes.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub fn get(
        &mut self,
        hash: u32,
        is: impl Fn(&Archived<K>) -> bool,
    ) -> Result<Option<V>, StateError> {
        self.read(hash, is, decode::<V>)
    }

    /// Removes the key that `is` recognizes; whether it was there.
    ///
    /// # Errors
    /// If a frozen segment would have to be copied and there is none for it, or what is on disk can't be
    /// read.
    pub fn remove(
        &mut self,
        hash: u32,
        is: impl Fn(&Archived<K>) -> bool,
    ) -> Result<bool, StateError> {
        if self.is_spilling {
            self.bring_back(hash)?;
        }
        loop {
            match self.try_remove(hash, &is) {
                Ok(removed) => return Ok(removed),
                Err(error) => self.make_room(hash, error)?,
            }
        }
    }

    fn try_remove(
        &mut self,
        hash: u32,
        is: impl Fn(&Archived<K>) -> bool,
    ) -> Result<bool, StateError> {
        let Self { body, supply, .. } = self;
        match body {
            Body::Slots(index) => {
                let found = index.find(hash, |slot| is(Pair::<K, V>::key(slot)));
                let Some(place) = found else { return Ok(false) };
                index.remove(place, supply)?;
            }
            Body::Logged(index, log) => {
                let Some((place, at)) = find_logged::<K>(index, log, hash, is) else {
                    return Ok(false);
                };
                index.remove(place, supply)?;
                self.release(at);
            }
        }
        Ok(true)
    }

    /// Forgets all keys and gives back the segments but one.
    ///
    /// # Errors
    /// If that one is frozen and there is none to take its place, or it can't be read.
    pub fn clear(&mut self) -> Result<(), StateError> {
        if self.is_spilling {
            self.bring_back(self.range.first())?;
        }
        match &mut self.body {
            Body::Slots(index) => index.clear(&mut self.supply),
            Body::Logged(index, log) => {
                log.clear();
                index.clear(&mut self.supply)
            }
        }
    }

    /// Shares all segments as they are now; whatever changes afterwards is copied first.
    pub fn freeze(&mut self) -> Frozen {
        match &mut self.body {
            Body::Slots(index) => Frozen { buckets: index.freeze(), data: Vec::new() },
            Body::Logged(index, log) => Frozen { buckets: index.freeze(), data: log.freeze() },
        }
    }

    /// Freezes the table, to go over what it is now by key group; see [`KeyTable::freeze`].
    ///
    /// # Errors
    /// If a part of the table is on disk, or there may be no room for a copy of it, and it can't be written
    /// there.
    pub fn freeze_entries(
        &mut self,
        groups: MaxParallelism,
    ) -> Result<FrozenEntries<K, V>, StateError> {
        let segment_bytes = self.supply.segment_size().bytes();
        if self.is_spilling || self.has_no_room_for_a_copy() {
            let table = self.freeze_on_disk()?;
            return Ok(FrozenEntries::on_disk(table, groups, (segment_bytes, Self::VALUE_ALIGN)));
        }
        Ok(FrozenEntries::new(self.freeze(), groups, segment_bytes, Self::VALUE_ALIGN))
    }

    /// Adds a key that is not there yet; false, and nothing, if it is.
    ///
    /// # Errors
    /// If there is no segment for it, or what is on disk can't be read.
    pub fn insert_new(&mut self, hash: u32, key: &K, value: &V) -> Result<bool, StateError> {
        if self.contains(hash, |stored| is_archived(key, stored))? {
            return Ok(false);
        }
        self.insert_pair(hash, key, value).map(|()| true)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// If there is no segment for it, or what is on disk can't be read; nothing was changed then.
    pub fn put(&mut self, hash: u32, key: &K, value: &V) -> Result<(), StateError> {
        if self.is_spilling {
            self.bring_back(hash)?;
        }
        loop {
            match self.try_put(hash, key, value) {
                Ok(()) => return Ok(()),
                Err(error) => self.make_room(hash, error)?,
            }
        }
    }

    fn try_put(&mut self, hash: u32, key: &K, value: &V) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        let is = |stored: &Archived<K>| is_archived(key, stored);
        match body {
            Body::Slots(index) => {
                if let Some(place) = index.find(hash, |slot| is(Pair::<K, V>::key(slot))) {
                    index.open_slot(place, supply)?;
                    index.replace(place, Pair::<K, V>::VALUE_AT, plain_bytes(value));
                    return Ok(());
                }
            }
            Body::Logged(index, log) => {
                if let Some((place, at)) = find_logged::<K>(index, log, hash, is) {
                    return self.rewrite(place, at, value);
                }
            }
        }
        self.try_insert(hash, key, value)
    }

    /// Shows the value of the key that `is` recognizes, as it lies there.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub fn read<R>(
        &mut self,
        hash: u32,
        is: impl Fn(&Archived<K>) -> bool,
        look: impl FnOnce(&Archived<V>) -> R,
    ) -> Result<Option<R>, StateError> {
        if self.is_spilling {
            self.bring_back(hash)?;
        }
        Ok(match &self.body {
            Body::Slots(index) => {
                let place = index.find(hash, |slot| is(Pair::<K, V>::key(slot)));
                place.map(|place| look(Pair::<K, V>::value_view(index.slot(place))))
            }
            Body::Logged(index, log) => {
                let found = find_logged::<K>(index, log, hash, is);
                found.map(|(_, at)| look(logged::<V>(log.get(at).value())))
            }
        })
    }

    /// Whether there is a key that `is` recognizes.
    ///
    /// # Errors
    /// If what is on disk can't be read.
    pub fn contains(
        &mut self,
        hash: u32,
        is: impl Fn(&Archived<K>) -> bool,
    ) -> Result<bool, StateError> {
        self.read(hash, is, |_| ()).map(|found| found.is_some())
    }

    /// Checks what must hold. Linear in the size of the table.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_invariants(&self) {
        match &self.body {
            Body::Slots(index) => index.verify_invariants(),
            Body::Logged(index, log) => {
                index.verify_invariants();
                let mut cursor = index.scan(self.range);
                let live = std::iter::from_fn(|| index.next(&mut cursor));
                log.verify_invariants(live.map(|place| Located::read(index.slot(place)).1));
            }
        }
        let held = self.supply.held().bytes(self.supply.segment_size());
        assert!(self.bytes() <= held, "a table holds what its supply lent");
    }
}

/// Where a key's slot and its entry are.
#[inline(always)]
fn find_logged<K: Key>(
    index: &Index<Located>,
    log: &Log,
    hash: u32,
    is: impl Fn(&Archived<K>) -> bool,
) -> Option<(Place, Location)> {
    let place = index.find(hash, |slot| {
        let (found, at) = Located::read(slot);
        found == hash && is(logged::<K>(log.get(at).key()))
    })?;
    Some((place, Located::read(index.slot(place)).1))
}

impl<K, V> fmt::Debug for KeyTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTable").field("supply", &self.supply).finish_non_exhaustive()
    }
}

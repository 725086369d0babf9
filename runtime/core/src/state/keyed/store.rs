//! The table of all states of an operator, and the key in hand.

mod cleanup;

use super::{
    StateTtlConfig,
    address::{Address, AddressBuffer, Role},
    checkpoint::time_key,
    foreign::Foreign,
    timers::{TimerIs, Wanted},
};
use crate::{
    checkpoint::handle::StateKind,
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::{Archived, KeyHasher},
    state::{
        HashRange, StateError, Supply,
        backend::{EntryKey, KeyedStore},
        snapshot::{EntryForm, History, StreamOptions, SurvivorsPlace, TableStream},
        table::KeyTable,
    },
    task::snapshot::{KeyedStream, SegmentCheckpoint},
    time::{Timestamp, timers::Due},
};
use std::{
    cell::RefCell,
    hash::Hasher,
    rc::{Rc, Weak},
};

/// Keys and values of the table.
pub(super) type Blob = Vec<u8>;

/// See the module's page.
pub(super) struct Store {
    body: Body,
    /// The hash of an archived key.
    hash_key: fn(&[u8]) -> u32,
    range: HashRange,
    groups: MaxParallelism,
    /// Key and namespace in hand, and the entry that is asked for.
    address: AddressBuffer,
    key_hash: u32,
    coming: Coming,
    pub(super) now: Timestamp,
    /// Where cleanup goes on, and how many entries it may look at.
    cleanup_at: u32,
    cleanup_credit: u32,
    /// The same where entries are on disk, which are looked at by segment.
    cleanup_segment: u32,
    /// What earlier checkpoints have of the table.
    history: History,
}

/// Where the entries are.
enum Body {
    Table(KeyTable<Blob, Blob>),
    Foreign(Foreign),
}

/// What a store is made of.
pub(super) enum Ground {
    /// A table in this memory.
    Memory(Supply),
    /// Another backend, and how messages call the operator.
    Foreign(Box<dyn KeyedStore>, String),
}

/// Archived keys one behind the other, and for each its hash and where it ends.
#[derive(Default)]
struct Coming {
    keys: Vec<u8>,
    ends: Vec<(u32, usize)>,
}

impl Coming {
    fn clear(&mut self) {
        self.keys.clear();
        self.ends.clear();
    }

    fn add(&mut self, hash: u32, key: &[u8]) {
        self.keys.extend_from_slice(key);
        self.ends.push((hash, self.keys.len()));
    }
}

/// What stands behind an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trailer {
    pub(super) used: Option<Timestamp>,
    pub(super) place: Option<u32>,
}

/// Which parts a trailer has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct TrailerShape {
    pub(super) has_time: bool,
    pub(super) is_map: bool,
}

impl TrailerShape {
    /// Archive and trailer; `None` if there are too few bytes.
    pub(super) fn split(self, bytes: &[u8]) -> Option<(&[u8], Trailer)> {
        let (mut rest, mut trailer) = (bytes, Trailer::default());
        if self.is_map {
            let (before, place) = rest.split_last_chunk()?;
            (rest, trailer.place) = (before, Some(u32::from_le_bytes(*place)));
        }
        if self.has_time {
            let (before, time) = rest.split_last_chunk()?;
            let time = Timestamp::from_millis(i64::from_le_bytes(*time));
            (rest, trailer.used) = (before, Some(time));
        }
        Some((rest, trailer))
    }
}

impl Trailer {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if let Some(used) = self.used {
            out.extend_from_slice(&used.millis().to_le_bytes());
        }
        if let Some(place) = self.place {
            out.extend_from_slice(&place.to_le_bytes());
        }
    }
}

impl Store {
    pub(super) fn new(
        range: HashRange,
        groups: MaxParallelism,
        ground: Ground,
        hash_key: fn(&[u8]) -> u32,
    ) -> Result<Self, StateError> {
        let body = match ground {
            Ground::Memory(supply) => Body::Table(KeyTable::new(range, supply)?),
            Ground::Foreign(store, operator) => Body::Foreign(Foreign::new(store, operator)),
        };
        Ok(Self {
            body,
            hash_key,
            range,
            groups,
            address: AddressBuffer::default(),
            key_hash: 0,
            coming: Coming::default(),
            now: Timestamp::MIN,
            cleanup_at: range.first(),
            cleanup_credit: 0,
            cleanup_segment: 0,
            history: History::default(),
        })
    }

    /// The table, where the entries are in memory.
    pub(super) fn table(&mut self) -> Option<&mut KeyTable<Blob, Blob>> {
        match &mut self.body {
            Body::Table(table) => Some(table),
            Body::Foreign(_) => None,
        }
    }

    /// There may be segments there of the run before, which are had when there is no other memory.
    pub(super) fn find_survivors(&mut self, place: &Rc<SurvivorsPlace>) {
        let place: Weak<SurvivorsPlace> = Rc::downgrade(place);
        if let Body::Table(table) = &mut self.body {
            table.takes_from(place);
        }
    }

    /// What is in the table in the end may be of use for the next run.
    pub(super) fn leave_to(&mut self, place: &SurvivorsPlace) {
        if let Body::Table(table) = &mut self.body {
            table.leave_to(place.heir(&self.history));
        }
    }

    /// The store of another backend, where that has the entries.
    pub(super) fn foreign(&mut self) -> Option<&mut Foreign> {
        match &mut self.body {
            Body::Table(_) => None,
            Body::Foreign(foreign) => Some(foreign),
        }
    }

    /// Has something done that takes memory of the table's: what is cold goes to disk until there is some.
    pub(super) fn with_room<T>(
        &mut self,
        mut act: impl FnMut() -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        loop {
            let error = match act() {
                Err(error @ StateError::OutOfMemory { .. }) => error,
                done => return done,
            };
            let Body::Table(table) = &mut self.body else { return Err(error) };
            if !table.spill_some()? {
                return Err(error);
            }
        }
    }

    /// How values of a state end here. Where entries come in order anyway, maps keep none.
    pub(super) fn shape(&self, kind: StateKind, has_time: bool) -> TrailerShape {
        let keeps_order = matches!(self.body, Body::Table(_));
        TrailerShape { has_time, is_map: kind == StateKind::Map && keeps_order }
    }

    pub(super) fn advance_clock(&mut self, now: Timestamp) {
        if now > self.now {
            self.now = now;
            if let Body::Foreign(foreign) = &mut self.body {
                foreign.advance_clock(now);
            }
        }
    }

    /// Hands the table over as it is now, if there is one.
    pub(super) fn freeze<F: EntryForm>(
        &mut self,
        form: F,
        options: &StreamOptions,
        segments: Option<SegmentCheckpoint>,
    ) -> Option<Box<dyn KeyedStream>> {
        let Self { body: Body::Table(table), groups, history, .. } = self else { return None };
        let stream = TableStream { groups: *groups, history, form };
        Some(stream.freeze(table, options, segments))
    }

    /// Takes a key and a namespace of a state in hand.
    pub(super) fn select(&mut self, state: u32, key: (u32, &[u8]), namespace: &[u8]) {
        self.key_hash = key.0;
        self.address.select(state, key.1, namespace);
    }

    /// Shows the value of an entry of the key in hand, if there is one.
    pub(super) fn read<R>(
        &mut self,
        role: Role,
        sub_key: &[u8],
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, StateError> {
        self.address.complete(role, sub_key);
        let Self { body, address, groups, key_hash, .. } = self;
        match body {
            Body::Table(table) => {
                let hash = table_hash(address, *key_hash, *groups);
                let address = address.bytes();
                let is = |stored: &Archived<Blob>| stored.as_slice() == &address[..];
                table.read(hash, is, |value| look(value.as_slice()))
            }
            Body::Foreign(foreign) => {
                let group = group_of(*key_hash, *groups);
                foreign.read(&address.entry(group), look)
            }
        }
    }

    /// The hash in the table of an entry of the key in hand.
    pub(super) fn hash(&mut self, sub_key: &[u8]) -> u32 {
        self.address.complete(Role::Data, sub_key);
        table_hash(&self.address, self.key_hash, self.groups)
    }

    /// Takes out a timer of the table with this hash and time, if it is wanted; what it was. Its key's
    /// archive is put into `key`.
    pub(super) fn take_timer(
        &mut self,
        state: u32,
        due: Due,
        wanted: Wanted,
        key: &mut Blob,
    ) -> Result<Option<TimerIs>, StateError> {
        let Body::Table(table) = &mut self.body else { return Ok(None) };
        let (sub_key, key) = (time_key(due.time), RefCell::new(key));
        let is = |stored: &Archived<Blob>| {
            let address = Address::parse(stored.as_slice());
            let is_it = address.state == state
                && address.role == Role::Data
                && address.sub_key == &sub_key[..];
            if is_it {
                let key = &mut *key.borrow_mut();
                key.clear();
                key.extend_from_slice(address.key);
            }
            is_it
        };
        let found = table.read(due.hash, is, |value| TimerIs::of_value(value.as_slice()))?;
        let found = found.filter(|is| wanted == Wanted::All || *is == TimerIs::Deleted);
        if found.is_some() {
            table.remove(due.hash, is)?;
        }
        Ok(found)
    }

    /// Writes an entry of the key in hand.
    pub(super) fn put(
        &mut self,
        role: Role,
        sub_key: &[u8],
        value: &Blob,
    ) -> Result<(), StateError> {
        self.address.complete(role, sub_key);
        let Self { body, address, groups, key_hash, .. } = self;
        match body {
            Body::Table(table) => {
                let hash = table_hash(address, *key_hash, *groups);
                table.put(hash, address.bytes(), value)
            }
            Body::Foreign(foreign) => {
                let group = group_of(*key_hash, *groups);
                foreign.put(&address.entry(group), value)
            }
        }
    }

    /// Removes an entry of the key in hand; whether it was there.
    pub(super) fn remove(&mut self, role: Role, sub_key: &[u8]) -> Result<bool, StateError> {
        self.address.complete(role, sub_key);
        let Self { body, address, groups, key_hash, .. } = self;
        match body {
            Body::Table(table) => {
                let hash = table_hash(address, *key_hash, *groups);
                let address = address.bytes();
                table.remove(hash, |stored| stored.as_slice() == &address[..])
            }
            Body::Foreign(foreign) => {
                let group = group_of(*key_hash, *groups);
                foreign.remove(&address.entry(group))
            }
        }
    }

    /// Elements of a list, entries of a map.
    pub(super) fn count(&mut self) -> Result<u64, StateError> {
        let read = |bytes: &[u8]| bytes.first_chunk().map_or(0, |count| u64::from_le_bytes(*count));
        Ok(self.read(Role::Count, &[], read)?.unwrap_or(0))
    }

    pub(super) fn set_count(&mut self, count: u64) -> Result<(), StateError> {
        if count == 0 {
            return self.remove(Role::Count, &[]).map(|_| ());
        }
        self.put(Role::Count, &[], &count.to_le_bytes().to_vec())
    }

    /// The archived keys of a map's entries, in their order.
    pub(super) fn map_keys(&mut self) -> Result<Vec<Blob>, StateError> {
        self.address.complete(Role::Data, &[]);
        let Self { body, address, groups, key_hash, .. } = self;
        if let Body::Foreign(foreign) = body {
            let group = group_of(*key_hash, *groups);
            return foreign.sub_keys(&address.entry(group));
        }
        let mut keys = Vec::new();
        for place in 0..self.count()? {
            let place = (place as u32).to_le_bytes();
            keys.extend(self.read(Role::Order, &place, <[u8]>::to_vec)?);
        }
        Ok(keys)
    }

    /// Gives an entry of a map that is about to be written a place behind the others.
    pub(super) fn add_to_order(&mut self, sub_key: &[u8]) -> Result<u32, StateError> {
        let count = self.count()?;
        let place = u32::try_from(count).expect("a map has fewer than 2^32 entries");
        self.put(Role::Order, &place.to_le_bytes(), &sub_key.to_vec())?;
        self.set_count(count + 1)?;
        Ok(place)
    }

    /// Removes an entry of a map; whether it was there. The last in the order takes its place.
    pub(super) fn remove_of_map(
        &mut self,
        sub_key: &[u8],
        shape: TrailerShape,
    ) -> Result<bool, StateError> {
        if !shape.is_map {
            return self.remove(Role::Data, sub_key);
        }
        let place_of = |bytes: &[u8]| shape.split(bytes).and_then(|(_, trailer)| trailer.place);
        let Some(place) = self.read(Role::Data, sub_key, place_of)?.flatten() else {
            return Ok(false);
        };
        let last = (self.count()? - 1) as u32;
        if place != last {
            let moved = self.read(Role::Order, &last.to_le_bytes(), <[u8]>::to_vec)?;
            let moved = moved.expect("each place in the order has a key");
            let value = self.read(Role::Data, &moved, <[u8]>::to_vec)?;
            let mut value = value.expect("each key in the order has a value");
            let at = value.len() - size_of::<u32>();
            value[at..].copy_from_slice(&place.to_le_bytes());
            self.put(Role::Data, &moved, &value)?;
            self.put(Role::Order, &place.to_le_bytes(), &moved)?;
        }
        self.remove(Role::Order, &last.to_le_bytes())?;
        self.remove(Role::Data, sub_key)?;
        self.set_count(u64::from(last))?;
        Ok(true)
    }

    /// Has the values of a state at hand for the keys that `name` adds: each with its hash.
    pub(super) fn fetch(
        &mut self,
        state: u32,
        name: impl FnOnce(&mut dyn FnMut(u32, &[u8])),
    ) -> Result<(), StateError> {
        let Self { body: Body::Foreign(foreign), groups, coming, .. } = self else { return Ok(()) };
        coming.clear();
        name(&mut |hash, key| coming.add(hash, key));
        let (mut begin, keys) = (0, &coming.keys);
        let mut entries = coming.ends.iter().map(|(hash, end)| {
            let key = &keys[begin..*end];
            begin = *end;
            EntryKey { state, group: group_of(*hash, *groups), key, namespace: &[], sub_key: &[] }
        });
        foreign.fetch(&mut entries)
    }

    /// Takes the key and namespace of an entry in hand.
    pub(super) fn select_entry(&mut self, entry: &[u8]) {
        self.key_hash = (self.hash_key)(Address::parse(entry).key);
        self.address.set(entry);
    }

    /// Replaces the value of each entry of a state's data.
    pub(super) fn rewrite(
        &mut self,
        state: u32,
        mut change: impl FnMut(&[u8], &[u8]) -> Result<Blob, StateError>,
    ) -> Result<(), StateError> {
        let table = match &mut self.body {
            Body::Table(table) => table,
            Body::Foreign(foreign) => return foreign.rewrite(state, change),
        };
        let mut scan = table.scan();
        let mut entries: Vec<Blob> = Vec::new();
        while let Some((entry, _)) = table.next(&mut scan)? {
            let address = Address::parse(&entry);
            if address.state == state && address.role == Role::Data {
                entries.push(entry);
            }
        }
        for entry in entries {
            let sub_key = Address::parse(&entry).sub_key.to_vec();
            self.select_entry(&entry);
            let value = self.read(Role::Data, &sub_key, <[u8]>::to_vec)?;
            let value = change(&sub_key, &value.expect("an entry that was just seen"))?;
            self.put(Role::Data, &sub_key, &value)?;
        }
        Ok(())
    }
}

/// The hash of the entry that is asked for: in the key group of its key, which decides where it goes,
/// and elsewhere in it for each role, state, namespace and sub-key.
fn table_hash(address: &AddressBuffer, key_hash: u32, groups: MaxParallelism) -> u32 {
    let Address { state, role, namespace, sub_key, .. } = Address::parse(address.bytes());
    // The first state's data without namespace: what most programs have.
    if state == 0 && role == Role::Data && namespace.is_empty() && sub_key.is_empty() {
        return key_hash;
    }
    let mut hasher = KeyHasher::new();
    hasher.write_u64(u64::from(state) << 2 | role as u64);
    hasher.write(namespace);
    hasher.write(sub_key);
    let group = HashRange::of_key_group(group_of(key_hash, groups), groups);
    let from_first = u64::from(key_hash - group.first());
    let moved = (from_first + (hasher.finish() >> 32)) % group.span();
    group.first() + moved as u32
}

/// The key group of a hash.
pub(super) fn group_of(key_hash: u32, groups: MaxParallelism) -> KeyGroup {
    KeyGroup(key_group_of(key_hash, groups.0 as usize) as u32)
}

//! All keyed state of one operator.

use std::marker::PhantomData;

use super::{
    Definition, KeyedState,
    access::Cell,
    address::{Address, Role},
    store::{Blob, Store, Trailer, TrailerShape},
};
use crate::{
    Key, Record,
    checkpoint::{
        handle::{StateKind, StateSchema},
        restore::{KeyedShare, check_schema},
        savepoint::Entry,
    },
    error::TaskError,
    graph::{KeyGroup, KeyGroupRange, MaxParallelism},
    record::key_hash,
    state::{
        HashRange, StateError, StateTtlConfig, Supply,
        snapshot::{
            ArchiveReader, EntryForm, OwnedEntry, StateTypes, StreamOptions, check_group, damaged,
            is_shared, read_segments, read_share,
        },
        table::Scratch,
    },
    task::snapshot::{KeyedSnapshot, OperatorSnapshot, RestoredState},
    time::Timestamp,
};

/// A state that the backend has values of, or may have.
#[derive(Clone, Debug)]
struct Kept {
    schema: StateSchema,
    ttl: Option<StateTtlConfig>,
    shape: TrailerShape,
    /// Whether the function has it, or a checkpoint only.
    is_registered: bool,
}

impl Kept {
    /// A state that a checkpoint has.
    fn stored(schema: &StateSchema) -> Self {
        let has_time = schema.shape.ends_with(StateTypes::TTL);
        let shape = TrailerShape { has_time, is_map: schema.kind == StateKind::Map };
        Self { schema: schema.clone(), ttl: None, shape, is_registered: false }
    }
}

/// What a [`KeyedStateBackend`] needs.
#[derive(Debug)]
pub(crate) struct BackendOptions {
    /// The key groups of this subtask.
    pub(crate) range: KeyGroupRange,
    /// All key groups.
    pub(crate) groups: MaxParallelism,
    /// Where memory comes from.
    pub(crate) supply: Supply,
    /// How messages call the operator.
    pub(crate) operator: String,
}

/// Timers of one time domain, for a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct TimerEntries {
    /// Of event time or processing time.
    pub(crate) kind: StateKind,
    /// Key group, archived key and time.
    pub(crate) timers: Vec<(KeyGroup, Vec<u8>, Timestamp)>,
}

/// A timer that was restored.
pub(crate) struct RestoredTimer<K> {
    pub(crate) kind: StateKind,
    pub(crate) key: K,
    pub(crate) key_hash: u32,
    pub(crate) time: Timestamp,
}

/// See the [module's page](super).
pub struct KeyedStateBackend<K> {
    pub(super) store: Store,
    states: Vec<Kept>,
    operator: String,
    range: KeyGroupRange,
    groups: MaxParallelism,
    /// Archives of the key, the namespace and the value in hand.
    scratch: [Scratch; 3],
    key: PhantomData<fn() -> K>,
}

/// The hash of a key in the table.
fn hash_of<K: Key>(archive: &[u8]) -> u32 {
    let key = ArchiveReader::default().read::<K>("keys", archive);
    key_hash(&key.expect("keys are checked before they come into the table"))
}

/// The schema of timers by keys of this type.
fn timer_schema<K: Record>(kind: StateKind) -> StateSchema {
    let name = match kind {
        StateKind::EventTimers => "event-timers",
        _ => "processing-timers",
    };
    StateTypes::new::<K, ()>().schema(name, kind)
}

fn is_timers(kind: StateKind) -> bool {
    matches!(kind, StateKind::EventTimers | StateKind::ProcessingTimers)
}

/// The time in the sub-key of a timer: big endian, its sign bit flipped, so that it sorts.
fn time_key(time: Timestamp) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

impl<K: Key> KeyedStateBackend<K> {
    /// One without state.
    ///
    /// # Errors
    /// If there is no memory.
    pub(crate) fn new(options: BackendOptions) -> Result<Self, StateError> {
        let BackendOptions { range, groups, supply, operator } = options;
        let hashes = HashRange::of_key_groups(range, groups);
        let store = Store::new(hashes, groups, supply, hash_of::<K>)?;
        let scratch = [Scratch::new(), Scratch::new(), Scratch::new()];
        let states = Vec::new();
        Ok(Self { store, states, operator, range, groups, scratch, key: PhantomData })
    }

    /// The clock, by which state expires.
    pub(crate) fn advance_clock(&mut self, now: Timestamp) {
        self.store.now = self.store.now.max(now);
    }

    /// Makes a state known, with what a checkpoint had of it.
    ///
    /// # Errors
    /// If it has the name of another, or was written with other types and there is no migration from
    /// them.
    pub fn register<S: KeyedState>(&mut self, state: &mut S) -> Result<(), StateError> {
        let types = state.types::<K>();
        let definition = state.definition_mut();
        let Definition { name, kind, ttl, .. } = &*definition;
        let timed = |types: &StateTypes, has_time: bool| match has_time {
            true => types.clone().with_ttl().schema(name, *kind),
            false => types.schema(name, *kind),
        };
        let schema = timed(&types, ttl.is_some());
        let shape = TrailerShape { has_time: ttl.is_some(), is_map: *kind == StateKind::Map };
        let kept = Kept { schema, ttl: *ttl, shape, is_registered: true };
        let known = self.states.iter().position(|state| state.schema.name == *name);
        let number = match known {
            None => {
                self.states.push(kept);
                self.states.len() - 1
            }
            Some(known) if self.states[known].is_registered => {
                let (operator, state) = (self.operator.clone(), name.clone());
                return Err(StateError::RegisteredTwice { operator, state });
            }
            Some(known) => {
                let stored = &self.states[known].schema;
                let is = |types: &StateTypes, has_time| timed(types, has_time) == *stored;
                let old = definition.migration.as_ref().map(|m| types.with_value(&m.from));
                let had_time = stored.shape.ends_with(StateTypes::TTL);
                if is(&types, had_time) {
                    self.take_over(known, &kept, None)?;
                } else if old.is_some_and(|old| is(&old, had_time)) {
                    self.take_over(known, &kept, Some(definition))?;
                } else {
                    check_schema(&self.operator, stored, &kept.schema)?;
                    unreachable!("schemas that differ are an error");
                }
                self.states[known] = kept;
                known
            }
        };
        definition.number = Some(u32::try_from(number).expect("states of an operator are few"));
        Ok(())
    }

    /// Makes what was restored of a state what it is to be now.
    fn take_over(
        &mut self,
        number: usize,
        kept: &Kept,
        migrates: Option<&Definition>,
    ) -> Result<(), StateError> {
        let before = self.states[number].shape;
        if before == kept.shape && migrates.is_none() {
            return Ok(());
        }
        for address in self.store.addresses(number as u32) {
            let sub_key = Address::parse(&address).sub_key.to_vec();
            self.store.select_entry(&address);
            let value = self.store.read(Role::Data, &sub_key, <[u8]>::to_vec);
            let value = value.expect("an entry that was just seen");
            let (archive, mut trailer) = before.split(&value).expect("values have their trailers");
            let mut blob = match migrates.and_then(|definition| definition.migration.as_ref()) {
                Some(migration) => (migration.convert)(archive).map_err(|cause| {
                    let (operator, state) = (self.operator.clone(), kept.schema.name.clone());
                    StateError::Migration { operator, state, cause }
                })?,
                None => archive.to_vec(),
            };
            trailer.used = kept.ttl.map(|_| trailer.used.unwrap_or(self.store.now));
            trailer.write(&mut blob);
            self.store.put(Role::Data, &sub_key, &blob)?;
        }
        Ok(())
    }

    /// A state for a key and a namespace.
    ///
    /// # Errors
    /// If it was not registered.
    pub(crate) fn state<'a, S: KeyedState>(
        &'a mut self,
        state: &'a S,
        (key_hash, key): (u32, &K),
        namespace: &S::Namespace,
    ) -> Result<S::Access<'a>, StateError> {
        let definition = state.definition();
        let known = definition.number.and_then(|number| self.states.get(number as usize));
        let is_it = known.is_some_and(|known| known.schema.name == definition.name);
        let (Some(number), true) = (definition.number, is_it) else {
            let (operator, state) = (self.operator.clone(), definition.name.clone());
            return Err(StateError::NotRegistered { operator, state });
        };
        if let Some(ttl) = &definition.ttl {
            self.clean_up(ttl)?;
        }
        let Self { store, scratch: [keys, namespaces, values], operator, .. } = self;
        store.select(number, (key_hash, keys.archive(key)), namespaces.archive(namespace));
        Ok(state.access(Cell { store, definition, scratch: values, operator }))
    }

    /// Removes some of what has expired; that of lists goes when they are read.
    fn clean_up(&mut self, ttl: &StateTtlConfig) -> Result<(), StateError> {
        for (entry, value) in self.store.cleanup(ttl) {
            let address = Address::parse(&entry);
            let Kept { schema, ttl, shape, .. } = &self.states[address.state as usize];
            let trailer = shape.split(&value).map(|(_, trailer)| trailer);
            if address.role != Role::Data
                || schema.kind == StateKind::List
                || !is_over(ttl.as_ref(), trailer, self.store.now)
            {
                continue;
            }
            self.store.select_entry(&entry);
            match shape.is_map {
                true => self.store.remove_of_map(address.sub_key, *shape)?,
                false => self.store.remove(Role::Data, address.sub_key)?,
            };
        }
        Ok(())
    }

    /// Hands over all state as it is now, timers included; nothing if there is none.
    pub(crate) fn snapshot(&mut self, timers: Vec<TimerEntries>, out: &mut OperatorSnapshot) {
        if self.store.len() == 0 && timers.iter().all(|domain| domain.timers.is_empty()) {
            return;
        }
        let mut schemas: Vec<_> = self.states.iter().map(|kept| kept.schema.clone()).collect();
        let mut further = Vec::new();
        for TimerEntries { kind, timers } in timers {
            let state = u32::try_from(schemas.len()).expect("states of an operator are few");
            schemas.push(timer_schema::<K>(kind));
            further.extend(timers.into_iter().map(|(group, key, time)| {
                let sub_key = time_key(time).to_vec();
                (group, OwnedEntry { state, key, namespace: Vec::new(), sub_key })
            }));
        }
        let states = u32::try_from(schemas.len()).expect("states of an operator are few");
        let options = StreamOptions { format: out.format(), range: self.range, states };
        let form = Form { states: self.states.clone(), now: self.store.now };
        let stream = self.store.freeze((form, further), &options, out.segments());
        let (backend, range) = (options.format, self.range);
        out.keyed.push(KeyedSnapshot { backend, range, schemas, stream });
    }

    /// Takes back what the task starts from; hands each timer to `timer`.
    ///
    /// # Errors
    /// If that can't be read, is not what was written, or does not fit into memory.
    pub(crate) fn restore(
        &mut self,
        restored: &RestoredState,
        mut timer: impl FnMut(RestoredTimer<K>),
    ) -> Result<(), TaskError> {
        let mut archives = ArchiveReader::default();
        for share in restored.keyed() {
            let schemas = &share.handle.schemas;
            let numbers: Vec<u32> =
                schemas.iter().map(|schema| self.known(schema)).collect::<Result<_, _>>()?;
            self.restore_segments(restored, share, &numbers)?;
            read_share(restored, share, |group, entry| {
                let schema = &schemas[entry.state as usize];
                let key = archives.read::<K>(&schema.name, entry.key)?;
                let hash = key_hash(&key);
                check_group(hash, group, self.groups)?;
                if !is_timers(schema.kind) {
                    let number = numbers[entry.state as usize];
                    return self.restore_entry(number, hash, entry);
                }
                let Ok(time) = <[u8; 8]>::try_from(entry.sub_key) else {
                    return Err(damaged("a timer has no time".to_owned()));
                };
                let time = Timestamp::from_millis(i64::from_be_bytes(time) ^ i64::MIN);
                timer(RestoredTimer { kind: schema.kind, key, key_hash: hash, time });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes back what a share has in segments.
    fn restore_segments(
        &mut self,
        restored: &RestoredState,
        share: &KeyedShare,
        numbers: &[u32],
    ) -> Result<(), TaskError> {
        let schemas = &share.handle.schemas;
        // As they were written, with what the checkpoint says of them.
        let states = schemas.iter().map(Kept::stored).collect();
        let form = Form { states, now: Timestamp::MIN };
        let mut archives = ArchiveReader::default();
        let groups = self.groups;
        read_segments::<Blob, Blob>(restored, share, groups, |key, value| {
            let key = archives.read::<Blob>("keyed state", key)?;
            let value = archives.read::<Blob>("keyed state", value)?;
            let address = Address::checked(&key)
                .filter(|address| (address.state as usize) < schemas.len())
                .ok_or_else(|| damaged("an entry has no state and key".to_owned()))?;
            let schema = &schemas[address.state as usize];
            let hash = key_hash(&archives.read::<K>(&schema.name, address.key)?);
            if !is_shared(share, hash, groups) || address.role != Role::Data {
                return Ok(());
            }
            if is_timers(schema.kind) {
                return Err(damaged("a timer is in a table".to_owned()));
            }
            let entry = form.stored(address, &value).ok_or_else(|| {
                damaged(format!("a value of state '{}' is too short", schema.name))
            })?;
            self.restore_entry(numbers[address.state as usize], hash, &entry)
        })?;
        Ok(())
    }

    /// The number of a state that a checkpoint has; of timers none that means anything.
    fn known(&mut self, schema: &StateSchema) -> Result<u32, TaskError> {
        if is_timers(schema.kind) {
            check_schema(
                &self.operator,
                schema,
                &StateSchema { name: schema.name.clone(), ..timer_schema::<K>(schema.kind) },
            )?;
            return Ok(0);
        }
        let known = self.states.iter().position(|state| state.schema.name == schema.name);
        let number = match known {
            Some(known) => {
                check_schema(&self.operator, schema, &self.states[known].schema)?;
                known
            }
            None => {
                self.states.push(Kept::stored(schema));
                self.states.len() - 1
            }
        };
        Ok(u32::try_from(number).expect("states of an operator are few"))
    }

    fn restore_entry(
        &mut self,
        number: u32,
        hash: u32,
        entry: &Entry<'_>,
    ) -> Result<(), TaskError> {
        let Entry { key, namespace, sub_key, value, .. } = *entry;
        let Kept { schema, shape, .. } = &self.states[number as usize];
        let store = &mut self.store;
        store.select(number, (hash, key), namespace);
        if store.read(Role::Data, sub_key, |_| ()).is_some() {
            return Err(damaged(format!("an entry of state '{}' comes twice", schema.name)));
        }
        let mut blob: Blob = value.to_vec();
        match schema.kind {
            StateKind::List => {
                let Ok(place) = <[u8; 8]>::try_from(sub_key) else {
                    return Err(damaged(format!("a list of '{}' has no numbers", schema.name)));
                };
                let behind = u64::from_be_bytes(place).saturating_add(1);
                let count = store.count();
                store.set_count(count.max(behind))?;
            }
            StateKind::Map => {
                let place = Some(store.add_to_order(sub_key)?);
                Trailer { used: None, place }.write(&mut blob);
            }
            _ if sub_key.is_empty() => {}
            _ => return Err(damaged(format!("'{}' has more than a value", schema.name))),
        }
        if shape.split(&blob).is_none() {
            return Err(damaged(format!("a value of state '{}' is too short", schema.name)));
        }
        store.put(Role::Data, sub_key, &blob)?;
        Ok(())
    }
}

fn is_over(ttl: Option<&StateTtlConfig>, trailer: Option<Trailer>, now: Timestamp) -> bool {
    let used = trailer.and_then(|trailer| trailer.used);
    ttl.zip(used).is_some_and(|(ttl, used)| ttl.is_over(used, now))
}

/// The data of all states, without what has expired.
struct Form {
    states: Vec<Kept>,
    now: Timestamp,
}

impl EntryForm for Form {
    fn entry<'a>(&self, key: &'a [u8], value: &'a [u8]) -> Option<Entry<'a>> {
        let address = Address::parse(blob_in(key));
        if address.role != Role::Data {
            return None;
        }
        let Kept { schema, ttl, shape, .. } = &self.states[address.state as usize];
        let stored = blob_in(value);
        let (_, trailer) = shape.split(stored)?;
        // A list without some of its elements would not be one.
        if schema.kind != StateKind::List && is_over(ttl.as_ref(), Some(trailer), self.now) {
            return None;
        }
        self.stored(address, stored)
    }
}

impl Form {
    /// The entry of a blob that is data; `None` if that is too short.
    fn stored<'a>(&self, address: Address<'a>, stored: &'a [u8]) -> Option<Entry<'a>> {
        let Kept { shape, .. } = &self.states[address.state as usize];
        shape.split(stored)?;
        let place = if shape.is_map { size_of::<u32>() } else { 0 };
        let value = &stored[..stored.len() - place];
        let Address { state, key, namespace, sub_key, .. } = address;
        Some(Entry { state, key, namespace, sub_key, value })
    }
}

/// The bytes of a blob in its archive.
fn blob_in(archive: &[u8]) -> &[u8] {
    let view = crate::record::checked_view::<Blob>(archive);
    view.expect("the table archived it").as_slice()
}

impl<K> std::fmt::Debug for KeyedStateBackend<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedStateBackend").field("states", &self.states).finish_non_exhaustive()
    }
}

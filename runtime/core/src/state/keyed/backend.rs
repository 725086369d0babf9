//! All keyed state of one operator.

use std::marker::PhantomData;

use super::{
    Definition, KeyedState,
    access::Cell,
    address::{Address, Role},
    checkpoint::is_timers,
    store::{Ground, Store, Trailer, TrailerShape},
    timers::Timers,
};
use crate::{
    Key,
    checkpoint::{
        handle::{StateKind, StateSchema},
        restore::check_schema,
    },
    graph::{KeyGroupRange, MaxParallelism},
    record::key_hash,
    state::{
        HashRange, StateError, StateTtlConfig, Supply,
        backend::KeyedStore,
        snapshot::{ArchiveReader, StateTypes},
        table::Scratch,
    },
    time::Timestamp,
};

/// A state that the backend has values of, or may have.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) schema: StateSchema,
    pub(super) ttl: Option<StateTtlConfig>,
    pub(super) shape: TrailerShape,
    /// Whether the function has it, or a checkpoint only.
    pub(super) is_registered: bool,
}

impl Kept {
    /// A state that a checkpoint has, as tables hold it.
    pub(super) fn stored(schema: &StateSchema) -> Self {
        let has_time = schema.shape.ends_with(StateTypes::TTL);
        let shape = TrailerShape { has_time, is_map: schema.kind == StateKind::Map };
        Self { schema: schema.clone(), ttl: None, shape, is_registered: false }
    }
}

/// What a [`KeyedStateBackend`] needs.
pub(crate) struct BackendOptions {
    /// The key groups of this subtask.
    pub(crate) range: KeyGroupRange,
    /// All key groups.
    pub(crate) groups: MaxParallelism,
    /// Where entries are kept.
    pub(crate) keeping: Keeping,
    /// How messages call the operator.
    pub(crate) operator: String,
}

/// Where entries are kept.
pub(crate) enum Keeping {
    /// In this memory.
    Memory(Supply),
    /// By another backend.
    Foreign(Box<dyn KeyedStore>),
}

/// See the [module's page](super).
pub struct KeyedStateBackend<K> {
    pub(super) store: Store,
    pub(super) states: Vec<Kept>,
    pub(super) operator: String,
    pub(super) range: KeyGroupRange,
    pub(super) groups: MaxParallelism,
    pub(super) timers: Timers<K>,
    /// Archives of the key, the namespace and the value in hand.
    pub(super) scratch: [Scratch; 3],
    key: PhantomData<fn() -> K>,
}

/// The hash of a key in the table.
fn hash_of<K: Key>(archive: &[u8]) -> u32 {
    let key = ArchiveReader::default().read::<K>("keys", archive);
    key_hash(&key.expect("keys are checked before they come into the table"))
}

impl<K: Key> KeyedStateBackend<K> {
    /// One without state.
    ///
    /// # Errors
    /// If there is no memory.
    pub(crate) fn new(options: BackendOptions) -> Result<Self, StateError> {
        let BackendOptions { range, groups, keeping, operator } = options;
        let hashes = HashRange::of_key_groups(range, groups);
        let timers = match &keeping {
            Keeping::Memory(supply) => Timers::new(Some(supply), groups),
            Keeping::Foreign(_) => Timers::new(None, groups),
        };
        let ground = match keeping {
            Keeping::Memory(supply) => Ground::Memory(supply),
            Keeping::Foreign(store) => Ground::Foreign(store, operator.clone()),
        };
        let store = Store::new(hashes, groups, ground, hash_of::<K>)?;
        let scratch = [Scratch::new(), Scratch::new(), Scratch::new()];
        let states = Vec::new();
        Ok(Self { store, states, operator, range, groups, timers, scratch, key: PhantomData })
    }

    /// The clock, by which state expires.
    pub(crate) fn advance_clock(&mut self, now: Timestamp) {
        self.store.advance_clock(now);
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
        let shape = self.store.shape(*kind, ttl.is_some());
        let kept = Kept { schema, ttl: *ttl, shape, is_registered: true };
        let known = self.position(name);
        let number = match known {
            None => self.add(kept)? as usize,
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
        let number = u32::try_from(number).expect("states of an operator are few");
        // Lists lose what has expired when they are read, so that their elements stay numbered.
        if let (Some(ttl), Some(foreign)) = (definition.ttl, self.store.foreign())
            && definition.kind != StateKind::List
        {
            foreign.expire(number, ttl.duration());
        }
        definition.number = Some(number);
        Ok(())
    }

    /// The place of a state of this name that is none of timers.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let is_it = |kept: &Kept| kept.schema.name == name && !is_timers(kept.schema.kind);
        self.states.iter().position(is_it)
    }

    /// Adds a state; its number.
    pub(super) fn add(&mut self, kept: Kept) -> Result<u32, StateError> {
        let number = u32::try_from(self.states.len()).expect("states of an operator are few");
        if let Some(foreign) = self.store.foreign() {
            foreign.register(number, &kept.schema)?;
        }
        self.states.push(kept);
        Ok(number)
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
        let (operator, now) = (&self.operator, self.store.now);
        let is_list = kept.schema.kind == StateKind::List;
        self.store.rewrite(number as u32, |sub_key, value| {
            // In another backend the count of a list is among its elements.
            if is_list && sub_key.is_empty() {
                return Ok(value.to_vec());
            }
            let (archive, mut trailer) = before.split(value).expect("values have their trailers");
            let mut blob = match migrates.and_then(|definition| definition.migration.as_ref()) {
                Some(migration) => (migration.convert)(archive).map_err(|cause| {
                    let (operator, state) = (operator.clone(), kept.schema.name.clone());
                    StateError::Migration { operator, state, cause }
                })?,
                None => archive.to_vec(),
            };
            trailer.used = kept.ttl.map(|_| trailer.used.unwrap_or(now));
            trailer.write(&mut blob);
            Ok(blob)
        })
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

    /// Has the values of a state at hand for keys that come soon.
    ///
    /// # Errors
    /// If another backend can't read them.
    pub(crate) fn fetch(
        &mut self,
        state: &impl KeyedState,
        coming: &mut dyn Iterator<Item = (u32, K)>,
    ) -> Result<(), StateError> {
        let Some(number) = state.definition().number else { return Ok(()) };
        let Self { store, scratch: [keys, ..], .. } = self;
        store.fetch(number, |add| coming.for_each(|(hash, key)| add(hash, keys.archive(&key))))
    }

    /// Removes some of what has expired; that of lists goes when they are read.
    fn clean_up(&mut self, ttl: &StateTtlConfig) -> Result<(), StateError> {
        for (entry, value) in self.store.cleanup(ttl)? {
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
}

pub(super) fn is_over(
    ttl: Option<&StateTtlConfig>,
    trailer: Option<Trailer>,
    now: Timestamp,
) -> bool {
    let used = trailer.and_then(|trailer| trailer.used);
    ttl.zip(used).is_some_and(|(ttl, used)| ttl.is_over(used, now))
}

impl<K> std::fmt::Debug for KeyedStateBackend<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedStateBackend").field("states", &self.states).finish_non_exhaustive()
    }
}

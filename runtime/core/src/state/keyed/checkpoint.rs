//! The keyed state of an operator on its way into checkpoints and back.

use super::{
    KeyedStateBackend,
    address::{Address, Role},
    backend::{Kept, is_over},
    store::{Blob, Trailer},
    timers::{TimerEntries, TimerIs},
};
use crate::{
    Key, Record,
    checkpoint::{
        handle::{BackendKind, StateKind, StateSchema},
        restore::{KeyedShare, check_schema},
        savepoint::Entry,
    },
    error::TaskError,
    graph::KeyGroup,
    record::key_hash,
    state::{
        StateError,
        backend::NativeShare,
        snapshot::{
            ArchiveReader, EntryForm, FailedStream, NativeState, NativeStream, OwnedEntry,
            ScanStream, StateTypes, StreamOptions, check_group, damaged, is_shared, read_segments,
            read_share,
        },
    },
    task::snapshot::{
        KeyedSnapshot, KeyedStream, OperatorSnapshot, RestoredState, SegmentCheckpoint,
    },
    time::Timestamp,
};

/// What is known while a share is read.
struct Restoring {
    /// The number of each state of the share.
    numbers: Vec<u32>,
    archives: ArchiveReader,
}

/// The schema of timers by keys of this type.
pub(super) fn timer_schema<K: Record>(kind: StateKind) -> StateSchema {
    let name = match kind {
        StateKind::EventTimers => "event-timers",
        _ => "processing-timers",
    };
    StateTypes::new::<K, ()>().schema(name, kind)
}

pub(super) fn is_timers(kind: StateKind) -> bool {
    matches!(kind, StateKind::EventTimers | StateKind::ProcessingTimers)
}

/// The time in the sub-key of a timer: big endian, its sign bit flipped, so that it sorts.
pub(super) fn time_key(time: Timestamp) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

/// When a timer is due.
fn time_of(entry: &Entry<'_>) -> Result<Timestamp, TaskError> {
    let time = <[u8; 8]>::try_from(entry.sub_key);
    let time = time.map_err(|_| damaged("a timer has no time".to_owned()))?;
    Ok(Timestamp::from_millis(i64::from_be_bytes(time) ^ i64::MIN))
}

impl<K: Key> KeyedStateBackend<K> {
    /// Hands over all state as it is now, timers included; nothing if there is none.
    pub(crate) fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        let timers = self.timers.beside(self.groups);
        let is_empty = match self.store.table() {
            Some(table) => table.is_empty(),
            None => self.states.is_empty(),
        };
        if is_empty && timers.is_empty() {
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
        further.sort();
        let states = u32::try_from(schemas.len()).expect("states of an operator are few");
        let options = StreamOptions { format: out.format(), range: self.range, states };
        let (backend, stream) = self.freeze(&options, further, out.segments());
        out.keyed.push(KeyedSnapshot { backend, range: self.range, schemas, stream });
    }

    /// Entries as they are now, and timers behind them that are beside another backend.
    fn freeze(
        &mut self,
        options: &StreamOptions,
        further: Vec<(KeyGroup, OwnedEntry)>,
        segments: Option<SegmentCheckpoint>,
    ) -> (BackendKind, Box<dyn KeyedStream>) {
        let form = Form { states: self.states.clone(), now: self.store.now };
        let Some(foreign) = self.store.foreign() else {
            let stream = self.store.freeze(form, options, segments);
            return (options.format, stream.expect("there are two kinds of stores"));
        };
        if options.format == BackendKind::Canonical {
            let keeps = move |entry: &Entry<'_>| form.keeps(entry);
            return match foreign.freeze() {
                Ok(frozen) => {
                    let stream = ScanStream::new(frozen, keeps, options).with_further(further);
                    (BackendKind::Canonical, Box::new(stream))
                }
                Err(cause) => (BackendKind::Canonical, Box::new(FailedStream::new(cause))),
            };
        }
        match foreign.snapshot() {
            Ok(native) => (BackendKind::RocksDb, Box::new(NativeStream::new(native, further))),
            Err(cause) => (BackendKind::RocksDb, Box::new(FailedStream::new(cause))),
        }
    }

    /// Takes back what the task starts from.
    ///
    /// # Errors
    /// If that can't be read, is not what was written, or does not fit into memory.
    pub(crate) fn restore(&mut self, restored: &RestoredState) -> Result<(), TaskError> {
        let is_native = |share: &&KeyedShare| share.handle.backend == BackendKind::RocksDb;
        let native: Vec<&KeyedShare> = restored.keyed().iter().filter(is_native).collect();
        if !native.is_empty() {
            self.restore_native(restored, &native)?;
        }
        self.store.find_survivors(restored.survivors());
        let others = restored.keyed().iter().filter(|share| !is_native(share));
        for share in others {
            let numbers = self.numbers(&share.handle.schemas)?;
            self.restore_segments(restored, share, &numbers)?;
            let mut restoring = Restoring { numbers, archives: ArchiveReader::default() };
            read_share(restored, share, |group, entry| {
                self.restore_one(&mut restoring, &share.handle.schemas, (group, entry))
            })?;
        }
        self.store.leave_to(restored.survivors());
        Ok(())
    }

    /// Has the backend take over what it wrote itself, and reads the timers that came with it.
    fn restore_native(
        &mut self,
        restored: &RestoredState,
        native: &[&KeyedShare],
    ) -> Result<(), TaskError> {
        let operator = restored.label().to_owned();
        if self.store.foreign().is_none() {
            return Err(StateError::OtherBackend { operator }.into());
        }
        let states: Vec<NativeState> = native
            .iter()
            .map(|share| NativeState::read(restored, share))
            .collect::<Result<_, _>>()?;
        let shares: Vec<NativeShare<'_>> = native
            .iter()
            .zip(&states)
            .map(|(share, state)| NativeShare {
                wanted: share.groups,
                range: share.handle.range,
                own: state.own(),
                shared: &share.handle.shared,
            })
            .collect();
        let foreign = self.store.foreign().expect("it was just looked for");
        foreign.restore(&shares, &mut |handle, each| {
            restored.read(handle, 0..handle.len(), |piece| each(piece))
        })?;
        for (share, state) in native.iter().zip(&states) {
            let schemas = &share.handle.schemas;
            let numbers = self.numbers(schemas)?;
            let mut restoring = Restoring { numbers, archives: ArchiveReader::default() };
            state.timers(share, |group, entry| {
                if !is_timers(schemas[entry.state as usize].kind) {
                    return Err(damaged("an entry lies beside the backend's files".to_owned()));
                }
                self.restore_one(&mut restoring, schemas, (group, entry))
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
            let is_deleted = TimerIs::of_value(&value) == TimerIs::Deleted;
            if is_timers(schema.kind) && is_deleted {
                return Ok(());
            }
            let entry = form.stored(address, &value).ok_or_else(|| {
                damaged(format!("a value of state '{}' is too short", schema.name))
            })?;
            self.restore_entry(numbers[address.state as usize], hash, &entry)
        })?;
        Ok(())
    }

    fn numbers(&mut self, schemas: &[StateSchema]) -> Result<Vec<u32>, TaskError> {
        schemas.iter().map(|schema| self.known(schema)).collect()
    }

    /// Takes back an entry or a timer.
    fn restore_one(
        &mut self,
        restoring: &mut Restoring,
        schemas: &[StateSchema],
        (group, entry): (KeyGroup, &Entry<'_>),
    ) -> Result<(), TaskError> {
        let schema = &schemas[entry.state as usize];
        let key = restoring.archives.read::<K>(&schema.name, entry.key)?;
        let hash = key_hash(&key);
        check_group(hash, group, self.groups)?;
        if is_timers(schema.kind) && self.store.foreign().is_some() {
            let time = time_of(entry)?;
            return Ok(self.register_timer(schema.kind, (hash, &key), time)?);
        }
        let number = restoring.numbers[entry.state as usize];
        self.restore_entry(number, hash, entry)
    }

    /// The number of a state that a checkpoint has; of timers beside another backend none that means
    /// anything.
    fn known(&mut self, schema: &StateSchema) -> Result<u32, TaskError> {
        if is_timers(schema.kind) {
            check_schema(
                &self.operator,
                schema,
                &StateSchema { name: schema.name.clone(), ..timer_schema::<K>(schema.kind) },
            )?;
            return Ok(self.timer_state(schema.kind)?.unwrap_or(0));
        }
        let known = self.position(&schema.name);
        let number = match known {
            Some(known) => {
                check_schema(&self.operator, schema, &self.states[known].schema)?;
                known
            }
            None => {
                let stored = Kept::stored(schema);
                let shape = self.store.shape(schema.kind, stored.shape.has_time);
                self.add(Kept { shape, ..stored })? as usize
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
        if store.read(Role::Data, sub_key, |_| ())?.is_some() {
            return Err(damaged(format!("an entry of state '{}' comes twice", schema.name)));
        }
        let (mut blob, mut timer): (Blob, _) = (value.to_vec(), None);
        match schema.kind {
            StateKind::List => {
                let Ok(place) = <[u8; 8]>::try_from(sub_key) else {
                    return Err(damaged(format!("a list of '{}' has no numbers", schema.name)));
                };
                let behind = u64::from_be_bytes(place).saturating_add(1);
                let count = store.count()?;
                store.set_count(count.max(behind))?;
            }
            StateKind::Map if !shape.is_map => {}
            StateKind::Map => {
                let place = Some(store.add_to_order(sub_key)?);
                Trailer { used: None, place }.write(&mut blob);
            }
            kind if is_timers(kind) => {
                timer = Some((kind, time_of(entry)?));
                if !value.is_empty() {
                    return Err(damaged("a timer has a value".to_owned()));
                }
            }
            _ if sub_key.is_empty() => {}
            _ => return Err(damaged(format!("'{}' has more than a value", schema.name))),
        }
        if shape.split(&blob).is_none() {
            return Err(damaged(format!("a value of state '{}' is too short", schema.name)));
        }
        store.put(Role::Data, sub_key, &blob)?;
        if let Some((kind, time)) = timer {
            self.restored_timer(kind, time)?;
        }
        Ok(())
    }
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
        if is_timers(schema.kind) && TimerIs::of_value(stored) == TimerIs::Deleted {
            return None;
        }
        let (_, trailer) = shape.split(stored)?;
        // A list without some of its elements would not be one.
        if schema.kind != StateKind::List && is_over(ttl.as_ref(), Some(trailer), self.now) {
            return None;
        }
        self.stored(address, stored)
    }
}

impl Form {
    /// Whether an entry of another backend belongs into a checkpoint.
    fn keeps(&self, entry: &Entry<'_>) -> bool {
        let Kept { schema, ttl, shape, .. } = &self.states[entry.state as usize];
        if schema.kind == StateKind::List {
            // The count is made anew.
            return !entry.sub_key.is_empty();
        }
        let trailer = shape.split(entry.value).map(|(_, trailer)| trailer);
        !is_over(ttl.as_ref(), trailer, self.now)
    }

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

//! Timers of keyed functions, kept with the state of their operator.
//!
//! ```text
//!   entry of the table      state of the domain | key | time (sub-key)        empty value
//!   queue by time           time | hash of the entry in the table
//! ```
//!
//! A timer is an entry of a state of its own, so it is in managed memory, in snapshots and found by
//! key and time like any other. The queue says which is due next by the hash in the table alone; what
//! has the hash says whose it is.
//!
//! A timer that is deleted stays where it is and is marked, by a value of one byte, so that the queue
//! and the table name the same ones; one that is registered again loses the mark. When there are more of
//! them than others they go. Marked timers are in no snapshot but of segments as they lie, and are left
//! out when those are read.
//!
//! Beside another backend timers are on the heap ([`TimerQueue`]): such a backend can't be asked by
//! hash.

use super::{
    KeyedStateBackend,
    backend::Kept,
    checkpoint::{time_key, timer_schema},
    store::{Blob, Store, TrailerShape},
};
use crate::{
    Key,
    checkpoint::handle::StateKind,
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::{RecordEncoder, key_hash},
    state::{StateError, Supply, keyed::address::Role, snapshot::ArchiveReader},
    time::{
        Timestamp,
        timers::{Due, DueQueue, Timer, TimerQueue},
    },
};

/// Marked timers that are of no matter. In tests few, so that they are.
const DELETED_MAX: usize = if cfg!(test) { 4 } else { 4096 };

/// The value of a timer that was deleted.
const DELETED: u8 = 1;

/// A timer that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DueTimer<K> {
    pub(crate) time: Timestamp,
    pub(crate) key_hash: u32,
    pub(crate) key: K,
}

/// What a timer in the table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TimerIs {
    Registered,
    Deleted,
}

impl TimerIs {
    /// What its value says.
    pub(super) fn of_value(value: &[u8]) -> Self {
        if value.is_empty() { Self::Registered } else { Self::Deleted }
    }
}

/// Which timers are taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    All,
    Deleted,
}

/// Timers of one domain that are on the heap, for a snapshot.
#[derive(Clone, Debug)]
pub(super) struct TimerEntries {
    /// Of event time or processing time.
    pub(super) kind: StateKind,
    /// Key group, archived key and time.
    pub(super) timers: Vec<(KeyGroup, Vec<u8>, Timestamp)>,
}

/// The timers of one domain.
enum Domain<K> {
    Stored(Stored),
    Heap(TimerQueue<K, ()>),
}

/// Timers in the table.
struct Stored {
    /// The number of their state, when there was one.
    state: Option<u32>,
    due: DueQueue,
    /// How many are marked.
    deleted: usize,
}

/// The timers of an operator.
pub(super) struct Timers<K> {
    event: Domain<K>,
    processing: Domain<K>,
    archives: ArchiveReader,
    /// The archive of a key.
    key: Blob,
}

impl<K: Key> Timers<K> {
    /// Timers in the table whose memory this is, or on the heap.
    pub(super) fn new(supply: Option<&Supply>, groups: MaxParallelism) -> Self {
        let domain = || match supply {
            Some(supply) => {
                let due = DueQueue::new(supply.clone());
                Domain::Stored(Stored { state: None, due, deleted: 0 })
            }
            None => Domain::Heap(TimerQueue::new(groups)),
        };
        let (archives, key) = (ArchiveReader::default(), Blob::new());
        Self { event: domain(), processing: domain(), archives, key }
    }

    fn domain(&mut self, kind: StateKind) -> &mut Domain<K> {
        match kind {
            StateKind::EventTimers => &mut self.event,
            _ => &mut self.processing,
        }
    }

    fn stored(&mut self, kind: StateKind) -> Option<&mut Stored> {
        match self.domain(kind) {
            Domain::Stored(stored) => Some(stored),
            Domain::Heap(_) => None,
        }
    }

    /// Those on the heap, for a snapshot.
    pub(super) fn beside(&mut self, groups: MaxParallelism) -> Vec<TimerEntries> {
        let mut encoder = RecordEncoder::new();
        let mut all = Vec::new();
        for kind in [StateKind::EventTimers, StateKind::ProcessingTimers] {
            let Domain::Heap(queue) = self.domain(kind) else { continue };
            let timers = queue.iter().map(|(time, timer)| {
                let group = key_group_of(timer.key_hash, groups.0 as usize) as u32;
                let key = encoder.encode_large(&timer.key, 64).expect("a key of a record's size");
                (KeyGroup(group), key.to_vec(), time)
            });
            let timers: Vec<_> = timers.collect();
            // An operator without timers, such as a count, has no such state wherever it is restored.
            if !timers.is_empty() {
                all.push(TimerEntries { kind, timers });
            }
        }
        all
    }
}

impl<K: Key> KeyedStateBackend<K> {
    /// The number of the state of a domain's timers, if they are in the table.
    pub(super) fn timer_state(&mut self, kind: StateKind) -> Result<Option<u32>, StateError> {
        let Some(stored) = self.timers.stored(kind) else { return Ok(None) };
        if stored.state.is_none() {
            let (schema, shape) = (timer_schema::<K>(kind), TrailerShape::default());
            let number = self.add(Kept { schema, ttl: None, shape, is_registered: true })?;
            let stored = self.timers.stored(kind).expect("it is in the table");
            stored.state = Some(number);
        }
        Ok(self.timers.stored(kind).and_then(|stored| stored.state))
    }

    /// Registers a timer of a key, unless it is.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn register_timer(
        &mut self,
        kind: StateKind,
        (key_hash, key): (u32, &K),
        time: Timestamp,
    ) -> Result<(), StateError> {
        let Some(state) = self.timer_state(kind)? else {
            if let Domain::Heap(queue) = self.timers.domain(kind) {
                queue.register(time, Timer { key_hash, key: key.clone(), namespace: () });
            }
            return Ok(());
        };
        let Self { store, scratch: [keys, ..], timers, .. } = self;
        store.select(state, (key_hash, keys.archive(key)), &[]);
        let sub_key = time_key(time);
        let stored = timers.stored(kind).expect("it has a state");
        match store.read(Role::Data, &sub_key, TimerIs::of_value)? {
            Some(TimerIs::Registered) => return Ok(()),
            Some(TimerIs::Deleted) => stored.deleted -= 1,
            // One that is due and is not there is passed over: so the queue comes first.
            None => {
                let due = Due { time, hash: store.hash(&sub_key) };
                store.with_room(|| stored.due.push(due))?;
            }
        }
        store.put(Role::Data, &sub_key, &Blob::new())
    }

    /// Takes the registration of a timer back.
    ///
    /// # Errors
    /// If there is no memory to note it.
    pub(crate) fn delete_timer(
        &mut self,
        kind: StateKind,
        (key_hash, key): (u32, &K),
        time: Timestamp,
    ) -> Result<(), StateError> {
        let Self { store, scratch: [keys, ..], timers, .. } = self;
        let Timers { event, processing, key: scratch, .. } = timers;
        let domain = if kind == StateKind::EventTimers { event } else { processing };
        let stored = match domain {
            Domain::Stored(stored) => stored,
            Domain::Heap(queue) => {
                queue.delete(time, &Timer { key_hash, key: key.clone(), namespace: () });
                return Ok(());
            }
        };
        let Some(state) = stored.state else { return Ok(()) };
        store.select(state, (key_hash, keys.archive(key)), &[]);
        let sub_key = time_key(time);
        if store.read(Role::Data, &sub_key, TimerIs::of_value)? != Some(TimerIs::Registered) {
            return Ok(());
        }
        store.put(Role::Data, &sub_key, &vec![DELETED])?;
        stored.deleted += 1;
        if stored.deleted > DELETED_MAX && stored.deleted * 2 > stored.due.len() {
            stored.purge(store, scratch)?;
        }
        Ok(())
    }

    /// Takes out the next timer that is due at `now`.
    ///
    /// # Errors
    /// If there is no memory to note it.
    pub(crate) fn pop_timer(
        &mut self,
        kind: StateKind,
        now: Timestamp,
    ) -> Result<Option<DueTimer<K>>, StateError> {
        let Self { store, timers: Timers { event, processing, archives, key }, .. } = self;
        let domain = if kind == StateKind::EventTimers { event } else { processing };
        let stored = match domain {
            Domain::Stored(stored) => stored,
            Domain::Heap(queue) => {
                let due = queue.pop_due(now);
                return Ok(due.map(|(time, timer)| {
                    let Timer { key_hash, key, .. } = timer;
                    DueTimer { time, key_hash, key }
                }));
            }
        };
        while let Some(due) = stored.due.pop_due(now) {
            let state = stored.state.expect("there was a timer");
            match store.take_timer(state, due, Wanted::All, key)? {
                None => {}
                Some(TimerIs::Deleted) => stored.deleted -= 1,
                Some(TimerIs::Registered) => {
                    let key = archives.read::<K>("timers", key);
                    let key = key.expect("keys are checked before they come into the table");
                    return Ok(Some(DueTimer { time: due.time, key_hash: key_hash(&key), key }));
                }
            }
        }
        Ok(None)
    }

    /// A time that no timer is due before.
    pub(crate) fn next_timer(&mut self, kind: StateKind) -> Option<Timestamp> {
        match self.timers.domain(kind) {
            Domain::Stored(stored) => stored.due.next_time(),
            Domain::Heap(queue) => queue.next_time(),
        }
    }

    /// Notes when a timer is due that was restored into the table and is in hand.
    pub(super) fn restored_timer(
        &mut self,
        kind: StateKind,
        time: Timestamp,
    ) -> Result<(), StateError> {
        let hash = self.store.hash(&time_key(time));
        let Self { store, timers, .. } = self;
        match timers.stored(kind) {
            Some(stored) => store.with_room(|| stored.due.push(Due { time, hash })),
            None => unreachable!("it is in the table"),
        }
    }
}

impl Stored {
    /// Lets go of those that are marked.
    #[cold]
    fn purge(&mut self, store: &mut Store, key: &mut Blob) -> Result<(), StateError> {
        let Self { state, due, deleted } = self;
        let state = state.expect("a timer was deleted");
        due.retain(|due| {
            let taken = store.take_timer(state, due, Wanted::Deleted, key)?;
            *deleted -= usize::from(taken.is_some());
            Ok(taken.is_none())
        })
    }
}

#[cfg(test)]
mod tests;

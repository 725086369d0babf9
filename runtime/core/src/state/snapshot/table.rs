//! A table that is all the state of its operator: one value for each key.

use super::{
    ArchiveReader, EntryForm, EntryStream, FailedStream, History, SegmentStream,
    SegmentStreamParts, StreamOptions, SurvivorsPlace, keyed_schema, read_segments, read_share,
};
use std::rc::{Rc, Weak};

use crate::{
    Key, Record,
    checkpoint::{
        handle::{BackendKind, StateSchema},
        restore::{KeyedShare, check_schema},
        savepoint::{CanonicalError, Entry},
    },
    error::TaskError,
    exchange::key_group_of,
    graph::{KeyGroup, KeyGroupRange, MaxParallelism},
    record::key_hash,
    state::{
        StateError,
        table::{FrozenEntries, KeyTable},
    },
    task::snapshot::{
        KeyedSnapshot, KeyedStream, OperatorSnapshot, RestoredState, SegmentCheckpoint,
    },
};

/// What is known of the state of one table.
#[derive(Clone, Debug)]
pub(crate) struct TableState {
    /// Name and types.
    pub(crate) schema: StateSchema,
    /// The key groups of this subtask.
    pub(crate) range: KeyGroupRange,
    /// All key groups.
    pub(crate) groups: MaxParallelism,
    /// What earlier checkpoints have.
    pub(crate) history: History,
}

impl TableState {
    /// A state of one value for each key.
    pub(crate) fn new<K: Key, V: Record>(
        name: &str,
        range: KeyGroupRange,
        groups: MaxParallelism,
    ) -> Self {
        let history = History::default();
        Self { schema: keyed_schema::<K, V>(name), range, groups, history }
    }
}

/// Keys and values as they lie in the table.
struct AsTheyAre;

impl EntryForm for AsTheyAre {
    #[inline]
    fn entry<'a>(&self, key: &'a [u8], value: &'a [u8]) -> Option<Entry<'a>> {
        Some(Entry { state: 0, key, namespace: &[], sub_key: &[], value })
    }
}

/// Hands a table over as it is now; nothing if it is empty.
pub(crate) fn snapshot_table<K: Key, V: Record>(
    table: &mut KeyTable<K, V>,
    state: &TableState,
    out: &mut OperatorSnapshot,
) {
    if table.is_empty() {
        return;
    }
    let TableState { schema, range, groups, history } = state;
    let options = StreamOptions { format: out.format(), range: *range, states: 1 };
    let stream = TableStream { groups: *groups, history, form: AsTheyAre };
    out.keyed.push(KeyedSnapshot {
        backend: options.format,
        range: *range,
        schemas: vec![schema.clone()],
        stream: stream.freeze(table, &options, out.segments()),
    });
}

/// What is needed to write a table.
pub(crate) struct TableStream<'a, F> {
    pub(crate) groups: MaxParallelism,
    pub(crate) history: &'a History,
    pub(crate) form: F,
}

impl<F: EntryForm> TableStream<'_, F> {
    /// Freezes a table, as segments where that is possible and worth it.
    pub(crate) fn freeze<K: Key, V: Record>(
        self,
        table: &mut KeyTable<K, V>,
        options: &StreamOptions,
        segments: Option<SegmentCheckpoint>,
    ) -> Box<dyn KeyedStream> {
        let Self { groups, history, form } = self;
        let segments = segments.filter(|checkpoint| {
            options.format == BackendKind::HashMap
                && !table.is_empty()
                && table.live_bytes() as u64 >= checkpoint.small_below
        });
        let Some(checkpoint) = segments else {
            return match table.freeze_entries(groups) {
                Ok(entries) => Box::new(EntryStream::new(entries, form, options)),
                Err(error) => Box::new(FailedStream::new(error.into())),
            };
        };
        let none = EntryStream::new(FrozenEntries::<K, V>::none(groups), form, options);
        let further = Box::new(none);
        let parts = SegmentStreamParts { history: history.clone(), checkpoint, further };
        Box::new(SegmentStream::new(table, parts))
    }
}

/// Fills a table with what the task starts from.
///
/// # Errors
/// If that can't be read, is not what was written, has other types than the program, or does not fit
/// into memory.
pub(crate) fn restore_table<K: Key, V: Record>(
    table: &mut KeyTable<K, V>,
    state: &TableState,
    restored: &RestoredState,
) -> Result<(), TaskError> {
    let mut archives = ArchiveReader::default();
    let name = &state.schema.name;
    table.takes_from(Rc::downgrade(restored.survivors()) as Weak<SurvivorsPlace>);
    for share in restored.keyed() {
        for stored in &share.handle.schemas {
            if stored.name != *name {
                let (operator, state) = (restored.label().to_owned(), stored.name.clone());
                return Err(StateError::UnknownState { operator, state }.into());
            }
            check_schema(restored.label(), stored, &state.schema)?;
        }
        let mut insert = |hash, key: &K, value: &V| match table.insert_new(hash, key, value)? {
            true => Ok(()),
            false => Err(damaged(format!("a key of state '{name}' comes twice"))),
        };
        let has_segments = read_segments::<K, V>(restored, share, state.groups, |key, value| {
            let key = archives.read::<K>(name, key)?;
            let hash = key_hash(&key);
            match is_shared(share, hash, state.groups) {
                true => insert(hash, &key, &archives.read::<V>(name, value)?),
                false => Ok(()),
            }
        })?;
        if has_segments {
            continue;
        }
        read_share(restored, share, |group, entry| {
            let key = archives.read::<K>(name, entry.key)?;
            let value = archives.read::<V>(name, entry.value)?;
            let hash = key_hash(&key);
            check_group(hash, group, state.groups)?;
            insert(hash, &key, &value)
        })?;
    }
    table.leave_to(restored.survivors().heir(&state.history));
    Ok(())
}

/// Whether a key is in the key groups of a share.
pub(crate) fn is_shared(share: &KeyedShare, hash: u32, groups: MaxParallelism) -> bool {
    share.groups.contains(KeyGroup(key_group_of(hash, groups.0 as usize) as u32))
}

/// Keyed state that contradicts itself.
pub(crate) fn damaged(what: String) -> TaskError {
    TaskError::DamagedKeyedState { cause: CanonicalError { offset: 0, what } }
}

/// Whether a key is in the group that its entry was in.
pub(crate) fn check_group(
    hash: u32,
    group: KeyGroup,
    groups: MaxParallelism,
) -> Result<(), TaskError> {
    let own = KeyGroup(key_group_of(hash, groups.0 as usize) as u32);
    if own != group {
        return Err(damaged(format!("a key of group {own} is in group {group}")));
    }
    Ok(())
}

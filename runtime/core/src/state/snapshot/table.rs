//! A table that is all the state of its operator: one value for each key.

use super::{ArchiveReader, EntryForm, EntryStream, StreamOptions, keyed_schema, read_share};
use crate::{
    Key, Record,
    checkpoint::{
        handle::StateSchema,
        restore::check_schema,
        savepoint::{CanonicalError, Entry},
    },
    error::TaskError,
    exchange::key_group_of,
    graph::{KeyGroup, KeyGroupRange, MaxParallelism},
    record::key_hash,
    state::{StateError, table::KeyTable},
    task::snapshot::{KeyedSnapshot, OperatorSnapshot, RestoredState},
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
}

impl TableState {
    /// A state of one value for each key.
    pub(crate) fn new<K: Key, V: Record>(
        name: &str,
        range: KeyGroupRange,
        groups: MaxParallelism,
    ) -> Self {
        Self { schema: keyed_schema::<K, V>(name), range, groups }
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
    let TableState { schema, range, groups } = state;
    let options = StreamOptions { format: out.format(), range: *range, states: 1 };
    let entries = table.freeze_entries(*groups);
    out.keyed.push(KeyedSnapshot {
        backend: options.format,
        range: *range,
        schemas: vec![schema.clone()],
        stream: Box::new(EntryStream::new(entries, AsTheyAre, &options)),
    });
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
    for share in restored.keyed() {
        for stored in &share.handle.schemas {
            if stored.name != *name {
                let (operator, state) = (restored.label().to_owned(), stored.name.clone());
                return Err(StateError::UnknownState { operator, state }.into());
            }
            check_schema(restored.label(), stored, &state.schema)?;
        }
        read_share(restored, share, |group, entry| {
            let key = archives.read::<K>(name, entry.key)?;
            let value = archives.read::<V>(name, entry.value)?;
            let hash = key_hash(&key);
            check_group(hash, group, state.groups)?;
            if !table.insert_new(hash, &key, &value)? {
                return Err(damaged(format!("a key of state '{name}' comes twice")));
            }
            Ok(())
        })?;
    }
    Ok(())
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

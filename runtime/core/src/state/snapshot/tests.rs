//! Snapshots of tables: written while the table changes, restored at any parallelism, damaged.

use brisk_memory::{Arena, driver::SimulatedWorld};
use proptest::prelude::*;
use std::{cell::RefCell, collections::BTreeMap, fmt::Debug, rc::Rc, sync::Arc};

use super::{GroupEncoder, TableState, exercise, restore_table, snapshot_table};
use crate::{
    Key, Record, TaskError,
    checkpoint::{
        AfterSavepoint, CheckpointId, CheckpointKind, Millis, SavepointFormat,
        handle::{
            BackendKind, CompletedCheckpoint, KeyGroupOffset, KeyedStateHandle, OperatorState,
            StateHandle, SubtaskState,
        },
        restore::{TargetOperator, assign},
        savepoint::Entry,
    },
    graph::{
        KeyGroup, KeyGroupRange, MaxParallelism, NodeId, OperatorId, Parallelism, SubtaskIndex,
    },
    record::{decode, key_hash},
    state::{
        HashRange, Supply,
        table::{
            KeyTable,
            tests::{Put, arena, set, spilling, supply},
        },
    },
    task::{
        OperatorPlan,
        snapshot::{KeyedSnapshot, OperatorSnapshot, RestoredState, StartDisk, TaskRestore},
    },
};

pub(in crate::state) const GROUPS: MaxParallelism = MaxParallelism(11);

pub(in crate::state) fn kind(canonical: bool) -> CheckpointKind {
    match canonical {
        false => CheckpointKind::Checkpoint { unaligned: false },
        true => CheckpointKind::Savepoint {
            format: SavepointFormat::Canonical,
            after: AfterSavepoint::Continue,
        },
    }
}

/// One subtask's table.
pub(super) struct Subtask<K, V> {
    pub(super) table: KeyTable<K, V>,
    pub(super) state: TableState,
}

impl<K: Key + Debug, V: Record + Clone + Debug> Subtask<K, V> {
    pub(super) fn new(arena: &Arena, index: u32, parallelism: u32) -> Self {
        Self::with(supply(arena), index, parallelism)
    }

    /// One whose cold segments go to disk.
    pub(super) fn spilling(
        (arena, world): (&Arena, &SimulatedWorld),
        index: u32,
        parallelism: u32,
    ) -> Self {
        Self::with(spilling(arena, world), index, parallelism)
    }

    fn with(supply: Supply, index: u32, parallelism: u32) -> Self {
        let range =
            KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(parallelism), GROUPS);
        let hashes = HashRange::of_key_groups(range, GROUPS);
        let table = KeyTable::new(hashes, supply).unwrap();
        Self { table, state: TableState::new::<K, V>("sums", range, GROUPS) }
    }

    pub(super) fn owns(&self, key: &K) -> bool {
        HashRange::of_key_groups(self.state.range, GROUPS).contains(key_hash(key))
    }

    pub(super) fn put(&mut self, key: &K, value: &V) {
        let put = Put { key: key.clone(), value: value.clone(), change: set };
        self.table.upsert(key_hash(key), put).unwrap();
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.table.remove(key_hash(key), |stored| decode::<K>(stored) == *key).unwrap();
    }

    fn freeze(&mut self, canonical: bool) -> Option<KeyedSnapshot> {
        let mut out = OperatorSnapshot::of_kind(kind(canonical));
        snapshot_table(&mut self.table, &self.state, &mut out);
        out.keyed.pop()
    }

    pub(super) fn content(&mut self) -> BTreeMap<K, V>
    where
        K: Ord,
    {
        let mut scan = self.table.scan();
        std::iter::from_fn(|| self.table.next(&mut scan).unwrap()).collect()
    }
}

/// Writes a snapshot; `meanwhile` is called between any two pieces.
pub(in crate::state) fn write(
    mut snapshot: KeyedSnapshot,
    mut meanwhile: impl FnMut(),
) -> KeyedStateHandle {
    let mut bytes = Vec::new();
    while snapshot.stream.next(&mut bytes).unwrap() {
        meanwhile();
    }
    let KeyedSnapshot { backend, range, schemas, mut stream } = snapshot;
    let (offsets, state) = (stream.offsets(), StateHandle::Inline(bytes.into()));
    KeyedStateHandle { backend, range, schemas, offsets, state, shared: Vec::new() }
}

/// A checkpoint of one operator.
pub(in crate::state) fn checkpoint_of(subtasks: Vec<SubtaskState>) -> CompletedCheckpoint {
    let state = OperatorState {
        id: OperatorId::of_uid("test"),
        uid: Some("test".to_owned()),
        name: "Test".to_owned(),
        max_parallelism: GROUPS,
        subtasks,
    };
    CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        id: CheckpointId(1),
        kind: kind(false),
        triggered_at: Millis(0),
        completed_at: Millis(0),
        operators: vec![state],
    }
}

/// What each of `parallelism` subtasks is given of the handles of others.
pub(in crate::state) fn shares(
    handles: Vec<KeyedStateHandle>,
    parallelism: u32,
) -> Vec<RestoredState> {
    shares_on(handles, parallelism, ("/", StartDisk::default()))
}

/// The same, of a checkpoint in this folder of a disk.
pub(in crate::state) fn shares_on(
    handles: Vec<KeyedStateHandle>,
    parallelism: u32,
    (folder, disk): (&str, StartDisk),
) -> Vec<RestoredState> {
    let id = OperatorId::of_uid("test");
    let subtask = |handle| SubtaskState { keyed: vec![handle], ..SubtaskState::default() };
    let checkpoint = checkpoint_of(handles.into_iter().map(subtask).collect());
    let parallelism = Parallelism(parallelism);
    let target = TargetOperator { id, parallelism, max_parallelism: GROUPS };
    let mut restored = assign(&checkpoint, &[target], false).unwrap();
    let shares = restored.operators.remove(&id).unwrap().subtasks;
    let plan = OperatorPlan { node: NodeId(0), id, name: "Test".to_owned() };
    let state = |share| {
        let operators = BTreeMap::from([(id, share)]);
        let restore =
            TaskRestore { folder: folder.into(), copies: None, operators, in_flight: Vec::new() };
        RestoredState::new(Some(Arc::new(restore)), &plan, Some(Rc::clone(&disk)))
    };
    shares.into_iter().map(state).collect()
}

/// Fills tables at one parallelism, snapshots them, changes everything while the snapshots are
/// written, and restores them at another parallelism.
fn check<K, V>(canonical: bool, count: u16, make: impl Fn(u16, u8) -> (K, V))
where
    K: Key + Ord + Debug,
    V: Record + Clone + PartialEq + Debug,
{
    check_with(canonical, count, make, |_| Place { arena: arena(6000), world: None });
}

/// Where tables are.
struct Place {
    arena: Arena,
    /// Of the disk that cold segments go to, if they do.
    world: Option<SimulatedWorld>,
}

impl Place {
    fn subtask<K, V>(&self, index: u32, parallelism: u32) -> Subtask<K, V>
    where
        K: Key + Debug,
        V: Record + Clone + Debug,
    {
        match &self.world {
            Some(world) => Subtask::spilling((&self.arena, world), index, parallelism),
            None => Subtask::new(&self.arena, index, parallelism),
        }
    }
}

fn check_with<K, V>(
    canonical: bool,
    count: u16,
    make: impl Fn(u16, u8) -> (K, V),
    place: impl Fn(u32) -> Place,
) where
    K: Key + Ord + Debug,
    V: Record + Clone + PartialEq + Debug,
{
    for (old, new) in [(1, 1), (1, 3), (3, 2), (2, 7), (7, 1)] {
        let mut expected = BTreeMap::new();
        let mut handles = Vec::new();
        for index in 0..old {
            let place = place(old);
            let subtask = Rc::new(RefCell::new(place.subtask::<K, V>(index, old)));
            let mut keys: Vec<u16> = (0..count).collect();
            keys.retain(|key| subtask.borrow().owns(&make(*key, 0).0));
            for key in &keys {
                let (key, value) = make(*key, (*key % 7) as u8);
                subtask.borrow_mut().put(&key, &value);
            }
            let before = subtask.borrow_mut().content();
            let snapshot = subtask.borrow_mut().freeze(canonical);
            let change = |round: u16| {
                let mut subtask = subtask.borrow_mut();
                for key in &keys {
                    let (name, value) = make(*key, (*key % 11 + round) as u8);
                    match (key + round) % 3 {
                        0 => subtask.remove(&name),
                        _ => subtask.put(&name, &value),
                    }
                }
                for new in count..count + 300 {
                    let (name, value) = make(new, 3);
                    if subtask.owns(&name) {
                        subtask.put(&name, &value);
                    }
                }
            };
            let mut round = 0;
            change(0);
            let handle = snapshot.map(|snapshot| {
                write(snapshot, || {
                    round += 1;
                    change(round);
                })
            });
            subtask.borrow().table.verify_invariants();
            assert_eq!(before.is_empty(), handle.is_none());
            drop(subtask);
            assert_eq!(place.arena.managed().lent().0, 0);
            handles.extend(handle);
            expected.extend(before);
        }
        let mut found = BTreeMap::new();
        for (index, restored) in shares(handles, new).iter().enumerate() {
            let place = place(new);
            let mut subtask = place.subtask::<K, V>(index as u32, new);
            restore_table(&mut subtask.table, &subtask.state, restored).unwrap();
            subtask.table.verify_invariants();
            for (key, value) in subtask.content() {
                assert!(subtask.owns(&key));
                assert!(found.insert(key, value).is_none());
            }
        }
        assert!(found == expected, "{old} to {new}: {} of {}", found.len(), expected.len());
    }
}

fn text(key: u16, size: u8) -> (String, String) {
    (format!("key {key}"), "v".repeat(usize::from(size) * usize::from(size)))
}

#[test]
fn plain_tables_come_back_at_any_parallelism() {
    for canonical in [false, true] {
        check(canonical, 12_000, |key, size| (u64::from(key), u64::from(size)));
        check(canonical, 40, |key, size| (u64::from(key), u64::from(size)));
        check(canonical, 0, |key, size| (u64::from(key), u64::from(size)));
    }
}

#[test]
fn tables_of_text_come_back_at_any_parallelism() {
    for canonical in [false, true] {
        check(canonical, 6_000, text);
        check(canonical, 3, |key, _| (format!("{key}"), "long".repeat(5_000)));
    }
}

/// The same with memory for a part of a table.
#[test]
fn tables_larger_than_memory_come_back_at_any_parallelism() {
    let place = |segments: u32| Place {
        arena: arena(segments),
        world: Some(SimulatedWorld::from_seed(segments.into())),
    };
    for canonical in [false, true] {
        let number = |key, size| (u64::from(key), u64::from(size));
        check_with(canonical, 12_000, number, |parallelism| place(8 + 24 / parallelism));
        let wide = |key, size| (u64::from(key), [u64::from(size); 13]);
        check_with(canonical, 6_000, wide, |parallelism| place(10 + 60 / parallelism));
        check_with(canonical, 3_000, text, |parallelism| place(10 + 40 / parallelism));
        let long = |key, _| (format!("{key}"), "long".repeat(5_000));
        check_with(canonical, 30, long, |_| place(24));
    }
}

#[test]
fn both_formats_have_the_bytes_that_are_written_down() {
    let arena = arena(50);
    let mut subtask = Subtask::<u16, u32>::new(&arena, 0, 1);
    subtask.put(&5, &0x0102_0304);
    let group = KeyGroup(crate::exchange::key_group_of(key_hash(&5u16), 11) as u32);
    let own = write(subtask.freeze(false).unwrap(), || {});
    let mut expected = group.0.to_le_bytes().to_vec();
    expected.extend([1, 2, 0, 0, 4, 5, 0, 4, 3, 2, 1, 0, 1]);
    assert_eq!(own.state, StateHandle::Inline(expected.into()));
    assert_eq!(own.backend, BackendKind::HashMap);
    assert_eq!(own.offsets, [KeyGroupOffset { group, offset: 0 }]);
    assert_eq!(own.schemas[0].shape, "u32 by key u16");
    let canonical = write(subtask.freeze(true).unwrap(), || {});
    assert_eq!(canonical.backend, BackendKind::Canonical);
    assert_eq!(canonical.state.len(), 8 + 20 + 6 + 12);
}

/// A handle of one table of text in the format of checkpoints.
fn written(arena: &Arena) -> KeyedStateHandle {
    let mut subtask = Subtask::<String, String>::new(arena, 0, 1);
    for key in 0..20 {
        let (key, value) = text(key, 4);
        subtask.put(&key, &value);
    }
    write(subtask.freeze(false).unwrap(), || {})
}

fn restore(arena: &Arena, handle: KeyedStateHandle) -> Result<usize, TaskError> {
    let mut subtask = Subtask::<String, String>::new(arena, 0, 1);
    let restored = &shares(vec![handle], 1)[0];
    restore_table(&mut subtask.table, &subtask.state, restored).map(|()| subtask.table.len())
}

#[test]
fn damaged_state_is_an_error() {
    let arena = arena(100);
    let good = written(&arena);
    assert_eq!(restore(&arena, good.clone()).unwrap(), 20);
    let StateHandle::Inline(bytes) = &good.state else { unreachable!("it was made so") };
    let with = |bytes: Vec<u8>| KeyedStateHandle {
        state: StateHandle::Inline(bytes.into()),
        ..good.clone()
    };
    let ends: Vec<u64> = good.offsets.iter().map(|begin| begin.offset).collect();
    for len in 0..bytes.len() {
        // Nothing is missing where a group ends; how long a state is is known from elsewhere.
        let cut =
            KeyedStateHandle { offsets: vec![good.offsets[0]], ..with(bytes[..len].to_vec()) };
        let is_whole = ends.contains(&(len as u64));
        assert_eq!(restore(&arena, cut).is_ok(), is_whole, "{len} bytes");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x84;
        // A value's text may still be one; nothing may panic.
        if let Err(error) = restore(&arena, with(damaged)) {
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

#[test]
fn a_key_that_comes_twice_is_an_error() {
    let arena = arena(100);
    let group = KeyGroup(crate::exchange::key_group_of(key_hash("a"), 11) as u32);
    let archive = crate::record::RecordEncoder::new().encode_large(&"a".to_owned(), 64).unwrap();
    let entry = Entry { state: 0, key: &archive, namespace: &[], sub_key: &[], value: &archive };
    for (times, group, says) in
        [(2, group, "comes twice"), (1, KeyGroup((group.0 + 1) % 11), "a key of group")]
    {
        let (mut encoder, mut bytes) = (GroupEncoder::new(), Vec::new());
        encoder.begin_group(&mut bytes, group);
        (0..times).for_each(|_| encoder.entry(&mut bytes, &entry));
        encoder.end_group(&mut bytes);
        let good = written(&arena);
        let state = StateHandle::Inline(bytes.into());
        let error = restore(&arena, KeyedStateHandle { offsets: encoder.finish(), state, ..good });
        let error = error.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn other_types_and_other_states_are_errors_that_name_both() {
    let arena = arena(100);
    let check = |change: &dyn Fn(&mut KeyedStateHandle), parts: &[&str]| {
        let mut handle = written(&arena);
        change(&mut handle);
        let error = restore(&arena, handle).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
    };
    let types: &dyn Fn(&mut KeyedStateHandle) = &|handle| {
        handle.schemas[0].fingerprint ^= 1;
        handle.schemas[0].shape = "u64 by key u32".to_owned();
    };
    let now = "a value of alloc::string::String by key alloc::string::String";
    check(types, &["'sums'", "'Test'", "a value of u64 by key u32", now]);
    check(&|handle| handle.schemas[0].name = "others".to_owned(), &["'others'", "'Test'", "uid"]);
    check(&|handle| handle.backend = BackendKind::RocksDb, &["RocksDB", "canonical"]);
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(0u8..6, 0..400)) {
        exercise(&bytes);
    }
}

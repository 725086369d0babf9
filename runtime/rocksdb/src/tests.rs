//! A store beside a map of the standard library: written, read, frozen, saved, damaged, restored.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    task::{Wake, Waker},
    thread::{self, Thread},
};

use brisk_core::{
    checkpoint::{
        Alignment, CheckpointId, CheckpointKind, Millis,
        coordinator::{BarrierOptions, CheckpointTarget},
        handle::{NamedState, StateHandle, StateKind, StateSchema},
        storage::{
            Disk, FileSystemStorage, FileTarget, JobManagerStorage, StateReader, StorageError,
        },
    },
    graph::{
        JobId, KeyGroup, KeyGroupRange, MaxParallelism, OperatorId, Parallelism, SubtaskIndex,
    },
    state::backend::{
        EntryKey, KeyedStore, NativeParts, NativeShare, NativeSnapshot, StateBackend, StoreOptions,
    },
};
use brisk_memory::{
    Arena, ArenaOptions, SegmentCount,
    config::{Configuration, MemorySize, options::rocksdb as keys},
};
use proptest::prelude::*;

use crate::{RocksDbBackend, Settings, metrics};

const GROUPS: MaxParallelism = MaxParallelism(11);
const STATES: [&str; 2] = ["one", "default"];

/// Group, state, key, namespace, sub-key.
type Place = (u32, u32, Vec<u8>, Vec<u8>, Vec<u8>);
type Twin = BTreeMap<Place, Vec<u8>>;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

struct World {
    arena: Arena,
    backend: RocksDbBackend,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Configuration::new();
        config.set(keys::LOCAL_DIR.key(), folder.path().join("local").display().to_string());
        // So that changes reach the database.
        config.set(keys::WRITE_BATCH_SIZE.key(), "2 kb");
        let backend = RocksDbBackend::new(Settings::read(&config).unwrap(), 2).unwrap();
        let managed = SegmentCount(1024);
        let arena = Arena::map(ArenaOptions { managed, ..ArenaOptions::default() }).unwrap();
        Self { arena, backend, folder }
    }

    fn open(&self, index: u32, parallelism: u32) -> Box<dyn KeyedStore> {
        let subtask = SubtaskIndex(index);
        self.backend
            .open(StoreOptions {
                job: JobId::from_bytes([7; 16]),
                operator: OperatorId::of_uid("test"),
                owner: "job/task: state of operator 'Test'".to_owned(),
                subtask,
                range: KeyGroupRange::of_subtask(subtask, Parallelism(parallelism), GROUPS),
                groups: GROUPS,
                managed: self.arena.managed(),
                waker: Waker::from(Arc::new(Unpark(thread::current()))),
            })
            .unwrap()
    }

    fn registered(&self) -> Box<dyn KeyedStore> {
        let mut store = self.open(0, 1);
        register(&mut *store);
        store
    }

    fn target(&self, id: u64, base: Option<u64>) -> FileTarget {
        let storage = FileSystemStorage::in_folder(self.folder.path().join("checkpoints"));
        FileTarget::files(&storage, &options(id, base), 100)
    }

    fn shared(&self) -> std::path::PathBuf {
        self.folder.path().join("checkpoints/shared")
    }

    fn restored(&self, share: &NativeShare<'_>, index: u32, of: u32) -> Result<Twin, String> {
        let mut store = self.open(index, of);
        let folder = self.folder.path().join("checkpoints/chk-1");
        let share = NativeShare {
            wanted: KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(of), GROUPS),
            ..*share
        };
        let restored = store.restore(&[share], &mut |handle, each| read(&folder, handle, each));
        restored.map_err(|error| error.to_string())?;
        register(&mut *store);
        Ok(content(&mut *store))
    }
}

fn options(id: u64, base: Option<u64>) -> BarrierOptions {
    BarrierOptions {
        id: CheckpointId(id),
        kind: CheckpointKind::Checkpoint { unaligned: false },
        triggered_at: Millis(0),
        alignment: Alignment::Aligned,
        base: base.map(CheckpointId),
        target: CheckpointTarget::Checkpoint,
    }
}

fn read(
    folder: &Path,
    handle: &StateHandle,
    each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let slice = match handle {
        StateHandle::Inline(bytes) => return each(bytes),
        StateHandle::File(slice) => slice,
    };
    let mut disk = Disk::open()?;
    let path = FileSystemStorage::resolve(folder, &slice.path);
    let mut reader = StateReader::open(&mut disk, &path, slice)?;
    while let Some(block) = reader.next_block(&mut disk)? {
        each(&block)?;
    }
    Ok(())
}

fn register(store: &mut dyn KeyedStore) {
    for (number, name) in (0..).zip(STATES) {
        let (name, shape) = (name.to_owned(), String::new());
        let schema = StateSchema { name, kind: StateKind::Value, fingerprint: 0, shape };
        store.register(number, &schema).unwrap();
    }
}

fn entry(place: &Place) -> EntryKey<'_> {
    let (group, state, key, namespace, sub_key) = place;
    EntryKey { state: *state, group: KeyGroup(*group), key, namespace, sub_key }
}

/// All entries, as a savepoint would have them, which are in order.
fn content(store: &mut dyn KeyedStore) -> Twin {
    let mut frozen = store.freeze().unwrap();
    while !frozen.is_ready() {
        thread::park();
    }
    let mut places: Vec<(Place, Vec<u8>)> = Vec::new();
    while frozen
        .next(&mut |group, entry| {
            let (key, namespace) = (entry.key.to_vec(), entry.namespace.to_vec());
            let place = (group.0, entry.state, key, namespace, entry.sub_key.to_vec());
            places.push((place, entry.value.to_vec()));
            !places.len().is_multiple_of(5)
        })
        .unwrap()
    {}
    assert!(places.is_sorted_by(|one, other| one.0 < other.0));
    places.into_iter().collect()
}

fn save(snapshot: &mut dyn NativeSnapshot, target: &FileTarget) -> NativeParts {
    snapshot.begin(target);
    while !snapshot.is_ready() {
        thread::park();
    }
    snapshot.take().unwrap()
}

fn share(parts: &NativeParts) -> NativeShare<'_> {
    let range = KeyGroupRange::of_subtask(SubtaskIndex(0), Parallelism(1), GROUPS);
    NativeShare { wanted: range, range, own: &parts.own, shared: &parts.shared }
}

fn step() -> impl Strategy<Value = (Place, Option<Vec<u8>>)> {
    let bytes = |most| prop::collection::vec(prop::sample::select(vec![0u8, 1, 9, 255]), 0..most);
    let place = (0u32..11, 0u32..2, bytes(12), bytes(3), bytes(3));
    (place, prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..40)))
}

fn apply(store: &mut dyn KeyedStore, twin: &mut Twin, steps: &[(Place, Option<Vec<u8>>)]) {
    for (place, value) in steps {
        let entry = entry(place);
        store.fetch(&mut [entry, entry].into_iter()).unwrap();
        match value {
            Some(value) => store.put(&entry, value).unwrap(),
            None => store.remove(&entry).unwrap(),
        }
        match value {
            Some(value) => twin.insert(place.clone(), value.clone()),
            None => twin.remove(place),
        };
        let mut found = None;
        assert_eq!(
            store.read(&entry, &mut |value| found = Some(value.to_vec())).unwrap(),
            value.is_some()
        );
        assert_eq!(found, *value);
        let mut scanned = Vec::new();
        store.scan(&entry, &mut |sub, value| scanned.push((sub.to_vec(), value.to_vec()))).unwrap();
        let same =
            |of: &Place| (of.0, of.1, &of.2, &of.3) == (place.0, place.1, &place.2, &place.3);
        let expected = twin.iter().filter(|(of, _)| same(of));
        let expected: Vec<_> = expected.map(|(of, value)| (of.4.clone(), value.clone())).collect();
        assert_eq!(scanned, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_store_is_as_a_map_and_comes_back(
        before in prop::collection::vec(step(), 0..200),
        after in prop::collection::vec(step(), 0..200),
        of in 1u32..4,
    ) {
        let world = World::new();
        let (mut store, mut twin) = (world.registered(), Twin::new());
        apply(&mut *store, &mut twin, &before);
        let mut first = store.snapshot().unwrap();
        let then = twin.clone();
        apply(&mut *store, &mut twin, &after);
        let parts = save(&mut *first, &world.target(1, None));
        drop(first);
        prop_assert_eq!(content(&mut *store), twin.clone());
        let mut second = store.snapshot().unwrap();
        let parts_of_second = save(&mut *second, &world.target(2, Some(1)));
        drop((second, store));
        let mut restored = Twin::new();
        for index in 0..of {
            restored.extend(world.restored(&share(&parts), index, of).unwrap());
        }
        prop_assert_eq!(restored, then);
        prop_assert_eq!(world.restored(&share(&parts_of_second), 0, 1).unwrap(), twin);
    }
}

/// A store with enough in it for a file.
fn filled(world: &World) -> (Box<dyn KeyedStore>, Twin) {
    let (mut store, mut twin) = (world.registered(), Twin::new());
    for n in 0..3000u32 {
        let place = (n % 11, 0, n.to_be_bytes().to_vec(), Vec::new(), Vec::new());
        store.put(&entry(&place), &n.to_le_bytes()).unwrap();
        twin.insert(place, n.to_le_bytes().to_vec());
    }
    (store, twin)
}

#[test]
fn a_checkpoint_names_the_files_of_its_base_again() {
    let world = World::new();
    let (mut store, _) = filled(&world);
    let full = save(&mut *store.snapshot().unwrap(), &world.target(1, None));
    assert!(full.written > 10_000 && !full.shared.is_empty());
    let place = (3, 1, vec![1], Vec::new(), Vec::new());
    store.put(&entry(&place), b"new").unwrap();
    let next = save(&mut *store.snapshot().unwrap(), &world.target(2, Some(1)));
    assert!(next.written < full.written / 4, "{} after {}", next.written, full.written);
    let is_old = |named: &&NamedState| full.shared.contains(named);
    assert_eq!(next.shared.iter().filter(is_old).count(), full.shared.len());
    let full_again = save(&mut *store.snapshot().unwrap(), &world.target(3, None));
    assert!(full_again.shared.iter().all(|named| !next.shared.contains(named)));
}

#[test]
fn what_nobody_takes_is_removed() {
    let world = World::new();
    let (mut store, _) = filled(&world);
    let mut snapshot = store.snapshot().unwrap();
    snapshot.begin(&world.target(1, None));
    while !snapshot.is_ready() {
        thread::park();
    }
    let files = || std::fs::read_dir(world.shared()).map_or(0, Iterator::count);
    assert!(files() > 0);
    drop(snapshot);
    drop(store);
    assert_eq!(files(), 0);
    let local = world.folder.path().join("local");
    drop(world.backend);
    assert_eq!(std::fs::read_dir(local).unwrap().count(), 0, "local folders go");
}

#[test]
fn damaged_and_missing_files_are_errors_that_name_them() {
    let world = World::new();
    let (mut store, twin) = filled(&world);
    let parts = save(&mut *store.snapshot().unwrap(), &world.target(1, None));
    assert_eq!(world.restored(&share(&parts), 0, 1).unwrap(), twin);
    let file = std::fs::read_dir(world.shared()).unwrap().next().unwrap().unwrap().path();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [Some(flipped), Some(whole[..whole.len() - 9].to_vec()), None] {
        match damaged {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        for of in [1, 2] {
            let error = world.restored(&share(&parts), 0, of).unwrap_err();
            assert!(error.contains(&name), "{error}");
        }
    }
    std::fs::write(&file, &whole).unwrap();
    let cuts = (0..parts.own.len()).step_by(97).map(|end| parts.own[..end].to_vec());
    let escape = [&parts.own[..12], &[3, 0], b"../", &parts.own[12..]].concat();
    for own in cuts.chain([escape]) {
        let damaged = NativeParts { own, ..parts.clone() };
        let error = world.restored(&share(&damaged), 0, 1).unwrap_err();
        assert!(error.contains("damaged") && error.contains("'Test'"), "{error}");
    }
}

#[test]
fn small_state_lies_in_acknowledgements_and_large_is_refused_there() {
    let world = World::new();
    let (mut store, twin) = filled(&world);
    let storage = JobManagerStorage::default();
    let target = FileTarget::inline(storage, &options(1, None));
    let parts = save(&mut *store.snapshot().unwrap(), &target);
    assert!(parts.shared.iter().all(|named| named.state.file().is_none()));
    assert_eq!(world.restored(&share(&parts), 0, 1).unwrap(), twin);
    let small = JobManagerStorage { state_bytes_max: 1000, ..storage };
    let mut snapshot = store.snapshot().unwrap();
    snapshot.begin(&FileTarget::inline(small, &options(2, None)));
    while !snapshot.is_ready() {
        thread::park();
    }
    let error = snapshot.take().unwrap_err().to_string();
    assert!(error.contains("maxSize=1000"), "{error}");
}

#[test]
fn the_stores_of_a_slot_share_its_memory() {
    let world = World::new();
    let managed = world.arena.managed();
    let total = managed.total().bytes(managed.segment_size()) as u64;
    let (one, other) = (world.open(0, 1), world.open(0, 1));
    let memory = world.backend.slot(0, managed).unwrap();
    assert_eq!(memory.budget(), Some(total / 2 / 4 * 3));
    let lent = managed.lent();
    let further = world.open(1, 2);
    assert_eq!(managed.lent().0, 2 * lent.0, "another slot has its own");
    drop((one, other, further, memory));
    assert_eq!(managed.lent().0, 0);
    let mut config = Configuration::new();
    let size: MemorySize = config.get(&keys::WRITE_BATCH_SIZE).unwrap();
    assert_eq!(size.bytes(), 2 << 20);
    config.set(keys::MEMORY_FIXED_PER_SLOT.key(), "3 mb");
    let fixed = RocksDbBackend::new(Settings::read(&config).unwrap(), 1).unwrap();
    let memory = fixed.slot(0, managed).unwrap();
    assert_eq!((memory.budget(), managed.lent().0), (Some(3 << 20), 0));
}

#[test]
fn what_a_process_left_behind_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("brisk-rocksdb-1-0/store-0/db");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("000007.sst"), b"old").unwrap();
    let mut config = Configuration::new();
    config.set(keys::LOCAL_DIR.key(), folder.path().display().to_string());
    let open = || RocksDbBackend::new(Settings::read(&config).unwrap(), 1).unwrap();
    let (one, other) = (open(), open());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    drop((one, other));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn metrics_have_the_names_that_flink_gives_them() {
    let world = World::new();
    let (mut store, twin) = filled(&world);
    assert_eq!(content(&mut *store), twin);
    let mut found = BTreeMap::new();
    store.metrics(&mut |state, metric, value| {
        found.insert((state.to_owned(), metric), value);
    });
    assert_eq!(found.len(), STATES.len() * metrics::NATIVE_METRICS.len());
    let keys = found[&("one".to_owned(), "estimate-num-keys")];
    assert_eq!(keys, twin.len() as u64);
    assert!(found[&("one".to_owned(), "live-sst-files-size")] > 0);
}

use std::path::Path;

use brisk_memory::driver::{Driver, DriverOptions, SimulatedWorld};
use proptest::prelude::*;

use super::*;
use crate::checkpoint::coordinator::CheckpointTarget;
use crate::checkpoint::handle::{
    BackendKind, CompletedCheckpoint, KeyedStateHandle, OperatorState, OperatorStateHandle, Place,
    RedistributionMode, StateHandle, StateKind, StatePath, StateSchema, SubtaskState,
};
use crate::checkpoint::storage::tests::{Worker, disk, put};
use crate::checkpoint::storage::{
    Compression, Disk, FileSystemStorage, WriterOptions, latest_complete, load,
};
use crate::checkpoint::{AfterSavepoint, CheckpointId, CheckpointKind, Millis, SavepointFormat};
use crate::graph::{KeyGroup, KeyGroupRange, MaxParallelism, OperatorId};

fn range() -> KeyGroupRange {
    KeyGroupRange::new(KeyGroup(0), KeyGroup(8))
}

type Owned = (u32, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

fn encode(
    groups: &[(u32, Vec<Owned>)],
) -> (Vec<u8>, Vec<crate::checkpoint::handle::KeyGroupOffset>) {
    let mut encoder = CanonicalEncoder::new(range(), 3);
    let mut out = Vec::new();
    for (group, entries) in groups {
        encoder.begin_group(&mut out, KeyGroup(*group));
        for (state, key, namespace, sub_key, value) in entries {
            encoder.entry(&mut out, &Entry { state: *state, key, namespace, sub_key, value });
        }
        encoder.end_group(&mut out);
    }
    (out, encoder.finish())
}

fn decode(bytes: &[u8], piece: usize) -> Result<Vec<(u32, Vec<Owned>)>, CanonicalError> {
    let mut decoder = CanonicalDecoder::new(range(), 3, bytes.len() as u64);
    let mut groups: Vec<(u32, Vec<Owned>)> = Vec::new();
    for bytes in bytes.chunks(piece) {
        decoder.feed(bytes);
        loop {
            match decoder.decode_next()? {
                Decoded::NeedMore => break,
                Decoded::Group(group) => groups.push((group.0, Vec::new())),
                Decoded::Entry(Entry { state, key, namespace, sub_key, value }) => {
                    let parts = [key, namespace, sub_key, value].map(<[u8]>::to_vec);
                    let [key, namespace, sub_key, value] = parts;
                    let group = groups.last_mut().expect("a group has begun");
                    group.1.push((state, key, namespace, sub_key, value));
                }
                Decoded::EndOfGroup => {}
            }
        }
    }
    decoder.finish()?;
    Ok(groups)
}

fn owned(state: u32, key: &[u8], sub_key: &[u8], value: &[u8]) -> Owned {
    (state, key.to_vec(), b"ns".to_vec(), sub_key.to_vec(), value.to_vec())
}

fn groups() -> Vec<(u32, Vec<Owned>)> {
    vec![
        (1, vec![owned(0, b"a", b"", b"1"), owned(0, b"b", b"", b"22"), owned(2, b"a", b"x", b"")]),
        (5, vec![]),
        (7, vec![owned(1, b"", b"", &[9; 3000])]),
    ]
}

#[test]
fn entries_come_back_in_pieces_of_any_size() {
    let (bytes, offsets) = encode(&groups());
    for piece in [1, 2, 7, 100, bytes.len()] {
        assert_eq!(decode(&bytes, piece).unwrap(), groups());
    }
    let begins: Vec<_> = offsets.iter().map(|at| (at.group.0, at.offset)).collect();
    assert_eq!(begins[0], (1, 0));
    // A group alone, as a subtask with other key groups reads it.
    let (from, to) = (begins[1].1 as usize, begins[2].1 as usize);
    assert_eq!(decode(&bytes[from..to], 3).unwrap(), groups()[1..2]);
    assert_eq!(decode(&[], 1).unwrap(), []);
}

#[test]
fn damage_is_named() {
    let (bytes, _) = encode(&groups());
    let check = |bytes: &[u8], expected: &str| {
        let error = decode(bytes, 64).unwrap_err();
        assert!(error.what.contains(expected), "{error}");
    };
    check(&bytes[..bytes.len() - 1], "bytes are needed, but");
    check(&bytes[..8], "12 bytes are needed, but 0 are left");
    let mut changed = bytes.clone();
    changed[0] = 9;
    check(&changed, "key group 9 is not expected here");
    let mut changed = bytes.clone();
    changed[8] = 3;
    check(&changed, "there is no state 3");
    // The encoder refuses to write entries in another order: their bytes are swapped behind its back.
    let one = 20 + 1 + 2 + 1;
    let mut changed = bytes.clone();
    changed[8..8 + one + 1 + one].rotate_left(one);
    check(&changed, "an entry is out of order");
}

#[test]
#[should_panic(expected = "entries are sorted")]
fn unsorted_entries_are_a_bug() {
    let entries = vec![owned(0, b"b", b"", b""), owned(0, b"a", b"", b"")];
    encode(&[(0, entries)]);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        entry::exercise(&bytes);
    }

    #[test]
    fn changed_bytes_are_survived(place in 0_usize..160, value in any::<u8>()) {
        let (mut bytes, _) = encode(&groups());
        bytes[place] = value;
        entry::exercise(&bytes);
    }

    #[test]
    fn sorted_entries_come_back(
        keys in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 0..6), 0..20),
        piece in 1_usize..50,
    ) {
        let entries: Vec<_> = keys.iter().map(|key| owned(1, key, b"", b"v")).collect();
        let groups = vec![(3, entries)];
        let (bytes, _) = encode(&groups);
        prop_assert_eq!(decode(&bytes, piece).unwrap(), groups);
    }
}

fn schema(name: &str, kind: StateKind) -> StateSchema {
    StateSchema { name: name.to_owned(), kind, fingerprint: 5, shape: "(String, u64)".to_owned() }
}

fn sample(keyed: StateHandle, compressed: StateHandle) -> CompletedCheckpoint {
    let (_, offsets) = encode(&groups());
    let keyed = KeyedStateHandle {
        backend: BackendKind::Canonical,
        range: range(),
        schemas: vec![
            schema("count", StateKind::Value),
            schema("list", StateKind::List),
            schema("map", StateKind::Map),
        ],
        offsets,
        state: keyed,
        shared: Vec::new(),
    };
    let elements = OperatorStateHandle {
        schema: schema("offsets", StateKind::Elements),
        mode: RedistributionMode::Union,
        offsets: vec![0, 100, 200],
        state: compressed,
    };
    let subtask =
        SubtaskState { keyed: vec![keyed], operator: vec![elements], ..SubtaskState::default() };
    let operator = OperatorState {
        id: OperatorId::of_uid("agg-id"),
        uid: Some("agg-id".to_owned()),
        name: "agg".to_owned(),
        max_parallelism: MaxParallelism(8),
        subtasks: vec![subtask],
    };
    CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        id: CheckpointId(7),
        kind: CheckpointKind::Savepoint {
            format: SavepointFormat::Canonical,
            after: AfterSavepoint::Suspend,
        },
        triggered_at: Millis(1000),
        completed_at: Millis(1001),
        operators: vec![operator],
    }
}

const FOLDER: &str = "/sp/savepoint-001122-0123456789ab";

/// A savepoint of two state files on a simulated disk.
fn take(world: &SimulatedWorld) -> CompletedCheckpoint {
    let options = |name: &str, compression| WriterOptions {
        folder: Path::new(FOLDER).to_owned(),
        path: StatePath::new(Place::Checkpoint, name).unwrap(),
        compression,
        inline_below: 10,
    };
    let mut worker = Worker::new(world, options("worker-0.state", Compression::None));
    let keyed = worker.write(&encode(&groups()).0).unwrap();
    worker.finish().unwrap();
    let mut worker = Worker::new(world, options("worker-1.state", Compression::Zstd));
    let compressed = worker.write(&[b'x'; 300]).unwrap();
    worker.finish().unwrap();
    let checkpoint = sample(keyed, compressed);
    let target = CheckpointTarget::Folder(format!("file://{FOLDER}"));
    let storage = FileSystemStorage::of_job(Path::new("/ckpt"), checkpoint.job);
    storage.write_metadata(&mut disk(world), &checkpoint, &target).unwrap();
    checkpoint
}

#[test]
fn a_savepoint_is_verified_moved_and_disposed_of() {
    let world = SimulatedWorld::from_seed(1);
    let checkpoint = take(&world);
    let mut disk = disk(&world);
    let verified = verify(&mut disk, Path::new(FOLDER)).unwrap();
    assert_eq!((verified.states, verified.entries), (2, 4));
    assert_eq!(verified.bytes, checkpoint.state_size());
    let moved = Path::new("/elsewhere");
    disk.files().rename(Path::new(FOLDER), moved).unwrap();
    assert_eq!(verify(&mut disk, &moved.join("_metadata")).unwrap(), verified);
    dispose(&mut disk, moved).unwrap();
    assert!(disk.files().metadata(moved).is_err());
    let gone = dispose(&mut disk, moved).unwrap_err().to_string();
    assert!(gone.contains("'/elsewhere'"), "{gone}");
}

#[test]
fn damaged_entries_are_found_behind_right_checksums() {
    let world = SimulatedWorld::from_seed(1);
    let mut bytes = encode(&groups()).0;
    bytes[8] = 3;
    let checkpoint =
        sample(StateHandle::Inline(bytes.into()), StateHandle::Inline([0; 300].into()));
    put(&world, "/sp/x/_metadata", &crate::checkpoint::metadata::encode(&checkpoint));
    let error = verify(&mut disk(&world), Path::new("/sp/x")).unwrap_err().to_string();
    assert!(error.contains("'agg' (uid 'agg-id'"), "{error}");
    assert!(error.contains("there is no state 3"), "{error}");
}

/// Every byte of every file changed, every file cut at every length, swapped and missing.
#[test]
fn whatever_is_wrong_with_a_file_is_an_error_that_names_it() {
    let world = SimulatedWorld::from_seed(1);
    take(&world);
    let mut disk = disk(&world);
    let names = ["_metadata", "worker-0.state", "worker-1.state"];
    let path = |name: &str| format!("{FOLDER}/{name}");
    let [_, keyed, compressed] =
        names.map(|name| disk.read_file(Path::new(&path(name)), 1 << 20).unwrap());
    let mut refused = |name: &str| {
        let error = verify(&mut disk, Path::new(FOLDER)).unwrap_err().to_string();
        assert!(error.contains(&path(name)), "{name}: {error}");
    };
    for name in names {
        let whole = crate::checkpoint::storage::tests::disk(&world)
            .read_file(Path::new(&path(name)), 1 << 20)
            .unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1 << (place % 8);
            put(&world, &path(name), &changed);
            refused(name);
            put(&world, &path(name), &whole[..place]);
            refused(name);
        }
        crate::checkpoint::storage::tests::disk(&world)
            .files()
            .unlink(Path::new(&path(name)))
            .unwrap();
        if name == "_metadata" {
            let error =
                verify(&mut crate::checkpoint::storage::tests::disk(&world), Path::new(FOLDER));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(FOLDER), "{error}");
        } else {
            refused(name);
        }
        put(&world, &path(name), &whole);
    }
    put(&world, &path(names[1]), &compressed);
    put(&world, &path(names[2]), &keyed);
    refused(names[1]);
}

#[test]
fn checkpoints_are_not_disposed_of() {
    let world = SimulatedWorld::from_seed(1);
    let mut checkpoint = take(&world);
    checkpoint.kind = CheckpointKind::Checkpoint { unaligned: false };
    put(&world, &format!("{FOLDER}/_metadata"), &crate::checkpoint::metadata::encode(&checkpoint));
    let refused = dispose(&mut disk(&world), Path::new(FOLDER)).unwrap_err().to_string();
    assert!(refused.contains("is a checkpoint, not a savepoint"), "{refused}");
    assert!(load(&mut disk(&world), Path::new(FOLDER)).is_ok());
    assert!(latest_complete(&mut disk(&world), Path::new("/sp")).unwrap().is_none());
}

#[test]
fn what_is_in_it_at_a_glance() {
    let world = SimulatedWorld::from_seed(1);
    let shown = inspect(&take(&world)).to_string();
    let expected = "SYNC_SAVEPOINT CANONICAL 7 of job 00112233445566778899aabbccddeeff\n\
        3455 bytes of state, 1 operators\n\
        e80e0e24978aff27f23a09e62428debc  'agg' (uid 'agg-id')\n  \
          parallelism 1 of 8, 3155 bytes keyed, 0 bytes in flight\n  \
          keyed 'count': (String, u64)\n  \
          keyed 'list': (String, u64)\n  \
          keyed 'map': (String, u64)\n  \
          union 'offsets': (String, u64), 3 elements, 300 bytes\n";
    assert_eq!(shown, expected);
}

#[test]
fn differences_are_listed() {
    let world = SimulatedWorld::from_seed(1);
    let first = take(&world);
    assert_eq!(diff(&first, &first), []);
    let mut second = first.clone();
    second.operators[0].subtasks.push(SubtaskState::default());
    second.operators[0].subtasks[0].keyed[0].schemas[0].fingerprint = 6;
    second.operators[0].subtasks[0].operator.clear();
    second.operators.push(OperatorState {
        id: OperatorId::of_uid("new"),
        uid: None,
        name: "new one".to_owned(),
        ..first.operators[0].clone()
    });
    let shown: Vec<_> = diff(&first, &second).iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "2bdc6380692d4d9fafecab817f1b22bc 'new one': operator: nothing -> there",
            "e80e0e24978aff27f23a09e62428debc 'agg': parallelism: 1 -> 2",
            "e80e0e24978aff27f23a09e62428debc 'agg': keyed state 'count': (String, u64) \
             (0000000000000005) -> (String, u64) (0000000000000006)",
            "e80e0e24978aff27f23a09e62428debc 'agg': union state 'offsets': (String, u64) \
             (0000000000000005), 3 elements -> nothing",
        ]
    );
}

/// Kept for good: what was written once stays readable.
#[test]
fn the_golden_savepoint_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checkpoint/savepoint/golden/v1");
    if std::env::var_os("BRISK_WRITE_GOLDEN").is_some() {
        let world = SimulatedWorld::from_seed(1);
        take(&world);
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["_metadata", "worker-0.state", "worker-1.state"] {
            let path = Path::new(FOLDER).join(name);
            let bytes = disk(&world).read_file(&path, 1 << 20).unwrap();
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let mut disk = Disk::new(Driver::new(DriverOptions::default()).unwrap());
    let verified = verify(&mut disk, &folder).unwrap();
    assert_eq!((verified.states, verified.entries), (2, 4));
    let found = load(&mut disk, &folder).unwrap();
    let world = SimulatedWorld::from_seed(1);
    assert_eq!(inspect(&found.checkpoint), inspect(&take(&world)));
    let now = crate::checkpoint::storage::tests::disk(&world)
        .read_file(&Path::new(FOLDER).join("worker-0.state"), 1 << 20)
        .unwrap();
    let golden = disk.read_file(&folder.join("worker-0.state"), 1 << 20).unwrap();
    assert_eq!(now, golden, "another encoding is another version");
}

//! Segments through a simulated disk, against a naive twin.

use brisk_memory::{
    Arena,
    driver::{Driver, DriverKind, DriverOptions, OpenOptions, SimulatedWorld},
};
use proptest::prelude::*;
use std::{cell::RefCell, collections::BTreeMap, fmt::Debug, path::Path, rc::Rc};

use super::{Contents, exercise};
use crate::{
    Key, Record, TaskError,
    checkpoint::{
        CheckpointId,
        handle::{KeyedStateHandle, StateHandle},
        storage::{
            Compression, Disk, StateFileFinish,
            segments::{SegmentFileOptions, SegmentFileWriter},
        },
    },
    state::{
        snapshot::{
            restore_table, snapshot_table,
            tests::{Subtask, kind, shares_on},
            verify_segments,
        },
        table::{exercise_segments, tests::arena},
    },
    task::snapshot::{KeyedSnapshot, OperatorSnapshot, SegmentCheckpoint},
};

mod survivors;

/// A disk with checkpoints.
struct Store {
    world: SimulatedWorld,
    driver: Driver,
    compression: Compression,
    /// Whether tables that are restored may have cold segments on the disk.
    spills: bool,
}

/// What writing came to.
struct Written {
    handle: KeyedStateHandle,
    /// Segments that were written.
    segments: usize,
}

fn new_driver(world: &SimulatedWorld) -> Driver {
    let kind = DriverKind::Simulated(world.clone());
    Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap()
}

impl Store {
    fn new(compression: Compression) -> Self {
        let world = SimulatedWorld::from_seed(7);
        Self { driver: new_driver(&world), world, compression, spills: false }
    }

    fn complete(&mut self, writer: &mut SegmentFileWriter) {
        let mut ended = Vec::new();
        while self.driver.poll(&mut ended) == 0 {
            self.world.pass(std::time::Duration::from_micros(10));
        }
        ended.into_iter().for_each(|completion| writer.completed(completion).unwrap());
    }

    /// As a worker does; `meanwhile` is called after each segment.
    fn write(&mut self, mut snapshot: KeyedSnapshot, mut meanwhile: impl FnMut()) -> Written {
        let mut writer = SegmentFileWriter::new(SegmentFileOptions {
            folder: "/job/shared".into(),
            name: "test".to_owned(),
            compression: self.compression,
        });
        let mut written = 0;
        loop {
            if !writer.has_room() {
                self.complete(&mut writer);
                continue;
            }
            let segments = snapshot.stream.segments().expect("it is written by segments");
            let Some(segment) = segments.next().unwrap() else { break };
            segments.placed(writer.append(&mut self.driver, segment).unwrap());
            written += 1;
            meanwhile();
        }
        while writer.finish(&mut self.driver).unwrap() == StateFileFinish::Pending {
            self.complete(&mut writer);
        }
        let mut bytes = Vec::new();
        while snapshot.stream.next(&mut bytes).unwrap() {
            meanwhile();
        }
        let KeyedSnapshot { backend, range, schemas, mut stream } = snapshot;
        let (offsets, shared) = (stream.offsets(), stream.shared());
        let state = StateHandle::Inline(bytes.into());
        let handle = KeyedStateHandle { backend, range, schemas, offsets, state, shared };
        verify_segments(&mut self.disk(), Path::new("/job/chk-1"), &handle).unwrap();
        Written { handle, segments: written }
    }

    fn subtask<K, V>(&self, arena: &Arena, index: u32, parallelism: u32) -> Subtask<K, V>
    where
        K: Key + Debug,
        V: Record + Clone + Debug,
    {
        match self.spills {
            true => Subtask::spilling((arena, &self.world), index, parallelism),
            false => Subtask::new(arena, index, parallelism),
        }
    }

    fn disk(&self) -> Disk {
        Disk::simulated(new_driver(&self.world), self.world.clone())
    }

    fn restore<K: Key + Ord + Debug, V: Record + Clone + Debug>(
        &self,
        handles: Vec<KeyedStateHandle>,
        (arena, parallelism): (&Arena, u32),
    ) -> Result<BTreeMap<K, V>, TaskError> {
        let mut found = BTreeMap::new();
        let disk = Rc::new(RefCell::new(Some(self.disk())));
        let shares = shares_on(handles, parallelism, ("/job/chk-1", disk));
        for (index, restored) in (0..).zip(&shares) {
            let mut subtask = self.subtask::<K, V>(arena, index, parallelism);
            restore_table(&mut subtask.table, &subtask.state, restored)?;
            subtask.table.verify_invariants();
            for (key, value) in subtask.content() {
                assert!(subtask.owns(&key));
                assert!(found.insert(key, value).is_none());
            }
        }
        Ok(found)
    }
}

impl<K: Key + Debug, V: Record + Clone + Debug> Subtask<K, V> {
    /// Freezes the table for a checkpoint based on another.
    fn cut(&mut self, id: u64, base: Option<u64>) -> KeyedSnapshot {
        let base = base.map(CheckpointId);
        let segments = SegmentCheckpoint { id: CheckpointId(id), base, small_below: 0 };
        let mut out = OperatorSnapshot::of_kind(kind(false)).into_files(segments);
        snapshot_table(&mut self.table, &self.state, &mut out);
        out.keyed.pop().expect("the table is not empty")
    }
}

fn number(key: u16, size: u8) -> (u64, u64) {
    (u64::from(key), u64::from(size))
}

fn wide(key: u16, size: u8) -> (u64, [u64; 13]) {
    (u64::from(key), [u64::from(size); 13])
}

fn text(key: u16, size: u8) -> (String, String) {
    (format!("key {key}"), "v".repeat(usize::from(size) * usize::from(size) / 4))
}

#[derive(Clone, Debug)]
enum Step {
    /// Sets so many keys from here on.
    Put(u16, u16, u8),
    Remove(u16, u16),
    /// Sets so many keys all over the table.
    Scatter(u16, u16, u8),
    /// A checkpoint, meanwhile more is put; whether it completes.
    Checkpoint {
        put: (u16, u8),
        completes: bool,
    },
    /// Checks the last completed one, at another parallelism.
    Restore(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u16..2000, 1u16..600, any::<u8>()).prop_map(|(from, count, size)| {
            Step::Put(from, count, size)
        }),
        4 => (0u16..2000, 1u16..400, any::<u8>()).prop_map(|(from, count, size)| {
            Step::Scatter(from, count, size)
        }),
        2 => (0u16..2000, 1u16..300).prop_map(|(from, count)| Step::Remove(from, count)),
        5 => ((0u16..2000, any::<u8>()), prop::bool::weighted(0.75))
            .prop_map(|(put, completes)| Step::Checkpoint { put, completes }),
        1 => (1u32..4).prop_map(Step::Restore),
    ];
    proptest::collection::vec(step, 1..30)
}

/// Runs steps with `segments` of memory.
fn check<K: Key + Ord + Debug, V: Record + Clone + Debug + PartialEq>(
    (steps, compression): (Vec<Step>, Compression),
    segments: u32,
    pair: impl Fn(u16, u8) -> (K, V),
) {
    check_in((steps, Store::new(compression)), (segments, 20_000), pair);
}

/// The same where memory has no room for a part of the table, nor when it is restored.
fn check_spilling<K: Key + Ord + Debug, V: Record + Clone + Debug + PartialEq>(
    steps: Vec<Step>,
    segments: u32,
    pair: impl Fn(u16, u8) -> (K, V),
) {
    let store = Store { spills: true, ..Store::new(Compression::None) };
    check_in((steps, store), (segments, segments), pair);
}

/// Runs steps with so many segments of memory, and restores with others.
fn check_in<K: Key + Ord + Debug, V: Record + Clone + Debug + PartialEq>(
    (steps, mut store): (Vec<Step>, Store),
    (segments, others): (u32, u32),
    pair: impl Fn(u16, u8) -> (K, V),
) {
    let (arena, other) = (arena(segments), arena(others));
    let mut subtask = store.subtask::<K, V>(&arena, 0, 1);
    let mut twin: BTreeMap<K, V> = BTreeMap::new();
    let mut completed: Option<(u64, KeyedStateHandle, BTreeMap<K, V>)> = None;
    for (id, step) in (1..).zip(steps) {
        match step {
            Step::Put(from, count, size) => {
                for key in from..from + count {
                    let (key, value) = pair(key, size);
                    subtask.put(&key, &value);
                    twin.insert(key, value);
                }
            }
            Step::Scatter(from, count, size) => {
                for at in 0..count {
                    let (key, value) = pair((from + at * 97) % 2000, size);
                    subtask.put(&key, &value);
                    twin.insert(key, value);
                }
            }
            Step::Remove(from, count) => {
                for key in from..from + count {
                    let (key, _) = pair(key, 0);
                    subtask.remove(&key);
                    twin.remove(&key);
                }
            }
            Step::Checkpoint { put: (from, size), completes } => {
                if twin.is_empty() {
                    continue;
                }
                let then = twin.clone();
                let base = completed.as_ref().map(|(id, ..)| *id);
                let snapshot = subtask.cut(id, base);
                let mut next = from;
                let written = store.write(snapshot, || {
                    for _ in 0..20 {
                        let (key, value) = pair(next, size);
                        subtask.put(&key, &value);
                        twin.insert(key, value);
                        next = (next + 7) % 2000;
                    }
                });
                if completes {
                    completed = Some((id, written.handle, then));
                }
            }
            Step::Restore(parallelism) => {
                let Some((_, handle, then)) = &completed else { continue };
                let found = store.restore::<K, V>(vec![handle.clone()], (&other, parallelism));
                assert!(found.unwrap() == *then);
            }
        }
        subtask.table.verify_invariants();
    }
    if let Some((_, handle, then)) = completed {
        let found = store.restore::<K, V>(vec![handle], (&other, 1)).unwrap();
        assert!(found == then, "{} instead of {}", found.len(), then.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn plain_tables_are_as_a_map(steps in steps()) {
        check((steps, Compression::None), 2000, number);
    }

    #[test]
    fn wide_values_are_as_in_a_map(steps in steps()) {
        check((steps, Compression::Zstd), 2000, wide);
    }

    #[test]
    fn text_is_as_in_a_map(steps in steps()) {
        check((steps, Compression::None), 20_000, text);
    }

    /// There is room for the state, half of it garbage, and for next to no copies.
    #[test]
    fn with_little_memory_wide_values_are_as_in_a_map(steps in steps()) {
        check((steps, Compression::None), 190, wide);
    }

    #[test]
    fn plain_tables_larger_than_memory_are_as_a_map(steps in steps(), segments in 6u32..12) {
        check_spilling(steps, segments, number);
    }

    #[test]
    fn wide_values_in_tables_larger_than_memory_are_as_in_a_map(
        steps in steps(),
        segments in 16u32..60,
    ) {
        check_spilling(steps, segments, wide);
    }

    #[test]
    fn text_in_tables_larger_than_memory_is_as_in_a_map(steps in steps(), segments in 20u32..90) {
        let short = |key, size: u8| (format!("key {key}"), "v".repeat(usize::from(size) * 2));
        check_spilling(steps, segments, short);
    }

    #[test]
    fn no_contents_are_too_strange(
        bytes in proptest::collection::vec(prop_oneof![0u8..70, any::<u8>()], 0..200),
    ) {
        let mut all = b"BSEG\x01\x80\x20".to_vec();
        all.extend(bytes);
        exercise(&all);
    }

    #[test]
    fn no_segments_are_too_strange(
        bytes in proptest::collection::vec(prop_oneof![0u8..3, any::<u8>()], 0..13_000),
    ) {
        exercise_segments(&bytes);
    }
}

/// They would not be read again: how many files there may be depended on how their numbers were written.
#[test]
fn contents_have_no_more_files_than_segments() {
    let bytes = include_bytes!("../../../../../../fuzz/seeds/segments/more_files_than_segments");
    let fault = Contents::decode(bytes).unwrap_err();
    assert!(fault.what.contains("32 files for 2 segments"), "{fault}");
}

#[test]
fn what_did_not_change_is_not_written() {
    let (arena, mut store) = (arena(3000), Store::new(Compression::None));
    let mut subtask = Subtask::new(&arena, 0, 1);
    let put = |subtask: &mut Subtask<u64, [u64; 13]>, keys: std::ops::Range<u16>| {
        keys.for_each(|key| {
            let (key, value) = wide(key, 3);
            subtask.put(&key, &value);
        });
    };
    put(&mut subtask, 0..10_000);
    let all = store.write(subtask.cut(1, None), || {});
    assert!(all.segments > 300, "{}", all.segments);
    let none = store.write(subtask.cut(2, Some(1)), || {});
    assert_eq!((none.segments, none.handle.shared.len()), (0, 1));
    assert!(none.handle.state.len() < 20 * all.segments as u64, "{}", none.handle.state.len());
    put(&mut subtask, 17..18);
    // The base is still the first: the second was given up.
    let one = store.write(subtask.cut(3, Some(1)), || {});
    assert!((1..=2).contains(&one.segments), "{}", one.segments);
    // One that nobody remembers.
    let unknown = store.write(subtask.cut(4, Some(99)), || {});
    assert_eq!(unknown.segments, all.segments);
    let found = store.restore::<u64, [u64; 13]>(vec![one.handle], (&arena, 1)).unwrap();
    assert_eq!(found.len(), 10_000);
}

/// Values that change all over the table are logged, also those that changed before a checkpoint that was
/// given up; and neither the log nor its files become many.
#[test]
fn changes_all_over_the_table_are_logged() {
    let (arena, mut store) = (arena(3000), Store::new(Compression::None));
    let mut subtask = Subtask::<u64, [u64; 13]>::new(&arena, 0, 1);
    let mut twin = BTreeMap::new();
    let mut count = |subtask: &mut Subtask<u64, [u64; 13]>, keys: u64, from: u64| {
        for at in 0..keys {
            let key = (from + at * 1_237) % 10_000;
            let value = twin.entry(key).or_insert([0; 13]);
            value[5] += 1;
            subtask.put(&key, value);
        }
        twin.clone()
    };
    count(&mut subtask, 10_000, 0);
    let state = store.write(subtask.cut(1, None), || {}).segments;
    let (mut base, mut given_up, mut total) = (1, 0, 0);
    for id in 2..300 {
        let then = count(&mut subtask, 1_000, id * 13);
        let Written { handle, segments } = store.write(subtask.cut(id, Some(base)), || {});
        if id > 4 {
            assert!(segments <= state / 4 * (1 + given_up), "{segments} of {state} at {id}");
            total += segments;
        }
        let bytes: u64 =
            handle.shared.iter().map(|file| file.state.file().unwrap().stored_len).sum();
        assert!(bytes <= 5 * state as u64 * 4096, "{bytes} bytes at {id}");
        assert!(handle.shared.len() <= super::FILES_MAX + 1, "{} files", handle.shared.len());
        if id % 7 == 0 {
            given_up += 1;
            continue;
        }
        (base, given_up) = (id, 0);
        if id % 20 == 2 {
            let parallelism = 1 + id as u32 % 3;
            let found = store.restore::<u64, [u64; 13]>(vec![handle], (&arena, parallelism));
            assert!(found.unwrap() == then, "at {id}");
        }
    }
    // 4 of the log each, and what is written anew so that it stays short.
    assert!(total < 300 * 25, "{total} segments were written");
}

/// However long it goes on, a checkpoint's files are at most twice its state, and not many.
#[test]
fn old_files_are_left_behind() {
    let (arena, mut store) = (arena(3000), Store::new(Compression::None));
    let mut subtask = Subtask::<u64, [u64; 13]>::new(&arena, 0, 1);
    (0..4000).for_each(|key| subtask.put(&key, &[key; 13]));
    let state = store.write(subtask.cut(1, None), || {}).segments;
    let mut total = 0;
    for id in 2..300 {
        for key in 0..3 {
            subtask.put(&((id * 97 + key * 1300) % 4000), &[id; 13]);
        }
        let written = store.write(subtask.cut(id, Some(id - 1)), || {});
        total += written.segments;
        let files = &written.handle.shared;
        let bytes: u64 = files.iter().map(|file| file.state.file().unwrap().stored_len).sum();
        assert!(bytes <= 2 * (state as u64 + 5) * 4096, "{bytes} bytes at {id}");
        assert!(files.len() <= super::FILES_MAX + 1, "{} files at {id}", files.len());
    }
    assert!(total < 298 * state / 8, "{total} segments were written");
}

#[test]
fn rescaled_both_ways() {
    let (arena, mut store) = (arena(20_000), Store::new(Compression::Zstd));
    for old in [1, 2, 3, 7] {
        let mut expected = BTreeMap::new();
        let mut handles = Vec::new();
        for index in 0..old {
            let mut subtask = Subtask::<String, String>::new(&arena, index, old);
            for key in 0..3000 {
                let (key, value) = text(key, key as u8);
                if subtask.owns(&key) {
                    subtask.put(&key, &value);
                    expected.insert(key, value);
                }
            }
            handles.push(store.write(subtask.cut(1, None), || {}).handle);
        }
        for new in [1, 2, 3, 7] {
            let found = store.restore(handles.clone(), (&arena, new)).unwrap();
            assert!(found == expected, "{old} to {new}: {} of {}", found.len(), expected.len());
        }
    }
}

/// A state of a few segments on a disk.
fn small() -> (Arena, Store, KeyedStateHandle) {
    let (arena, mut store) = (arena(200), Store::new(Compression::None));
    let mut subtask = Subtask::<String, String>::new(&arena, 0, 1);
    for key in 0..200 {
        subtask.put(&format!("{key}"), &"value".repeat(if key == 7 { 2000 } else { 1 }));
    }
    let handle = store.write(subtask.cut(1, None), || {}).handle;
    drop(subtask);
    (arena, store, handle)
}

fn file_of(handle: &KeyedStateHandle) -> String {
    let file = handle.shared[0].state.file().expect("it is in a file");
    format!("/job/shared/{}", file.path.name())
}

#[test]
fn damaged_and_missing_segments_are_errors_that_name_the_file() {
    let (arena, store, handle) = small();
    let restore = || store.restore::<String, String>(vec![handle.clone()], (&arena, 1));
    assert_eq!(restore().unwrap().len(), 200);
    let (path, mut disk) = (file_of(&handle), store.disk());
    let file = disk.files().open(Path::new(&path), OpenOptions::READ).unwrap();
    let len = file.len().unwrap();
    let good = disk.read_at(&file, 0, len as usize).unwrap();
    let mut replaced = |bytes: &[u8]| {
        disk.files().unlink(Path::new(&path)).unwrap();
        disk.write_new(Path::new(&path), bytes).unwrap();
        let error = restore().unwrap_err().to_string();
        assert!(error.contains(&path) && error.contains("damaged"), "{error}");
        let verified = verify_segments(&mut store.disk(), Path::new("/job/chk-1"), &handle);
        assert_eq!(verified.unwrap_err().to_string(), error);
        error
    };
    for at in [5000, 9000, good.len() - 1] {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        assert!(replaced(&damaged).contains("checksum"));
    }
    assert!(replaced(&good[..good.len() - 1]).contains("is said to be at"));
    assert!(replaced(&good[1..]).contains("does not begin as a segment file"));
    disk.files().unlink(Path::new(&path)).unwrap();
    assert!(restore().unwrap_err().to_string().contains(&path));
}

/// Whatever is in segments with right checksums: an error or other values, never a panic.
#[test]
fn hostile_segments_do_no_harm() {
    let (arena, store, handle) = small();
    let StateHandle::Inline(bytes) = &handle.state else { panic!("it was made so") };
    let contents = Contents::decode(bytes).unwrap();
    let (path, mut disk) = (file_of(&handle), store.disk());
    let file = disk.files().open(Path::new(&path), OpenOptions::READ).unwrap();
    let good = disk.read_at(&file, 0, file.len().unwrap() as usize).unwrap();
    let mut failed = 0;
    for (at, part) in contents.parts.iter().enumerate() {
        for place in (0..contents.segment_bytes).step_by(37) {
            let (mut contents, mut bytes) = (contents.clone(), good.clone());
            let begin = part.at.offset as usize;
            bytes[begin + place] ^= 0x85;
            contents.parts[at].at.checksum =
                crc32c::crc32c(&bytes[begin..begin + contents.segment_bytes]);
            disk.files().unlink(Path::new(&path)).unwrap();
            disk.write_new(Path::new(&path), &bytes).unwrap();
            let state = StateHandle::Inline(contents.encode().into());
            let forged = KeyedStateHandle { state, ..handle.clone() };
            let restored = store.restore::<String, String>(vec![forged], (&arena, 1));
            failed += u32::from(restored.is_err());
        }
    }
    assert!(failed > 20, "{failed} of them were found");
}

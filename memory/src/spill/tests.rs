//! Spill files on every driver: what comes back is what went in, or an error says why not.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::driver::{
    AlignedBytes, Completion, Driver, DriverKind, DriverOptions, Faults, IoBuffer, OpenOptions,
    Operation, PerMillion, PlannedFault, SimulatedWorld,
};
use crate::{Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, SegmentSize, Severity, Taken};

mod full_disk;
mod slots;

const SEGMENT: usize = 16 << 10;
const SEGMENTS: u32 = 8;

/// A driver, segments and an area: what a task that spills has.
struct Task {
    // Before the arena, whose segments operations may hold.
    driver: Driver,
    pool: Pool,
    arena: Arena,
    area: SpillArea,
    folder: PathBuf,
}

fn arena() -> Arena {
    Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(SEGMENT).unwrap(),
        managed: SegmentCount(SEGMENTS),
        ..ArenaOptions::default()
    })
    .unwrap()
}

impl Task {
    fn new(
        kind: DriverKind,
        folder: &Path,
        change: impl FnOnce(&mut SpillOptions),
    ) -> Result<Task, SpillError> {
        let arena = arena();
        let options =
            DriverOptions { kind, arena: Some(arena.clone()), ..DriverOptions::default() };
        let driver = Driver::new(options).unwrap();
        let pool = arena.managed().create_pool(PoolOptions {
            owner: "test".to_owned(),
            required: SegmentCount(SEGMENTS),
            max: SegmentCount(SEGMENTS),
            overdraft: SegmentCount(0),
            waker: driver.doorbell().waker(),
        });
        let mut spill = SpillOptions::new(vec![folder.to_owned()]);
        change(&mut spill);
        let area = SpillArea::open(driver.files(), spill)?;
        Ok(Task { driver, pool: pool.unwrap(), arena, area, folder: folder.to_owned() })
    }

    fn segment(&mut self) -> crate::Segment {
        self.try_segment().expect("the test holds too many segments")
    }

    fn try_segment(&mut self) -> Option<crate::Segment> {
        match self.pool.take() {
            Taken::Segment(segment) => Some(segment),
            Taken::Overdraft(_) | Taken::Exhausted => None,
        }
    }

    /// A buffer with these bytes: of one of the kinds that there are. None without a segment.
    fn block(&mut self, bytes: &[u8], kind: BlockKind) -> Option<IoBuffer> {
        if kind == BlockKind::Heap {
            return Some(IoBuffer::Heap(AlignedBytes::copy_of(bytes)));
        }
        let mut segment = self.try_segment()?;
        segment.as_mut_slice().fill(0xee);
        let start = if kind == BlockKind::Slice { SEGMENT - bytes.len() } else { 0 };
        segment.as_mut_slice()[start..start + bytes.len()].copy_from_slice(bytes);
        Some(match kind {
            BlockKind::Segment => IoBuffer::Segment(segment),
            BlockKind::Frozen => IoBuffer::Buffer(segment.freeze(bytes.len())),
            _ => IoBuffer::Buffer(segment.freeze(SEGMENT).slice(start..SEGMENT)),
        })
    }

    fn wait(&mut self) -> Vec<Completion> {
        let mut done = Vec::new();
        while done.is_empty() {
            assert!(self.driver.outstanding() > 0, "waiting for nothing");
            self.driver.park(None, &mut done);
        }
        done
    }

    fn spill(&mut self, blocks: &[(Vec<u8>, BlockKind)]) -> Result<SpilledFile, SpillError> {
        let mut writer = self.area.create("job/task 1")?;
        for (bytes, kind) in blocks {
            let mut block = loop {
                match self.block(bytes, *kind) {
                    Some(block) => break block,
                    // All are on their way to the disk, once the writer lets go of them.
                    None => {
                        writer.flush(&mut self.driver);
                        for completion in self.wait() {
                            writer.completed(completion)?;
                        }
                    }
                }
            };
            while let SpillWrite::Full(back) = writer.write(&mut self.driver, block, bytes.len())? {
                assert!(!writer.has_room());
                block = back;
                for completion in self.wait() {
                    writer.completed(completion)?;
                }
            }
        }
        loop {
            match writer.finish(&mut self.driver)? {
                SpillFinish::Done(file) => return Ok(file),
                SpillFinish::Pending(still) => writer = still,
            }
            for completion in self.wait() {
                assert!(writer.owns(completion.id));
                writer.completed(completion)?;
            }
        }
    }

    fn unspill(&mut self, file: &SpilledFile, ahead: usize) -> Result<Vec<Vec<u8>>, SpillError> {
        let mut reader = file.reader(ahead);
        let mut read = Vec::new();
        loop {
            // Every second time one more than it wants.
            let wanted = reader.wanted();
            let given = wanted + read.len() % 2;
            let buffers = (0..given).map(|_| IoBuffer::Segment(self.segment())).collect();
            assert!(reader.wanted_len().is_none_or(|len| len <= SEGMENT));
            let spare = reader.supply(&mut self.driver, buffers)?;
            assert_eq!(spare.len(), given - wanted);
            drop(spare);
            match reader.next_block()? {
                SpillRead::Block(block) => {
                    assert_eq!(block.index, BlockIndex(read.len()));
                    read.push(block.as_slice().to_vec());
                }
                SpillRead::End => return Ok(read),
                SpillRead::Pending => {
                    for completion in self.wait() {
                        assert!(reader.owns(completion.id));
                        reader.completed(completion)?;
                    }
                }
            }
        }
    }

    /// Ends operations that nobody waits for any more.
    fn drain(&mut self) {
        while self.driver.outstanding() > 0 {
            self.driver.park(None, &mut Vec::new());
        }
    }

    /// Checks that nothing is left of what the task did.
    fn end(mut self) {
        self.drain();
        self.arena.verify_conservation().unwrap();
        assert_eq!(self.pool.outstanding(), SegmentCount(0));
        assert_eq!(self.area.used(), 0, "quota given back");
        let files = self.driver.files().clone();
        let folder = self.folder.clone();
        drop(self);
        assert_eq!(files.list(&folder).unwrap(), Vec::<PathBuf>::new(), "all files removed");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Segment,
    Frozen,
    Slice,
    Heap,
}

fn bytes_of(blocks: &[(Vec<u8>, BlockKind)]) -> Vec<Vec<u8>> {
    blocks.iter().map(|(bytes, _)| bytes.clone()).collect()
}

/// Blocks whose bytes tell them apart.
fn blocks(count: usize, len: usize) -> Vec<(Vec<u8>, BlockKind)> {
    (0..count).map(|block| (vec![block as u8 + 1; len - block % len], BlockKind::Segment)).collect()
}

/// A folder beside the test, on a real disk where there is one.
fn real_folder() -> tempfile::TempDir {
    tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap()
}

/// Runs `test` with a task on each kind of driver.
fn check(change: impl Fn(&mut SpillOptions), test: impl Fn(&mut Task)) {
    let real = real_folder();
    let world = SimulatedWorld::from_seed(11);
    for kind in [DriverKind::Uring, DriverKind::Epoll, DriverKind::Simulated(world)] {
        let folder = match kind {
            DriverKind::Simulated(_) => PathBuf::from("/spill"),
            _ => real.path().to_owned(),
        };
        let mut task = Task::new(kind, &folder, &change).unwrap();
        test(&mut task);
        task.end();
    }
}

#[test]
fn what_is_spilled_comes_back() {
    check(
        |_| {},
        |task| {
            let written = blocks(50, SEGMENT);
            let file = task.spill(&written).unwrap();
            assert_eq!(file.blocks(), 50);
            assert_eq!(file.block_len(BlockIndex(3)), SEGMENT - 3);
            assert_eq!(file.bytes(), written.iter().map(|(b, _)| b.len() as u64).sum());
            for ahead in [1, 3, 7] {
                assert_eq!(task.unspill(&file, ahead).unwrap(), bytes_of(&written));
            }
            let nothing = task.spill(&[]).unwrap();
            assert_eq!(task.unspill(&nothing, 2).unwrap(), Vec::<Vec<u8>>::new());
        },
    );
}

#[test]
fn a_part_of_a_file_can_be_read() {
    check(
        |_| {},
        |task| {
            let file = task.spill(&blocks(6, 100)).unwrap();
            let mut reader = file.reader_of(BlockIndex(2)..BlockIndex(4), 1);
            let mut seen = Vec::new();
            loop {
                if reader.wanted() > 0 {
                    let buffers = vec![IoBuffer::Segment(task.segment())];
                    assert!(reader.supply(&mut task.driver, buffers).unwrap().is_empty());
                }
                match reader.next_block().unwrap() {
                    SpillRead::Block(block) => seen.push((block.index, block.as_slice()[0])),
                    SpillRead::End => break,
                    SpillRead::Pending => {
                        for completion in task.wait() {
                            reader.completed(completion).unwrap();
                        }
                    }
                }
            }
            assert_eq!(seen, [(BlockIndex(2), 3), (BlockIndex(3), 4)]);
        },
    );
}

#[test]
fn a_damaged_block_is_named() {
    check(
        |_| {},
        |task| {
            let file = task.spill(&blocks(5, SEGMENT)).unwrap();
            // One byte of the third block changes behind our back.
            let options = OpenOptions { write: true, ..OpenOptions::READ };
            let raw = task.driver.files().open(file.path(), options).unwrap();
            let at = 2 * SEGMENT as u64 + 77;
            let buffer = IoBuffer::Heap(AlignedBytes::copy_of(&[0x55]));
            task.driver.submit(Operation::Write { file: raw, offset: at, buffer, len: 1 });
            task.wait();
            let error = task.unspill(&file, 2).unwrap_err();
            let message = error.to_string();
            let expected = format!("{} is damaged at {}", file.path().display(), 2 * SEGMENT);
            assert!(message.contains(&expected), "{message}");
            assert!(message.contains("job/task 1") && message.contains("checksum"), "{message}");
            assert_eq!(error.severity(), Severity::FailTask);
            task.drain();
            // Blocks that arrive later don't make it good.
            let mut reader = file.reader_of(BlockIndex(2)..BlockIndex(4), 2);
            for _ in 0..2 {
                let buffers = vec![IoBuffer::Segment(task.segment())];
                assert!(reader.supply(&mut task.driver, buffers).unwrap().is_empty());
            }
            let mut failures = 0;
            while task.driver.outstanding() > 0 {
                for completion in task.wait() {
                    failures += usize::from(reader.completed(completion).is_err());
                }
            }
            assert_eq!(failures, 1);
            assert!(matches!(reader.next_block(), Err(SpillError::FailedBefore { .. })));
        },
    );
}

#[test]
fn a_cut_file_is_damaged_too() {
    check(
        |_| {},
        |task| {
            let file = task.spill(&blocks(2, SEGMENT)).unwrap();
            let options = OpenOptions { write: true, ..OpenOptions::READ };
            let raw = task.driver.files().open(file.path(), options).unwrap();
            raw.set_len(SEGMENT as u64 + 4096).unwrap();
            let message = task.unspill(&file, 2).unwrap_err().to_string();
            assert!(message.contains("4096 of 16383 bytes are there"), "{message}");
        },
    );
}

#[test]
fn a_quota_is_kept_and_named() {
    check(
        |options| options.quota = Some(3 * SEGMENT as u64),
        |task| {
            let error = task.spill(&blocks(4, SEGMENT)).unwrap_err();
            let message = error.to_string();
            let place = format!("the spill directory {} holds", task.folder.display());
            assert!(message.contains(&place), "{message}");
            assert!(message.contains("49152 bytes and may hold 49152"), "{message}");
            // What the failed file had is free again.
            task.drain();
            let file = task.spill(&blocks(3, SEGMENT)).unwrap();
            let error = task.area.create("second").unwrap_err();
            assert!(matches!(error, SpillError::Quota { wanted: 4096, .. }), "{error}");
            drop(file);
            drop(task.area.create("second").unwrap());
        },
    );
}

#[test]
fn directories_are_used_in_turn_and_full_ones_left_out() {
    let world = SimulatedWorld::from_seed(2);
    let directories: Vec<PathBuf> = ["/a", "/b", "/c"].map(PathBuf::from).to_vec();
    let mut task = Task::new(DriverKind::Simulated(world), Path::new("/a"), |options| {
        options.directories = directories;
        options.quota = Some(2 * SEGMENT as u64);
    })
    .unwrap();
    let mut kept = Vec::new();
    let mut places = String::new();
    for round in 0..7 {
        // The first file and the third fill their directories.
        let count = if round == 0 || round == 2 { 2 } else { 1 };
        let file = task.spill(&blocks(count, SEGMENT)).unwrap();
        places += &file.path().to_str().unwrap()[1..2];
        if round < 3 {
            kept.push(file);
        }
    }
    assert_eq!(places, "abcbbbb");
    drop(kept);
    task.end();
}

#[test]
fn unusable_directories_are_left_out() {
    let world = SimulatedWorld::from_seed(2);
    let files = Driver::new(DriverOptions {
        kind: DriverKind::Simulated(world.clone()),
        ..DriverOptions::default()
    })
    .unwrap();
    files.files().open(Path::new("/file"), OpenOptions::CREATE).unwrap();
    let open = |directories: &[&str]| {
        let directories = directories.iter().map(PathBuf::from).collect();
        SpillArea::open(files.files(), SpillOptions::new(directories))
    };
    let area = open(&["/file/x", "/good"]).unwrap();
    area.create("a").unwrap();
    area.create("b").unwrap();
    let message = open(&["/file/x"]).unwrap_err().to_string();
    assert!(message.contains("/file/x") && message.contains("io.tmp.dirs"), "{message}");
    let message = open(&[]).unwrap_err().to_string();
    assert!(message.contains("set io.tmp.dirs"), "{message}");
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_left() {
    let world = SimulatedWorld::from_seed(6);
    let kind = DriverKind::Simulated(world.clone());
    let mut task = Task::new(kind, Path::new("/spill"), |_| {}).unwrap();
    world.set_disk_capacity(Some(5 * SEGMENT as u64 + 100));
    let error = task.spill(&blocks(8, SEGMENT)).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, SpillError::DiskFull { .. }), "{message}");
    assert!(message.contains("no space left for spill file /spill/brisk-spill-"), "{message}");
    assert!(message.contains("free space in /spill"), "{message}");
    // The space is there for the next one.
    task.drain();
    let file = task.spill(&blocks(5, SEGMENT)).unwrap();
    assert_eq!(task.unspill(&file, 2).unwrap(), bytes_of(&blocks(5, SEGMENT)));
    drop(file);
    task.end();
}

/// Spills, reads back, and compares; no wrong bytes whatever happens.
fn spill_under_faults(world: &SimulatedWorld) -> Result<(), SpillError> {
    let kind = DriverKind::Simulated(world.clone());
    let mut task =
        Task::new(kind, Path::new("/spill"), |options| options.write_bytes = 2 * SEGMENT)?;
    let written = blocks(6, SEGMENT);
    let file = task.spill(&written)?;
    let read = task.unspill(&file, 3)?;
    assert_eq!(read, bytes_of(&written));
    Ok(())
}

/// After whatever happened: an area opened without faults removes all that was left.
fn check_swept(world: &SimulatedWorld) {
    world.set_faults(Faults::default());
    let kind = DriverKind::Simulated(world.clone());
    let task = Task::new(kind, Path::new("/spill"), |_| {}).unwrap();
    task.end();
    assert_eq!(world.disk_used(), 0);
}

#[test]
fn each_operation_of_a_spill_can_fail() {
    let clean = SimulatedWorld::from_seed(1);
    spill_under_faults(&clean).unwrap();
    let total = clean.operations_begun();
    assert!(total > 12, "{total}");
    let mut failed = 0;
    for nth in 0..total {
        for fault in [PlannedFault::InputOutput, PlannedFault::NoSpace, PlannedFault::Short] {
            let world = SimulatedWorld::from_seed(1);
            world.fail_operation(nth, fault);
            failed += usize::from(spill_under_faults(&world).is_err());
            check_swept(&world);
        }
    }
    assert!(failed >= 20, "{failed}");
}

#[test]
fn faults_at_random_never_give_wrong_bytes() {
    let mut good = 0;
    for seed in 0..300 {
        let world = SimulatedWorld::from_seed(seed);
        let rare = PerMillion(20_000);
        world.set_faults(Faults {
            short_transfer: PerMillion(200_000),
            read_error: rare,
            write_error: rare,
            no_space: rare,
            metadata_error: PerMillion(10_000),
            slow: rare,
            ..Faults::default()
        });
        good += usize::from(spill_under_faults(&world).is_ok());
        check_swept(&world);
    }
    assert!((30..290).contains(&good), "{good} of 300 met no fault");
}

#[test]
fn a_crash_leaves_nothing_after_the_next_start() {
    for seed in 0..50 {
        let world = SimulatedWorld::from_seed(seed);
        let kind = DriverKind::Simulated(world.clone());
        let mut task = Task::new(kind, Path::new("/spill"), |_| {}).unwrap();
        let file = task.spill(&blocks(3, SEGMENT)).unwrap();
        task.driver.files().sync_dir(Path::new("/")).unwrap();
        world.crash();
        drop((file, task));
        check_swept(&world);
    }
}

#[test]
fn an_area_leaves_others_alone() {
    check(
        |_| {},
        |task| {
            let file = task.spill(&blocks(2, 500)).unwrap();
            let files = task.driver.files().clone();
            // A stranger's file and folder, and a second area of the same process.
            let stranger = task.folder.join("brisk-other");
            files.create_dir_all(&stranger).unwrap();
            let options = SpillOptions::new(vec![task.folder.clone()]);
            let second = SpillArea::open(&files, options).unwrap();
            assert_eq!(files.list(&task.folder).unwrap().len(), 3);
            drop(second);
            assert_eq!(task.unspill(&file, 1).unwrap(), bytes_of(&blocks(2, 500)));
            files.remove_dir(&stranger).unwrap();
        },
    );
}

const CHILD: &str = "BRISK_TEST_SPILL_CHILD";

/// This test in a child process: spills to the folder, says so, and waits for its end.
fn spill_and_wait(folder: &Path) {
    let mut task = Task::new(DriverKind::Auto, folder, |_| {}).unwrap();
    let _file = task.spill(&blocks(3, SEGMENT)).unwrap();
    println!("spilled");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    panic!("the parent lets go of its child without killing it");
}

#[test]
fn files_of_a_killed_process_are_removed_by_the_next() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return spill_and_wait(Path::new(&folder));
    }
    let folder = real_folder();
    let name = "spill::tests::files_of_a_killed_process_are_removed_by_the_next";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("spilled")), "the child ended early");
    let open = || {
        let options = SpillOptions::new(vec![folder.path().to_owned()]);
        SpillArea::open(&crate::driver::Files::system(), options).unwrap()
    };
    let entries = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries(), 1);
    drop(open());
    assert_eq!(entries(), 1, "what a living process has is left alone");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(open());
    assert_eq!(entries(), 0);
}

fn any_block() -> impl Strategy<Value = (Vec<u8>, BlockKind)> {
    let kind = prop_oneof![
        Just(BlockKind::Segment),
        Just(BlockKind::Frozen),
        Just(BlockKind::Slice),
        Just(BlockKind::Heap),
    ];
    let len = prop_oneof![1..=SEGMENT, Just(SEGMENT), Just(4096), Just(1)];
    (len, any::<u8>(), kind).prop_map(|(len, first, kind)| {
        ((0..len).map(|at| first.wrapping_add((at % 251) as u8)).collect(), kind)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The naive twin of a spill file is the list of its blocks.
    #[test]
    fn a_spill_file_is_a_list_of_blocks(
        written in prop::collection::vec(any_block(), 0..20),
        writes in 1..4usize,
        write_bytes in prop_oneof![Just(1), Just(40_000), Just(1 << 20)],
        ahead in 1..5usize,
        seed: u64,
    ) {
        let world = SimulatedWorld::from_seed(seed);
        let short_transfer = PerMillion(300_000);
        world.set_faults(Faults { short_transfer, ..Faults::default() });
        let real = real_folder();
        let kinds = [
            (DriverKind::Simulated(world), PathBuf::from("/spill")),
            (DriverKind::Auto, real.path().to_owned()),
        ];
        for (kind, folder) in kinds {
            let mut task = Task::new(kind, &folder, |options| {
                options.writes_in_flight = writes;
                options.write_bytes = write_bytes;
            })
            .unwrap();
            let file = task.spill(&written).unwrap();
            prop_assert_eq!(task.unspill(&file, ahead).unwrap(), bytes_of(&written));
            drop(file);
            task.end();
        }
    }
}

#[test]
fn a_sweep_follows_no_link_and_removes_only_spill_files() {
    let folder = tempfile::tempdir().unwrap();
    let [precious, shared] = ["precious", "shared"].map(|name| folder.path().join(name));
    for path in [&precious, &shared, &shared.join("brisk-spill-2-0")] {
        std::fs::create_dir(path).unwrap();
    }
    std::os::unix::fs::symlink(&precious, shared.join("brisk-spill-1-0")).unwrap();
    let kept = [precious.join("1.spill"), shared.join("brisk-spill-2-0/letter")];
    let dead = shared.join("brisk-spill-2-0/1.spill");
    for path in kept.iter().chain([&dead]) {
        std::fs::write(path, "bytes").unwrap();
    }
    let files = crate::driver::Files::system();
    drop(SpillArea::open(&files, SpillOptions::new(vec![shared])).unwrap());
    assert!(kept.iter().all(|path| path.exists()));
    assert!(!dead.exists());
}

//! On a simulated disk, which crashes, tears and fills up.

use std::path::{Path, PathBuf};

use brisk_memory::driver::{
    Driver, DriverKind, DriverOptions, OpenOptions, PlannedFault, SimulatedWorld,
};

use super::*;
use crate::checkpoint::coordinator::{CheckpointTarget, Discarded};
use crate::checkpoint::handle::{
    CompletedCheckpoint, OperatorState, OperatorStateHandle, Place, RedistributionMode,
    StateHandle, StateKind, StatePath, StateSchema, SubtaskState,
};
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis};
use crate::graph::{JobId, MaxParallelism, OperatorId};

mod crashes;
mod state_files;

fn job() -> JobId {
    "00112233445566778899aabbccddeeff".parse().unwrap()
}

fn storage() -> FileSystemStorage {
    FileSystemStorage::of_job(Path::new("/ckpt"), job())
}

fn driver(world: &SimulatedWorld) -> Driver {
    let kind = DriverKind::Simulated(world.clone());
    Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap()
}

pub(crate) fn disk(world: &SimulatedWorld) -> Disk {
    Disk::simulated(driver(world), world.clone())
}

fn options(id: u64, name: &str) -> WriterOptions {
    let id = CheckpointId(id);
    WriterOptions {
        folder: storage().folder(id, &CheckpointTarget::Checkpoint, Place::Checkpoint),
        path: StatePath::new(Place::Checkpoint, name).unwrap(),
        compression: Compression::None,
        inline_below: 100,
    }
}

/// A worker that has nothing else to do.
pub(crate) struct Worker {
    driver: Driver,
    world: SimulatedWorld,
    writer: StateFileWriter,
}

impl Worker {
    pub(crate) fn new(world: &SimulatedWorld, options: WriterOptions) -> Worker {
        let writer = StateFileWriter::new(options);
        Worker { driver: driver(world), world: world.clone(), writer }
    }

    fn wait(&mut self) -> Result<(), StorageError> {
        let mut ended = Vec::new();
        while self.driver.poll(&mut ended) == 0 {
            self.world.pass(std::time::Duration::from_micros(10));
        }
        for completion in ended {
            assert!(self.writer.owns(completion.id));
            self.writer.completed(completion)?;
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, state: &[u8]) -> Result<StateHandle, StorageError> {
        self.writer.begin();
        let mut taken = 0;
        while taken < state.len() {
            let now = self.writer.append(&mut self.driver, &state[taken..])?;
            if now == 0 {
                self.wait()?;
            }
            taken += now;
        }
        loop {
            match self.writer.end(&mut self.driver)? {
                StateOutcome::Handle(handle) => return Ok(handle),
                StateOutcome::Full => self.wait()?,
            }
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), StorageError> {
        while self.writer.finish(&mut self.driver)? == StateFileFinish::Pending {
            self.wait()?;
        }
        Ok(())
    }
}

/// Bytes that don't repeat soon.
fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut random = crate::checkpoint::random::Random::from_seed(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

fn checkpoint(id: u64, states: Vec<StateHandle>) -> CompletedCheckpoint {
    let operator = states.into_iter().enumerate().map(|(index, state)| OperatorStateHandle {
        schema: StateSchema {
            name: format!("state-{index}"),
            kind: StateKind::Elements,
            fingerprint: 7,
            shape: "bytes".to_owned(),
        },
        mode: RedistributionMode::Split,
        offsets: vec![0],
        state,
    });
    let subtask = SubtaskState { operator: operator.collect(), ..SubtaskState::default() };
    CompletedCheckpoint {
        job: job(),
        id: CheckpointId(id),
        kind: CheckpointKind::Checkpoint { unaligned: false },
        triggered_at: Millis(1),
        completed_at: Millis(2),
        operators: vec![OperatorState {
            id: OperatorId::of_uid("op"),
            uid: Some("op".to_owned()),
            name: "op".to_owned(),
            max_parallelism: MaxParallelism(128),
            subtasks: vec![subtask],
        }],
    }
}

fn shared_options(id: u64, name: &str) -> WriterOptions {
    let place = Place::Shared;
    let folder = storage().folder(CheckpointId(id), &CheckpointTarget::Checkpoint, place);
    let path = StatePath::new(place, name).unwrap();
    WriterOptions { folder, path, ..options(id, name) }
}

/// What a worker and the coordinator do for a checkpoint with a file of its own, a shared one and
/// something inline.
fn take(world: &SimulatedWorld, id: u64) -> Result<Written, StorageError> {
    let mut worker = Worker::new(world, options(id, "worker-0.state"));
    let own = worker.write(&pattern(5000, id))?;
    let inline = worker.write(&pattern(10, id))?;
    worker.finish()?;
    let mut worker = Worker::new(world, shared_options(id, &format!("shared-{id}")));
    let shared = worker.write(&pattern(700, id + 100))?;
    worker.finish()?;
    let checkpoint = checkpoint(id, vec![own, inline, shared]);
    storage().write_metadata(&mut disk(world), &checkpoint, &CheckpointTarget::Checkpoint)
}

/// The latest checkpoint, read to the last byte.
fn latest(world: &SimulatedWorld) -> Option<u64> {
    let mut disk = disk(world);
    let found = latest_complete(&mut disk, storage().job_dir()).unwrap()?;
    check::verify(&mut disk, &found, true).unwrap();
    Some(found.checkpoint.id.0)
}

fn exists(world: &SimulatedWorld, path: &str) -> bool {
    disk(world).files().metadata(Path::new(path)).is_ok()
}

pub(crate) fn put(world: &SimulatedWorld, path: &str, bytes: &[u8]) {
    let mut disk = disk(world);
    let path = PathBuf::from(path);
    disk.files().create_dir_all(path.parent().unwrap()).unwrap();
    let _ = disk.files().unlink(&path);
    disk.write_new(&path, bytes).unwrap();
}

const JOB: &str = "/ckpt/00112233445566778899aabbccddeeff";

#[test]
fn the_folders_are_those_of_flink() {
    let world = SimulatedWorld::from_seed(1);
    storage().prepare(disk(&world).files()).unwrap();
    let written = take(&world, 3).unwrap();
    assert_eq!(written.location, PathBuf::from(format!("{JOB}/chk-3")));
    for file in ["chk-3/_metadata", "chk-3/worker-0.state", "shared/shared-3"] {
        assert!(exists(&world, &format!("{JOB}/{file}")), "{file}");
    }
    assert!(exists(&world, &format!("{JOB}/taskowned")));
    let mut disk = disk(&world);
    for path in [format!("{JOB}/chk-3"), format!("{JOB}/chk-3/_metadata")] {
        assert_eq!(load(&mut disk, Path::new(&path)).unwrap().checkpoint.id.0, 3);
    }
    let missing = load(&mut disk, Path::new("/data/nonexist")).unwrap_err();
    assert!(missing.to_string().contains("'/data/nonexist'"), "{missing}");
}

#[test]
fn a_number_is_not_written_twice() {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    let again = checkpoint(1, Vec::new());
    let refused =
        storage().write_metadata(&mut disk(&world), &again, &CheckpointTarget::Checkpoint);
    assert!(matches!(refused, Err(StorageError::AlreadyThere { .. })), "{refused:?}");
    assert_eq!(latest(&world), Some(1), "the one that is there stays");
}

#[test]
fn the_latest_complete_one_is_found_after_a_crash() {
    let world = SimulatedWorld::from_seed(1);
    assert_eq!(latest(&world), None, "no folder at all");
    take(&world, 9).unwrap();
    take(&world, 10).unwrap();
    put(&world, &format!("{JOB}/chk-11/worker-0.state"), b"unfinished");
    put(&world, &format!("{JOB}/chk-x/_metadata"), b"not ours");
    assert_eq!(latest(&world), Some(10), "10 comes after 9, and 11 isn't complete");
}

#[test]
fn a_damaged_latest_one_is_an_error_not_an_older_one() {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    take(&world, 2).unwrap();
    let path = format!("{JOB}/chk-2/_metadata");
    let mut bytes = disk(&world).read_file(Path::new(&path), 1 << 20).unwrap();
    bytes[30] ^= 1;
    put(&world, &path, &bytes);
    let error = latest_complete(&mut disk(&world), storage().job_dir()).unwrap_err();
    assert!(error.to_string().contains("chk-2/_metadata"), "{error}");
    // Put in the place of another.
    let other =
        disk(&world).read_file(Path::new(&format!("{JOB}/chk-1/_metadata")), 1 << 20).unwrap();
    put(&world, &path, &other);
    let error = latest_complete(&mut disk(&world), storage().job_dir()).unwrap_err();
    assert!(error.to_string().contains("it says that it is checkpoint 1"), "{error}");
    // A file that it names is cut, or gone.
    take(&world, 3).unwrap();
    put(&world, &format!("{JOB}/chk-3/worker-0.state"), b"short");
    let error = latest_complete(&mut disk(&world), storage().job_dir()).unwrap_err();
    assert!(error.to_string().contains("chk-3/worker-0.state"), "{error}");
    disk(&world).files().unlink(Path::new(&format!("{JOB}/chk-3/worker-0.state"))).unwrap();
    let error = latest_complete(&mut disk(&world), storage().job_dir()).unwrap_err();
    assert!(error.to_string().contains("chk-3/worker-0.state"), "{error}");
}

#[test]
fn a_discarded_checkpoint_leaves_nothing_and_takes_nothing_else() {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    take(&world, 2).unwrap();
    let discarded = Discarded {
        id: CheckpointId(1),
        target: CheckpointTarget::Checkpoint,
        whole: true,
        own: vec![StatePath::new(Place::Checkpoint, "worker-0.state").unwrap()],
        shared: vec![StatePath::new(Place::Shared, "shared-1").unwrap()],
    };
    for _ in 0..2 {
        storage().discard(disk(&world).files(), &discarded).unwrap();
        assert!(!exists(&world, &format!("{JOB}/chk-1")));
        assert!(!exists(&world, &format!("{JOB}/shared/shared-1")));
        assert_eq!(latest(&world), Some(2));
    }
    // One file of a checkpoint that stays.
    put(&world, &format!("{JOB}/chk-2/stray"), b"x");
    let own = vec![StatePath::new(Place::Checkpoint, "stray").unwrap()];
    let stray = Discarded { id: CheckpointId(2), whole: false, own, shared: vec![], ..discarded };
    storage().discard(disk(&world).files(), &stray).unwrap();
    assert!(!exists(&world, &format!("{JOB}/chk-2/stray")));
    assert_eq!(latest(&world), Some(2));
}

#[test]
fn the_check_finds_and_removes_what_nobody_needs() {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    for left in ["chk-1/old.state", "chk-2/a.state", "chk-2/_metadata.inprogress", "shared/s9"] {
        put(&world, &format!("{JOB}/{left}"), b"12345");
    }
    put(&world, &format!("{JOB}/taskowned/mine"), b"1");
    let run = |mode: &CheckMode| {
        let report = check(&mut disk(&world), storage().job_dir(), mode).unwrap();
        assert!(report.problems.is_empty(), "{report:?}");
        assert_eq!(report.complete, [CheckpointId(1)]);
        let names = report
            .orphans
            .iter()
            .map(|orphan| orphan.path.strip_prefix(JOB).unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let all = ["chk-1/old.state", "chk-2/_metadata.inprogress", "chk-2/a.state", "shared/s9"];
    assert_eq!(run(&CheckMode { read_state: true, ..CheckMode::default() }), all);
    // A running job may still complete checkpoint 2, and name s9 with it.
    let under_way = [CheckpointId(2)].into();
    assert_eq!(run(&CheckMode { under_way, ..CheckMode::default() }), all[..1]);
    assert_eq!(run(&CheckMode { remove: true, ..CheckMode::default() }), all);
    assert_eq!(run(&CheckMode::default()), [""; 0]);
    assert!(!exists(&world, &format!("{JOB}/chk-2")));
    assert!(exists(&world, &format!("{JOB}/taskowned/mine")));
    assert_eq!(latest(&world), Some(1));
}

#[test]
fn the_check_names_what_is_damaged_and_then_spares_shared_files() {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    take(&world, 2).unwrap();
    let path = format!("{JOB}/chk-1/worker-0.state");
    let mut bytes = disk(&world).read_file(Path::new(&path), 1 << 20).unwrap();
    bytes[2000] ^= 1;
    put(&world, &path, &bytes);
    let mode = CheckMode { read_state: true, ..CheckMode::default() };
    let report = check(&mut disk(&world), storage().job_dir(), &mode).unwrap();
    assert_eq!(report.complete, [CheckpointId(2)]);
    assert!(report.problems[0].error.to_string().contains("chk-1/worker-0.state"), "{report:?}");
    put(&world, &format!("{JOB}/chk-1/_metadata"), b"nonsense");
    let mode = CheckMode { remove: true, ..CheckMode::default() };
    let report = check(&mut disk(&world), storage().job_dir(), &mode).unwrap();
    assert_eq!((report.problems.len(), report.orphans.len()), (1, 0));
    assert!(exists(&world, &format!("{JOB}/shared/shared-1")));
}

#[test]
fn the_job_manager_takes_what_fits_into_its_messages() {
    use crate::checkpoint::coordinator::TaskSnapshot;
    let storage = JobManagerStorage::default();
    let most = storage.keep(vec![0_u8; STATE_BYTES_MAX as usize]).unwrap();
    let refused = storage.keep(vec![0_u8; STATE_BYTES_MAX as usize + 1]).unwrap_err().to_string();
    assert!(
        refused.starts_with(
            "Size of the state is larger than the maximum permitted memory-backed state. \
             Size=5242881, maxSize=5242880. Consider using a different checkpoint storage"
        ),
        "{refused}"
    );
    let acknowledgement = |states: usize| {
        let checkpoint = checkpoint(1, vec![most.clone(); states]);
        let operator = &checkpoint.operators[0];
        let operators = vec![(operator.id, operator.subtasks[0].clone())];
        TaskSnapshot { operators, ..TaskSnapshot::default() }
    };
    let check = |states| storage.check_frame(CheckpointId(1), "op (1/1)", &acknowledgement(states));
    check(2).unwrap();
    let refused = check(3).unwrap_err().to_string();
    assert!(refused.contains("pekko.framesize (10485760 bytes)"), "{refused}");
}

//! Scripts for each rule; small cases enumerated, and a walk over random ones, in the files below.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use brisk_memory::config::options::checkpointing::{CheckpointingMode, Retention};
use brisk_memory::config::options::state::ClaimMode;

use super::*;
use crate::checkpoint::handle::{
    BackendKind, FileSlice, KeyedStateHandle, NamedState, OperatorStateHandle, Place,
    RedistributionMode, StateHandle, StateKind, StatePath, StateSchema, SubtaskState,
};
use crate::checkpoint::{AfterSavepoint, Alignment, SavepointFormat};
use crate::graph::{
    Distribution, DistributionPattern, KeyGroup, KeyGroupRange, MaxParallelism, OperatorId,
    Parallelism, TaskId, VertexId, VertexIndex,
};

mod enumerated;
mod walk;

pub(crate) fn config() -> CheckpointConfig {
    CheckpointConfig {
        interval: Some(Duration::from_millis(1000)),
        interval_during_backlog: None,
        min_pause: Duration::ZERO,
        max_concurrent: NonZeroU32::MIN,
        timeout: Duration::from_millis(5000),
        tolerable_failures: 0,
        mode: CheckpointingMode::ExactlyOnce,
        alignment: Alignment::Aligned,
        after_tasks_finish: true,
        incremental: false,
        retention: Retention::Never,
        num_retained: NonZeroU32::MIN,
        savepoint_dir: None,
    }
}

pub(super) fn operator(vertex: u32) -> OperatorId {
    OperatorId::from_bytes([vertex as u8 + 1; 16])
}

/// Vertices of these parallelisms, one after another, joined all to all.
pub(crate) fn line(parallelisms: &[u32]) -> Topology {
    let vertices = (0..).zip(parallelisms).map(|(index, &parallelism)| TopologyVertex {
        id: VertexId::from(operator(index)),
        name: format!("v{index}"),
        parallelism: Parallelism(parallelism),
        max_parallelism: MaxParallelism(128),
        operators: vec![OperatorIdentity {
            id: operator(index),
            uid: Some(format!("uid-{index}")),
            name: format!("v{index}"),
        }],
    });
    let edges = (1..parallelisms.len() as u32).map(|to| TopologyEdge {
        from: VertexIndex(to - 1),
        to: VertexIndex(to),
        distribution: Distribution::new(
            DistributionPattern::AllToAll,
            crate::graph::execution::Ends {
                producers: Parallelism(parallelisms[to as usize - 1]),
                consumers: Parallelism(parallelisms[to as usize]),
            },
        ),
    });
    Topology::new(vertices.collect(), edges.collect())
}

pub(super) fn coordinator(config: CheckpointConfig, parallelisms: &[u32]) -> Coordinator {
    Coordinator::new(CoordinatorOptions {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        config,
        topology: line(parallelisms),
        seed: 7,
        now: Millis(0),
        history: 10,
    })
}

pub(super) fn file(place: Place, name: &str) -> StateHandle {
    StateHandle::File(FileSlice {
        path: StatePath::new(place, name).unwrap(),
        offset: 0,
        stored_len: 10,
        len: 8,
        checksum: 0,
    })
}

/// A snapshot with a file of its own and these shared ones.
pub(super) fn snapshot(vertex: u32, own: &str, shared: &[String]) -> TaskSnapshot {
    let keyed = KeyedStateHandle {
        backend: BackendKind::HashMap,
        range: KeyGroupRange::new(KeyGroup(0), KeyGroup(1)),
        schemas: Vec::new(),
        offsets: Vec::new(),
        state: file(Place::Checkpoint, own),
        shared: shared
            .iter()
            .map(|name| NamedState { name: name.clone(), state: file(Place::Shared, name) })
            .collect(),
    };
    let state = SubtaskState { keyed: vec![keyed], ..SubtaskState::default() };
    TaskSnapshot { operators: vec![(operator(vertex), state)], ..TaskSnapshot::default() }
}

/// One line for each action.
pub(super) fn shown(actions: &[CoordinatorAction]) -> Vec<String> {
    let ids = |tasks: &[TaskId]| tasks.iter().map(|task| task.0).collect::<Vec<_>>();
    let names =
        |files: &[StatePath]| files.iter().map(StatePath::to_string).collect::<Vec<_>>().join(" ");
    let line = |action: &CoordinatorAction| match action {
        CoordinatorAction::Trigger { tasks, barrier } => {
            let base = barrier.base.map_or(String::new(), |base| format!(" on {base}"));
            format!("trigger {}{base} {} {:?}", barrier.id, barrier.kind.name(), ids(tasks))
        }
        CoordinatorAction::WriteMetadata { checkpoint, .. } => format!("write {}", checkpoint.id),
        CoordinatorAction::NotifyComplete { id, tasks } => {
            format!("complete {id} {:?}", ids(tasks))
        }
        CoordinatorAction::NotifyAborted { id, tasks, .. } => {
            format!("abort {id} {:?}", ids(tasks))
        }
        CoordinatorAction::Discard(discarded) => {
            let what = if discarded.whole { "all of" } else { "files of" };
            let files = [names(&discarded.own), names(&discarded.shared)];
            let files: Vec<_> = files.into_iter().filter(|names| !names.is_empty()).collect();
            format!("discard {what} {}: {}", discarded.id, files.join(" "))
        }
        CoordinatorAction::FailJob { cause } => format!("fail: {cause}"),
        CoordinatorAction::Answer { request, outcome: Ok(completed) } => {
            format!("answer {}: {} at {}", request.0, completed.id, completed.location)
        }
        CoordinatorAction::Answer { request, outcome: Err(reason) } => {
            format!("answer {}: {reason}", request.0)
        }
    };
    actions.iter().map(line).collect()
}

/// A coordinator of `source` and `sink` of one task each, and the clock.
pub(super) struct Script {
    pub(super) coordinator: Coordinator,
    pub(super) now: u64,
}

impl Script {
    pub(super) fn new(config: CheckpointConfig) -> Script {
        Script { coordinator: coordinator(config, &[1, 1]), now: 0 }
    }

    /// With both tasks running and the first checkpoint triggered.
    pub(super) fn started(config: CheckpointConfig) -> Script {
        let mut script = Script::new(config);
        script.run_tasks();
        script.at_trigger(&["trigger 1 CHECKPOINT [0]"]);
        script
    }

    pub(super) fn run_tasks(&mut self) {
        for task in [0, 1] {
            self.check(CoordinatorEvent::TaskRunning { task: TaskId(task) }, &[]);
        }
    }

    pub(super) fn check(&mut self, event: CoordinatorEvent, expected: &[&str]) {
        let actions = self.coordinator.step(Millis(self.now), event.clone());
        let actions = shown(&actions);
        let begins = actions.iter().zip(expected).all(|(found, wanted)| found.starts_with(wanted));
        assert!(
            begins && actions.len() == expected.len(),
            "on {event:?}: {actions:#?}, not {expected:#?}"
        );
        self.coordinator.verify_invariants();
        self.coordinator.statistics().verify_invariants();
    }

    /// At the next time at which something is due.
    pub(super) fn at_trigger(&mut self, expected: &[&str]) {
        self.now = self.coordinator.wakes_at().expect("something is due").0.max(self.now);
        self.check(CoordinatorEvent::Tick, expected);
    }

    pub(super) fn ack(&mut self, id: u64, task: u32, expected: &[&str]) {
        let snapshot = snapshot(task, &format!("c{id}t{task}"), &[]);
        self.ack_with(id, task, snapshot, expected);
    }

    pub(super) fn ack_with(&mut self, id: u64, task: u32, what: TaskSnapshot, expected: &[&str]) {
        let id = CheckpointId(id);
        let task = TaskId(task);
        self.check(CoordinatorEvent::Acknowledged { id, task, snapshot: what }, expected);
    }

    pub(super) fn written(&mut self, id: u64, expected: &[&str]) {
        let location = format!("/c/chk-{id}");
        let id = CheckpointId(id);
        self.check(CoordinatorEvent::MetadataWritten { id, location, bytes: 100 }, expected);
    }

    /// All acknowledgements and the metadata.
    pub(super) fn complete(&mut self, id: u64, expected: &[&str]) {
        self.ack(id, 0, &[]);
        self.ack(id, 1, &[&format!("write {id}")]);
        self.written(id, expected);
    }

    pub(super) fn decline(&mut self, id: u64, reason: DeclineReason, expected: &[&str]) {
        let (id, task) = (CheckpointId(id), TaskId(0));
        self.check(CoordinatorEvent::Declined { id, task, reason }, expected);
    }

    pub(super) fn savepoint(&mut self, request: u64, after: AfterSavepoint, expected: &[&str]) {
        let savepoint = SavepointRequest {
            target: Some("/s/".to_owned()),
            format: SavepointFormat::Canonical,
            after,
        };
        let request = RequestId(request);
        self.check(CoordinatorEvent::SavepointRequested { request, savepoint }, expected);
    }
}

fn failed() -> DeclineReason {
    DeclineReason::Failed { cause: "disk on fire".to_owned() }
}

#[test]
fn a_checkpoint_completes_and_the_one_before_goes() {
    let mut script = Script::started(config());
    script.complete(1, &["complete 1 [0, 1]"]);
    let begin = script.now;
    script.at_trigger(&["trigger 2 CHECKPOINT [0]"]);
    assert_eq!(script.now, begin + 1000, "the rhythm is kept");
    script.complete(2, &["complete 2 [0, 1]", "discard all of 1: c1t0 c1t1"]);
    let counts = script.coordinator.statistics().counts();
    assert_eq!((counts.total, counts.completed), (2, 2));
}

#[test]
fn nothing_is_triggered_before_all_tasks_run() {
    let mut script = Script::new(config());
    assert_eq!(script.coordinator.wakes_at(), None);
    script.check(CoordinatorEvent::TaskRunning { task: TaskId(1) }, &[]);
    assert_eq!(script.coordinator.wakes_at(), None);
    script.check(CoordinatorEvent::TaskRunning { task: TaskId(0) }, &[]);
    let first = script.coordinator.wakes_at().unwrap();
    assert!(first.0 <= 1000, "within the first interval: {first:?}");
}

#[test]
fn without_an_interval_only_users_trigger() {
    let mut script = Script::new(CheckpointConfig { interval: None, ..config() });
    script.run_tasks();
    assert_eq!(script.coordinator.wakes_at(), None);
    let wanted = CoordinatorEvent::CheckpointRequested { request: RequestId(5), full: false };
    script.check(wanted, &["trigger 1 CHECKPOINT [0]"]);
    script.complete(1, &["answer 5: 1 at /c/chk-1", "complete 1"]);
}

#[test]
fn a_pause_lies_between_the_end_of_one_and_the_start_of_the_next() {
    let min_pause = Duration::from_millis(700);
    let mut script = Script::started(CheckpointConfig { min_pause, ..config() });
    script.now += 950;
    script.complete(1, &["complete 1"]);
    let end = script.now;
    script.at_trigger(&["trigger 2"]);
    assert_eq!(script.now, end + 700);
}

#[test]
fn what_could_not_begin_in_time_begins_when_there_is_room() {
    let mut script = Script::started(config());
    script.now += 3500;
    script.check(CoordinatorEvent::Tick, &[]);
    script.complete(1, &["complete 1", "trigger 2"]);
}

#[test]
fn concurrent_checkpoints_subsume_older_ones() {
    let max_concurrent = NonZeroU32::new(2).unwrap();
    let mut script = Script::started(CheckpointConfig { max_concurrent, ..config() });
    script.at_trigger(&["trigger 2"]);
    script.now += 1000;
    script.check(CoordinatorEvent::Tick, &[]);
    script.ack(1, 0, &[]);
    script.ack(2, 0, &[]);
    script.ack(2, 1, &["write 2"]);
    script.written(2, &["abort 1 [0, 1]", "discard all of 1: c1t0", "complete 2", "trigger 3"]);
    script.ack(1, 1, &["discard all of 1: c1t1"]);
}

#[test]
fn an_expired_checkpoint_fails_the_job_unless_tolerated() {
    let mut script = Script::started(config());
    script.ack(1, 1, &[]);
    script.now += 5000;
    script.check(
        CoordinatorEvent::Tick,
        &[
            "abort 1 [0, 1]",
            "discard all of 1: c1t1",
            "fail: Exceeded checkpoint tolerable failure threshold",
        ],
    );
    script.ack(1, 0, &["discard all of 1: c1t0"]);
}

#[test]
fn failures_are_counted_in_a_row() {
    let mut script = Script::started(CheckpointConfig { tolerable_failures: 1, ..config() });
    script.decline(1, failed(), &["abort 1", "discard all of 1: "]);
    // Only once for each checkpoint.
    script.decline(1, failed(), &[]);
    assert_eq!(script.coordinator.failures_in_a_row(), 1);
    script.at_trigger(&["trigger 2"]);
    script.complete(2, &["complete 2"]);
    assert_eq!(script.coordinator.failures_in_a_row(), 0);
    script.at_trigger(&["trigger 3"]);
    script.decline(3, DeclineReason::Closing, &["abort 3", "discard all of 3: "]);
    assert_eq!(script.coordinator.failures_in_a_row(), 0, "nobody's fault");
    for id in [4, 5] {
        script.at_trigger(&[&format!("trigger {id}")]);
        let abort = format!("abort {id}");
        let discard = format!("discard all of {id}: ");
        let fail = "fail: Exceeded";
        let expected = [&abort, &discard, fail];
        script.decline(id, failed(), &expected[..if id == 5 { 3 } else { 2 }]);
    }
    assert_eq!(script.coordinator.failures_in_a_row(), 0, "the row begins anew");
}

#[test]
fn tasks_that_were_not_ready_are_asked_again_before_the_interval_is_over() {
    let mut script = Script::started(config());
    let mut id = 1;
    let mut gaps = |script: &mut Script, count| -> Vec<u64> {
        let gap = |_| {
            let before = script.now;
            let (abort, discard) = (format!("abort {id}"), format!("discard all of {id}: "));
            script.decline(id, DeclineReason::NotReady, &[&abort, &discard]);
            id += 1;
            script.at_trigger(&[&format!("trigger {id}")]);
            script.now - before
        };
        (0..count).map(gap).collect()
    };
    assert_eq!(gaps(&mut script, 6), [100, 200, 400, 800, 1000, 1000], "at most the interval");
    script.complete(7, &["complete 7"]);
    script.at_trigger(&["trigger 8"]);
    let before = script.now;
    script.decline(8, DeclineReason::NotReady, &["abort 8", "discard all of 8: "]);
    script.at_trigger(&["trigger 9"]);
    assert_eq!(script.now, before + 100, "it begins anew");
}

#[test]
fn a_failed_write_of_the_metadata_counts() {
    let mut script = Script::started(config());
    script.ack(1, 0, &[]);
    script.ack(1, 1, &["write 1"]);
    let failed =
        CoordinatorEvent::MetadataFailed { id: CheckpointId(1), cause: "no space left".to_owned() };
    script.check(failed, &["abort 1", "discard all of 1: c1t0 c1t1", "fail: Exceeded"]);
}

#[test]
fn what_the_storage_decides_on_is_not_given_up() {
    let mut script = Script::started(config());
    script.ack(1, 0, &[]);
    script.ack(1, 1, &["write 1"]);
    script.now += 10_000;
    script.check(CoordinatorEvent::Tick, &[]);
    script.check(CoordinatorEvent::Suspended, &[]);
    assert_eq!(script.coordinator.restore_point(), RestorePoint::Undecided(CheckpointId(1)));
    script.written(1, &["complete 1 []"]);
    match script.coordinator.restore_point() {
        RestorePoint::Checkpoint { checkpoint, location } => {
            assert_eq!((checkpoint.id.0, location.as_str()), (1, "/c/chk-1"));
        }
        other => panic!("{other:?}"),
    }
    script.check(CoordinatorEvent::RestoreDone { id: CheckpointId(1) }, &[]);
    script.run_tasks();
    script.at_trigger(&["trigger 2 CHECKPOINT [0]"]);
    assert_eq!(script.coordinator.statistics().counts().restored, 1);
}

#[test]
fn a_failover_ends_what_is_under_way() {
    let mut script = Script::started(config());
    script.ack(1, 0, &[]);
    script.check(CoordinatorEvent::Suspended, &["abort 1 []", "discard all of 1: c1t0"]);
    assert_eq!(script.coordinator.restore_point(), RestorePoint::Beginning);
    assert_eq!(script.coordinator.wakes_at(), None);
    script.ack(1, 1, &["discard all of 1: c1t1"]);
    assert_eq!(script.coordinator.failures_in_a_row(), 0);
}

#[test]
fn checkpoints_go_on_when_tasks_finish() {
    let mut script = Script::started(config());
    let finished = |task| CoordinatorEvent::TaskFinished { task: TaskId(task) };
    script.ack(1, 0, &[]);
    script.check(finished(0), &[]);
    script.ack(1, 1, &["write 1"]);
    script.written(1, &["complete 1 [1]"]);
    // The sink gets no barrier any more, so it is told.
    script.at_trigger(&["trigger 2 CHECKPOINT [1]"]);
    script.ack(2, 1, &["write 2"]);
    script.written(2, &["complete 2 [1]", "discard all of 1"]);
    let (checkpoint, _) = script.coordinator.retained().next().unwrap();
    assert!(checkpoint.operator(operator(0)).unwrap().is_finished());
    assert!(!checkpoint.operator(operator(1)).unwrap().is_finished());
    script.at_trigger(&["trigger 3"]);
    script.check(finished(1), &["abort 3 []", "discard all of 3: "]);
    script.at_trigger(&[]);
    assert_eq!(script.coordinator.statistics().counts().failed, 2, "none is left to take part");
}

#[test]
fn checkpoints_stop_with_the_first_task_when_told_so() {
    let mut script = Script::started(CheckpointConfig { after_tasks_finish: false, ..config() });
    script.complete(1, &["complete 1"]);
    script.check(CoordinatorEvent::TaskFinished { task: TaskId(0) }, &[]);
    script.at_trigger(&[]);
    script.savepoint(1, AfterSavepoint::Continue, &["answer 1: Not all required tasks"]);
}

#[test]
fn a_union_with_a_part_missing_is_no_checkpoint() {
    let mut script = Script { coordinator: coordinator(config(), &[1, 2]), now: 0 };
    for task in 0..3 {
        script.check(CoordinatorEvent::TaskRunning { task: TaskId(task) }, &[]);
    }
    script.check(CoordinatorEvent::TaskFinished { task: TaskId(1) }, &[]);
    script.at_trigger(&["trigger 1 CHECKPOINT [0]"]);
    script.ack(1, 0, &[]);
    let schema = StateSchema {
        name: "offsets".to_owned(),
        kind: StateKind::Elements,
        fingerprint: 1,
        shape: "u64".to_owned(),
    };
    let union = OperatorStateHandle {
        schema,
        mode: RedistributionMode::Union,
        offsets: vec![0],
        state: StateHandle::Inline(Arc::from([1_u8; 8])),
    };
    let state = SubtaskState { operator: vec![union], ..SubtaskState::default() };
    let snapshot = TaskSnapshot { operators: vec![(operator(1), state)], ..Default::default() };
    script.ack_with(1, 2, snapshot, &["abort 1", "discard all of 1: c1t0", "fail: Exceeded"]);
}

#[test]
fn acknowledgements_of_strangers_are_not_kept() {
    let mut script = Script::started(config());
    // An operator that the task doesn't have.
    let wrong = snapshot(1, "stray", &[]);
    script.ack_with(1, 0, wrong, &["abort 1", "discard all of 1: stray", "fail: "]);
    script.check(CoordinatorEvent::Suspended, &[]);
    script.run_tasks();
    script.at_trigger(&["trigger 2"]);
    script.ack(2, 7, &["discard files of 2: c2t7"]);
    // Once more, and one of a checkpoint that never was.
    script.ack(2, 0, &[]);
    script.ack(2, 0, &[]);
    script.ack(99, 0, &[]);
    script.ack(2, 1, &["write 2"]);
    script.written(2, &["complete 2"]);
    script.ack(2, 1, &[]);
}

#[test]
fn savepoints_wait_for_nothing_and_belong_to_the_user() {
    let mut script = Script::started(config());
    script.savepoint(1, AfterSavepoint::Continue, &["trigger 2 SAVEPOINT [0]"]);
    script.savepoint(2, AfterSavepoint::Continue, &["trigger 3 SAVEPOINT [0]"]);
    script.ack(2, 0, &[]);
    script.ack(2, 1, &["write 2"]);
    // Nothing is committed for it, and the older checkpoint goes on.
    script.written(2, &["answer 1: 2 at /c/chk-2"]);
    script.complete(1, &["complete 1"]);
    script.decline(
        3,
        failed(),
        &["abort 3", "discard all of 3: ", "answer 2: Checkpoint was declined", "fail: "],
    );
    let end = JobEnd::Canceled;
    script.check(CoordinatorEvent::JobEnded { end }, &["discard all of 1: c1t0 c1t1"]);
    script.savepoint(3, AfterSavepoint::Continue, &["answer 3: CheckpointCoordinator shutdown"]);
    assert!(script.coordinator.statistics().overview().latest.savepoint.is_some());
}

#[test]
fn a_savepoint_needs_a_folder() {
    let mut script = Script::started(config());
    let savepoint = SavepointRequest {
        target: None,
        format: SavepointFormat::Native,
        after: AfterSavepoint::Continue,
    };
    let request = RequestId(1);
    let wanted = CoordinatorEvent::SavepointRequested { request, savepoint };
    script.check(wanted.clone(), &["answer 1: No savepoint directory is given"]);
    let savepoint_dir = Some("/sp".to_owned());
    let mut script = Script::started(CheckpointConfig { savepoint_dir, ..config() });
    let actions = script.coordinator.step(Millis(script.now), wanted);
    let [CoordinatorAction::Trigger { barrier, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    let CheckpointTarget::Folder(folder) = &barrier.target else { panic!("{barrier:?}") };
    let name = folder.strip_prefix("/sp/savepoint-001122-").unwrap();
    assert!(name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
}

#[test]
fn savepoints_are_aligned_whatever_checkpoints_are() {
    let alignment = Alignment::Unaligned;
    let mut script = Script::new(CheckpointConfig { alignment, ..config() });
    script.run_tasks();
    script.at_trigger(&["trigger 1 UNALIGNED_CHECKPOINT"]);
    let savepoint = SavepointRequest {
        target: Some("/s".to_owned()),
        format: SavepointFormat::Canonical,
        after: AfterSavepoint::Continue,
    };
    let request = RequestId(1);
    let wanted = CoordinatorEvent::SavepointRequested { request, savepoint };
    let actions = script.coordinator.step(Millis(script.now), wanted);
    let [CoordinatorAction::Trigger { barrier, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(barrier.alignment, Alignment::Aligned);
}

#[test]
fn stop_with_savepoint_lets_nothing_else_begin() {
    let mut script = Script::started(config());
    script.savepoint(
        1,
        AfterSavepoint::Drain,
        &["abort 1", "discard all of 1: ", "trigger 2 SYNC_SAVEPOINT [0]"],
    );
    assert_eq!(script.coordinator.wakes_at(), Some(Millis(script.now + 5000)));
    script.savepoint(2, AfterSavepoint::Continue, &["answer 2: The job is already being stopped"]);
    let wanted = CoordinatorEvent::CheckpointRequested { request: RequestId(3), full: true };
    script.check(wanted, &["answer 3: The job is already being stopped"]);
    script.complete(2, &["answer 1: 2 at /c/chk-2", "complete 2 [0, 1]"]);
    let finished = |task| CoordinatorEvent::TaskFinished { task: TaskId(task) };
    script.check(finished(0), &[]);
    script.check(finished(1), &[]);
    // It belongs to the user.
    script.check(CoordinatorEvent::JobEnded { end: JobEnd::Finished }, &[]);
}

#[test]
fn a_failed_stop_with_savepoint_fails_the_job() {
    let mut script = Script::started(config());
    let begun = ["abort 1", "discard all of 1: ", "trigger 2 SYNC_SAVEPOINT [0]"];
    script.savepoint(1, AfterSavepoint::Suspend, &begun);
    script.now += 5000;
    let expected = [
        "abort 2",
        "discard all of 2: ",
        "answer 1: Checkpoint expired",
        "fail: Stop-with-savepoint",
    ];
    script.check(CoordinatorEvent::Tick, &expected);
    script.check(CoordinatorEvent::Suspended, &[]);
    script.run_tasks();
    script.at_trigger(&["trigger 3 CHECKPOINT [0]"]);
}

#[test]
fn retention_depends_on_how_the_job_ends() {
    let cases = [
        (Retention::Never, JobEnd::Suspended, false),
        (Retention::Never, JobEnd::Failed, false),
        (Retention::DeleteOnCancellation, JobEnd::Canceled, false),
        (Retention::DeleteOnCancellation, JobEnd::Failed, true),
        (Retention::DeleteOnCancellation, JobEnd::Finished, false),
        (Retention::RetainOnCancellation, JobEnd::Canceled, true),
        (Retention::RetainOnCancellation, JobEnd::Suspended, true),
        (Retention::RetainOnCancellation, JobEnd::Finished, false),
    ];
    for (retention, end, kept) in cases {
        let mut script = Script::started(CheckpointConfig { retention, ..config() });
        script.complete(1, &["complete 1"]);
        let gone: &[&str] = if kept { &[] } else { &["discard all of 1: c1t0 c1t1"] };
        script.check(CoordinatorEvent::JobEnded { end }, gone);
        script.check(CoordinatorEvent::JobEnded { end }, &[]);
        assert_eq!(script.coordinator.wakes_at(), None);
    }
}

#[test]
fn shared_files_go_with_the_last_checkpoint_that_names_them() {
    let mut script = Script::started(CheckpointConfig { incremental: true, ..config() });
    let give = |script: &mut Script, id: u64, shared: &[&str], expected: &[&str]| {
        script.ack(id, 1, &[]);
        let shared: Vec<_> = shared.iter().map(|&name| name.to_owned()).collect();
        script.ack_with(id, 0, snapshot(0, &format!("o{id}"), &shared), &[&format!("write {id}")]);
        script.written(id, expected);
    };
    give(&mut script, 1, &["a", "b"], &["complete 1"]);
    script.at_trigger(&["trigger 2 on 1"]);
    give(&mut script, 2, &["b", "c"], &["complete 2", "discard all of 1: c1t1 o1 ../shared/a"]);
    script.at_trigger(&["trigger 3 on 2"]);
    let again = snapshot(0, "o3", &["c".to_owned(), "d".to_owned()]);
    script.ack_with(3, 0, again, &[]);
    // What it brought along goes, what the completed one has stays.
    script.decline(3, failed(), &["abort 3", "discard all of 3: o3 ../shared/d", "fail: "]);
    let end = JobEnd::Canceled;
    let gone = "discard all of 2: c2t1 o2 ../shared/b ../shared/c";
    script.check(CoordinatorEvent::JobEnded { end }, &[gone]);
}

#[test]
fn what_a_pending_checkpoint_is_based_on_stays_until_it_ended() {
    let max_concurrent = NonZeroU32::new(2).unwrap();
    let incremental = true;
    let mut script = Script::started(CheckpointConfig { max_concurrent, incremental, ..config() });
    script.complete(1, &["complete 1"]);
    script.at_trigger(&["trigger 2 on 1"]);
    script.at_trigger(&["trigger 3 on 1"]);
    script.complete(2, &["complete 2"]);
    script.complete(3, &["complete 3", "discard all of 1", "discard all of 2"]);
}

#[test]
fn claimed_checkpoints_go_when_newer_ones_are_there() {
    for (claim, gone) in [(ClaimMode::Claim, true), (ClaimMode::NoClaim, false)] {
        let mut first = Script::started(config());
        first.complete(1, &["complete 1"]);
        let (checkpoint, _) = first.coordinator.retained().next().unwrap();
        let mut old = (**checkpoint).clone();
        old.id = CheckpointId(41);
        let source =
            RestoreSource { checkpoint: Arc::new(old), location: "/old/chk-41".to_owned(), claim };
        let mut script = Script::new(CheckpointConfig { incremental: true, ..config() });
        script.check(CoordinatorEvent::RestoredFrom { source }, &[]);
        script.run_tasks();
        // Full, though checkpoints are incremental.
        script.at_trigger(&["trigger 42 CHECKPOINT"]);
        let expected = ["complete 42", "discard all of 41: c1t0 c1t1"];
        script.complete(42, &expected[..if gone { 2 } else { 1 }]);
        assert_eq!(script.coordinator.statistics().counts().restored, 1);
    }
}

#[test]
fn a_backlog_changes_the_interval() {
    let interval_during_backlog = Some(Duration::ZERO);
    let mut script = Script::started(CheckpointConfig { interval_during_backlog, ..config() });
    script.complete(1, &["complete 1"]);
    script.check(CoordinatorEvent::BacklogChanged { backlog: true }, &[]);
    assert_eq!(script.coordinator.wakes_at(), None);
    script.check(CoordinatorEvent::BacklogChanged { backlog: false }, &[]);
    script.at_trigger(&["trigger 2"]);
}

#[test]
fn a_topology_has_the_numbers_of_the_execution_graph() {
    use crate::graph::{ExecutionGraph, JobGraph, NewEdge, StreamGraph, StreamNode};
    let mut stream = StreamGraph::default();
    let parallelism = Some(Parallelism(2));
    let uid = Some("source-id".to_owned());
    let source = stream.add_node(StreamNode { parallelism, uid, ..StreamNode::source("in") });
    let parallelism = Some(Parallelism(3));
    let sink = stream.add_node(StreamNode { parallelism, ..StreamNode::sink("out") });
    stream.add_edge(NewEdge::between(source, sink));
    let job = JobGraph::build(&stream).unwrap();
    let execution = ExecutionGraph::expand(&job);
    let topology = Topology::of(&stream, &job, &execution);
    for (task, subtask) in execution.tasks() {
        assert_eq!(topology.subtask(task), subtask);
        assert_eq!(topology.task_name(task), execution.task_name(task));
    }
    let operators = &topology.vertices()[0].operators;
    assert_eq!(operators[0].uid.as_deref(), Some("source-id"));
    assert_eq!(operators[0].id, OperatorId::of_uid("source-id"));
}

#[test]
fn requests_are_bounded() {
    let mut script = Script::started(config());
    let wanted = |request| CoordinatorEvent::CheckpointRequested {
        request: RequestId(request),
        full: false,
    };
    for request in 0..REQUESTS_MAX as u64 {
        script.check(wanted(request), &[]);
    }
    script.check(wanted(5000), &["answer 5000: The maximum number of queued checkpoint requests"]);
    let actions = script.coordinator.step(Millis(script.now), CoordinatorEvent::Suspended);
    let answers = actions.iter().filter(|a| matches!(a, CoordinatorAction::Answer { .. }));
    assert_eq!(answers.count(), REQUESTS_MAX);
}

//! A gateway that is none: tasks that run, end, fail and acknowledge in any order, a storage that is
//! slow and fails, users that ask and cancel; and what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::*;
use crate::checkpoint::{
    AfterSavepoint, CheckpointConfig, CheckpointId, CheckpointKind, SavepointFormat,
    coordinator::{
        DeclineReason, RequestId, SavepointRequest, TaskSnapshot,
        tests::{config, line},
    },
    random::Random,
};

const JOB: &str = "00112233445566778899aabbccddeeff";

fn decisions(config: CheckpointConfig, shape: &[u32], restart: RestartSettings) -> Decisions {
    let coordinator = CoordinatorOptions {
        job: JOB.parse().unwrap(),
        config,
        topology: line(shape),
        seed: 7,
        now: Millis(0),
        history: 10,
    };
    Decisions::new(coordinator, restart, 16)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    Gone,
    Deployed,
    Running,
    Canceling,
}

struct Walk {
    random: Random,
    decisions: Decisions,
    now: u64,
    tasks: Vec<Task>,
    started: bool,
    attempts: u32,
    /// Checkpoints and who has not answered.
    asked: BTreeSet<(CheckpointId, TaskId)>,
    kinds: BTreeMap<CheckpointId, CheckpointKind>,
    writing: VecDeque<CheckpointId>,
    /// What is to be restored.
    latest: Option<CheckpointId>,
    next_request: u64,
    requests: BTreeSet<RequestId>,
    ended: Option<JobStatus>,
    final_fault: bool,
}

impl Walk {
    fn new(seed: u64) -> Walk {
        let mut random = Random::from_seed(seed);
        let config = CheckpointConfig {
            max_concurrent: NonZeroU32::new(1 + random.up_to(1) as u32).unwrap(),
            tolerable_failures: random.up_to(2) as u32,
            ..config()
        };
        let delay = Duration::from_millis(random.up_to(500));
        let restart = match random.up_to(3) {
            0 => RestartSettings::None,
            1 => RestartSettings::FailureRate {
                max_failures: 3,
                interval: Duration::from_secs(3),
                delay,
            },
            _ => RestartSettings::FixedDelay { attempts: random.up_to(8) as u32, delay },
        };
        let shape = [1 + random.up_to(1) as u32, 1 + random.up_to(1) as u32];
        Walk {
            random,
            decisions: decisions(config, &shape, restart),
            now: 0,
            tasks: vec![Task::Gone; shape.iter().sum::<u32>() as usize],
            started: false,
            attempts: 0,
            asked: BTreeSet::new(),
            kinds: BTreeMap::new(),
            writing: VecDeque::new(),
            latest: None,
            next_request: 0,
            requests: BTreeSet::new(),
            ended: None,
            final_fault: false,
        }
    }

    fn step(&mut self, event: MasterEvent) {
        let actions = self.decisions.step(Millis(self.now), event.clone());
        for action in actions {
            self.carry_out(action, &event);
        }
        let restarts = self.decisions.restarts();
        assert!(self.attempts <= restarts + 1, "{} attempts, {restarts} restarts", self.attempts);
    }

    fn carry_out(&mut self, action: MasterAction, on: &MasterEvent) {
        match action {
            MasterAction::Deploy { attempt, from } => {
                assert!(self.tasks.iter().all(|task| *task == Task::Gone), "{on:?}");
                assert!(self.writing.is_empty(), "the storage has answered");
                assert!(!self.final_fault, "what fails each time is not tried again");
                assert!(self.ended.is_none() && attempt == Attempt(self.decisions.restarts()));
                let given = match from {
                    RestorePoint::Beginning => None,
                    RestorePoint::Checkpoint { checkpoint, .. } => Some(checkpoint.id),
                    RestorePoint::Undecided(id) => panic!("{id} is undecided"),
                };
                assert_eq!(given, self.latest, "the last one that is complete");
                self.attempts += 1;
                self.tasks.fill(Task::Deployed);
                self.started = false;
            }
            MasterAction::StartAll => {
                assert!(!std::mem::replace(&mut self.started, true));
                assert!(self.tasks.iter().all(|task| *task == Task::Running));
            }
            MasterAction::CancelTasks => {
                for task in self.tasks.iter_mut().filter(|task| **task != Task::Gone) {
                    *task = Task::Canceling;
                }
            }
            MasterAction::Complete(status) => {
                assert!(self.tasks.iter().all(|task| *task == Task::Gone));
                assert_eq!(self.ended.replace(status), None, "a job ends once");
            }
            MasterAction::Checkpoint(action) => self.carry_out_checkpoint(action),
        }
    }

    fn carry_out_checkpoint(&mut self, action: CoordinatorAction) {
        match action {
            CoordinatorAction::Trigger { tasks, barrier } => {
                assert!(self.started && self.ended.is_none());
                assert!(tasks.iter().all(|task| self.tasks[task.as_index()] == Task::Running));
                self.kinds.insert(barrier.id, barrier.kind);
                let running =
                    self.tasks.iter().zip(0..).filter(|(task, _)| **task == Task::Running);
                self.asked.extend(running.map(|(_, task)| (barrier.id, TaskId(task))));
            }
            CoordinatorAction::WriteMetadata { checkpoint, .. } => {
                self.writing.push_back(checkpoint.id);
            }
            // A savepoint that stops the job may be overtaken.
            CoordinatorAction::NotifyComplete { id, .. } => assert!(self.latest >= Some(id)),
            CoordinatorAction::Answer { request, .. } => {
                assert!(self.requests.remove(&request), "{request:?} is answered once");
            }
            CoordinatorAction::FailJob { .. } => panic!("the decisions keep it"),
            CoordinatorAction::NotifyAborted { .. } | CoordinatorAction::Discard(_) => {}
        }
    }

    fn some_task(&mut self, which: impl Fn(Task) -> bool) -> Option<TaskId> {
        let chosen: Vec<u32> =
            (0..).zip(&self.tasks).filter(|(_, task)| which(**task)).map(|(id, _)| id).collect();
        let most = (chosen.len() as u64).checked_sub(1)?;
        Some(TaskId(chosen[self.random.up_to(most) as usize]))
    }

    fn ends(&mut self, task: TaskId, outcome: TaskOutcome) {
        self.tasks[task.as_index()] = Task::Gone;
        self.step(MasterEvent::TaskEnded(task, outcome));
    }

    fn fault(&mut self) -> Fault {
        let severity = match self.random.up_to(30) {
            0 => Severity::FailJob,
            _ => Severity::FailTask,
        };
        // Of a job that is being canceled nobody asks.
        self.final_fault |= severity == Severity::FailJob;
        Fault { cause: "a fault".to_owned(), severity }
    }

    fn answer_of_storage(&mut self) {
        let Some(id) = self.writing.pop_front() else { return };
        if self.random.up_to(4) == 0 {
            let cause = "no space".to_owned();
            return self
                .step(MasterEvent::Checkpoint(CoordinatorEvent::MetadataFailed { id, cause }));
        }
        let kind = self.kinds[&id];
        if !kind.is_savepoint() || kind.stops_job() {
            self.latest = self.latest.max(Some(id));
        }
        let location = format!("/chk-{id}");
        let written = CoordinatorEvent::MetadataWritten { id, location, bytes: 1 };
        self.step(MasterEvent::Checkpoint(written));
    }

    fn answer_of_task(&mut self) {
        let most = (self.asked.len() as u64).checked_sub(1);
        let Some(most) = most else { return };
        let nth = self.random.up_to(most) as usize;
        let (id, task) = *self.asked.iter().nth(nth).unwrap();
        self.asked.remove(&(id, task));
        let event = match self.random.up_to(9) {
            0 => {
                let reason = DeclineReason::Failed { cause: "no space".to_owned() };
                CoordinatorEvent::Declined { id, task, reason }
            }
            _ => CoordinatorEvent::Acknowledged { id, task, snapshot: TaskSnapshot::default() },
        };
        self.step(MasterEvent::Checkpoint(event));
    }

    fn ask(&mut self) {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(request);
        let event = match self.random.up_to(2) {
            0 => CoordinatorEvent::CheckpointRequested { request, full: false },
            nth => {
                let after = [AfterSavepoint::Continue, AfterSavepoint::Suspend][nth as usize - 1];
                let target = Some("/savepoints".to_owned());
                let format = SavepointFormat::Canonical;
                let savepoint = SavepointRequest { target, format, after };
                CoordinatorEvent::SavepointRequested { request, savepoint }
            }
        };
        self.step(MasterEvent::Checkpoint(event));
    }

    fn random_step(&mut self) {
        self.now += self.random.up_to(60);
        match self.random.up_to(99) {
            0..=19 => {
                if let Some(at) = self.decisions.wakes_at() {
                    self.now = self.now.max(at.0);
                }
                self.step(MasterEvent::Tick);
            }
            20..=39 => {
                if let Some(task) = self.some_task(|task| task == Task::Deployed) {
                    self.tasks[task.as_index()] = Task::Running;
                    self.step(MasterEvent::TaskRunning(task));
                }
            }
            40..=64 => self.answer_of_task(),
            65..=74 => self.answer_of_storage(),
            75..=84 => {
                if let Some(task) = self.some_task(|task| task == Task::Canceling) {
                    self.ends(task, TaskOutcome::Canceled);
                }
            }
            85..=89 => {
                let may = |task| matches!(task, Task::Running | Task::Canceling);
                if let Some(task) = self.some_task(may) {
                    let fault = self.fault();
                    self.ends(task, TaskOutcome::Failed(fault));
                }
            }
            90..=92 if self.started && self.random.up_to(3) == 0 => {
                if let Some(task) = self.some_task(|task| task == Task::Running) {
                    self.ends(task, TaskOutcome::Finished);
                }
            }
            93..=96 => self.ask(),
            97 if self.random.up_to(9) == 0 => {
                let fault = self.fault();
                self.step(MasterEvent::Failed(fault));
            }
            98 if self.random.up_to(9) == 0 => self.step(MasterEvent::CancelRequested),
            _ => {}
        }
    }

    /// Whatever happened, a cancellation ends it, and all who asked are told.
    fn finish(&mut self) {
        self.step(MasterEvent::CancelRequested);
        while let Some(task) = self.some_task(|task| task != Task::Gone) {
            self.ends(task, TaskOutcome::Canceled);
        }
        while !self.writing.is_empty() {
            self.answer_of_storage();
        }
        assert!(self.ended.is_some(), "{:?}", self.decisions.status());
        assert_eq!(self.requests, BTreeSet::new(), "each is told");
        assert_eq!(self.decisions.coordinator().pending().count(), 0);
        assert_eq!(self.decisions.wakes_at(), None);
    }
}

#[test]
fn whatever_happens() {
    let mut ends = BTreeMap::new();
    let (mut restored, mut most) = (0, 0);
    for seed in 0..3000 {
        let mut walk = Walk::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            walk.step(MasterEvent::Submitted);
            for _ in 0..400 {
                walk.random_step();
            }
            walk.finish();
        }));
        if let Err(panic) = run {
            panic!("seed {seed}: {}", crate::worker::panic_text(panic));
        }
        *ends.entry(walk.ended.unwrap().name()).or_insert(0) += 1;
        restored += u32::from(walk.attempts > 1 && walk.latest.is_some());
        most = most.max(walk.attempts);
    }
    assert_eq!(ends.len(), 3, "{ends:?}");
    assert!(restored > 100 && most > 3, "{restored} with a checkpoint, {most} attempts at most");
}

fn running(shape: &[u32], restart: RestartSettings) -> Decisions {
    let mut decisions = decisions(config(), shape, restart);
    let _ = decisions.step(Millis(0), MasterEvent::Submitted);
    for task in 0..shape.iter().sum() {
        let _ = decisions.step(Millis(0), MasterEvent::TaskRunning(TaskId(task)));
    }
    decisions
}

fn fails(severity: Severity) -> TaskOutcome {
    TaskOutcome::Failed(Fault { cause: "a fault".to_owned(), severity })
}

#[test]
fn the_delay_begins_with_the_failure_and_ends_after_the_last_task() {
    let delay = Duration::from_millis(100);
    let restart = RestartSettings::FixedDelay { attempts: 1, delay };
    let mut job = running(&[1, 1], restart);
    let event = MasterEvent::TaskEnded(TaskId(0), fails(Severity::FailTask));
    let actions = job.step(Millis(1000), event);
    assert_eq!(actions.first(), Some(&MasterAction::CancelTasks));
    // Longer than the delay: then there is nothing left to wait for.
    let event = MasterEvent::TaskEnded(TaskId(1), TaskOutcome::Canceled);
    let actions = job.step(Millis(1150), event);
    assert!(
        matches!(actions[..], [MasterAction::Deploy { attempt: Attempt(1), .. }]),
        "{actions:?}"
    );
    let mut job = running(&[1, 1], restart);
    for task in [0, 1] {
        let event = MasterEvent::TaskEnded(TaskId(task), fails(Severity::FailTask));
        let _ = job.step(Millis(1000), event);
    }
    assert_eq!((job.status(), job.wakes_at()), (JobStatus::Restarting, Some(Millis(1100))));
    assert_eq!(job.step(Millis(1099), MasterEvent::Tick), []);
    let actions = job.step(Millis(1100), MasterEvent::Tick);
    assert!(matches!(actions[..], [MasterAction::Deploy { .. }]), "{actions:?}");
}

#[test]
fn what_fails_each_time_is_not_restarted() {
    let restart = RestartSettings::FixedDelay { attempts: 9, delay: Duration::ZERO };
    let mut job = running(&[1, 1], restart);
    // The second tells more than the first.
    for (task, severity) in [(0, Severity::FailTask), (1, Severity::FailJob)] {
        let event = MasterEvent::TaskEnded(TaskId(task), fails(severity));
        let _ = job.step(Millis(1000), event);
    }
    assert_eq!((job.status(), job.restarts()), (JobStatus::Failed, 0));
    assert_eq!(job.failures().count(), 1);
}

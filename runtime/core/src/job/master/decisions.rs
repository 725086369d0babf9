//! What a job's master decides: (state, event) -> (state, actions).
//!
//! ```text
//!                 +-> JobLife ------ AskRestart --> RestartStrategy
//!   MasterEvent --+      |  StartAll, leaves RUNNING, ends     |
//!                 |      v                                     v
//!                 +-> Coordinator -- FailJob --> JobLife    restart_at
//! ```
//!
//! Three machines that know nothing of each other, and what one means for the others: tasks that were
//! started take part in checkpoints, a job that leaves `RUNNING` takes none, too many failed
//! checkpoints fail the job, a failed job asks its strategy.
//!
//! Invariants: a strategy is asked once for each run that failed; nothing is deployed while the
//! storage is about to say whether a checkpoint exists; what comes of a failure that would come again
//! is never a restart.
//!
//! Thread: any; plain state without clock, files or randomness of its own.

use std::collections::VecDeque;
use std::time::Duration;

use brisk_memory::Severity;

use crate::{
    checkpoint::{
        Millis,
        coordinator::{
            Coordinator, CoordinatorAction, CoordinatorEvent, CoordinatorOptions, JobEnd,
            RestorePoint,
        },
        restart::{FailureVerdict, RestartSettings, RestartStrategy},
    },
    graph::{ExecutionState, JobAction, JobEvent, JobFailure, JobLife, JobStatus, TaskId},
    task::Attempt,
};

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MasterEvent {
    /// The job is to run.
    Submitted,
    /// Time went on.
    Tick,
    /// A task has its gates and waits for the start.
    TaskRunning(TaskId),
    /// A task is over.
    TaskEnded(TaskId, TaskOutcome),
    /// Something failed that is no task's fault.
    Failed(Fault),
    /// Somebody wants the job to end.
    CancelRequested,
    /// Of a checkpoint.
    Checkpoint(CoordinatorEvent),
}

/// How a task ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TaskOutcome {
    /// It sent everything.
    Finished,
    /// It was told to stop.
    Canceled,
    /// It failed.
    Failed(Fault),
}

/// Why something failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// In words.
    pub(crate) cause: String,
    /// What it costs.
    pub(crate) severity: Severity,
}

/// What is to be done now, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MasterAction {
    /// Deploy all tasks, as this attempt, from this point.
    Deploy {
        /// Counts runs of the job.
        attempt: Attempt,
        /// What its tasks are given; never undecided.
        from: RestorePoint,
    },
    /// Let all tasks go.
    StartAll,
    /// Stop all tasks.
    CancelTasks,
    /// Of a checkpoint; never `FailJob`.
    Checkpoint(CoordinatorAction),
    /// The job has ended, once its files are settled.
    Complete(JobStatus),
}

/// A run of the job that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureRecord {
    /// The run, from 0.
    pub attempt: Attempt,
    /// When its first failure was heard of.
    pub at: Millis,
    /// The first failure.
    pub cause: String,
}

/// The failures of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Failed {
    /// The first.
    at: Millis,
    /// The worst.
    severity: Severity,
}

/// The decisions of one job's master.
#[derive(Debug)]
pub(crate) struct Decisions {
    life: Option<JobLife>,
    coordinator: Coordinator,
    strategy: RestartStrategy,
    /// What the strategy made of the run's first failure.
    verdict: Option<FailureVerdict>,
    now: Millis,
    attempt: Attempt,
    failed: Option<Failed>,
    restart_at: Option<Millis>,
    failures: VecDeque<FailureRecord>,
    /// How many of them are remembered.
    failures_max: usize,
    restarts: u32,
    queue: VecDeque<Inner>,
}

/// What one machine means for another.
#[derive(Debug)]
enum Inner {
    Life(JobEvent),
    Coordinator(CoordinatorEvent),
}

impl Decisions {
    /// Of a job that was not submitted yet; so many of its failures are remembered.
    pub(crate) fn new(
        coordinator: CoordinatorOptions,
        restart: RestartSettings,
        failures_max: usize,
    ) -> Self {
        let (seed, now) = (coordinator.seed, coordinator.now);
        Self {
            life: Some(JobLife::new(coordinator.topology.task_count())),
            coordinator: Coordinator::new(coordinator),
            strategy: RestartStrategy::new(restart, seed),
            verdict: None,
            now,
            attempt: Attempt(0),
            failed: None,
            restart_at: None,
            failures: VecDeque::new(),
            failures_max,
            restarts: 0,
            queue: VecDeque::new(),
        }
    }

    /// One step.
    #[must_use = "the actions are to be carried out"]
    pub(crate) fn step(&mut self, now: Millis, event: MasterEvent) -> Vec<MasterAction> {
        self.now = self.now.max(now);
        let mut actions = Vec::new();
        match event {
            MasterEvent::Submitted => self.push(JobEvent::Submitted),
            MasterEvent::Tick => self.queue.push_back(Inner::Coordinator(CoordinatorEvent::Tick)),
            MasterEvent::TaskRunning(task) => self.push(JobEvent::TaskRunning { task }),
            MasterEvent::TaskEnded(task, outcome) => self.task_ended(task, outcome),
            MasterEvent::Failed(fault) => {
                self.note(fault.severity);
                self.push(JobEvent::JobFailed { cause: fault.cause });
            }
            MasterEvent::CancelRequested => self.push(JobEvent::CancelRequested),
            MasterEvent::Checkpoint(event) => self.queue.push_back(Inner::Coordinator(event)),
        }
        self.work_off(&mut actions);
        if self.restart_is_due() {
            self.push(JobEvent::RestartDue);
            self.work_off(&mut actions);
        }
        actions
    }

    fn push(&mut self, event: JobEvent) {
        self.queue.push_back(Inner::Life(event));
    }

    fn task_ended(&mut self, task: TaskId, outcome: TaskOutcome) {
        let event = match outcome {
            TaskOutcome::Finished => {
                let finished = CoordinatorEvent::TaskFinished { task };
                self.queue.push_back(Inner::Coordinator(finished));
                JobEvent::TaskFinished { task }
            }
            TaskOutcome::Canceled => JobEvent::TaskCanceled { task },
            TaskOutcome::Failed(Fault { cause, severity }) => {
                self.note(severity);
                JobEvent::TaskFailed { task, cause }
            }
        };
        self.push(event);
    }

    /// Keeps the worst of a run: a task that fails while it is canceled may tell more than the one
    /// that failed before it.
    fn note(&mut self, severity: Severity) {
        let worst = self.failed.map_or(severity, |failed| failed.severity.max(severity));
        let at = self.failed.map_or(self.now, |failed| failed.at);
        self.failed = Some(Failed { at, severity: worst });
    }

    fn work_off(&mut self, actions: &mut Vec<MasterAction>) {
        // Bounded: each event of one machine leads to a few of another, and none back to the first.
        while let Some(next) = self.queue.pop_front() {
            match next {
                Inner::Life(event) => self.step_life(event, actions),
                Inner::Coordinator(event) => self.step_coordinator(event, actions),
            }
        }
    }

    fn step_coordinator(&mut self, event: CoordinatorEvent, actions: &mut Vec<MasterAction>) {
        for action in self.coordinator.step(self.now, event) {
            match action {
                CoordinatorAction::FailJob { cause } => {
                    self.note(Severity::FailTask);
                    self.push(JobEvent::JobFailed { cause });
                }
                action => actions.push(MasterAction::Checkpoint(action)),
            }
        }
    }

    fn step_life(&mut self, event: JobEvent, actions: &mut Vec<MasterAction>) {
        let life = self.life.take().expect("a life is put back after each step");
        let before = life.status();
        let (life, life_actions) = life.step(event);
        let after = life.status();
        self.life = Some(life);
        let runs = |status| matches!(status, JobStatus::Created | JobStatus::Running);
        if runs(before) && matches!(after, JobStatus::Failing | JobStatus::Cancelling) {
            self.queue.push_back(Inner::Coordinator(CoordinatorEvent::Suspended));
        }
        if self.verdict.is_none() && after == JobStatus::Failing {
            self.note(Severity::Retry);
            self.verdict = Some(self.strategy.failed(self.now));
        }
        for action in life_actions {
            self.life_action(action, actions);
        }
    }

    fn life_action(&mut self, action: JobAction, actions: &mut Vec<MasterAction>) {
        match action {
            JobAction::Deploy { .. } => {
                let from = self.coordinator.restore_point();
                if let RestorePoint::Checkpoint { checkpoint, .. } = &from
                    && self.attempt != Attempt(0)
                {
                    let done = CoordinatorEvent::RestoreDone { id: checkpoint.id };
                    self.queue.push_back(Inner::Coordinator(done));
                }
                actions.push(MasterAction::Deploy { attempt: self.attempt, from });
            }
            JobAction::StartAll => {
                actions.push(MasterAction::StartAll);
                let running: Vec<TaskId> = self.running_tasks().collect();
                let started =
                    running.into_iter().map(|task| CoordinatorEvent::TaskRunning { task });
                self.queue.extend(started.map(Inner::Coordinator));
            }
            JobAction::CancelTasks { .. } => actions.push(MasterAction::CancelTasks),
            JobAction::AskRestart { failure } => self.decide_restart(failure),
            JobAction::Complete { status, .. } => {
                let end = match status {
                    JobStatus::Finished => JobEnd::Finished,
                    JobStatus::Canceled => JobEnd::Canceled,
                    _ => JobEnd::Failed,
                };
                self.queue.push_back(Inner::Coordinator(CoordinatorEvent::JobEnded { end }));
                actions.push(MasterAction::Complete(status));
            }
        }
    }

    fn running_tasks(&self) -> impl Iterator<Item = TaskId> {
        let states = self.life().tasks().iter().zip(0..);
        states.filter(|(state, _)| **state == ExecutionState::Running).map(|(_, task)| TaskId(task))
    }

    fn decide_restart(&mut self, failure: JobFailure) {
        let verdict = self.verdict.take().expect("asked when the run began to fail");
        let failed = self.failed.take().expect("noted when the run began to fail");
        if self.failures.len() == self.failures_max {
            self.failures.pop_front();
        }
        let record = FailureRecord { attempt: self.attempt, at: failed.at, cause: failure.cause };
        self.failures.push_back(record);
        let delay = match &verdict {
            _ if failed.severity >= Severity::FailJob => None,
            FailureVerdict::RestartAfter(delay) | FailureVerdict::RestartPending(delay) => {
                Some(*delay)
            }
            FailureVerdict::GiveUp { .. } => None,
        };
        match delay {
            Some(delay) => self.grant_restart(failed.at, delay),
            None => {
                self.verdict = Some(verdict);
                self.push(JobEvent::RestartRefused);
            }
        }
    }

    fn grant_restart(&mut self, failed_at: Millis, delay: Duration) {
        self.restart_at = Some(failed_at + delay);
        self.restarts = self.restarts.saturating_add(1);
        self.attempt = Attempt(self.attempt.0.saturating_add(1));
        self.push(JobEvent::RestartGranted);
    }

    /// Not while the storage is about to say whether a checkpoint exists: sinks would abort what
    /// that had committed to.
    fn restart_is_due(&self) -> bool {
        let decided = !matches!(self.coordinator.restore_point(), RestorePoint::Undecided(_));
        self.status() == JobStatus::Restarting
            && decided
            && self.restart_at.is_some_and(|at| at <= self.now)
    }

    /// The next time at which a `Tick` does something, if no other event comes before.
    pub(crate) fn wakes_at(&self) -> Option<Millis> {
        let waits = self.status() == JobStatus::Restarting;
        let restart = self.restart_at.filter(|at| waits && *at > self.now);
        self.coordinator.wakes_at().into_iter().chain(restart).min()
    }

    fn life(&self) -> &JobLife {
        self.life.as_ref().expect("a life is put back after each step")
    }

    /// Where the job stands.
    pub(crate) fn status(&self) -> JobStatus {
        self.life().status()
    }

    /// How often it was restarted.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The last runs that failed, oldest first.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &FailureRecord> {
        self.failures.iter()
    }

    /// Why a job that failed was not restarted, if a strategy said so.
    pub(crate) fn gave_up(&self) -> Option<&str> {
        match &self.verdict {
            Some(FailureVerdict::GiveUp { reason }) => Some(reason),
            _ => None,
        }
    }

    /// When checkpoints are taken, and what came of them.
    pub(crate) fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }
}

#[cfg(test)]
mod tests;

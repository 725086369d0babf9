//! The master of one job: hears of its tasks, decides by step functions, acts.
//!
//! ```text
//!   workers --Reporter--> control plane --notice--> JobMaster --MasterEvent--> Decisions
//!   workers <-------------- Control -------------------+------MasterAction---------+
//!   disk    <-- Store ---------------------------------+
//! ```
//!
//! Owns: the decisions of a job, its plans, its deployment attempt by attempt, the files of its
//! checkpoints, the answers to its users.
//!
//! Invariants: an attempt begins when each task of the one before has ended; a job is over for others
//! when its files are settled, its promise of memory is given back and its dedicated workers have
//! ended.
//!
//! Thread: the control plane's. [`JobShared`] may be looked at from any.
//!
//! Deliberately absent: threads, clocks and queues (the control plane's).

mod decisions;
mod local;
mod reporter;
mod requests;
mod restore;
mod shared;
mod store;

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use brisk_memory::driver::Instant64;

pub use decisions::FailureRecord;
pub(super) use decisions::{Decisions, MasterEvent};
use decisions::{Fault, MasterAction, TaskOutcome};
use local::LocalCopies;
pub(super) use reporter::EndedTask;
use reporter::Reporter;
pub use requests::CheckpointAnswer;
use requests::Replies;
pub(super) use requests::Reply;
pub(super) use restore::load_recovery;
use restore::restore_plans;
pub(super) use shared::{CheckpointQuestion, CurrentRun, JobShared, SharedParts};
use store::Store;

use super::{
    JobExecutionResult, JobProgram,
    control_plane::JobNotice,
    deployment::{Deployment, fresh_number},
    dispatcher::DedicatedWorker,
    result::{TaskResult, merged_accumulators},
};
use crate::{
    checkpoint::{
        CheckpointId, Millis,
        coordinator::{CoordinatorAction, CoordinatorEvent, RestorePoint, RestoreSource},
    },
    error::Error,
    graph::{ExecutionGraph, JobStatus, TaskId},
    state::Survivors,
    task::{Attempt, CheckpointEnd, OpenDisk, PlannedTask, WorkerId},
    worker::{CheckpointRun, Control, JobKey, JobRun, TaskEnd, TaskReport, WorkerHandle},
};

/// What a master is made from.
pub(super) struct MasterParts {
    pub(super) shared: Arc<JobShared>,
    pub(super) program: JobProgram,
    pub(super) execution: ExecutionGraph,
    /// The worker of each task.
    pub(super) places: Vec<WorkerId>,
    /// Workers that were started for this job alone.
    pub(super) dedicated: Vec<DedicatedWorker>,
    pub(super) buffer_timeout: Option<Duration>,
    /// What the job begins with.
    pub(super) source: Option<RestoreSource>,
    /// Kept until the job is over.
    pub(super) keep: Box<dyn Any + Send>,
}

/// The master of one job.
pub(super) struct JobMaster {
    parts: MasterParts,
    run: Option<Arc<JobRun>>,
    reports: Vec<Option<TaskReport>>,
    /// The first of the worst of this attempt.
    error: Option<Error>,
    store: Store,
    /// State in memory between two runs.
    survivors: Survivors,
    replies: Replies,
    /// How it has ended, when only its files are left.
    ended: Option<JobStatus>,
    began: Instant64,
}

impl JobMaster {
    pub(super) fn new(parts: MasterParts) -> Self {
        let settings = &parts.program.settings;
        let folders = settings.storage.folders(parts.shared.id);
        let local = settings.local.clone().map(LocalCopies::new);
        Self {
            run: None,
            reports: Vec::new(),
            error: None,
            store: Store::new(folders, local),
            survivors: Survivors::default(),
            replies: Replies::default(),
            ended: None,
            began: Instant64::from_nanos(0),
            parts,
        }
    }

    pub(super) fn shared(&self) -> &Arc<JobShared> {
        &self.parts.shared
    }

    fn name(&self) -> &str {
        &self.parts.shared.name
    }

    /// Begins to run the job.
    pub(super) fn begin(&mut self, at: Instant64, now: Millis) {
        self.began = at;
        if self.parts.program.settings.checkpoints.is_periodic() {
            self.store.prepare();
        }
        if let Some(source) = self.parts.source.take() {
            self.checkpoint(now, CoordinatorEvent::RestoredFrom { source });
        }
        self.step(now, MasterEvent::Submitted);
    }

    /// Hears of something.
    pub(super) fn hear(&mut self, now: Millis, notice: JobNotice) {
        match notice {
            JobNotice::Deployed(attempt, worker) => self.deployed(now, attempt, worker),
            JobNotice::TaskEnded(ended) => self.task_ended(now, *ended),
            JobNotice::Acknowledged { id, task, snapshot } => {
                self.checkpoint(now, CoordinatorEvent::Acknowledged { id, task, snapshot });
            }
            JobNotice::Declined { id, task, reason } => {
                self.checkpoint(now, CoordinatorEvent::Declined { id, task, reason });
            }
            JobNotice::Cancel => self.step(now, MasterEvent::CancelRequested),
            JobNotice::Ask(question, reply) => self.ask(now, question, reply),
        }
    }

    /// Lets time go on.
    pub(super) fn tick(&mut self, now: Millis) {
        self.step(now, MasterEvent::Tick);
    }

    /// When it wants to hear that time went on.
    pub(super) fn wakes_at(&self) -> Option<Millis> {
        match self.ended {
            Some(_) => None,
            None => self.shared().decisions().wakes_at(),
        }
    }

    /// Whether something is to be done to the disk.
    pub(super) fn has_work(&self) -> bool {
        !self.store.is_idle()
    }

    /// Whether there are files to be copied to where they are at hand.
    pub(super) fn has_copies_to_make(&self) -> bool {
        self.ended.is_none() && self.store.has_copies_to_make()
    }

    /// Does one thing to the disk, waiting for it.
    pub(super) fn work(&mut self, now: impl Fn() -> Millis, open_disk: &OpenDisk) {
        if let Some(event) = self.store.work(open_disk) {
            self.checkpoint(now(), event);
        }
    }

    /// Whether the job has ended and its files are settled.
    pub(super) fn is_over(&self) -> bool {
        let undecided = || {
            let point = self.shared().decisions().coordinator().restore_point();
            matches!(point, RestorePoint::Undecided(_))
        };
        self.ended.is_some() && self.store.is_idle() && !undecided()
    }

    fn ask(&mut self, now: Millis, question: CheckpointQuestion, reply: Reply) {
        let request = self.replies.add(reply);
        self.checkpoint(
            now,
            match question {
                CheckpointQuestion::Checkpoint => {
                    CoordinatorEvent::CheckpointRequested { request, full: false }
                }
                CheckpointQuestion::Savepoint(savepoint) => {
                    CoordinatorEvent::SavepointRequested { request, savepoint }
                }
            },
        );
    }

    fn deployed(&mut self, now: Millis, attempt: Attempt, worker: WorkerId) {
        assert!(self.is_current(attempt), "a worker told of {attempt:?} too late");
        let here = self.parts.places.iter().zip(0..).filter(|(place, _)| **place == worker);
        let tasks: Vec<TaskId> = here.map(|(_, task)| TaskId(task)).collect();
        for task in tasks {
            self.step(now, MasterEvent::TaskRunning(task));
        }
    }

    fn task_ended(&mut self, now: Millis, ended: EndedTask) {
        let EndedTask { attempt, task, report, end } = ended;
        assert!(self.is_current(attempt), "a task of {attempt:?} ended after its job's run");
        self.reports[task.as_index()] = Some(report);
        let outcome = match end {
            TaskEnd::Finished => TaskOutcome::Finished,
            TaskEnd::Canceled => TaskOutcome::Canceled,
            TaskEnd::Failed(error) => {
                let fault = Fault { cause: error.to_string(), severity: error.severity() };
                self.note(error);
                TaskOutcome::Failed(fault)
            }
        };
        self.step(now, MasterEvent::TaskEnded(task, outcome));
    }

    fn is_current(&self, attempt: Attempt) -> bool {
        let current = self.shared().current();
        current.plans.first().is_some_and(|plan| plan.attempt == attempt)
    }

    fn checkpoint(&mut self, now: Millis, event: CoordinatorEvent) {
        self.step(now, MasterEvent::Checkpoint(event));
    }

    fn step(&mut self, now: Millis, event: MasterEvent) {
        let (actions, under_way) = {
            let mut decisions = self.parts.shared.decisions();
            let before: Vec<CheckpointId> = decisions.coordinator().pending().collect();
            let actions = decisions.step(now, event);
            let after: Vec<CheckpointId> = decisions.coordinator().pending().collect();
            (actions, before.into_iter().filter(|id| !after.contains(id)).collect::<Vec<_>>())
        };
        for action in actions {
            self.act(now, action);
        }
        if let Some(run) = &self.run {
            under_way.into_iter().for_each(|id| run.checkpointing.end(id));
        }
    }

    fn act(&mut self, now: Millis, action: MasterAction) {
        match action {
            MasterAction::Deploy { attempt, from } => {
                if let Err(error) = self.deploy(attempt, &from) {
                    self.not_deployed(now, error);
                }
            }
            MasterAction::StartAll => self.tell_all(Control::Start),
            MasterAction::CancelTasks => {
                if let Some(run) = &self.run {
                    // Relaxed: a hint to running drives; the mail decides.
                    run.interrupt.store(true, Ordering::Relaxed);
                }
                self.tell_all(Control::Cancel);
            }
            MasterAction::Checkpoint(action) => self.act_on_checkpoint(action),
            MasterAction::Complete(status) => self.ended = Some(status),
        }
    }

    fn act_on_checkpoint(&mut self, action: CoordinatorAction) {
        match action {
            CoordinatorAction::Trigger { tasks, barrier } => {
                let Some(run) = &self.run else { return };
                let options = Arc::new(barrier);
                run.checkpointing.begin(Arc::clone(&options));
                let current = self.shared().current();
                for worker in self.workers() {
                    let here =
                        tasks.iter().filter(|task| self.parts.places[task.as_index()] == worker.id);
                    let tasks: Vec<_> =
                        here.map(|task| current.plans[task.as_index()].key).collect();
                    if !tasks.is_empty() {
                        let (job, options) = (current.key, Arc::clone(&options));
                        worker.send(Control::TriggerCheckpoint { job, options, tasks });
                    }
                }
            }
            CoordinatorAction::WriteMetadata { checkpoint, target } => {
                self.store.write(checkpoint, target);
            }
            CoordinatorAction::NotifyComplete { id, .. } => {
                self.tell_all(|job| Control::EndCheckpoint(job, CheckpointEnd::Completed(id)));
            }
            CoordinatorAction::NotifyAborted { id, .. } => {
                self.tell_all(|job| Control::EndCheckpoint(job, CheckpointEnd::Aborted(id)));
            }
            CoordinatorAction::Discard(discarded) => self.store.discard(discarded),
            CoordinatorAction::Answer { request, outcome } => self.replies.give(request, outcome),
            CoordinatorAction::FailJob { .. } => unreachable!("the decisions keep it"),
        }
    }

    fn workers(&self) -> &[WorkerHandle] {
        &self.parts.shared.workers
    }

    fn tell_all(&self, control: impl Fn(JobKey) -> Control) {
        let Some(run) = &self.run else { return };
        self.workers().iter().for_each(|worker| worker.send(control(run.key)));
    }

    fn deploy(&mut self, attempt: Attempt, from: &RestorePoint) -> Result<(), Error> {
        let MasterParts { shared, program, execution, places, buffer_timeout, .. } = &self.parts;
        let settings = &program.settings;
        self.error = None;
        let copies = match from {
            RestorePoint::Checkpoint { checkpoint, .. } => self.store.copies_of(checkpoint.id),
            RestorePoint::Beginning | RestorePoint::Undecided(_) => None,
        };
        let restores = restore_plans(program, execution, (from, copies.as_deref()))?;
        if restores.is_empty() {
            self.survivors.clear();
        }
        let deployment = Deployment {
            id: shared.id,
            attempt,
            job: &program.graph,
            graph: execution,
            factories: &program.factories,
            places,
            checkpointing: settings.checkpoints.is_periodic(),
            backend: program.backend.as_ref(),
            spill: &program.spill,
            restores: &restores,
            survivors: &self.survivors,
        };
        let tasks = deployment.tasks();
        let key = JobKey(fresh_number());
        let reporter = Reporter {
            job: shared.id,
            attempt,
            tasks: tasks.iter().zip(0..).map(|(task, id)| (task.plan.key, TaskId(id))).collect(),
            control: shared.control().clone(),
        };
        let run = Arc::new(JobRun {
            alignment: Arc::default(),
            key,
            interrupt: Arc::new(AtomicBool::new(false)),
            buffer_timeout: *buffer_timeout,
            listener: Arc::new(reporter),
            checkpointing: CheckpointRun::new(
                settings.guarantee(),
                settings.storage.destination(shared.id),
            ),
        });
        self.reports = tasks.iter().map(|_| None).collect();
        let plans = tasks.iter().map(|task| Arc::clone(&task.plan)).collect();
        shared.set_current(CurrentRun { key, plans });
        for worker in &shared.workers {
            let all = tasks.iter().zip(places);
            let here = all.filter(|(_, place)| **place == worker.id);
            let tasks: Vec<PlannedTask> = here.map(|(task, _)| task.clone()).collect();
            worker.send(Control::Deploy(Arc::clone(&run), tasks));
        }
        self.run = Some(run);
        Ok(())
    }

    /// No worker has heard of these tasks, so nobody else reports their end.
    fn not_deployed(&mut self, now: Millis, error: Error) {
        let fault = Fault { cause: error.to_string(), severity: error.severity() };
        self.note(error);
        self.step(now, MasterEvent::Failed(fault));
        for (task, _) in self.parts.execution.clone().tasks() {
            self.step(now, MasterEvent::TaskEnded(task, TaskOutcome::Canceled));
        }
    }

    /// Keeps the worst error, the first if several are as bad: a task that fails while
    /// it is being canceled may tell more than the one that failed before it.
    fn note(&mut self, error: Error) {
        let severity = error.severity();
        tracing::info!(job = self.name(), ?severity, %error, "a task has failed");
        if self.error.as_ref().is_none_or(|known| known.severity() < severity) {
            self.error = Some(error);
        }
    }

    /// Tells the world, when all that the job had is given back.
    pub(super) fn conclude(mut self, at: Instant64) {
        let status = self.ended.expect("asked before");
        let result = self.result(status, at);
        let MasterParts { shared, program, dedicated, keep, .. } = self.parts;
        for worker in &dedicated {
            worker.handle().send(Control::Shutdown);
        }
        // Their tasks are over, so their threads end at once. Copies at hand go with the store.
        self.survivors.clear();
        drop((dedicated, self.replies, self.store));
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(program)));
        if dropped.is_err() {
            tracing::error!(
                "a function of a job panicked when it was dropped, after the job's end"
            );
        }
        // Before the outcome is known, so that whoever waits for it finds all free.
        drop(keep);
        shared.outcome.set(result);
    }

    fn result(&mut self, status: JobStatus, at: Instant64) -> Result<JobExecutionResult, Error> {
        let job = self.name().to_owned();
        match (status, self.error.take()) {
            (JobStatus::Finished, None) => {}
            (JobStatus::Canceled, _) => return Err(Error::Canceled { job }),
            (_, error) => return Err(self.failure(status, error)),
        }
        let mut reports: Vec<TaskReport> =
            std::mem::take(&mut self.reports).into_iter().flatten().collect();
        let accumulators = merged_accumulators(&mut reports)?;
        let current = self.shared().current();
        let tasks = reports.into_iter().zip(current.plans.iter());
        Ok(JobExecutionResult {
            job_id: self.shared().id,
            job_name: job,
            net_runtime: at.saturating_since(self.began),
            accumulators,
            tasks: tasks.map(|(report, plan)| TaskResult::new(plan, report)).collect(),
        })
    }

    /// What a job that failed for good ends with.
    fn failure(&self, status: JobStatus, error: Option<Error>) -> Error {
        let job = self.name().to_owned();
        let decisions = self.shared().decisions();
        let cause = decisions.failures().last().map(|failure| failure.cause.clone());
        let cause = cause.unwrap_or_else(|| format!("it ended as {status}"));
        let error = error.unwrap_or_else(|| Error::Job { job: job.clone(), cause });
        match decisions.gave_up() {
            Some(reason) if decisions.restarts() > 0 => Error::RestartsUsedUp {
                job,
                restarts: decisions.restarts(),
                reason: reason.to_owned(),
                cause: Box::new(error),
            },
            _ => error,
        }
    }
}

impl fmt::Debug for JobMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobMaster").field("name", &self.name()).finish_non_exhaustive()
    }
}

//! The master of one job: hears of its tasks, decides by the step function, acts.

use brisk_network::barrier::Guarantee;
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    JobExecutionResult,
    dispatcher::DedicatedWorker,
    handle::Outcome,
    result::{TaskResult, merged_accumulators},
};
use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{DeclineReason, TaskSnapshot},
        storage::JobManagerStorage,
    },
    error::Error,
    graph::{JobAction, JobEvent, JobId, JobLife, JobStatus, TaskId},
    task::{PlannedTask, SubtaskPlan, TaskFactory, TaskKey, WorkerId},
    worker::{
        CheckpointRun, Control, JobKey, JobListener, JobRun, StateDestination, TaskEnd, TaskReport,
        WorkerHandle,
    },
};

/// What a master is made from.
pub(super) struct MasterParts {
    pub(super) key: JobKey,
    pub(super) id: JobId,
    pub(super) name: String,
    pub(super) tasks: Vec<PlannedTask>,
    /// The worker of each task.
    pub(super) places: Vec<WorkerId>,
    /// All workers that have a task.
    pub(super) workers: Vec<WorkerHandle>,
    /// Workers that were started for this job alone.
    pub(super) dedicated: Vec<DedicatedWorker>,
    pub(super) buffer_timeout: Option<Duration>,
    /// Called once, when the job is over.
    pub(super) on_end: Box<dyn FnOnce() + Send>,
}

/// The master of one job.
pub(super) struct JobMaster {
    name: String,
    id: JobId,
    key: JobKey,
    plans: Vec<Arc<SubtaskPlan>>,
    places: Vec<WorkerId>,
    workers: Vec<WorkerHandle>,
    interrupt: Arc<AtomicBool>,
    buffer_timeout: Option<Duration>,
    began: Instant,
    state: Mutex<State>,
    pub(super) outcome: Outcome,
    /// Kept until the master goes, since their threads are joined then.
    dedicated: Vec<DedicatedWorker>,
}

struct State {
    life: Option<JobLife>,
    /// How tasks are built; empty once the job is over.
    factories: Vec<TaskFactory>,
    reports: Vec<Option<TaskReport>>,
    /// The first of the worst.
    error: Option<Error>,
    on_end: Option<Box<dyn FnOnce() + Send>>,
}

impl JobMaster {
    pub(super) fn new(parts: MasterParts) -> Arc<Self> {
        let tasks = parts.tasks.len();
        let (plans, factories) =
            parts.tasks.into_iter().map(|task| (task.plan, task.factory)).unzip();
        let state = State {
            factories,
            life: Some(JobLife::new(tasks)),
            reports: (0..tasks).map(|_| None).collect(),
            error: None,
            on_end: Some(parts.on_end),
        };
        Arc::new(Self {
            name: parts.name,
            id: parts.id,
            key: parts.key,
            plans,
            places: parts.places,
            workers: parts.workers,
            interrupt: Arc::new(AtomicBool::new(false)),
            buffer_timeout: parts.buffer_timeout,
            began: Instant::now(),
            state: Mutex::new(state),
            outcome: Outcome::default(),
            dedicated: parts.dedicated,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> JobId {
        self.id
    }

    pub(super) fn key(&self) -> JobKey {
        self.key
    }

    pub(super) fn plans(&self) -> &[Arc<SubtaskPlan>] {
        &self.plans
    }

    pub(super) fn workers(&self) -> &[WorkerHandle] {
        &self.workers
    }

    pub(super) fn status(&self) -> JobStatus {
        let state = self.lock();
        state.life.as_ref().expect("a life is put back after each step").status()
    }

    pub(super) fn submit(self: &Arc<Self>) {
        self.step(&[JobEvent::Submitted]);
    }

    pub(super) fn cancel(self: &Arc<Self>) {
        self.step(&[JobEvent::CancelRequested]);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task_of(&self, key: TaskKey) -> TaskId {
        let position = self.plans.iter().position(|plan| plan.key == key);
        TaskId(position.expect("workers report on tasks they were sent") as u32)
    }

    fn step(self: &Arc<Self>, events: &[JobEvent]) {
        let mut actions = Vec::new();
        {
            let mut state = self.lock();
            for event in events {
                let life = state.life.take().expect("a life is put back after each step");
                let (life, mut more) = life.step(event.clone());
                state.life = Some(life);
                actions.append(&mut more);
            }
        }
        actions.into_iter().for_each(|action| self.act(action));
    }

    fn act(self: &Arc<Self>, action: JobAction) {
        match action {
            JobAction::Deploy { .. } => self.deploy(),
            JobAction::StartAll => self.tell_all(|| Control::Start(self.key)),
            JobAction::CancelTasks { .. } => {
                // Relaxed: a hint to running drives; the mail decides.
                self.interrupt.store(true, Ordering::Relaxed);
                self.tell_all(|| Control::Cancel(self.key));
            }
            JobAction::Complete { status, .. } => self.complete(status),
        }
    }

    fn tell_all(&self, control: impl Fn() -> Control) {
        self.workers.iter().for_each(|worker| worker.send(control()));
    }

    fn deploy(self: &Arc<Self>) {
        let run = Arc::new(JobRun {
            key: self.key,
            interrupt: Arc::clone(&self.interrupt),
            buffer_timeout: self.buffer_timeout,
            listener: Arc::new(Arc::clone(self)),
            checkpointing: CheckpointRun::new(
                Guarantee::ExactlyOnce,
                StateDestination::Inline(JobManagerStorage::default()),
            ),
        });
        for worker in &self.workers {
            let factories = self.lock().factories.clone();
            let all = self.plans.iter().zip(factories).zip(&self.places);
            let here = all.filter(|(_, place)| **place == worker.id);
            let tasks = here
                .map(|((plan, factory), _)| PlannedTask { plan: Arc::clone(plan), factory })
                .collect();
            worker.send(Control::Deploy(Arc::clone(&run), tasks));
        }
    }

    fn complete(&self, status: JobStatus) {
        let (reports, error, on_end) = {
            let mut state = self.lock();
            let reports = std::mem::take(&mut state.reports);
            state.factories.clear();
            (reports, state.error.take(), state.on_end.take())
        };
        // Before the outcome is known, so that whoever waits for it finds all free.
        if let Some(on_end) = on_end {
            on_end();
        }
        for worker in &self.dedicated {
            worker.handle().send(Control::Shutdown);
        }
        let result = match (status, error) {
            (JobStatus::Finished, None) => self.result(reports),
            (JobStatus::Canceled, _) => Err(Error::Canceled { job: self.name.clone() }),
            (_, Some(error)) => Err(error),
            (status, None) => Err(Error::Program(format!("job '{}' ended as {status}", self.name))),
        };
        self.outcome.set(result);
    }

    /// Keeps the worst error, the first if several are as bad: a task that fails while
    /// it is being canceled may tell more than the one that failed before it.
    fn note(&self, error: Error) {
        let severity = error.severity();
        tracing::info!(job = self.name, ?severity, %error, "a task has failed");
        let mut state = self.lock();
        if state.error.as_ref().is_none_or(|known| known.severity() < severity) {
            state.error = Some(error);
        }
    }

    fn result(&self, reports: Vec<Option<TaskReport>>) -> Result<JobExecutionResult, Error> {
        let mut reports: Vec<TaskReport> = reports.into_iter().flatten().collect();
        let accumulators = merged_accumulators(&mut reports)?;
        let tasks = reports.into_iter().zip(&self.plans);
        Ok(JobExecutionResult {
            job_id: self.id,
            job_name: self.name.clone(),
            net_runtime: self.began.elapsed(),
            accumulators,
            tasks: tasks.map(|(report, plan)| TaskResult::new(plan, report)).collect(),
        })
    }
}

impl JobListener for Arc<JobMaster> {
    fn deployed(&self, worker: WorkerId) {
        let here = self.places.iter().enumerate().filter(|(_, place)| **place == worker);
        let events: Vec<JobEvent> =
            here.map(|(task, _)| JobEvent::TaskRunning { task: TaskId(task as u32) }).collect();
        self.step(&events);
    }

    fn task_ended(&self, report: TaskReport, end: TaskEnd) {
        let task = self.task_of(report.key);
        self.lock().reports[task.as_index()] = Some(report);
        let event = match end {
            TaskEnd::Finished => JobEvent::TaskFinished { task },
            TaskEnd::Canceled => JobEvent::TaskCanceled { task },
            TaskEnd::Failed(error) => {
                let cause = error.to_string();
                self.note(error);
                JobEvent::TaskFailed { task, cause }
            }
        };
        self.step(&[event]);
    }

    fn snapshot_acknowledged(&self, _: TaskKey, _: CheckpointId, _: TaskSnapshot) {
        unreachable!("no checkpoint is triggered yet");
    }

    fn snapshot_declined(&self, _: TaskKey, _: CheckpointId, _: DeclineReason) {
        unreachable!("no checkpoint is triggered yet");
    }
}

impl fmt::Debug for JobMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobMaster").field("name", &self.name).finish_non_exhaustive()
    }
}

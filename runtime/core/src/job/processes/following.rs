//! A job whose master is in another process: what runs here of it.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    DeployOrder, Order, ProcessIndex, Report,
    message::{JobOver, SentEnd, SentError, TaskReportBody},
    others::fingerprint,
    thread::GroupSender,
};
use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{DeclineReason, RestorePoint, TaskSnapshot},
        metadata,
    },
    error::Error,
    graph::{ExecutionGraph, JobId, TaskId},
    job::{
        JobExecutionResult, JobProgram,
        deployment::{Deployed, Places, Run},
        dispatcher::{Promise, Promises},
        master::{CurrentRun, JobShared, restore_plans},
    },
    state::Survivors,
    task::{Attempt, CheckpointEnd, TaskKey, WorkerId},
    worker::{Control, JobListener, JobRun, TaskEnd, TaskReport, empty_report},
};

/// What a followed job is made from.
pub(in crate::job) struct FollowedParts {
    pub(in crate::job) shared: Arc<JobShared>,
    pub(in crate::job) program: JobProgram,
    pub(in crate::job) execution: ExecutionGraph,
    pub(in crate::job) buffer_timeout: Option<Duration>,
    pub(in crate::job) promises: Promises,
    pub(in crate::job) group: GroupSender,
    /// Kept until the job is over.
    pub(in crate::job) keep: Box<dyn Any + Send>,
}

/// A job that is led elsewhere.
pub(in crate::job) struct FollowedJob {
    parts: FollowedParts,
    run: Option<Arc<JobRun>>,
    attempt: Attempt,
    promise: Option<Promise>,
    /// What outlives runs in memory, here.
    survivors: Survivors,
    /// The tasks of this run that are here.
    here: Vec<(TaskId, WorkerId)>,
    /// How many of them have not ended.
    running: usize,
    /// Why nobody leads it any more.
    lost: Option<Error>,
    /// How it has ended, when it has.
    result: Option<Result<JobExecutionResult, Error>>,
}

impl FollowedJob {
    pub(in crate::job) fn new(parts: FollowedParts) -> Self {
        Self {
            parts,
            run: None,
            attempt: Attempt(0),
            promise: None,
            survivors: Survivors::default(),
            here: Vec::new(),
            running: 0,
            lost: None,
            result: None,
        }
    }

    pub(super) fn id(&self) -> JobId {
        self.parts.shared.id
    }

    pub(super) fn name(&self) -> &str {
        &self.parts.shared.name
    }

    /// Does what it is told; true when the job has ended.
    pub(super) fn obey(&mut self, order: Order, leader: std::net::SocketAddr) -> bool {
        match order {
            Order::Deploy(order) => self.deploy(order),
            Order::Start => self.tell_workers(Control::Start),
            Order::Cancel => self.cancel(),
            Order::Prepare(options) => {
                let Some(run) = &self.run else { return false };
                let (id, ready) = (options.id, !run.is_recovering());
                run.checkpointing.begin(Arc::new(options));
                self.report(Report::Prepared { id, ready });
            }
            Order::Trigger { id, tasks } => self.trigger(id, &tasks),
            Order::EndCheckpoint(end) => {
                let (CheckpointEnd::Completed(id) | CheckpointEnd::Aborted(id)) = end;
                if let Some(run) = &self.run {
                    run.checkpointing.end(id);
                }
                self.tell_workers(|job| Control::EndCheckpoint(job, end));
            }
            Order::Finished(runtime, reports) => {
                self.conclude(|shared| finished(shared, runtime, reports));
                return true;
            }
            Order::Over(over) => {
                self.conclude(|shared| Err(ended(shared, over, leader)));
                return true;
            }
        }
        false
    }

    /// Takes note of what is reported of it here; true when it has ended.
    pub(super) fn note(&mut self, report: &Report) -> bool {
        if matches!(report, Report::TaskEnded { attempt, .. } if *attempt == self.attempt) {
            self.running -= 1;
        }
        self.end_if_lost()
    }

    /// Nobody leads it any more: what is here of it ends; true when that is over.
    pub(super) fn lose(&mut self, error: Error) -> bool {
        self.lost = Some(error);
        self.cancel();
        self.end_if_lost()
    }

    fn end_if_lost(&mut self) -> bool {
        if self.running > 0 {
            return false;
        }
        let Some(error) = self.lost.take() else { return false };
        self.conclude(|_| Err(error));
        true
    }

    fn report(&self, report: Report) {
        self.parts.group.report(self.id(), report);
    }

    fn tell_workers(&self, control: impl Fn(crate::worker::JobKey) -> Control) {
        let Some(run) = &self.run else { return };
        self.parts.shared.workers.iter().for_each(|worker| worker.send(control(run.key)));
    }

    fn cancel(&mut self) {
        if let Some(run) = &self.run {
            // Relaxed: a hint to running drives; the mail decides.
            run.interrupt.store(true, Ordering::Relaxed);
        }
        self.tell_workers(Control::Cancel);
    }

    fn trigger(&self, id: CheckpointId, tasks: &[TaskId]) {
        let Some(run) = &self.run else { return };
        let Some(options) = run.checkpointing.options(id) else { return };
        let current = self.parts.shared.current();
        for worker in &self.parts.shared.workers {
            let here = self.here.iter().filter(|(_, place)| *place == worker.id);
            let wanted = here.filter(|(task, _)| tasks.contains(task));
            let tasks: Vec<TaskKey> =
                wanted.map(|(task, _)| current.plans[task.as_index()].key).collect();
            if !tasks.is_empty() {
                let (job, options) = (run.key, Arc::clone(&options));
                worker.send(Control::TriggerCheckpoint { job, options, tasks });
            }
        }
    }

    fn deploy(&mut self, order: DeployOrder) {
        self.attempt = order.attempt;
        self.promise = None;
        let places = self.places(&order);
        let tasks = (0..).map(TaskId).zip(&places.workers);
        let here = tasks.filter(|(task, _)| places.elsewhere(*task).is_none());
        self.here = here.map(|(task, worker)| (task, *worker)).collect();
        self.running = self.here.len();
        if let Err(error) = self.run_tasks(&order, &places) {
            let sent = SentError { severity: error.severity(), text: error.to_string() };
            for (task, _) in self.here.clone() {
                let (attempt, end) = (self.attempt, SentEnd::Failed(sent.clone()));
                let body = TaskReportBody::from(empty_report(TaskKey(0)));
                self.report(Report::TaskEnded { attempt, task, body, end });
            }
        }
    }

    fn places(&self, order: &DeployOrder) -> Places {
        let own = self.parts.group.index();
        let elsewhere: BTreeMap<_, _> = order
            .places
            .iter()
            .copied()
            .filter(|(worker, _)| ProcessIndex::of(*worker) != own)
            .collect();
        let workers = order.places.iter().map(|(worker, _)| *worker).collect();
        Places { workers, elsewhere }
    }

    fn run_tasks(&mut self, order: &DeployOrder, places: &Places) -> Result<(), Error> {
        let FollowedParts { shared, program, execution, buffer_timeout, .. } = &self.parts;
        let job = || shared.name.clone();
        if order.fingerprint != fingerprint(&program.graph)
            || places.workers.len() != execution.task_count()
        {
            let cause = "this process has built another graph than the first one: start all with \
                         the same program and the same arguments";
            let what = format!("taking part in job '{}'", job());
            return Err(Error::Processes { what, cause: cause.to_owned() });
        }
        let from = match &order.from {
            None => RestorePoint::Beginning,
            Some((bytes, location)) => {
                let checkpoint = metadata::decode(Path::new(location), bytes);
                let checkpoint = checkpoint.map_err(|cause| Error::Recovery {
                    job: job(),
                    path: location.clone(),
                    cause: Box::new(cause),
                })?;
                let checkpoint = Arc::new(checkpoint);
                RestorePoint::Checkpoint { checkpoint, location: location.clone() }
            }
        };
        let restores = restore_plans(program, execution, (&from, None))?;
        if restores.is_empty() {
            self.survivors.clear();
        }
        self.promise = Some(self.parts.promises.make(&program.graph, execution, places)?);
        let run = Run {
            id: shared.id,
            attempt: self.attempt,
            program,
            execution,
            places,
            restores: &restores,
            survivors: &self.survivors,
            buffer_timeout: *buffer_timeout,
        };
        let Deployed { run, tasks } = run.prepare(|tasks| {
            let keys = tasks.iter().zip(0..).map(|(task, id)| (task.plan.key, TaskId(id)));
            Arc::new(Reporter {
                job: shared.id,
                attempt: order.attempt,
                tasks: keys.collect(),
                group: self.parts.group.clone(),
            })
        });
        let plans = tasks.iter().map(|task| Arc::clone(&task.plan)).collect();
        shared.set_current(CurrentRun { key: run.key, plans });
        for worker in &shared.workers {
            let here = self.here.iter().filter(|(_, place)| *place == worker.id);
            let here: Vec<_> = here.map(|(task, _)| tasks[task.as_index()].clone()).collect();
            if !here.is_empty() {
                worker.send(Control::Deploy(Arc::clone(&run), here));
            }
        }
        self.run = Some(run);
        Ok(())
    }

    fn conclude(&mut self, result: impl FnOnce(&JobShared) -> Result<JobExecutionResult, Error>) {
        self.run = None;
        self.survivors.clear();
        self.promise = None;
        self.result = Some(result(&self.parts.shared));
    }

    /// The job has ended: gives back all that it had, and then tells the world.
    pub(super) fn finish(self) {
        let FollowedParts { shared, program, keep, .. } = self.parts;
        if catch_unwind(AssertUnwindSafe(move || drop(program))).is_err() {
            tracing::error!(
                "a function of a job panicked when it was dropped, after the job's end"
            );
        }
        drop(keep);
        shared.outcome.set(self.result.expect("asked when it had ended"));
    }
}

fn finished(
    shared: &JobShared,
    runtime: Duration,
    reports: Vec<TaskReportBody>,
) -> Result<JobExecutionResult, Error> {
    let current = shared.current();
    let reports = reports.into_iter().zip(current.plans.iter()).map(|(body, plan)| TaskReport {
        key: plan.key,
        counts: body.counts,
        times: body.times,
        accumulators: body.accumulators,
    });
    JobExecutionResult::of(shared, runtime, reports.collect())
}

fn ended(shared: &JobShared, over: JobOver, leader: std::net::SocketAddr) -> Error {
    match over {
        JobOver::Canceled => Error::Canceled { job: shared.name.clone() },
        JobOver::Failed(SentError { severity, text }) => Error::Elsewhere {
            process: ProcessIndex::LEADER.0,
            address: leader,
            severity,
            cause: text,
        },
    }
}

impl fmt::Debug for FollowedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedJob").field("name", &self.parts.shared.name).finish_non_exhaustive()
    }
}

/// The listener of one run; called on worker threads, it only passes on.
struct Reporter {
    job: JobId,
    attempt: Attempt,
    tasks: HashMap<TaskKey, TaskId>,
    group: GroupSender,
}

impl Reporter {
    fn task(&self, key: TaskKey) -> TaskId {
        *self.tasks.get(&key).expect("workers report on tasks they were sent")
    }

    fn report(&self, report: Report) {
        self.group.report(self.job, report);
    }
}

impl JobListener for Reporter {
    fn deployed(&self, worker: WorkerId) {
        self.report(Report::Deployed(self.attempt, worker));
    }

    fn task_ended(&self, report: TaskReport, end: TaskEnd) {
        let (attempt, task) = (self.attempt, self.task(report.key));
        let end = match end {
            TaskEnd::Finished => SentEnd::Finished,
            TaskEnd::Canceled => SentEnd::Canceled,
            TaskEnd::Failed(error) => {
                SentEnd::Failed(SentError { severity: error.severity(), text: error.to_string() })
            }
        };
        self.report(Report::TaskEnded { attempt, task, body: report.into(), end });
    }

    fn snapshot_acknowledged(&self, task: TaskKey, id: CheckpointId, snapshot: TaskSnapshot) {
        let task = self.task(task);
        self.report(Report::Acknowledged { id, task, snapshot });
    }

    fn snapshot_declined(&self, task: TaskKey, id: CheckpointId, reason: DeclineReason) {
        let task = self.task(task);
        self.report(Report::Declined { id, task, reason });
    }
}

//! The handle of a submitted job.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, mpsc},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{
    CheckpointAnswer, FailureRecord, JobExecutionResult, TaskResult,
    control_plane::JobNotice,
    master::{CheckpointQuestion, JobShared},
};
use crate::{
    checkpoint::{
        AfterSavepoint, SavepointFormat,
        coordinator::SavepointRequest,
        statistics::{CheckpointingStatistics, Stats},
    },
    error::Error,
    graph::{JobId, JobStatus},
    worker::Control,
};

/// How a job stops with a savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// It can go on from the savepoint as if it had never stopped.
    Suspend,
    /// For good: time runs out before the savepoint, so that all windows and timers fire.
    Drain,
}

/// A submitted job: its status, its end, the way to cancel it. Dropping the handle
/// leaves the job running.
///
/// As a future it resolves to the job's result.
pub struct JobHandle {
    job: Arc<JobShared>,
}

impl JobHandle {
    pub(super) fn new(job: Arc<JobShared>) -> Self {
        Self { job }
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        &self.job.name
    }

    /// The job's id.
    pub fn job_id(&self) -> JobId {
        self.job.id
    }

    /// Where the job stands.
    pub fn status(&self) -> JobStatus {
        self.job.status()
    }

    /// Whether the job's result is there.
    pub fn is_over(&self) -> bool {
        self.job.outcome.is_set()
    }

    /// Asks the job to stop; returns at once. The result tells when it has.
    pub fn cancel(&self) {
        self.job.notify(JobNotice::Cancel);
    }

    /// Asks for a checkpoint, besides those that are taken by themselves.
    pub fn trigger_checkpoint(&self) -> CheckpointAnswer {
        self.job.ask(CheckpointQuestion::Checkpoint)
    }

    /// Asks for a savepoint.
    pub fn trigger_savepoint(&self, savepoint: SavepointRequest) -> CheckpointAnswer {
        self.job.ask(CheckpointQuestion::Savepoint(savepoint))
    }

    /// Asks the job to stop with a savepoint below the folder `target`, or below
    /// `execution.checkpointing.savepoint-dir`. The job then finishes; if the savepoint does not come
    /// about, it fails and goes on as its restart strategy says.
    pub fn stop_with_savepoint(&self, target: Option<&str>, stop: Stop) -> CheckpointAnswer {
        self.trigger_savepoint(SavepointRequest {
            target: target.map(str::to_owned),
            format: SavepointFormat::Canonical,
            after: match stop {
                Stop::Suspend => AfterSavepoint::Suspend,
                Stop::Drain => AfterSavepoint::Drain,
            },
        })
    }

    /// What was counted and measured of the job's checkpoints so far, as
    /// `GET /jobs/:jobid/checkpoints` shows it.
    pub fn checkpoint_statistics(&self) -> CheckpointingStatistics {
        self.job.decisions().coordinator().statistics().overview()
    }

    /// How long records waited for snapshots, in nanoseconds.
    pub fn snapshot_pauses(&self) -> Stats {
        self.job.decisions().coordinator().statistics().snapshot_pauses()
    }

    /// How often the job was restarted.
    pub fn restarts(&self) -> u32 {
        self.job.decisions().restarts()
    }

    /// The last runs of the job that failed, oldest first; 16 at most.
    pub fn failures(&self) -> Vec<FailureRecord> {
        self.job.decisions().failures().cloned().collect()
    }

    /// Waits for the end of the job, blocking this thread.
    ///
    /// # Errors
    /// If the job failed or was canceled.
    pub fn wait(self) -> Result<JobExecutionResult, Error> {
        self.job.outcome.wait(None).expect("without a limit the wait ends with a result")
    }

    /// Waits for the end of the job, blocking this thread, but not longer than
    /// `limit`; then the handle comes back.
    ///
    /// # Errors
    /// The handle, if the job still runs; else as [`JobHandle::wait`].
    pub fn wait_for(self, limit: Duration) -> Result<Result<JobExecutionResult, Error>, JobHandle> {
        // A limit beyond what the clock can count is none.
        match self.job.outcome.wait(Instant::now().checked_add(limit)) {
            Some(result) => Ok(result),
            None => Err(self),
        }
    }

    /// What each task has done so far; tasks that ended are left out.
    pub fn tasks(&self) -> Vec<TaskResult> {
        let (sender, receiver) = mpsc::channel();
        let current = self.job.current();
        for worker in &self.job.workers {
            worker.send(Control::Inspect(current.key, sender.clone()));
        }
        drop(sender);
        // Ends when the last worker has answered, or was shut down, and dropped its sender.
        let reports = receiver.into_iter().filter_map(|report| {
            let plan = current.plans.iter().find(|plan| plan.key == report.key)?;
            Some(TaskResult::new(plan, report))
        });
        reports.collect()
    }
}

impl Future for JobHandle {
    type Output = Result<JobExecutionResult, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.job.outcome.poll(context.waker())
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

//! The handle of a submitted job.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{JobExecutionResult, TaskResult, master::JobMaster};
use crate::{
    error::Error,
    graph::{JobId, JobStatus},
    worker::Control,
};

/// Where a job's result is put, and where one waits for it.
#[derive(Default)]
pub(super) struct Outcome {
    state: Mutex<OutcomeState>,
    changed: Condvar,
}

#[derive(Default)]
struct OutcomeState {
    result: Option<Result<JobExecutionResult, Error>>,
    is_set: bool,
    wakers: Vec<Waker>,
}

impl Outcome {
    pub(super) fn set(&self, result: Result<JobExecutionResult, Error>) {
        let wakers = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(!state.is_set, "a job ends once");
            state.result = Some(result);
            state.is_set = true;
            std::mem::take(&mut state.wakers)
        };
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn is_set(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_set
    }

    fn wait(&self, until: Option<Instant>) -> Option<Result<JobExecutionResult, Error>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.is_set {
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(state.result.take().expect("a handle's result is taken once"))
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<JobExecutionResult, Error>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_set {
            return Poll::Ready(state.result.take().expect("a handle's result is taken once"));
        }
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

/// A submitted job: its status, its end, the way to cancel it. Dropping the handle
/// leaves the job running.
///
/// As a future it resolves to the job's result.
pub struct JobHandle {
    master: Arc<JobMaster>,
}

impl JobHandle {
    pub(super) fn new(master: Arc<JobMaster>) -> Self {
        Self { master }
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        self.master.name()
    }

    /// The job's id.
    pub fn job_id(&self) -> JobId {
        self.master.id()
    }

    /// Where the job stands.
    pub fn status(&self) -> JobStatus {
        self.master.status()
    }

    /// Whether the job's result is there.
    pub(super) fn is_over(&self) -> bool {
        self.master.outcome.is_set()
    }

    /// Asks the job to stop; returns at once. The result tells when it has.
    pub fn cancel(&self) {
        self.master.cancel();
    }

    /// Waits for the end of the job, blocking this thread.
    ///
    /// # Errors
    /// If the job failed or was canceled.
    pub fn wait(self) -> Result<JobExecutionResult, Error> {
        self.master.outcome.wait(None).expect("without a limit the wait ends with a result")
    }

    /// Waits for the end of the job, blocking this thread, but not longer than
    /// `limit`; then the handle comes back.
    ///
    /// # Errors
    /// The handle, if the job still runs; else as [`JobHandle::wait`].
    pub fn wait_for(self, limit: Duration) -> Result<Result<JobExecutionResult, Error>, JobHandle> {
        // A limit beyond what the clock can count is none.
        match self.master.outcome.wait(Instant::now().checked_add(limit)) {
            Some(result) => Ok(result),
            None => Err(self),
        }
    }

    /// What each task has done so far; tasks that ended are left out.
    pub fn tasks(&self) -> Vec<TaskResult> {
        let (sender, receiver) = mpsc::channel();
        for worker in self.master.workers() {
            worker.send(Control::Inspect(self.master.key(), sender.clone()));
        }
        drop(sender);
        // Ends when the last worker has answered, or was shut down, and dropped its sender.
        let reports = receiver.into_iter().filter_map(|report| {
            let plan = self.master.plans().iter().find(|plan| plan.key == report.key)?;
            Some(TaskResult::new(plan, report))
        });
        reports.collect()
    }
}

impl Future for JobHandle {
    type Output = Result<JobExecutionResult, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.master.outcome.poll(context.waker())
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

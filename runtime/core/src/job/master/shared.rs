//! What handles of a job may see of its master, from any thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{decisions::Decisions, requests::CheckpointAnswer};
use crate::{
    error::Error,
    graph::{JobId, JobStatus},
    job::{
        JobExecutionResult,
        control_plane::{ControlSender, JobNotice},
        outcome::Outcome,
    },
    task::SubtaskPlan,
    worker::{JobKey, WorkerHandle},
};

/// A job, seen from outside.
pub(crate) struct JobShared {
    pub(crate) name: String,
    pub(crate) id: JobId,
    /// Its workers, the same for all attempts.
    pub(crate) workers: Vec<WorkerHandle>,
    pub(crate) outcome: Outcome<Result<JobExecutionResult, Error>>,
    control: ControlSender,
    /// Locked for one step or one look at a time.
    decisions: Mutex<Decisions>,
    current: Mutex<CurrentRun>,
}

/// The attempt that runs now, or ran last.
#[derive(Clone)]
pub(crate) struct CurrentRun {
    pub(crate) key: JobKey,
    pub(crate) plans: Arc<[Arc<SubtaskPlan>]>,
}

/// What [`JobShared::new`] needs.
pub(crate) struct SharedParts {
    pub(crate) name: String,
    pub(crate) id: JobId,
    pub(crate) workers: Vec<WorkerHandle>,
    pub(crate) control: ControlSender,
    pub(crate) decisions: Decisions,
    pub(crate) current: CurrentRun,
}

impl JobShared {
    pub(crate) fn new(parts: SharedParts) -> Self {
        let SharedParts { name, id, workers, control, decisions, current } = parts;
        Self {
            name,
            id,
            workers,
            outcome: Outcome::default(),
            control,
            decisions: Mutex::new(decisions),
            current: Mutex::new(current),
        }
    }

    pub(crate) fn decisions(&self) -> MutexGuard<'_, Decisions> {
        self.decisions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> JobStatus {
        self.decisions().status()
    }

    pub(crate) fn current(&self) -> CurrentRun {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_current(&self, run: CurrentRun) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = run;
    }

    /// Tells the master, which hears it when its turn comes.
    pub(crate) fn notify(&self, notice: JobNotice) {
        self.control.notify(self.id, notice);
    }

    pub(super) fn control(&self) -> &ControlSender {
        &self.control
    }
}

/// A question to the master, whose answer comes to `answer`.
pub(crate) enum CheckpointQuestion {
    /// A checkpoint.
    Checkpoint,
    /// A savepoint.
    Savepoint(crate::checkpoint::coordinator::SavepointRequest),
}

impl JobShared {
    /// Asks for a checkpoint or a savepoint.
    pub(crate) fn ask(&self, question: CheckpointQuestion) -> CheckpointAnswer {
        let (answer, reply) = CheckpointAnswer::new(&self.name);
        self.notify(JobNotice::Ask(question, reply));
        answer
    }
}

//! Notices to the control plane, in order.

use brisk_memory::driver::Doorbell;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{DeclineReason, TaskSnapshot},
    },
    graph::{JobId, TaskId},
    job::master::{CheckpointQuestion, EndedTask, JobMaster, ProcessLost, Reply},
    task::{Attempt, WorkerId},
};

/// What a master hears.
pub(crate) enum JobNotice {
    /// A worker has made room for its tasks.
    Deployed(Attempt, WorkerId),
    /// A task is over.
    TaskEnded(Box<EndedTask>),
    /// A task has its part of a checkpoint in a safe place.
    Acknowledged {
        /// The checkpoint.
        id: CheckpointId,
        /// The task.
        task: TaskId,
        /// Its part.
        snapshot: TaskSnapshot,
    },
    /// A task can't take part in a checkpoint.
    Declined {
        /// The checkpoint.
        id: CheckpointId,
        /// The task.
        task: TaskId,
        /// Why.
        reason: DeclineReason,
    },
    /// Another process knows of a checkpoint to come.
    Prepared {
        /// The checkpoint.
        id: CheckpointId,
        /// Whether its tasks can take part.
        ready: bool,
    },
    /// Another process is gone.
    ProcessLost(ProcessLost),
    /// Somebody wants the job to end.
    Cancel,
    /// Somebody wants a checkpoint or a savepoint.
    Ask(CheckpointQuestion, Reply),
}

/// What the plane hears.
pub(super) enum Notice {
    /// Run this job.
    Adopt(Box<JobMaster>),
    /// Of a job; one that is over hears nothing.
    Of(JobId, JobNotice),
    /// Of all jobs.
    ProcessLost(ProcessLost),
    /// End the thread.
    Shutdown,
}

/// Reaches the control plane from any thread; never blocks for longer than a push.
#[derive(Clone)]
pub(crate) struct ControlSender {
    notices: Arc<Mutex<VecDeque<Notice>>>,
    doorbell: Doorbell,
}

impl ControlSender {
    pub(super) fn new(doorbell: Doorbell) -> Self {
        Self { notices: Arc::default(), doorbell }
    }

    fn push(&self, notice: Notice) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push_back(notice);
        self.doorbell.ring();
    }

    /// Has a job run.
    pub(crate) fn adopt(&self, master: JobMaster) {
        self.push(Notice::Adopt(Box::new(master)));
    }

    /// Tells the master of a job.
    pub(crate) fn notify(&self, job: JobId, notice: JobNotice) {
        self.push(Notice::Of(job, notice));
    }

    /// Tells the masters of all jobs.
    pub(crate) fn process_lost(&self, lost: ProcessLost) {
        self.push(Notice::ProcessLost(lost));
    }

    pub(super) fn shut_down(&self) {
        self.push(Notice::Shutdown);
    }

    /// All notices so far.
    pub(super) fn take(&self) -> VecDeque<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for ControlSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSender").finish_non_exhaustive()
    }
}

//! The listener of one attempt: what workers say becomes events of the control plane.

use std::collections::HashMap;

use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{DeclineReason, TaskSnapshot},
    },
    graph::{JobId, TaskId},
    job::control_plane::{ControlSender, JobNotice},
    task::{Attempt, TaskKey, WorkerId},
    worker::{JobListener, TaskEnd, TaskReport},
};

/// Called on worker threads; it only passes on.
pub(super) struct Reporter {
    pub(super) job: JobId,
    pub(super) attempt: Attempt,
    pub(super) tasks: HashMap<TaskKey, TaskId>,
    pub(super) control: ControlSender,
}

impl Reporter {
    fn task(&self, key: TaskKey) -> TaskId {
        *self.tasks.get(&key).expect("workers report on tasks they were sent")
    }

    fn notify(&self, notice: JobNotice) {
        self.control.notify(self.job, notice);
    }
}

impl JobListener for Reporter {
    fn deployed(&self, worker: WorkerId) {
        self.notify(JobNotice::Deployed(self.attempt, worker));
    }

    fn task_ended(&self, report: TaskReport, end: TaskEnd) {
        let task = self.task(report.key);
        let attempt = self.attempt;
        self.notify(JobNotice::TaskEnded(Box::new(EndedTask { attempt, task, report, end })));
    }

    fn snapshot_acknowledged(&self, task: TaskKey, id: CheckpointId, snapshot: TaskSnapshot) {
        let task = self.task(task);
        self.notify(JobNotice::Acknowledged { id, task, snapshot });
    }

    fn snapshot_declined(&self, task: TaskKey, id: CheckpointId, reason: DeclineReason) {
        let task = self.task(task);
        self.notify(JobNotice::Declined { id, task, reason });
    }
}

/// A task that is over, and how.
#[derive(Debug)]
pub(crate) struct EndedTask {
    pub(crate) attempt: Attempt,
    pub(crate) task: TaskId,
    pub(crate) report: TaskReport,
    pub(crate) end: TaskEnd,
}

//! Why checkpoints fail, and which failures count against the job.

use std::collections::BTreeSet;

use crate::checkpoint::CheckpointId;

/// Why a checkpoint did not come about. The words are those that Flink's users know.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum FailureReason {
    /// Some task isn't there yet, or no longer.
    #[error("Not all required tasks are currently running: {task}")]
    NotAllTasksRunning {
        /// The first that doesn't.
        task: String,
    },
    /// Requests were queued faster than they could be met.
    #[error("The maximum number of queued checkpoint requests exceeded: {0} are waiting")]
    TooManyRequests(usize),
    /// A savepoint needs a folder.
    #[error(
        "No savepoint directory is given and none is configured; give one, or set \
         execution.checkpointing.savepoint-dir"
    )]
    NoSavepointDirectory,
    /// The job is being stopped by another savepoint.
    #[error("The job is already being stopped with savepoint {0}")]
    AlreadyStopping(CheckpointId),
    /// It took too long.
    #[error("Checkpoint expired before completing: {missing} of {total} tasks did not acknowledge")]
    Expired {
        /// Tasks that are missing.
        missing: usize,
        /// Tasks that took part.
        total: usize,
    },
    /// A newer one completed first.
    #[error("Checkpoint has been subsumed by checkpoint {0}")]
    Subsumed(CheckpointId),
    /// A task could not take or write its state.
    #[error("Checkpoint was declined by {task}: {cause}")]
    Declined {
        /// Its name.
        task: String,
        /// Why.
        cause: String,
    },
    /// A task could not take part, for no fault of its own.
    #[error("Checkpoint was declined by {task}: {cause}")]
    NotTaken {
        /// Its name.
        task: String,
        /// Why.
        cause: &'static str,
    },
    /// The storage refused the metadata.
    #[error("Failure to finalize checkpoint: {cause}")]
    Finalize {
        /// Why.
        cause: String,
    },
    /// Union state of tasks that have finished is missing.
    #[error(
        "operator {operator} has union list state, and some of its subtasks have finished: their \
         part is missing"
    )]
    PartlyFinishedUnion {
        /// Name and uid.
        operator: String,
    },
    /// The job failed over or is being stopped.
    #[error("Checkpoint Coordinator is suspending.")]
    Suspended,
    /// The job has ended.
    #[error("CheckpointCoordinator shutdown: the job has ended.")]
    Shutdown,
}

impl FailureReason {
    /// Whether it says that something is wrong with the job or its storage.
    pub fn counts(&self) -> bool {
        match self {
            FailureReason::Expired { .. }
            | FailureReason::Declined { .. }
            | FailureReason::Finalize { .. }
            | FailureReason::PartlyFinishedUnion { .. } => true,
            FailureReason::NotAllTasksRunning { .. }
            | FailureReason::TooManyRequests(_)
            | FailureReason::NoSavepointDirectory
            | FailureReason::AlreadyStopping(_)
            | FailureReason::Subsumed(_)
            | FailureReason::NotTaken { .. }
            | FailureReason::Suspended
            | FailureReason::Shutdown => false,
        }
    }

    /// Whether it is a task's doing: then a savepoint's failure counts as well.
    pub(super) fn is_of_task(&self) -> bool {
        matches!(self, FailureReason::Declined { .. } | FailureReason::NotTaken { .. })
    }
}

/// Failures in a row, counted as Flink does: each checkpoint once, those older than the last success
/// not at all, and a success ends the row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FailureCounter {
    tolerable: u32,
    counted: BTreeSet<CheckpointId>,
    last_success: Option<CheckpointId>,
}

impl FailureCounter {
    pub(super) fn new(tolerable: u32) -> FailureCounter {
        FailureCounter { tolerable, counted: BTreeSet::new(), last_success: None }
    }

    /// True when that was one too many; the row then begins anew.
    pub(super) fn failed(&mut self, id: CheckpointId, reason: &FailureReason) -> bool {
        if !reason.counts() || self.last_success.is_some_and(|last| id < last) {
            return false;
        }
        self.counted.insert(id);
        let exceeded = self.counted.len() > self.tolerable as usize;
        if exceeded {
            self.counted.clear();
        }
        exceeded
    }

    pub(super) fn succeeded(&mut self, id: CheckpointId) {
        if self.last_success.is_none_or(|last| last < id) {
            self.last_success = Some(id);
            self.counted.clear();
        }
    }

    pub(super) fn in_a_row(&self) -> usize {
        self.counted.len()
    }
}

//! What the coordinator asks for.

use std::sync::Arc;

use super::event::RequestId;
use super::reason::FailureReason;
use crate::checkpoint::handle::{CompletedCheckpoint, StatePath};
use crate::checkpoint::{Alignment, CheckpointId, CheckpointKind, Millis};
use crate::graph::TaskId;

/// What is to be done now, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CoordinatorAction {
    /// Have these tasks take part and send barriers on.
    Trigger {
        /// The tasks whose inputs send no barriers: sources, or those whose producers have finished.
        tasks: Vec<TaskId>,
        /// What the barriers say.
        barrier: BarrierOptions,
    },
    /// Write the metadata; answer with `MetadataWritten` or `MetadataFailed`, in any case.
    WriteMetadata {
        /// What it says.
        checkpoint: Arc<CompletedCheckpoint>,
        /// Where it goes.
        target: CheckpointTarget,
    },
    /// Tell tasks that a checkpoint is complete: commit.
    NotifyComplete {
        /// The checkpoint.
        id: CheckpointId,
        /// All that run.
        tasks: Vec<TaskId>,
    },
    /// Tell tasks that a checkpoint won't come about.
    NotifyAborted {
        /// The checkpoint.
        id: CheckpointId,
        /// The last one that did.
        latest_completed: Option<CheckpointId>,
        /// Those that took part and still run.
        tasks: Vec<TaskId>,
    },
    /// Remove files that nobody needs. What is gone already is no error: a late acknowledgement may
    /// name once more what went with its base. A failure is logged and left to the storage's check.
    Discard(Discarded),
    /// Fail the job, so that its restart strategy decides.
    FailJob {
        /// Why.
        cause: String,
    },
    /// Tell the one who asked.
    Answer {
        /// Which request.
        request: RequestId,
        /// What came of it.
        outcome: Result<Completed, FailureReason>,
    },
}

/// What a barrier carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BarrierOptions {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Checkpoint or savepoint.
    pub kind: CheckpointKind,
    /// When it was triggered.
    pub triggered_at: Millis,
    /// How it is aligned.
    pub alignment: Alignment,
    /// The checkpoint whose shared files this one may name; none for a full one. Those files stay
    /// until this checkpoint has ended. A task keeps its lists of files from here on.
    pub base: Option<CheckpointId>,
    /// Where state goes.
    pub target: CheckpointTarget,
}

/// Which folder a checkpoint is in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CheckpointTarget {
    /// The job's own: `chk-N`.
    Checkpoint,
    /// This folder: a savepoint of this job, or what it was restored from.
    Folder(String),
}

/// What is to be removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discarded {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Its folder.
    pub target: CheckpointTarget,
    /// Whether the folder goes with all that is in it; else only the files below.
    pub whole: bool,
    /// The files in it that are known of.
    pub own: Vec<StatePath>,
    /// Shared files that no checkpoint refers to any more.
    pub shared: Vec<StatePath>,
}

/// A request that was met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Where it is.
    pub location: String,
}

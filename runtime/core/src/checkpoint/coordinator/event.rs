//! What the coordinator hears.

use std::sync::Arc;
use std::time::Duration;

use brisk_memory::config::options::state::ClaimMode;

use crate::checkpoint::handle::{CompletedCheckpoint, SubtaskState};
use crate::checkpoint::{AfterSavepoint, CheckpointId, SavepointFormat};
use crate::graph::{OperatorId, TaskId};

/// Names a request, so that its answer finds back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What happened. Reports race with each other and with failures, so every event is legal at any
/// time; what comes too late changes nothing but the files it brings along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CoordinatorEvent {
    /// Time went on, see [`super::Coordinator::wakes_at`].
    Tick,
    /// A task runs.
    TaskRunning {
        /// The task.
        task: TaskId,
    },
    /// A task has ended after all its input.
    TaskFinished {
        /// The task.
        task: TaskId,
    },
    /// Tasks are stopped to be deployed anew, after a failure. Each will report that it runs.
    Suspended,
    /// A source began or ended working off a backlog.
    BacklogChanged {
        /// Whether there is one.
        backlog: bool,
    },
    /// A task has all its state of a checkpoint in a safe place.
    Acknowledged {
        /// The checkpoint.
        id: CheckpointId,
        /// The task.
        task: TaskId,
        /// What it has.
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
    /// A user wants a checkpoint.
    CheckpointRequested {
        /// For the answer.
        request: RequestId,
        /// Whether it is to refer to nothing older.
        full: bool,
    },
    /// A user wants a savepoint.
    SavepointRequested {
        /// For the answer.
        request: RequestId,
        /// What is wanted.
        savepoint: SavepointRequest,
    },
    /// The metadata of a checkpoint is in its place and survives a crash.
    MetadataWritten {
        /// The checkpoint.
        id: CheckpointId,
        /// Where, for people and for restoring.
        location: String,
        /// Bytes of the file.
        bytes: u64,
    },
    /// The metadata could not be written; nothing of it is left to be found.
    MetadataFailed {
        /// The checkpoint.
        id: CheckpointId,
        /// Why.
        cause: String,
    },
    /// The job begins with a checkpoint of another one, or a savepoint. Before the first task runs.
    RestoredFrom {
        /// What it was restored from.
        source: RestoreSource,
    },
    /// The tasks were given the state of a checkpoint that the coordinator has, after a failure.
    RestoreDone {
        /// The checkpoint.
        id: CheckpointId,
    },
    /// The job has ended.
    JobEnded {
        /// How.
        end: JobEnd,
    },
}

/// What a task hands over.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TaskSnapshot {
    /// The state of each operator of its chain that has any, or has finished.
    pub operators: Vec<(OperatorId, SubtaskState)>,
    /// How long it took and how much it was.
    pub metrics: SnapshotMetrics,
}

impl TaskSnapshot {
    /// Bytes of all state, shared state included.
    pub fn state_size(&self) -> u64 {
        self.operators.iter().map(|(_, state)| state.state_size()).sum()
    }
}

/// Times and sizes of a task's part of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SnapshotMetrics {
    /// Bytes that were written for this checkpoint.
    pub checkpointed_bytes: u64,
    /// From the trigger to the first barrier.
    pub start_delay: Duration,
    /// From the first barrier to the last.
    pub alignment: Duration,
    /// How long records waited for the snapshot.
    pub sync: Duration,
    /// The longest that they waited, later on, for a piece of it to be written.
    pub longest_piece: Duration,
    /// How long it was written beside them.
    pub write: Duration,
    /// Bytes that were processed between the first barrier and the last.
    pub processed_bytes: u64,
    /// Bytes of in-flight buffers that were written.
    pub persisted_bytes: u64,
    /// Whether the barrier overtook records.
    pub unaligned: bool,
}

/// Why a task can't take part.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum DeclineReason {
    /// It isn't open yet.
    NotReady,
    /// It is about to end.
    Closing,
    /// It saw the barrier of a newer checkpoint.
    Overtaken,
    /// One of its inputs ended without a barrier.
    InputEnded,
    /// Its state could not be taken or written.
    Failed {
        /// Why.
        cause: String,
    },
}

/// What kind of savepoint is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavepointRequest {
    /// The folder to make it in; none for the configured one.
    pub target: Option<String>,
    /// How its state is written.
    pub format: SavepointFormat,
    /// What the job does then.
    pub after: AfterSavepoint,
}

/// What a job begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoreSource {
    /// What it consists of.
    pub checkpoint: Arc<CompletedCheckpoint>,
    /// Its folder.
    pub location: String,
    /// Whether it belongs to this job now.
    pub claim: ClaimMode,
}

/// How a job ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum JobEnd {
    /// All its input is processed.
    Finished,
    /// Somebody wanted it.
    Canceled,
    /// It failed and is not restarted.
    Failed,
    /// Its process goes; another may take it over.
    Suspended,
}

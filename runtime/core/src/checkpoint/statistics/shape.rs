//! The answers of the REST API, field by field. `serde_json` writes them as Flink does.

use std::collections::BTreeMap;

use serde::Serialize;

use super::summary::Stats;
use crate::graph::VertexId;

/// `CheckpointingStatistics`.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct CheckpointingStatistics {
    pub counts: CheckpointCounts,
    pub summary: CheckpointSummary,
    pub latest: LatestCheckpoints,
    /// Newest first.
    pub history: Vec<CheckpointStatistics>,
}

/// How many there were.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct CheckpointCounts {
    pub restored: u64,
    pub total: u64,
    pub in_progress: u64,
    pub completed: u64,
    pub failed: u64,
}

/// Over all completed ones.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct CheckpointSummary {
    pub checkpointed_size: Stats,
    pub state_size: Stats,
    pub end_to_end_duration: Stats,
    pub alignment_buffered: Stats,
    pub processed_data: Stats,
    pub persisted_data: Stats,
}

/// The last of each kind.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct LatestCheckpoints {
    pub completed: Option<CheckpointStatistics>,
    pub savepoint: Option<CheckpointStatistics>,
    pub failed: Option<CheckpointStatistics>,
    pub restored: Option<RestoredStatistics>,
}

/// What the job was last restored from.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct RestoredStatistics {
    pub id: u64,
    pub restore_timestamp: u64,
    pub is_savepoint: bool,
    pub external_path: String,
}

/// One checkpoint. -1 stands for what is not known yet.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct CheckpointStatistics {
    #[serde(rename = "className")]
    pub class_name: &'static str,
    pub id: u64,
    pub status: &'static str,
    pub is_savepoint: bool,
    #[serde(rename = "savepointFormat")]
    pub savepoint_format: Option<&'static str>,
    pub trigger_timestamp: u64,
    pub latest_ack_timestamp: i64,
    pub checkpointed_size: u64,
    pub state_size: u64,
    pub end_to_end_duration: i64,
    pub alignment_buffered: u64,
    pub processed_data: u64,
    pub persisted_data: u64,
    pub num_subtasks: u64,
    pub num_acknowledged_subtasks: u64,
    pub checkpoint_type: &'static str,
    pub tasks: BTreeMap<VertexId, TaskStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discarded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_timestamp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
}

/// One vertex's part of a checkpoint.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct TaskStatistics {
    /// Of the checkpoint.
    pub id: u64,
    pub status: &'static str,
    pub latest_ack_timestamp: i64,
    pub checkpointed_size: u64,
    pub state_size: u64,
    pub end_to_end_duration: i64,
    pub alignment_buffered: u64,
    pub processed_data: u64,
    pub persisted_data: u64,
    pub num_subtasks: u64,
    pub num_acknowledged_subtasks: u64,
}

/// The same with its subtasks.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct TaskWithSubtasks {
    #[serde(flatten)]
    pub task: TaskStatistics,
    pub summary: TaskSummary,
    pub subtasks: Vec<SubtaskStatistics>,
}

/// Over the subtasks of a vertex.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct TaskSummary {
    pub checkpointed_size: Stats,
    pub state_size: Stats,
    pub end_to_end_duration: Stats,
    pub checkpoint_duration: DurationSummary,
    pub alignment: AlignmentSummary,
    pub start_delay: Stats,
}

/// How long snapshots took.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct DurationSummary {
    pub sync: Stats,
    #[serde(rename = "async")]
    pub write: Stats,
}

/// What happened between the first barrier and the last.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct AlignmentSummary {
    pub buffered: Stats,
    pub processed: Stats,
    pub persisted: Stats,
    pub duration: Stats,
}

/// One subtask's part of a checkpoint.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "className", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub enum SubtaskStatistics {
    /// It is there.
    Completed {
        index: u32,
        ack_timestamp: u64,
        end_to_end_duration: u64,
        checkpointed_size: u64,
        state_size: u64,
        checkpoint: DurationStatistics,
        alignment: AlignmentStatistics,
        start_delay: u64,
        unaligned_checkpoint: bool,
        aborted: bool,
        status: &'static str,
    },
    /// It isn't.
    Pending { index: u32, status: &'static str },
}

/// How long a snapshot took.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct DurationStatistics {
    /// While records waited.
    pub sync: u64,
    /// Beside them.
    #[serde(rename = "async")]
    pub write: u64,
}

/// What happened between the first barrier and the last.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct AlignmentStatistics {
    /// Always 0.
    pub buffered: u64,
    /// Bytes.
    pub processed: u64,
    /// Bytes.
    pub persisted: u64,
    /// Milliseconds.
    pub duration: u64,
}

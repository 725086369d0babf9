//! One checkpoint, with what each subtask reported.

use std::collections::BTreeMap;
use std::time::Duration;

use super::shape::{
    AlignmentStatistics, AlignmentSummary, CheckpointStatistics, DurationStatistics,
    DurationSummary, SubtaskStatistics, TaskStatistics, TaskSummary, TaskWithSubtasks,
};
use super::summary::Distribution;
use super::{Triggered, VertexId};
use crate::checkpoint::coordinator::SnapshotMetrics;
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis};
use crate::graph::Subtask;

/// What a subtask reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubtaskReport {
    /// Times and sizes.
    pub metrics: SnapshotMetrics,
    /// Bytes of all its state, shared state included.
    pub state_size: u64,
}

/// Where a checkpoint is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrittenTo {
    /// Its folder.
    pub location: String,
    /// Bytes of its metadata.
    pub bytes: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) id: CheckpointId,
    pub(super) kind: CheckpointKind,
    triggered_at: Millis,
    pub(super) outcome: Outcome,
    vertices: Vec<VertexRecord>,
    latest_ack: Option<Millis>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    InProgress,
    Completed { written: WrittenTo, discarded: bool },
    Failed { at: Millis, message: String },
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct VertexRecord {
    id: VertexId,
    subtasks: Vec<Option<(Millis, SubtaskReport)>>,
}

/// Sums over subtasks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Sum {
    pub(super) checkpointed_size: u64,
    pub(super) state_size: u64,
    pub(super) processed: u64,
    pub(super) persisted: u64,
    subtasks: u64,
    acknowledged: u64,
    unaligned: bool,
    latest_ack: Option<Millis>,
}

impl VertexRecord {
    fn reports(&self) -> impl Iterator<Item = &(Millis, SubtaskReport)> {
        self.subtasks.iter().flatten()
    }

    fn sum(&self) -> Sum {
        let mut sum = Sum { subtasks: self.subtasks.len() as u64, ..Sum::default() };
        for (at, report) in self.reports() {
            sum.checkpointed_size += report.metrics.checkpointed_bytes;
            sum.state_size += report.state_size;
            sum.processed += report.metrics.processed_bytes;
            sum.persisted += report.metrics.persisted_bytes;
            sum.acknowledged += 1;
            sum.unaligned |= report.metrics.unaligned;
            sum.latest_ack = sum.latest_ack.max(Some(*at));
        }
        sum
    }
}

impl Record {
    pub(super) fn new(id: CheckpointId, now: Millis, begun: Triggered) -> Record {
        let vertices = begun.vertices.into_iter().map(|(id, parallelism)| VertexRecord {
            id,
            subtasks: vec![None; parallelism.0 as usize],
        });
        Record {
            id,
            kind: begun.kind,
            triggered_at: now,
            outcome: Outcome::InProgress,
            vertices: vertices.collect(),
            latest_ack: None,
        }
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.outcome == Outcome::InProgress
    }

    pub(super) fn acknowledged(&mut self, now: Millis, subtask: Subtask, report: SubtaskReport) {
        let vertex = self.vertices.get_mut(subtask.vertex.as_index());
        let slot = vertex.and_then(|vertex| vertex.subtasks.get_mut(subtask.index.0 as usize));
        *slot.expect("the job has this subtask") = Some((now, report));
        self.latest_ack = Some(now);
    }

    pub(super) fn total(&self) -> Sum {
        let mut total = Sum::default();
        for sum in self.vertices.iter().map(VertexRecord::sum) {
            total.checkpointed_size += sum.checkpointed_size;
            total.state_size += sum.state_size;
            total.processed += sum.processed;
            total.persisted += sum.persisted;
            total.subtasks += sum.subtasks;
            total.acknowledged += sum.acknowledged;
            total.unaligned |= sum.unaligned;
        }
        total
    }

    /// From the trigger to the last acknowledgement, or to the failure.
    pub(super) fn duration(&self) -> Option<u64> {
        let end = match &self.outcome {
            Outcome::Failed { at, .. } => Some(*at),
            _ => self.latest_ack,
        };
        end.map(|end| millis(end.saturating_since(self.triggered_at)))
    }

    fn status(&self) -> (&'static str, &'static str) {
        match self.outcome {
            Outcome::InProgress => ("in_progress", "IN_PROGRESS"),
            Outcome::Completed { .. } => ("completed", "COMPLETED"),
            Outcome::Failed { .. } => ("failed", "FAILED"),
        }
    }

    /// A barrier that was to be aligned may have overtaken after a while.
    fn kind_name(&self, unaligned: bool) -> &'static str {
        match self.kind {
            CheckpointKind::Checkpoint { .. } if unaligned => {
                CheckpointKind::Checkpoint { unaligned: true }.name()
            }
            kind => kind.name(),
        }
    }

    pub(super) fn show(&self, with_tasks: bool) -> CheckpointStatistics {
        let sum = self.total();
        let (class_name, status) = self.status();
        let tasks: BTreeMap<_, _> = match with_tasks {
            true => {
                self.vertices.iter().map(|vertex| (vertex.id, self.show_task(vertex))).collect()
            }
            false => BTreeMap::new(),
        };
        let (external_path, discarded) = match &self.outcome {
            Outcome::Completed { written, discarded } => {
                (Some(written.location.clone()), Some(*discarded))
            }
            _ => (None, None),
        };
        let (failure_timestamp, failure_message) = match &self.outcome {
            Outcome::Failed { at, message } => (Some(at.0), Some(message.clone())),
            _ => (None, None),
        };
        CheckpointStatistics {
            class_name,
            id: self.id.0,
            status,
            is_savepoint: self.kind.is_savepoint(),
            savepoint_format: self.kind.savepoint_format().map(|format| format.name()),
            trigger_timestamp: self.triggered_at.0,
            latest_ack_timestamp: or_minus_one(self.latest_ack.map(|at| at.0)),
            checkpointed_size: sum.checkpointed_size,
            state_size: sum.state_size,
            end_to_end_duration: or_minus_one(self.duration()),
            alignment_buffered: 0,
            processed_data: sum.processed,
            persisted_data: sum.persisted,
            num_subtasks: sum.subtasks,
            num_acknowledged_subtasks: sum.acknowledged,
            checkpoint_type: self.kind_name(sum.unaligned),
            tasks,
            external_path,
            discarded,
            failure_timestamp,
            failure_message,
        }
    }

    fn show_task(&self, vertex: &VertexRecord) -> TaskStatistics {
        let sum = vertex.sum();
        let lasted = |at: Millis| millis(at.saturating_since(self.triggered_at));
        TaskStatistics {
            id: self.id.0,
            status: self.status().1,
            latest_ack_timestamp: or_minus_one(sum.latest_ack.map(|at| at.0)),
            checkpointed_size: sum.checkpointed_size,
            state_size: sum.state_size,
            end_to_end_duration: or_minus_one(sum.latest_ack.map(lasted)),
            alignment_buffered: 0,
            processed_data: sum.processed,
            persisted_data: sum.persisted,
            num_subtasks: sum.subtasks,
            num_acknowledged_subtasks: sum.acknowledged,
        }
    }

    pub(super) fn show_vertex(&self, id: VertexId) -> Option<TaskWithSubtasks> {
        let vertex = self.vertices.iter().find(|vertex| vertex.id == id)?;
        let over = |value: &dyn Fn(Millis, &SubtaskReport) -> u64| {
            let mut values = Distribution::default();
            vertex.reports().for_each(|(at, report)| values.add(value(*at, report)));
            values.stats()
        };
        let summary = TaskSummary {
            checkpointed_size: over(&|_, report| report.metrics.checkpointed_bytes),
            state_size: over(&|_, report| report.state_size),
            end_to_end_duration: over(&|at, _| millis(at.saturating_since(self.triggered_at))),
            checkpoint_duration: DurationSummary {
                sync: over(&|_, report| millis(report.metrics.sync)),
                write: over(&|_, report| millis(report.metrics.write)),
            },
            alignment: AlignmentSummary {
                buffered: over(&|_, _| 0),
                processed: over(&|_, report| report.metrics.processed_bytes),
                persisted: over(&|_, report| report.metrics.persisted_bytes),
                duration: over(&|_, report| millis(report.metrics.alignment)),
            },
            start_delay: over(&|_, report| millis(report.metrics.start_delay)),
        };
        let subtasks = (0..).zip(&vertex.subtasks);
        let subtasks = subtasks.map(|(index, report)| self.show_subtask(index, report)).collect();
        Some(TaskWithSubtasks { task: self.show_task(vertex), summary, subtasks })
    }

    fn show_subtask(
        &self,
        index: u32,
        report: &Option<(Millis, SubtaskReport)>,
    ) -> SubtaskStatistics {
        let Some((at, report)) = report else {
            return SubtaskStatistics::Pending { index, status: "pending_or_failed" };
        };
        let metrics = &report.metrics;
        SubtaskStatistics::Completed {
            index,
            ack_timestamp: at.0,
            end_to_end_duration: millis(at.saturating_since(self.triggered_at)),
            checkpointed_size: metrics.checkpointed_bytes,
            state_size: report.state_size,
            checkpoint: DurationStatistics {
                sync: millis(metrics.sync),
                write: millis(metrics.write),
            },
            alignment: AlignmentStatistics {
                buffered: 0,
                processed: metrics.processed_bytes,
                persisted: metrics.persisted_bytes,
                duration: millis(metrics.alignment),
            },
            start_delay: millis(metrics.start_delay),
            unaligned_checkpoint: metrics.unaligned,
            aborted: false,
            status: "completed",
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What isn't known yet is written as -1.
fn or_minus_one(value: Option<u64>) -> i64 {
    value.map_or(-1, |value| i64::try_from(value).unwrap_or(i64::MAX))
}

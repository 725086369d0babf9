//! What was counted and measured of a job's checkpoints, in the shape of Flink's REST answers.
//!
//! Owns: counts, a history of the last checkpoints with the report of each subtask, the last of each
//! kind, and a summary over all completed ones. The coordinator feeds it from the events it hears;
//! whoever answers a request calls [`Statistics::overview`], [`Statistics::details`] or
//! [`Statistics::subtasks`] and writes the result as JSON.
//!
//! Invariants: the counts add up (total = in progress + completed + failed); memory is bounded by
//! the length of the history and [`SUMMARY_VALUES_MAX`].
//!
//! Thread: any; plain data. Deliberately absent: the metrics of `spec` reporters (they read these
//! numbers) and anything that is known only to a task.

mod configuration;
mod record;
mod shape;
mod summary;

use std::collections::VecDeque;

pub use configuration::{CheckpointConfigInfo, ExternalizationInfo};
pub use record::{SubtaskReport, WrittenTo};
pub use shape::{
    AlignmentStatistics, AlignmentSummary, CheckpointCounts, CheckpointStatistics,
    CheckpointSummary, CheckpointingStatistics, DurationStatistics, DurationSummary,
    LatestCheckpoints, RestoredStatistics, SubtaskStatistics, TaskStatistics, TaskSummary,
    TaskWithSubtasks,
};
pub use summary::{Quantile, Stats};

use record::{Outcome, Record};
use summary::Distribution;

use super::{CheckpointId, CheckpointKind, Millis};
use crate::graph::{Parallelism, Subtask, VertexId};

/// Values that a quantile is computed from: the last ones.
pub const SUMMARY_VALUES_MAX: usize = 1000;

/// The statistics of a job. See the module's page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statistics {
    counts: CheckpointCounts,
    /// Oldest first; those in progress are always in it.
    history: VecDeque<Record>,
    history_max: usize,
    latest_completed: Option<Record>,
    latest_savepoint: Option<Record>,
    latest_failed: Option<Record>,
    latest_restored: Option<RestoredStatistics>,
    summary: Summary,
    /// In nanoseconds, of each subtask's part of each checkpoint.
    pauses: Distribution,
}

/// Over all completed ones.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Summary {
    checkpointed_size: Distribution,
    state_size: Distribution,
    end_to_end_duration: Distribution,
    processed_data: Distribution,
    persisted_data: Distribution,
}

/// What began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Triggered {
    /// Checkpoint or savepoint.
    pub kind: CheckpointKind,
    /// The vertices with their parallelism, in the order of the job.
    pub vertices: Vec<(VertexId, Parallelism)>,
}

/// What was restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredKind {
    /// Whether it was a savepoint.
    pub savepoint: bool,
    /// Where it was.
    pub location: String,
}

impl Statistics {
    /// With a history of so many checkpoints.
    pub fn new(history_max: usize) -> Statistics {
        Statistics {
            counts: CheckpointCounts::default(),
            history: VecDeque::new(),
            history_max,
            latest_completed: None,
            latest_savepoint: None,
            latest_failed: None,
            latest_restored: None,
            summary: Summary::default(),
            pauses: Distribution::default(),
        }
    }

    /// How long records waited at a time for a subtask's part of a checkpoint, in nanoseconds: while it
    /// was taken, or for a piece of it to be written, whichever took longer.
    pub fn snapshot_pauses(&self) -> Stats {
        self.pauses.stats()
    }

    /// A checkpoint began.
    pub fn triggered(&mut self, id: CheckpointId, now: Millis, begun: Triggered) {
        self.counts.total += 1;
        self.counts.in_progress += 1;
        self.history.push_back(Record::new(id, now, begun));
        self.shorten();
    }

    /// The oldest goes that isn't in progress.
    fn shorten(&mut self) {
        while self.history.len() > self.history_max.max(1) {
            let ended = self.history.iter().position(|record| !record.is_in_progress());
            let Some(oldest) = ended else { return };
            self.history.remove(oldest);
        }
    }

    /// A subtask has given its part.
    pub fn acknowledged(
        &mut self,
        id: CheckpointId,
        now: Millis,
        subtask: Subtask,
        report: SubtaskReport,
    ) {
        let pause = report.metrics.sync.max(report.metrics.longest_piece);
        self.pauses.add(pause.as_nanos().try_into().unwrap_or(u64::MAX));
        if let Some(record) = self.in_progress(id) {
            record.acknowledged(now, subtask, report);
        }
    }

    /// A checkpoint is complete.
    pub fn completed(&mut self, id: CheckpointId, written: WrittenTo) {
        let Some(record) = self.in_progress(id) else { return };
        record.outcome = Outcome::Completed { written, discarded: false };
        let record = record.clone();
        self.counts.in_progress -= 1;
        self.counts.completed += 1;
        let sum = record.total();
        self.summary.checkpointed_size.add(sum.checkpointed_size);
        self.summary.state_size.add(sum.state_size);
        self.summary.processed_data.add(sum.processed);
        self.summary.persisted_data.add(sum.persisted);
        self.summary.end_to_end_duration.add(record.duration().unwrap_or(0));
        let latest = match record.kind.is_savepoint() {
            true => &mut self.latest_savepoint,
            false => &mut self.latest_completed,
        };
        *latest = Some(record);
        self.shorten();
    }

    /// A checkpoint won't be.
    pub fn failed(&mut self, id: CheckpointId, now: Millis, message: String) {
        let Some(record) = self.in_progress(id) else { return };
        record.outcome = Outcome::Failed { at: now, message };
        let record = record.clone();
        self.counts.in_progress -= 1;
        self.counts.failed += 1;
        self.latest_failed = Some(record);
        self.shorten();
    }

    /// A checkpoint was due and could not begin.
    pub fn failed_before_start(&mut self) {
        self.counts.total += 1;
        self.counts.failed += 1;
    }

    /// The files of a completed checkpoint are gone.
    pub fn discarded(&mut self, id: CheckpointId) {
        let latest = [&mut self.latest_completed, &mut self.latest_savepoint];
        let latest = latest.into_iter().filter_map(Option::as_mut);
        for record in self.history.iter_mut().chain(latest).filter(|record| record.id == id) {
            if let Outcome::Completed { discarded, .. } = &mut record.outcome {
                *discarded = true;
            }
        }
    }

    /// The job was given the state of a checkpoint.
    pub fn restored(&mut self, id: CheckpointId, now: Millis, kind: RestoredKind) {
        self.counts.restored += 1;
        self.latest_restored = Some(RestoredStatistics {
            id: id.0,
            restore_timestamp: now.0,
            is_savepoint: kind.savepoint,
            external_path: kind.location,
        });
    }

    fn in_progress(&mut self, id: CheckpointId) -> Option<&mut Record> {
        self.history.iter_mut().rev().find(|record| record.id == id && record.is_in_progress())
    }

    fn find(&self, id: CheckpointId) -> Option<&Record> {
        let latest = [&self.latest_completed, &self.latest_savepoint, &self.latest_failed];
        let latest = latest.into_iter().flatten();
        self.history.iter().rev().chain(latest).find(|record| record.id == id)
    }

    /// How many there were of each kind.
    pub fn counts(&self) -> CheckpointCounts {
        self.counts
    }

    /// `GET /jobs/:jobid/checkpoints`.
    pub fn overview(&self) -> CheckpointingStatistics {
        let shown = |record: &Option<Record>| record.as_ref().map(|record| record.show(false));
        CheckpointingStatistics {
            counts: self.counts,
            summary: CheckpointSummary {
                checkpointed_size: self.summary.checkpointed_size.stats(),
                state_size: self.summary.state_size.stats(),
                end_to_end_duration: self.summary.end_to_end_duration.stats(),
                alignment_buffered: Distribution::of_zeros(self.counts.completed).stats(),
                processed_data: self.summary.processed_data.stats(),
                persisted_data: self.summary.persisted_data.stats(),
            },
            latest: LatestCheckpoints {
                completed: shown(&self.latest_completed),
                savepoint: shown(&self.latest_savepoint),
                failed: shown(&self.latest_failed),
                restored: self.latest_restored.clone(),
            },
            history: self.history.iter().rev().map(|record| record.show(false)).collect(),
        }
    }

    /// `GET /jobs/:jobid/checkpoints/details/:checkpointid`, if it is remembered.
    pub fn details(&self, id: CheckpointId) -> Option<CheckpointStatistics> {
        self.find(id).map(|record| record.show(true))
    }

    /// `GET .../details/:checkpointid/subtasks/:vertexid`, if both are known.
    pub fn subtasks(&self, id: CheckpointId, vertex: VertexId) -> Option<TaskWithSubtasks> {
        self.find(id)?.show_vertex(vertex)
    }

    /// Checks what the module promises.
    ///
    /// # Panics
    /// If one of the promises is broken.
    pub fn verify_invariants(&self) {
        let CheckpointCounts { total, in_progress, completed, failed, .. } = self.counts;
        assert_eq!(total, in_progress + completed + failed, "{:?}", self.counts);
        let shown = self.history.iter().filter(|record| record.is_in_progress()).count();
        assert_eq!(shown as u64, in_progress, "what is in progress is in the history");
    }
}

#[cfg(test)]
mod tests;

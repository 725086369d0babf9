//! What all operators of a task hand over at one barrier.

use brisk_memory::driver::Instant64;
use brisk_network::{
    CapturedOutput,
    barrier::{AbortReason, CheckpointBarrier, CheckpointId},
};
use std::sync::Arc;

use super::{ChannelCut, ListSnapshot, OperatorSnapshot, SegmentCheckpoint};
use crate::{
    checkpoint::{
        AfterSavepoint, CheckpointKind, Millis,
        coordinator::{BarrierOptions, DeclineReason, SnapshotMetrics},
        handle::RedistributionMode,
    },
    graph::NodeId,
    task::{
        SubtaskPlan,
        inputs::{Barriers, Now, name_of_input_time},
    },
    time::Watermark,
    worker::{JobRun, StateDestination},
};

/// A task's part of a checkpoint, taken and not yet written.
#[derive(Debug)]
pub(crate) struct TaskCut {
    /// The checkpoint.
    pub(crate) options: Arc<BarrierOptions>,
    /// In the order in which the barrier passed.
    pub(crate) operators: Vec<(NodeId, OperatorSnapshot)>,
    /// In-flight buffers, and whether all of them have come.
    pub(crate) channels: Vec<ChannelCut>,
    pub(crate) captured: bool,
    /// How long it took so far.
    pub(crate) metrics: SnapshotMetrics,
    /// What keyed state needs to know to be written as segments.
    pub(crate) segments: Option<SegmentCheckpoint>,
}

/// A checkpoint that goes into files is written by segments; a savepoint stands for itself.
fn by_segments(run: &JobRun, options: &BarrierOptions) -> Option<SegmentCheckpoint> {
    match &run.checkpointing.storage {
        StateDestination::Files { inline_below, .. } if !options.kind.is_savepoint() => {
            Some(SegmentCheckpoint {
                id: options.id,
                base: options.base,
                small_below: *inline_below,
            })
        }
        _ => None,
    }
}

impl TaskCut {
    /// What `node` hands over.
    fn of(&mut self, node: NodeId) -> &mut OperatorSnapshot {
        let at = self.operators.iter().position(|(known, _)| *known == node);
        let at = at.unwrap_or_else(|| {
            let mut snapshot = OperatorSnapshot::of_kind(self.options.kind);
            if let Some(segments) = self.segments {
                snapshot = snapshot.into_files(segments);
            }
            self.operators.push((node, snapshot));
            self.operators.len() - 1
        });
        &mut self.operators[at].1
    }

    /// Whether it may be written: no operator asks to wait any more, and nothing more comes.
    pub(crate) fn is_ready(&self) -> bool {
        self.captured && self.operators.iter().all(|(_, snapshot)| snapshot.is_ready())
    }
}

/// What a savepoint that stops the job does to a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopping {
    /// Nothing.
    No,
    /// It sends nothing behind the barrier.
    Holds(CheckpointId),
    /// The savepoint is complete: it ends.
    Ends,
}

/// What is open while a barrier passes.
#[derive(Debug)]
enum Open {
    /// Of a checkpoint that counts.
    Cut(TaskCut, Now),
    /// Of one that has ended meanwhile: the barrier goes on, since others wait for it.
    Void(CheckpointId, OperatorSnapshot),
}

/// How a barrier has passed.
pub(crate) struct CutEnd<'a> {
    pub(crate) plan: &'a SubtaskPlan,
    pub(crate) barriers: &'a mut Barriers,
    /// By number of the output.
    pub(crate) overtaken: Vec<(u32, CapturedOutput)>,
    pub(crate) now: Now,
}

/// The checkpoints of one task, from a barrier to where the worker takes over.
#[derive(Debug)]
pub(crate) struct Cuts {
    run: Arc<JobRun>,
    open: Option<Open>,
    /// Taken; the last one may wait for in-flight buffers.
    taken: Vec<TaskCut>,
    declined: Vec<(CheckpointId, DeclineReason)>,
    stopping: Stopping,
    /// The job is stopped to go on later: nothing is finished at the end of the input.
    suspends: bool,
}

impl Cuts {
    pub(crate) fn new(run: Arc<JobRun>) -> Self {
        let (taken, declined) = (Vec::new(), Vec::new());
        Self { run, open: None, taken, declined, stopping: Stopping::No, suspends: false }
    }

    /// See [`crate::task::Cx::snapshot`].
    pub(crate) fn snapshot(&mut self, node: NodeId) -> &mut OperatorSnapshot {
        match self.open.as_mut().expect("state is handed over at barriers") {
            Open::Cut(cut, _) => cut.of(node),
            Open::Void(_, nothing) => {
                *nothing = OperatorSnapshot::default();
                nothing
            }
        }
    }

    pub(crate) fn begin(&mut self, barrier: CheckpointBarrier, captures: bool, now: Now) {
        assert!(self.open.is_none(), "one barrier at a time");
        let Some(options) = self.run.checkpointing.options(barrier.checkpoint) else {
            self.open = Some(Open::Void(barrier.checkpoint, OperatorSnapshot::default()));
            return;
        };
        if let CheckpointKind::Savepoint { after, .. } = options.kind {
            self.suspends |= after == AfterSavepoint::Suspend;
            if after.stops() {
                self.stopping = Stopping::Holds(barrier.checkpoint);
            }
        }
        let wall = Millis(u64::try_from(now.wall_ms).unwrap_or(0));
        let metrics = SnapshotMetrics {
            start_delay: wall.saturating_since(options.triggered_at),
            unaligned: barrier.overtakes(),
            ..SnapshotMetrics::default()
        };
        let (operators, channels, captured) = (Vec::new(), Vec::new(), !captures);
        let segments = by_segments(&self.run, &options);
        let cut = TaskCut { options, operators, channels, captured, metrics, segments };
        self.open = Some(Open::Cut(cut, now));
    }

    pub(crate) fn end(&mut self, end: CutEnd<'_>) {
        let CutEnd { plan, barriers, overtaken, now } = end;
        let (mut cut, began) = match self.open.take() {
            Some(Open::Cut(cut, began)) => (cut, began),
            Some(Open::Void(checkpoint, _)) => {
                // Nobody will say that it has ended, and a producer that has declined it sends no
                // barrier: what is captured of its channel would never come back to it.
                drop(barriers.take_captured(checkpoint));
                return;
            }
            None => return,
        };
        for (gate, input) in plan.gates.iter().zip(barriers.inputs()) {
            let time = input.time(plan.subtask);
            let is_fresh = |(time, idle): &(i64, bool)| *time == Watermark::MIN.0.millis() && !idle;
            // A stream without event time has nothing to remember.
            if !time.channels.iter().all(is_fresh) {
                let name = name_of_input_time(gate.input);
                let list = ListSnapshot::of_records(&name, RedistributionMode::Union, &[time]);
                cut.of(gate.node).lists.push(list);
            }
        }
        let outputs = overtaken.into_iter();
        cut.channels.extend(outputs.map(|(at, output)| ChannelCut::of_output(at, output)));
        cut.metrics.sync = now.instant.saturating_since(began.instant);
        if cut.captured {
            cut.metrics.alignment = barriers.take_alignment(began.instant);
        }
        self.taken.push(cut);
    }

    pub(crate) fn captured(
        &mut self,
        checkpoint: CheckpointId,
        barriers: &mut Barriers,
        now: Instant64,
    ) {
        let captured = barriers.take_captured(checkpoint);
        let alignment = barriers.take_alignment(now);
        let Some(cut) = self.waiting(checkpoint) else { return };
        cut.channels.extend(captured);
        cut.captured = true;
        cut.metrics.alignment = alignment;
    }

    pub(crate) fn abort(
        &mut self,
        checkpoint: CheckpointId,
        reason: AbortReason,
        barriers: &mut Barriers,
    ) {
        self.forget(checkpoint, barriers);
        let reason = match reason {
            AbortReason::Subsumed(_) => DeclineReason::Overtaken,
            // Whoever gave it up has told the coordinator.
            AbortReason::Upstream => return,
        };
        self.declined.push((checkpoint, reason));
    }

    /// Gives back the segments that a checkpoint holds which waits for more.
    pub(crate) fn copy_waiting(&mut self, checkpoint: CheckpointId) {
        if let Some(cut) = self.waiting(checkpoint) {
            let channels = std::mem::take(&mut cut.channels);
            cut.channels = channels.into_iter().map(ChannelCut::into_copies).collect();
        }
    }

    /// Gives back what was captured for a checkpoint that will not be.
    pub(crate) fn forget(&mut self, checkpoint: CheckpointId, barriers: &mut Barriers) {
        drop(barriers.take_captured(checkpoint));
        self.taken.retain(|cut| cut.options.id != checkpoint);
    }

    fn waiting(&mut self, checkpoint: CheckpointId) -> Option<&mut TaskCut> {
        self.taken.iter_mut().find(|cut| cut.options.id == checkpoint && !cut.captured)
    }

    /// Whether the worker has something to take.
    pub(crate) fn has_news(&self) -> bool {
        !self.taken.is_empty() || !self.declined.is_empty()
    }

    /// Takes what is complete but for its operators' tickets.
    pub(crate) fn take(&mut self) -> Vec<TaskCut> {
        self.taken.extract_if(.., |cut| cut.captured).collect()
    }

    pub(crate) fn take_declined(&mut self) -> Vec<(CheckpointId, DeclineReason)> {
        std::mem::take(&mut self.declined)
    }

    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping
    }

    /// Whether the end of the input is not the end of the stream.
    pub(crate) fn suspends(&self) -> bool {
        self.suspends
    }

    /// A checkpoint is complete.
    pub(crate) fn completed(&mut self, checkpoint: CheckpointId) {
        if self.stopping == Stopping::Holds(checkpoint) {
            self.stopping = Stopping::Ends;
        }
    }
}

#[cfg(test)]
mod tests;

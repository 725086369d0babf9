//! A worker's part in checkpoints: triggers come in, what tasks hand over goes out.

use brisk_network::barrier::{BarrierKind, CheckpointBarrier};
use std::sync::Arc;

use super::{JobKey, Worker, running::Passed, snapshots::Handed};
use crate::{
    checkpoint::{
        AfterSavepoint, Alignment, CheckpointKind,
        coordinator::{BarrierOptions, DeclineReason},
    },
    task::{CheckpointEnd, TaskKey},
};

/// What goes through the job for a checkpoint.
fn barrier_of(options: &BarrierOptions) -> CheckpointBarrier {
    let kind = match options.alignment {
        // That no channel waits is up to the tasks.
        Alignment::AtLeastOnce | Alignment::Aligned => BarrierKind::Aligned,
        Alignment::AlignedUntil(limit) => BarrierKind::AlignedUntil(limit),
        Alignment::Unaligned => BarrierKind::Unaligned,
    };
    let started_ms = i64::try_from(options.triggered_at.0).unwrap_or(i64::MAX);
    CheckpointBarrier { checkpoint: options.id, started_ms, kind }
}

impl Worker {
    /// Has those of `tasks` that are here take part.
    pub(super) fn trigger_checkpoint(
        &mut self,
        job: JobKey,
        options: &Arc<BarrierOptions>,
        tasks: Vec<TaskKey>,
    ) {
        if let Some((run, planned)) = self.deployed.get(&job) {
            let here = planned.iter().find(|planned| tasks.contains(&planned.plan.key));
            if let Some(task) = here {
                let reason = DeclineReason::NotReady;
                run.listener.snapshot_declined(task.plan.key, options.id, reason);
            }
            return;
        }
        let after = match options.kind {
            CheckpointKind::Savepoint { after, .. } => after,
            CheckpointKind::Checkpoint { .. } => AfterSavepoint::Continue,
        };
        for key in tasks {
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            if task.job.checkpointing.is_recovering() {
                let reason = DeclineReason::NotReady;
                task.job.listener.snapshot_declined(key, options.id, reason);
                continue;
            }
            match task.ask(barrier_of(options), after == AfterSavepoint::Drain) {
                Some(passed) => self.passed(key, passed),
                None => {
                    let reason = DeclineReason::Closing;
                    task.job.listener.snapshot_declined(key, options.id, reason);
                }
            }
        }
    }

    /// Goes on after a task has passed a barrier on.
    pub(super) fn passed(&mut self, key: TaskKey, passed: Passed) {
        self.take_cuts(key);
        match passed {
            Passed::Room => {}
            Passed::NoRoom if self.blocked.contains(&key) => {}
            Passed::NoRoom => self.blocked.push(key),
            Passed::Failed(error) => self.fail_task(key, error),
        }
    }

    /// Takes what a task has handed over.
    pub(super) fn take_cuts(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        if !task.cx.cuts.has_news() {
            return;
        }
        for (checkpoint, reason) in task.cx.cuts.take_declined() {
            task.job.listener.snapshot_declined(key, checkpoint, reason);
        }
        let now = task.cx.now();
        for cut in task.cx.cuts.take() {
            let handed = Handed { run: &task.job, plan: &task.plan, cut, now };
            self.snapshots.add(self.surroundings.id.0, handed);
        }
    }

    /// Writes a piece of what was handed over.
    pub(super) fn write_snapshots(&mut self) -> bool {
        if self.snapshots.is_empty() {
            return false;
        }
        let tasks = &self.tasks;
        let expects = |job: JobKey, here: &[TaskKey]| {
            tasks.values().any(|task| {
                task.job.key == job && !here.contains(&task.plan.key) && !task.is_ending()
            })
        };
        self.snapshots.advance(&mut self.io.driver.borrow_mut(), expects)
    }

    /// Tells the tasks of a job how a checkpoint has ended.
    pub(super) fn end_checkpoint(&mut self, job: JobKey, end: CheckpointEnd) {
        let (CheckpointEnd::Completed(checkpoint) | CheckpointEnd::Aborted(checkpoint)) = end;
        self.snapshots.end(&self.io.driver.borrow(), job, checkpoint);
        let of_job = self.tasks.iter().filter(|(_, task)| task.job.key == job);
        let keys: Vec<TaskKey> = of_job.map(|(key, _)| *key).collect();
        for key in keys {
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            match task.checkpoint_ended(end) {
                // Who waits for this may go on.
                Ok(()) => task.signal.raise(),
                Err(error) => self.fail_task(key, error),
            }
        }
    }
}

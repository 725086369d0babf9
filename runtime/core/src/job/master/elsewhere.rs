//! A master's dealings with other processes that run tasks of its job.
//!
//! Each process plans the same tasks from the same program, so it is sent only which run begins,
//! where tasks are and what they start from.
//!
//! A checkpoint is prepared before it is triggered: barriers may come to a process by its data
//! connections before anything that is sent to it here, and a process whose tasks still read what was
//! in flight takes part in none.

use std::{net::SocketAddr, sync::Arc};

use super::{EndedTask, JobMaster};
use crate::{
    checkpoint::{
        CheckpointId, Millis,
        coordinator::{BarrierOptions, CoordinatorEvent, DeclineReason, RestorePoint},
    },
    error::Error,
    graph::TaskId,
    job::processes::{Order, ProcessIndex},
    task::{Attempt, CheckpointEnd},
    worker::{Control, TaskEnd, empty_report},
};

/// A process is gone.
#[derive(Clone, Debug)]
pub(crate) struct ProcessLost {
    /// Which.
    pub(crate) process: ProcessIndex,
    /// Where it listened.
    pub(crate) address: SocketAddr,
    /// How one knows.
    pub(crate) cause: Arc<str>,
}

/// A checkpoint that is about to be triggered.
#[derive(Debug)]
pub(super) struct Preparing {
    tasks: Vec<TaskId>,
    options: Arc<BarrierOptions>,
    /// Processes that have not answered.
    missing: usize,
}

impl JobMaster {
    pub(super) fn tell_others(&self, order: impl Fn() -> Order) {
        if let Some(others) = &self.parts.others {
            others.tell_all(self.shared().id, order);
        }
    }

    pub(super) fn deploy_elsewhere(&self, attempt: Attempt, from: &RestorePoint) {
        if let Some(others) = &self.parts.others {
            let (program, shared) = (&self.parts.program, self.shared());
            let here = (&self.parts.places, shared.workers.as_slice(), from);
            others.deploy(shared.id, (program, attempt), here);
        }
    }

    /// Triggers a checkpoint, at once or when all processes know of it.
    pub(super) fn trigger(&mut self, tasks: Vec<TaskId>, options: BarrierOptions) {
        let Some(run) = &self.run else { return };
        let options = Arc::new(options);
        run.checkpointing.begin(Arc::clone(&options));
        let Some(others) = &self.parts.others else { return self.trigger_now(&tasks, &options) };
        let missing = others.count();
        others.tell_all(self.shared().id, || Order::Prepare((*options).clone()));
        self.preparing.insert(options.id, Preparing { tasks, options, missing });
    }

    /// A process knows of a checkpoint.
    pub(super) fn prepared(&mut self, now: Millis, id: CheckpointId, ready: bool) {
        let Some(preparing) = self.preparing.get_mut(&id) else { return };
        if !ready || self.run.as_ref().is_some_and(|run| run.is_recovering()) {
            let task = preparing.tasks.first().copied();
            self.preparing.remove(&id);
            let Some(task) = task else { return };
            let reason = DeclineReason::NotReady;
            return self.checkpoint(now, CoordinatorEvent::Declined { id, task, reason });
        }
        preparing.missing = preparing.missing.saturating_sub(1);
        if preparing.missing == 0
            && let Some(Preparing { tasks, options, .. }) = self.preparing.remove(&id)
        {
            self.trigger_now(&tasks, &options);
            self.tell_others(|| Order::Trigger { id, tasks: tasks.clone() });
        }
    }

    fn trigger_now(&self, tasks: &[TaskId], options: &Arc<BarrierOptions>) {
        let current = self.shared().current();
        for worker in self.workers() {
            let here = tasks.iter().filter(|task| self.parts.places.of(**task) == worker.id);
            let tasks: Vec<_> = here.map(|task| current.plans[task.as_index()].key).collect();
            if !tasks.is_empty() {
                let (job, options) = (current.key, Arc::clone(options));
                worker.send(Control::TriggerCheckpoint { job, options, tasks });
            }
        }
    }

    pub(super) fn end_checkpoint(&self, end: CheckpointEnd) {
        self.tell_all(|job| Control::EndCheckpoint(job, end));
        self.tell_others(|| Order::EndCheckpoint(end));
    }

    /// What ran in a process that is gone has failed.
    pub(super) fn process_lost(&mut self, now: Millis, lost: &ProcessLost) {
        let current = self.shared().current();
        let Some(attempt) = current.plans.first().map(|plan| plan.attempt) else { return };
        let gone: Vec<TaskId> = {
            let places = &self.parts.places;
            let tasks = (0..).map(TaskId).zip(&self.reports);
            let running = tasks.filter(|(_, report)| report.is_none()).map(|(task, _)| task);
            running.filter(|task| ProcessIndex::of(places.of(*task)) == lost.process).collect()
        };
        for task in gone {
            let error = Error::ProcessLost {
                job: self.name().to_owned(),
                process: lost.process.0,
                address: lost.address,
                cause: lost.cause.to_string(),
            };
            let report = empty_report(current.plans[task.as_index()].key);
            let end = TaskEnd::Failed(error);
            self.task_ended(now, EndedTask { attempt, task, report, end });
        }
    }
}

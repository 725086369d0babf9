//! From acknowledgement to completion, or to giving up.

use std::collections::BTreeSet;
use std::sync::Arc;

use brisk_memory::config::options::checkpointing::Retention;
use brisk_memory::config::options::state::ClaimMode;

use super::action::{Completed, CoordinatorAction, Discarded};
use super::event::{DeclineReason, JobEnd, RestoreSource, TaskSnapshot};
use super::pending::{Pending, Stage, Taken};
use super::reason::FailureReason;
use super::retained::{Kept, Ownership};
use super::topology::{TaskStanding, Topology};
use super::{Coordinator, FORGET_AFTER, Phase};
use crate::checkpoint::CheckpointId;
use crate::checkpoint::handle::{CompletedCheckpoint, Place, StateHandle, files_of};
use crate::checkpoint::statistics::{RestoredKind, SubtaskReport, WrittenTo};
use crate::graph::TaskId;

impl Coordinator {
    pub(super) fn task_running(&mut self, task: TaskId) {
        if !self.topology.has(task) || self.standings[task.as_index()] != TaskStanding::Absent {
            return;
        }
        self.standings[task.as_index()] = TaskStanding::Running;
        self.schedule_when_ready();
    }

    /// Begins the rhythm when the last task runs, at a random moment of the first interval: jobs
    /// that start together don't write together.
    fn schedule_when_ready(&mut self) {
        let all = self.standings.iter().all(|standing| *standing != TaskStanding::Absent);
        if !all || self.phase != Phase::Active || !self.schedule.is_stopped() {
            return;
        }
        if let Some(interval) = self.config.interval(self.backlog) {
            let least = self.config.min_pause.min(interval);
            let delay = self.random.between(least, interval);
            self.schedule.begin(self.now + delay);
        }
    }

    pub(super) fn backlog_changed(&mut self, backlog: bool) {
        self.backlog = backlog;
        match self.config.interval(backlog) {
            None => self.schedule.stop(),
            Some(interval) => {
                self.schedule.hurry(self.now + interval);
                self.schedule_when_ready();
            }
        }
    }

    /// What it hasn't acknowledged by now it never will.
    pub(super) fn task_finished(&mut self, task: TaskId) {
        if !self.topology.has(task) || self.standings[task.as_index()] == TaskStanding::Finished {
            return;
        }
        self.standings[task.as_index()] = TaskStanding::Finished;
        self.schedule_when_ready();
        let task_name = self.topology.task_name(task);
        let cause = "the task has finished before it took part";
        let reason = FailureReason::NotTaken { task: task_name, cause };
        self.give_up_all(&reason, |pending| pending.misses(task));
    }

    pub(super) fn suspend(&mut self) {
        self.standings.fill(TaskStanding::Absent);
        self.schedule.stop();
        self.give_up_all(&FailureReason::Suspended, |_| true);
        self.refuse_waiting(&FailureReason::Suspended);
        // A savepoint that is being decided on still stops the job if it comes about.
        if let Phase::Stopping(id) = self.phase
            && !self.pending.contains_key(&id)
        {
            self.phase = Phase::Active;
        }
    }

    pub(super) fn acknowledged(&mut self, id: CheckpointId, task: TaskId, snapshot: TaskSnapshot) {
        let handles = || snapshot.operators.iter().flat_map(|(_, state)| state.handles());
        let shared = files_of(handles(), Place::Shared);
        let own = files_of(handles(), Place::Checkpoint);
        let Some(pending) = self.pending.get_mut(&id) else {
            // Of one that has completed this is a message that came twice.
            if let Some(target) = self.given_up.get(&id).cloned() {
                let shared = self.retained.shared_mut().release(id, &shared);
                self.discard(Discarded { id, target, whole: true, own, shared });
            }
            return;
        };
        let wrong = wrong_with(&self.topology, task, pending, &snapshot);
        let metrics =
            SubtaskReport { metrics: snapshot.metrics, state_size: snapshot.state_size() };
        match pending.take(task, snapshot) {
            Taken::Again => return,
            Taken::NotAsked => {
                // Nobody keeps it. Files that others brought along as well stay.
                let named = pending.files(Place::Checkpoint);
                let own: Vec<_> = own.into_iter().filter(|file| !named.contains(file)).collect();
                let shared = self.retained.shared_mut().unnamed(&shared);
                let target = pending.target.clone();
                if !own.is_empty() || !shared.is_empty() {
                    self.discard(Discarded { id, target, whole: false, own, shared });
                }
                return;
            }
            Taken::Partial | Taken::Complete => {}
        }
        let complete = pending.missing() == 0;
        self.retained.shared_mut().name(id, &shared);
        self.statistics.acknowledged(id, self.now, self.topology.subtask(task), metrics);
        if let Some(cause) = wrong {
            let task = self.topology.task_name(task);
            self.give_up(id, FailureReason::Declined { task, cause });
        } else if complete {
            self.put_together(id);
        }
    }

    fn put_together(&mut self, id: CheckpointId) {
        let pending = self.pending.get_mut(&id).expect("its last acknowledgement just came");
        match pending.complete(self.job, &self.topology, self.now) {
            Err(reason) => self.give_up(id, reason),
            Ok(checkpoint) => {
                let checkpoint = Arc::new(checkpoint);
                pending.stage = Stage::Deciding(checkpoint.clone());
                let target = pending.target.clone();
                self.actions.push(CoordinatorAction::WriteMetadata { checkpoint, target });
            }
        }
    }

    pub(super) fn declined(&mut self, id: CheckpointId, task: TaskId, reason: DeclineReason) {
        let collecting = self.pending.get(&id).is_some_and(Pending::is_collecting);
        if !collecting || !self.topology.has(task) {
            return;
        }
        let task = self.topology.task_name(task);
        if reason == DeclineReason::NotReady {
            self.schedule.not_ready(self.now);
        }
        let no_fault = |cause| FailureReason::NotTaken { task: task.clone(), cause };
        let reason = match reason {
            DeclineReason::NotReady => no_fault("the task was not ready"),
            DeclineReason::Closing => no_fault("the task was about to end"),
            DeclineReason::Overtaken => no_fault("a barrier of a newer checkpoint came before"),
            DeclineReason::InputEnded => no_fault("an input ended without a barrier"),
            DeclineReason::Failed { cause } => FailureReason::Declined { task, cause },
        };
        self.give_up(id, reason);
    }

    pub(super) fn metadata_written(&mut self, id: CheckpointId, location: String, bytes: u64) {
        let Some(checkpoint) = self.deciding(id) else { return };
        let pending = self.pending.remove(&id).expect("found a moment ago");
        self.statistics.completed(id, WrittenTo { location: location.clone(), bytes });
        self.schedule.completed(self.now);
        self.failures.succeeded(id);
        if let Some(request) = pending.request {
            let outcome = Ok(Completed { id, location: location.clone() });
            self.actions.push(CoordinatorAction::Answer { request, outcome });
        }
        if pending.kind.is_savepoint() && !pending.kind.stops_job() {
            // It is the user's. Nothing is restored from it, so nothing is committed for it.
            return;
        }
        let own = !pending.kind.is_savepoint();
        let ownership = if own { Ownership::Own } else { Ownership::Foreign };
        self.retained.add(Kept { checkpoint, location, ownership });
        self.give_up_all(&FailureReason::Subsumed(id), |other| {
            other.id < id && !other.kind.is_savepoint()
        });
        let tasks = self.running();
        self.actions.push(CoordinatorAction::NotifyComplete { id, tasks });
        if let Phase::Ended(end) = self.phase {
            self.apply_retention(end);
        }
    }

    pub(super) fn metadata_failed(&mut self, id: CheckpointId, cause: String) {
        if self.deciding(id).is_some() {
            self.give_up(id, FailureReason::Finalize { cause });
        }
    }

    fn deciding(&self, id: CheckpointId) -> Option<Arc<CompletedCheckpoint>> {
        match &self.pending.get(&id)?.stage {
            Stage::Deciding(checkpoint) => Some(checkpoint.clone()),
            Stage::Collecting => None,
        }
    }

    fn running(&self) -> Vec<TaskId> {
        let runs = |task: &TaskId| self.standings[task.as_index()] == TaskStanding::Running;
        self.topology.tasks().filter(runs).collect()
    }

    pub(super) fn expire(&mut self) {
        let late: Vec<_> = self
            .pending
            .values()
            .filter(|pending| pending.is_collecting() && pending.deadline <= self.now)
            .map(|pending| (pending.id, pending.missing(), pending.tasks.len()))
            .collect();
        for (id, missing, total) in late {
            // Giving up one that stops the job may have ended others.
            if self.pending.contains_key(&id) {
                self.give_up(id, FailureReason::Expired { missing, total });
            }
        }
    }

    /// Gives up those that wait for acknowledgements; what is being decided on is left to the storage.
    pub(super) fn give_up_all(&mut self, reason: &FailureReason, which: impl Fn(&Pending) -> bool) {
        let chosen = self.pending.values().filter(|pending| pending.is_collecting());
        let chosen: Vec<_> =
            chosen.filter(|pending| which(pending)).map(|pending| pending.id).collect();
        for id in chosen {
            self.give_up(id, reason.clone());
        }
    }

    fn give_up(&mut self, id: CheckpointId, reason: FailureReason) {
        let pending = self.pending.remove(&id).expect("what is given up was pending");
        let shared = self.retained.shared_mut().release(id, &pending.files(Place::Shared));
        let own = pending.files(Place::Checkpoint);
        self.given_up.insert(id, pending.target.clone());
        if self.given_up.len() > FORGET_AFTER {
            self.given_up.pop_first();
        }
        let latest_completed = self.retained.latest().map(|kept| kept.checkpoint.id);
        let tasks: Vec<_> =
            self.running().into_iter().filter(|task| pending.tasks.contains(task)).collect();
        self.actions.push(CoordinatorAction::NotifyAborted { id, latest_completed, tasks });
        self.statistics.failed(id, self.now, reason.to_string());
        self.discard(Discarded { id, target: pending.target, whole: true, own, shared });
        self.refuse(pending.request, reason.clone());
        let stops_job = self.phase == Phase::Stopping(id);
        if stops_job {
            self.phase = Phase::Active;
            self.schedule_when_ready();
        }
        let ended = matches!(self.phase, Phase::Ended(_));
        let suspended = matches!(reason, FailureReason::Suspended | FailureReason::Shutdown);
        if ended || suspended {
            return;
        }
        // As in Flink: a savepoint counts when a task is to blame; one that stops the job has
        // stopped some tasks already, so they all have to begin again.
        let counts = !pending.kind.is_savepoint() || reason.is_of_task();
        if stops_job {
            self.fail_job(format!("Stop-with-savepoint failed: {reason}"));
        } else if counts && self.failures.failed(id, &reason) {
            self.fail_job(format!(
                "Exceeded checkpoint tolerable failure threshold (execution.checkpointing.\
                 tolerable-failed-checkpoints is {}). The latest is checkpoint {id}: {reason}",
                self.config.tolerable_failures
            ));
        }
    }

    /// Nothing begins by itself until its tasks run again.
    fn fail_job(&mut self, cause: String) {
        self.schedule.stop();
        self.actions.push(CoordinatorAction::FailJob { cause });
    }

    fn discard(&mut self, discarded: Discarded) {
        if discarded.whole {
            self.statistics.discarded(discarded.id);
        }
        self.actions.push(CoordinatorAction::Discard(discarded));
    }

    /// Removes what is subsumed, as soon as nothing pending is based on it.
    pub(super) fn release(&mut self) {
        let bases: BTreeSet<_> = self.pending.values().filter_map(|pending| pending.base).collect();
        for discarded in self.retained.release(&bases) {
            self.discard(discarded);
        }
    }

    pub(super) fn restored_from(&mut self, source: RestoreSource) {
        let RestoreSource { checkpoint, location, claim } = source;
        let ownership = match claim {
            ClaimMode::Claim => Ownership::Claimed,
            ClaimMode::NoClaim => Ownership::Foreign,
        };
        self.next_id = self.next_id.max(checkpoint.id.next());
        let (id, savepoint) = (checkpoint.id, checkpoint.kind.is_savepoint());
        self.statistics.restored(
            id,
            self.now,
            RestoredKind { savepoint, location: location.clone() },
        );
        self.retained.add(Kept { checkpoint, location, ownership });
    }

    pub(super) fn restore_done(&mut self, id: CheckpointId) {
        let Some(kept) = self.retained.find(id) else { return };
        let savepoint = kept.checkpoint.kind.is_savepoint();
        let location = kept.location.clone();
        self.statistics.restored(id, self.now, RestoredKind { savepoint, location });
    }

    pub(super) fn job_ended(&mut self, end: JobEnd) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.phase = Phase::Ended(end);
        self.schedule.stop();
        self.standings.fill(TaskStanding::Absent);
        self.give_up_all(&FailureReason::Shutdown, |_| true);
        self.refuse_waiting(&FailureReason::Shutdown);
        self.apply_retention(end);
    }

    fn apply_retention(&mut self, end: JobEnd) {
        let keeps = match (self.config.retention, end) {
            (_, JobEnd::Finished) | (Retention::Never, _) => false,
            (Retention::DeleteOnCancellation, JobEnd::Canceled) => false,
            (Retention::DeleteOnCancellation, JobEnd::Failed | JobEnd::Suspended) => true,
            (Retention::RetainOnCancellation, _) => true,
        };
        if !keeps {
            self.retained.drop_all();
        }
    }
}

/// What makes an acknowledgement useless, if anything does.
fn wrong_with(
    topology: &Topology,
    task: TaskId,
    pending: &Pending,
    snapshot: &TaskSnapshot,
) -> Option<String> {
    if !pending.misses(task) {
        return None;
    }
    let known = &topology.vertex_of(task).operators;
    for (id, state) in &snapshot.operators {
        if known.iter().all(|operator| operator.id != *id) {
            return Some(format!("it has no operator with the id {id}"));
        }
        if pending.kind.is_savepoint() && state.handles().any(StateHandle::is_shared) {
            return Some(format!("a savepoint is whole, but operator {id} names shared files"));
        }
    }
    None
}

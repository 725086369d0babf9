//! The checkpoint coordinator: (state, event) -> (state, actions).
//!
//! ```text
//!            Trigger          last Acknowledged         MetadataWritten
//!  (nothing) -------> Collecting ----------------> Deciding ----------> retained, NotifyComplete
//!                        |     WriteMetadata          |                      |
//!     Declined, expired, |                            | MetadataFailed       | newer ones complete,
//!     Suspended, newer   v                            v                      v  or the job ends
//!     one complete    NotifyAborted, Discard     NotifyAborted, Discard   Discard
//! ```
//!
//! Owns: the numbers of a job's checkpoints, when they are triggered, what belongs to them, which of
//! them are kept, which shared files are still named, failures in a row, requests of users, and the
//! statistics.
//!
//! Invariants:
//! - Numbers grow and are never used twice. At most the configured number of checkpoints is under
//!   way, savepoints aside, and between one's completion and the next trigger lies the pause.
//! - A completed checkpoint has the acknowledgement of each task that took part.
//! - Whether a checkpoint counts is decided in one place: by the answer to `WriteMetadata`. While it
//!   is out ([`RestorePoint::Undecided`]) nothing is restored, so sinks never abort what an
//!   overlooked checkpoint had committed to.
//! - Each file that an acknowledgement names ends in exactly one way: it belongs to a checkpoint that
//!   is kept or a savepoint, or it is discarded. A shared file is discarded with the last checkpoint
//!   that names it. Late acknowledgements are discarded too, as long as the coordinator remembers
//!   the checkpoint ([`FORGET_AFTER`]); the storage's check finds what comes even later.
//! - Each request is answered once.
//!
//! Two rules bind tasks: they name shared files of [`BarrierOptions::base`] only, or new ones under
//! names never used before; and the same acknowledgement may come twice, but not a second one.
//!
//! Thread: any; plain state without clock, files or randomness of its own. Deliberately absent:
//! carrying out the actions, and the barriers on their way through the job.

mod action;
mod event;
mod life;
mod pending;
mod reason;
mod requests;
mod retained;
mod schedule;
mod topology;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use action::{BarrierOptions, CheckpointTarget, Completed, CoordinatorAction, Discarded};
pub use event::{
    CoordinatorEvent, DeclineReason, JobEnd, RequestId, RestoreSource, SavepointRequest,
    SnapshotMetrics, TaskSnapshot,
};
pub use reason::FailureReason;
pub use topology::{OperatorIdentity, TaskStanding, Topology, TopologyEdge, TopologyVertex};

use pending::Pending;
use reason::FailureCounter;
use requests::Waiting;
use retained::Retained;
use schedule::Schedule;

use super::config::CheckpointConfig;
use super::handle::CompletedCheckpoint;
use super::random::Random;
use super::statistics::Statistics;
use super::{CheckpointId, Millis};
use crate::graph::JobId;

/// Most requests of users that wait; a further one is refused.
pub const REQUESTS_MAX: usize = 1000;

/// So many given-up checkpoints are remembered for the sake of late acknowledgements.
pub const FORGET_AFTER: usize = 1024;

/// What a coordinator is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoordinatorOptions {
    /// The job.
    pub job: JobId,
    /// When, how, how many.
    pub config: CheckpointConfig,
    /// The tasks.
    pub topology: Topology,
    /// For the first trigger's time and names of savepoints.
    pub seed: u64,
    /// The time now.
    pub now: Millis,
    /// How many checkpoints the statistics show (`web.checkpoints.history`).
    pub history: usize,
}

/// The coordinator of a job. See the module's page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coordinator {
    job: JobId,
    config: CheckpointConfig,
    topology: Topology,
    standings: Vec<TaskStanding>,
    random: Random,
    now: Millis,
    next_id: CheckpointId,
    schedule: Schedule,
    backlog: bool,
    pending: BTreeMap<CheckpointId, Pending>,
    waiting: VecDeque<Waiting>,
    retained: Retained,
    /// Given up, with their folders.
    given_up: BTreeMap<CheckpointId, CheckpointTarget>,
    failures: FailureCounter,
    statistics: Statistics,
    phase: Phase,
    actions: Vec<CoordinatorAction>,
}

/// What the job is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It runs or is about to.
    Active,
    /// It is being stopped by this savepoint.
    Stopping(CheckpointId),
    /// It has ended.
    Ended(JobEnd),
}

/// What tasks are to be given after a failure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestorePoint {
    /// Wait: the storage is about to say whether this checkpoint exists.
    Undecided(CheckpointId),
    /// Nothing: there is no checkpoint.
    Beginning,
    /// This one.
    Checkpoint {
        /// What it consists of.
        checkpoint: Arc<CompletedCheckpoint>,
        /// Where it is.
        location: String,
    },
}

impl Coordinator {
    /// The coordinator of a job none of whose tasks runs yet.
    pub fn new(options: CoordinatorOptions) -> Coordinator {
        let CoordinatorOptions { job, config, topology, seed, now, history } = options;
        Coordinator {
            job,
            standings: vec![TaskStanding::Absent; topology.task_count()],
            topology,
            random: Random::from_seed(seed),
            now,
            next_id: CheckpointId::FIRST,
            schedule: Schedule::new(config.min_pause),
            backlog: false,
            pending: BTreeMap::new(),
            waiting: VecDeque::new(),
            retained: Retained::new(config.num_retained.get() as usize),
            given_up: BTreeMap::new(),
            failures: FailureCounter::new(config.tolerable_failures),
            statistics: Statistics::new(history),
            phase: Phase::Active,
            actions: Vec::new(),
            config,
        }
    }

    /// One step, at a time that isn't before that of the last one.
    #[must_use = "the actions are to be carried out"]
    pub fn step(&mut self, now: Millis, event: CoordinatorEvent) -> Vec<CoordinatorAction> {
        self.now = self.now.max(now);
        self.apply(event);
        self.expire();
        self.trigger_what_is_due();
        self.release();
        if cfg!(debug_assertions) {
            self.verify_invariants();
        }
        std::mem::take(&mut self.actions)
    }

    fn apply(&mut self, event: CoordinatorEvent) {
        match event {
            CoordinatorEvent::Tick => {}
            CoordinatorEvent::TaskRunning { task } => self.task_running(task),
            CoordinatorEvent::TaskFinished { task } => self.task_finished(task),
            CoordinatorEvent::Suspended => self.suspend(),
            CoordinatorEvent::BacklogChanged { backlog } => self.backlog_changed(backlog),
            CoordinatorEvent::Acknowledged { id, task, snapshot } => {
                self.acknowledged(id, task, snapshot);
            }
            CoordinatorEvent::Declined { id, task, reason } => self.declined(id, task, reason),
            CoordinatorEvent::CheckpointRequested { request, full } => {
                self.checkpoint_requested(request, full);
            }
            CoordinatorEvent::SavepointRequested { request, savepoint } => {
                self.savepoint_requested(request, savepoint);
            }
            CoordinatorEvent::MetadataWritten { id, location, bytes } => {
                self.metadata_written(id, location, bytes);
            }
            CoordinatorEvent::MetadataFailed { id, cause } => self.metadata_failed(id, cause),
            CoordinatorEvent::RestoredFrom { source } => self.restored_from(source),
            CoordinatorEvent::RestoreDone { id } => self.restore_done(id),
            CoordinatorEvent::JobEnded { end } => self.job_ended(end),
        }
    }

    /// The next time at which a `Tick` does something, if no other event comes before.
    pub fn wakes_at(&self) -> Option<Millis> {
        let collecting = self.pending.values().filter(|pending| pending.is_collecting());
        let expiry = collecting.map(|pending| pending.deadline).min();
        let trigger = self.schedule.ready_at().filter(|_| self.has_room());
        expiry.into_iter().chain(trigger).min()
    }

    /// What tasks are given after a failure.
    pub fn restore_point(&self) -> RestorePoint {
        let mut deciding = self.pending.values().filter(|pending| !pending.is_collecting());
        if let Some(pending) = deciding.next_back() {
            return RestorePoint::Undecided(pending.id);
        }
        match self.retained.latest() {
            None => RestorePoint::Beginning,
            Some(kept) => RestorePoint::Checkpoint {
                checkpoint: kept.checkpoint.clone(),
                location: kept.location.clone(),
            },
        }
    }

    /// The completed checkpoints that are kept, oldest first, with their locations.
    pub fn retained(&self) -> impl Iterator<Item = (&Arc<CompletedCheckpoint>, &str)> {
        self.retained.iter().map(|kept| (&kept.checkpoint, kept.location.as_str()))
    }

    /// The checkpoints under way.
    pub fn pending(&self) -> impl Iterator<Item = CheckpointId> {
        self.pending.keys().copied()
    }

    /// The number of the next checkpoint.
    pub fn next_id(&self) -> CheckpointId {
        self.next_id
    }

    /// What was counted and measured so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How it was configured.
    pub fn config(&self) -> &CheckpointConfig {
        &self.config
    }

    /// Checkpoints that failed one after another, of those that count.
    pub fn failures_in_a_row(&self) -> usize {
        self.failures.in_a_row()
    }

    /// Checks what the module promises.
    ///
    /// # Panics
    /// If one of the promises is broken, which is a bug of the step function.
    pub fn verify_invariants(&self) {
        self.retained.verify_invariants();
        let checkpoints = self.pending.values().filter(|pending| !pending.kind.is_savepoint());
        assert!(
            checkpoints.count() <= self.config.max_concurrent.get() as usize,
            "too many checkpoints under way: {:?}",
            self.pending.keys()
        );
        assert!(self.pending.keys().all(|id| *id < self.next_id), "numbers grow");
        for pending in self.pending.values() {
            assert_eq!(
                pending.missing() == 0,
                !pending.is_collecting(),
                "checkpoint {} waits for tasks or for the storage",
                pending.id
            );
        }
        assert!(self.given_up.len() <= FORGET_AFTER, "what was given up is forgotten in time");
        assert!(self.waiting.len() <= REQUESTS_MAX, "requests are bounded");
    }
}

#[cfg(test)]
pub(crate) mod tests;

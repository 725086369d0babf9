//! Requests of users, and when checkpoints begin.

use super::action::{BarrierOptions, CheckpointTarget, CoordinatorAction};
use super::event::{RequestId, SavepointRequest};
use super::pending::{Pending, PendingStart};
use super::reason::FailureReason;
use super::retained::Ownership;
use super::{Coordinator, Phase, REQUESTS_MAX};
use crate::checkpoint::statistics::Triggered;
use crate::checkpoint::{Alignment, CheckpointId, CheckpointKind};

/// A request for a checkpoint that waits until one may begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Waiting {
    pub(super) request: RequestId,
    pub(super) full: bool,
}

/// What is to begin.
struct Wanted {
    kind: CheckpointKind,
    target: CheckpointTarget,
    full: bool,
    request: Option<RequestId>,
}

impl Coordinator {
    pub(super) fn checkpoint_requested(&mut self, request: RequestId, full: bool) {
        match self.phase {
            Phase::Active if self.waiting.len() < REQUESTS_MAX => {
                self.waiting.push_back(Waiting { request, full });
            }
            Phase::Active => {
                self.refuse(Some(request), FailureReason::TooManyRequests(REQUESTS_MAX));
            }
            Phase::Stopping(id) => self.refuse(Some(request), FailureReason::AlreadyStopping(id)),
            Phase::Ended(_) => self.refuse(Some(request), FailureReason::Shutdown),
        }
    }

    /// Savepoints wait for nothing: neither for other checkpoints nor for the pause after them.
    pub(super) fn savepoint_requested(&mut self, request: RequestId, wanted: SavepointRequest) {
        let SavepointRequest { target, format, after } = wanted;
        let refusal = match self.phase {
            Phase::Active => None,
            Phase::Stopping(id) => Some(FailureReason::AlreadyStopping(id)),
            Phase::Ended(_) => Some(FailureReason::Shutdown),
        };
        if let Some(reason) = refusal {
            return self.refuse(Some(request), reason);
        }
        let Some(folder) = target.or_else(|| self.config.savepoint_dir.clone()) else {
            return self.refuse(Some(request), FailureReason::NoSavepointDirectory);
        };
        let target = CheckpointTarget::Folder(self.savepoint_folder(&folder));
        let kind = CheckpointKind::Savepoint { format, after };
        if let Err(reason) = self.topology.plan(&self.standings, self.config.after_tasks_finish) {
            return self.refuse(Some(request), reason);
        }
        if after.stops() {
            // Nothing else is to begin meanwhile, and nothing that began before to be committed
            // after the savepoint.
            self.schedule.stop();
            self.give_up_all(&FailureReason::Suspended, |pending| !pending.kind.is_savepoint());
            self.refuse_waiting(&FailureReason::Suspended);
            self.phase = Phase::Stopping(self.next_id);
        }
        self.begin(Wanted { kind, target, full: true, request: Some(request) });
    }

    /// As Flink names it: `savepoint-`, the begin of the job's id, and what makes it unique.
    fn savepoint_folder(&mut self, folder: &str) -> String {
        let job = self.job.to_string();
        let unique = self.random.next() & 0xffff_ffff_ffff;
        format!("{}/savepoint-{}-{unique:012x}", folder.trim_end_matches('/'), &job[..6])
    }

    pub(super) fn refuse(&mut self, request: Option<RequestId>, reason: FailureReason) {
        if let Some(request) = request {
            self.actions.push(CoordinatorAction::Answer { request, outcome: Err(reason) });
        }
    }

    pub(super) fn refuse_waiting(&mut self, reason: &FailureReason) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.refuse(Some(waiting.request), reason.clone());
        }
    }

    /// Whether one more checkpoint may begin, as far as those under way are concerned.
    pub(super) fn has_room(&self) -> bool {
        let under_way = self.pending.values().filter(|pending| !pending.kind.is_savepoint());
        under_way.count() < self.config.max_concurrent.get() as usize
    }

    /// Users come before the schedule; they don't wait for the pause.
    pub(super) fn trigger_what_is_due(&mut self) {
        if self.phase != Phase::Active {
            return;
        }
        while self.has_room() {
            let Some(waiting) = self.waiting.pop_front() else { break };
            self.begin_checkpoint(waiting.full, Some(waiting.request));
        }
        let due = self.schedule.ready_at().is_some_and(|at| at <= self.now);
        if due && self.has_room() {
            self.begin_checkpoint(false, None);
            self.schedule.triggered(self.now, self.config.interval(self.backlog));
        }
    }

    fn begin_checkpoint(&mut self, full: bool, request: Option<RequestId>) {
        let overtakes = self.config.alignment == Alignment::Unaligned;
        let kind = CheckpointKind::Checkpoint { unaligned: overtakes };
        self.begin(Wanted { kind, target: CheckpointTarget::Checkpoint, full, request });
    }

    fn begin(&mut self, wanted: Wanted) {
        let Wanted { kind, target, full, request } = wanted;
        let plan = match self.topology.plan(&self.standings, self.config.after_tasks_finish) {
            Ok(plan) => plan,
            Err(reason) => {
                self.statistics.failed_before_start();
                self.refuse(request, reason);
                return;
            }
        };
        let id = self.next_id;
        self.next_id = id.next();
        let base = if full { None } else { self.base() };
        let barrier = BarrierOptions {
            id,
            kind,
            triggered_at: self.now,
            alignment: self.alignment(kind),
            base,
            target: target.clone(),
        };
        let deadline = self.now + self.config.timeout;
        let start = PendingStart { kind, target, triggered_at: self.now, deadline, base, request };
        let vertices = self.topology.vertices().iter();
        let vertices = vertices.map(|vertex| (vertex.id, vertex.parallelism)).collect();
        self.statistics.triggered(id, self.now, Triggered { kind, vertices });
        let before = self.pending.insert(id, Pending::new(id, plan.wait_for, start));
        assert!(before.is_none(), "checkpoint {id} began once");
        self.actions.push(CoordinatorAction::Trigger { tasks: plan.trigger, barrier });
    }

    /// Only what this job wrote: the files of another job are never named by a checkpoint of this
    /// one, so that either can be removed without looking at the other.
    fn base(&self) -> Option<CheckpointId> {
        if !self.config.incremental {
            return None;
        }
        let own = self.retained.iter().filter(|kept| kept.ownership == Ownership::Own);
        own.last().map(|kept| kept.checkpoint.id)
    }

    /// A savepoint holds no records in flight.
    fn alignment(&self, kind: CheckpointKind) -> Alignment {
        match (kind, self.config.alignment) {
            (
                CheckpointKind::Savepoint { .. },
                Alignment::Unaligned | Alignment::AlignedUntil(_),
            ) => Alignment::Aligned,
            (_, alignment) => alignment,
        }
    }
}

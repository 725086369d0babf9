//! A checkpoint under way: who has to acknowledge, and who has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::CheckpointTarget;
use super::event::{RequestId, TaskSnapshot};
use super::reason::FailureReason;
use super::topology::Topology;
use crate::checkpoint::handle::{
    CompletedCheckpoint, OperatorState, StateHandle, StatePath, SubtaskState, files_of,
};
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis, Place};
use crate::graph::{JobId, TaskId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pending {
    pub(super) id: CheckpointId,
    pub(super) kind: CheckpointKind,
    pub(super) target: CheckpointTarget,
    pub(super) triggered_at: Millis,
    pub(super) deadline: Millis,
    /// The completed checkpoint whose shared files it may name.
    pub(super) base: Option<CheckpointId>,
    pub(super) request: Option<RequestId>,
    /// All that take part.
    pub(super) tasks: Vec<TaskId>,
    missing: BTreeSet<TaskId>,
    acknowledged: BTreeMap<TaskId, TaskSnapshot>,
    pub(super) stage: Stage,
}

/// How far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Acknowledgements are coming in.
    Collecting,
    /// All are there; the storage decides. From here on nothing else ends it: whether it counts is
    /// whether its metadata is in its place.
    Deciding(Arc<CompletedCheckpoint>),
}

/// What an acknowledgement did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// It was the last one.
    Complete,
    /// Others are missing.
    Partial,
    /// It was there already: the same message twice.
    Again,
    /// The task has no part in it.
    NotAsked,
}

impl Pending {
    pub(super) fn new(id: CheckpointId, tasks: Vec<TaskId>, start: PendingStart) -> Pending {
        let PendingStart { kind, target, triggered_at, deadline, base, request } = start;
        assert!(!tasks.is_empty(), "somebody takes part in checkpoint {id}");
        let missing = tasks.iter().copied().collect();
        let acknowledged = BTreeMap::new();
        let stage = Stage::Collecting;
        Pending {
            id,
            kind,
            target,
            triggered_at,
            deadline,
            base,
            request,
            tasks,
            missing,
            acknowledged,
            stage,
        }
    }

    pub(super) fn is_collecting(&self) -> bool {
        self.stage == Stage::Collecting
    }

    pub(super) fn missing(&self) -> usize {
        self.missing.len()
    }

    pub(super) fn misses(&self, task: TaskId) -> bool {
        self.missing.contains(&task)
    }

    pub(super) fn take(&mut self, task: TaskId, snapshot: TaskSnapshot) -> Taken {
        if !self.missing.remove(&task) {
            let known = self.acknowledged.contains_key(&task);
            return if known { Taken::Again } else { Taken::NotAsked };
        }
        self.acknowledged.insert(task, snapshot);
        if self.missing.is_empty() { Taken::Complete } else { Taken::Partial }
    }

    fn handles(&self) -> impl Iterator<Item = &StateHandle> {
        let operators = self.acknowledged.values().flat_map(|snapshot| &snapshot.operators);
        operators.flat_map(|(_, state)| state.handles())
    }

    /// The files that acknowledgements have named so far.
    pub(super) fn files(&self, place: Place) -> Vec<StatePath> {
        files_of(self.handles(), place)
    }

    /// Puts together what the tasks gave. Tasks that had finished have nothing any more.
    pub(super) fn complete(
        &self,
        job: JobId,
        topology: &Topology,
        now: Millis,
    ) -> Result<CompletedCheckpoint, FailureReason> {
        assert!(self.missing.is_empty(), "checkpoint {} waits for {:?}", self.id, self.missing);
        let mut operators = Vec::new();
        for (index, vertex) in topology.indexed_vertices() {
            let snapshots: Vec<_> =
                topology.tasks_of(index).map(|task| self.acknowledged.get(&task)).collect();
            for operator in &vertex.operators {
                let of_subtask = |snapshot: &Option<&TaskSnapshot>| match snapshot {
                    None => SubtaskState::finished(),
                    Some(snapshot) => {
                        let own = snapshot.operators.iter().find(|(id, _)| *id == operator.id);
                        own.map(|(_, state)| state.clone()).unwrap_or_default()
                    }
                };
                let state = OperatorState {
                    id: operator.id,
                    uid: operator.uid.clone(),
                    name: operator.name.clone(),
                    max_parallelism: vertex.max_parallelism,
                    subtasks: snapshots.iter().map(of_subtask).collect(),
                };
                check_union(&state, &snapshots)?;
                operators.push(state);
            }
        }
        operators.sort_by_key(|operator| operator.id);
        Ok(CompletedCheckpoint {
            job,
            id: self.id,
            kind: self.kind,
            triggered_at: self.triggered_at,
            completed_at: now,
            operators,
        })
    }
}

/// Who has ended has given its part of a union away for good.
fn check_union(
    state: &OperatorState,
    snapshots: &[Option<&TaskSnapshot>],
) -> Result<(), FailureReason> {
    let some_gone = snapshots.iter().any(Option::is_none);
    if some_gone && state.subtasks.iter().any(SubtaskState::has_union_state) {
        return Err(FailureReason::PartlyFinishedUnion { operator: state.label() });
    }
    Ok(())
}

/// What a pending checkpoint begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PendingStart {
    pub(super) kind: CheckpointKind,
    pub(super) target: CheckpointTarget,
    pub(super) triggered_at: Millis,
    pub(super) deadline: Millis,
    pub(super) base: Option<CheckpointId>,
    pub(super) request: Option<RequestId>,
}

//! What all operators of a task hand over at one barrier.

use std::sync::Arc;

use super::OperatorSnapshot;
use crate::{
    checkpoint::coordinator::{BarrierOptions, SnapshotMetrics},
    graph::NodeId,
};

/// A task's part of a checkpoint, taken and not yet written.
#[derive(Debug)]
pub(crate) struct TaskCut {
    /// The checkpoint.
    pub(crate) options: Arc<BarrierOptions>,
    /// In the order in which the barrier passed.
    pub(crate) operators: Vec<(NodeId, OperatorSnapshot)>,
    /// How long it took so far.
    pub(crate) metrics: SnapshotMetrics,
}

impl TaskCut {
    pub(crate) fn new(options: Arc<BarrierOptions>) -> Self {
        Self { options, operators: Vec::new(), metrics: SnapshotMetrics::default() }
    }

    /// What `node` hands over.
    pub(crate) fn of(&mut self, node: NodeId) -> &mut OperatorSnapshot {
        let at = self.operators.iter().position(|(known, _)| *known == node);
        let at = at.unwrap_or_else(|| {
            self.operators.push((node, OperatorSnapshot::of_kind(self.options.kind)));
            self.operators.len() - 1
        });
        &mut self.operators[at].1
    }

    /// Whether no operator asks to wait any more.
    pub(crate) fn is_ready(&self) -> bool {
        self.operators.iter().all(|(_, snapshot)| snapshot.is_ready())
    }
}

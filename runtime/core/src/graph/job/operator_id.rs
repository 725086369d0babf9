//! The ids under which operators keep their state.
//!
//! - With a uid hash: that hash, as it is.
//! - With a uid: Murmur3-128 (x64, seed 0) of its UTF-8 bytes.
//! - With neither: from the structure of the graph, by the rule of Flink's `StreamGraphHasherV2`.
//!   The graph is walked breadth first from its sources, in order of their definition; the id is
//!   the hash of how many operators the walk had passed, written once for the operator and once
//!   more if a successor is chained to it, folded with the ids of its inputs. So it changes when
//!   something upstream (or earlier in the walk) or the chaining changes, and the order in which a
//!   program defines things matters only among sources and among the consumers of one operator.
//!   A job gets the ids that Flink gives it, unless it uses a stream twice: Flink would chain both
//!   consumers to it, we chain neither.

use std::collections::{HashMap, VecDeque};

use murmur3::murmur3_x64_128;

use super::chain::Chains;
use super::id::OperatorId;
use crate::graph::constants::{ID_BYTES, INPUT_ID_MULTIPLIER};
use crate::graph::error::GraphError;
use crate::graph::stream::{NodeId, NodeKind, StreamGraph, StreamNode};

impl OperatorId {
    /// The id of an operator with this uid.
    pub fn of_uid(uid: &str) -> OperatorId {
        OperatorId::from_bytes(murmur(uid.as_bytes()))
    }
}

/// The ids of all nodes of a valid graph, by node.
pub(super) fn operator_ids(
    graph: &StreamGraph,
    chains: &Chains,
) -> Result<Vec<OperatorId>, GraphError> {
    let mut walk = Walk { graph, chains, ids: vec![None; graph.nodes().len()], passed: 0 };
    let mut queued = vec![false; graph.nodes().len()];
    let mut queue: VecDeque<NodeId> =
        graph.nodes().filter(|(_, node)| node.kind == NodeKind::Source).map(|(id, _)| id).collect();
    while let Some(node) = queue.pop_front() {
        if !walk.inputs_have_ids(node) {
            // The last of its inputs will queue it again.
            queued[node.as_index()] = false;
            continue;
        }
        walk.pass(node);
        for edge in graph.outgoing(node) {
            if !std::mem::replace(&mut queued[edge.to.as_index()], true) {
                queue.push_back(edge.to);
            }
        }
    }
    let ids: Vec<OperatorId> = walk
        .ids
        .into_iter()
        .map(|id| id.expect("every node of a valid graph is reached from a source"))
        .collect();
    check_unique(graph, &ids)?;
    Ok(ids)
}

struct Walk<'a> {
    graph: &'a StreamGraph,
    chains: &'a Chains,
    ids: Vec<Option<OperatorId>>,
    /// How many nodes have their id.
    passed: u32,
}

impl Walk<'_> {
    fn inputs_have_ids(&self, node: NodeId) -> bool {
        self.graph.incoming(node).all(|edge| self.ids[edge.from.as_index()].is_some())
    }

    fn pass(&mut self, node: NodeId) {
        let id = given_id(self.graph.node(node)).unwrap_or_else(|| self.structural_id(node));
        let before = self.ids[node.as_index()].replace(id);
        assert!(before.is_none(), "{} is passed once", self.graph.label(node));
        self.passed += 1;
    }

    fn structural_id(&self, node: NodeId) -> OperatorId {
        let fused = self.graph.outgoing(node).filter(|edge| self.chains.is_fused(edge.id)).count();
        let local = self.passed.to_le_bytes().repeat(1 + fused);
        let mut id = murmur(&local);
        for edge in self.graph.incoming(node) {
            let input = self.ids[edge.from.as_index()].expect("the walk waits for inputs");
            for (byte, input) in id.iter_mut().zip(input.as_bytes()) {
                *byte = byte.wrapping_mul(INPUT_ID_MULTIPLIER) ^ input;
            }
        }
        OperatorId::from_bytes(id)
    }
}

fn given_id(node: &StreamNode) -> Option<OperatorId> {
    match &node.uid_hash {
        Some(hash) => Some(hash.parse().expect("the form was validated")),
        None => node.uid.as_deref().map(OperatorId::of_uid),
    }
}

fn check_unique(graph: &StreamGraph, ids: &[OperatorId]) -> Result<(), GraphError> {
    let mut owners = HashMap::new();
    for ((node, _), id) in graph.nodes().zip(ids) {
        if let Some(first) = owners.insert(id, node) {
            let (first, second) = (graph.label(first), graph.label(node));
            return Err(GraphError::ClashingOperatorId { id: id.to_string(), first, second });
        }
    }
    Ok(())
}

/// Murmur3-128 with its two halves in little-endian order, as Flink writes it.
fn murmur(mut bytes: &[u8]) -> [u8; ID_BYTES] {
    murmur3_x64_128(&mut bytes, 0).expect("reading from memory can't fail").to_le_bytes()
}

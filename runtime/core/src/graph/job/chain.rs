//! Which operators run fused in one loop.

use crate::graph::stream::{
    ChainingStrategy, EdgeId, Exchange, NodeId, Resolved, StreamEdge, StreamGraph,
};

/// The nodes of a graph, dealt into linear chains.
pub(super) struct Chains {
    /// By edge.
    fused: Vec<bool>,
    /// Each chain from head to tail; in topological order of the heads.
    chains: Vec<Vec<NodeId>>,
}

impl Chains {
    /// Fuses every edge that can be fused.
    pub(super) fn build(graph: &StreamGraph, resolved: &Resolved) -> Chains {
        let mut next: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
        let mut is_head = vec![true; graph.nodes().len()];
        let mut fused = vec![false; graph.edges().len()];
        for edge in graph.edges().iter().filter(|edge| is_chainable(graph, resolved, edge)) {
            fused[edge.id.as_index()] = true;
            is_head[edge.to.as_index()] = false;
            let other = next[edge.from.as_index()].replace(edge.to);
            assert!(other.is_none(), "{} has one chained successor", graph.label(edge.from));
        }
        let heads = resolved.topological_order().iter().filter(|node| is_head[node.as_index()]);
        let chains = heads
            .map(|&head| std::iter::successors(Some(head), |node| next[node.as_index()]).collect())
            .collect();
        Chains { fused, chains }
    }

    /// Whether the edge joins neighbours of one chain.
    pub(super) fn is_fused(&self, edge: EdgeId) -> bool {
        self.fused[edge.as_index()]
    }

    /// Each chain from head to tail.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[NodeId]> {
        self.chains.iter().map(Vec::as_slice)
    }
}

/// All of these must hold; each line is one way in which a program cuts a chain.
fn is_chainable(graph: &StreamGraph, resolved: &Resolved, edge: &StreamEdge) -> bool {
    let (upstream, downstream) = (graph.node(edge.from), graph.node(edge.to));
    let main_outputs = graph.outgoing(edge.from).filter(|edge| edge.side_output.is_none()).count();

    graph.settings().chaining
        && resolved.exchange(edge.id) == Exchange::Forward
        && edge.partition_type.is_pipelined()
        && edge.side_output.is_none()
        && main_outputs == 1
        && graph.incoming(edge.to).len() == 1
        && upstream.chaining != ChainingStrategy::Never
        && downstream.chaining == ChainingStrategy::Always
        && upstream.blocking == downstream.blocking
        // Parallelism, max parallelism and slot sharing group.
        && resolved.node(edge.from) == resolved.node(edge.to)
}

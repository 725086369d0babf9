//! The graph itself: nodes, edges, and the setters of the dataflow API.

use super::edge::{EdgeId, NewEdge, StreamEdge};
use super::node::{ChainingStrategy, NodeId, NodeKind, StreamNode};
use super::settings::GraphSettings;
use crate::graph::key_group::{MaxParallelism, Parallelism};

/// What a program described. Grows by nodes and edges, loses neither.
///
/// Setters take any value; what can't be is refused when the graph is translated, so that a chain of
/// calls in a program needs no error handling before `execute`.
///
/// An id of another graph is a bug of the caller: the methods that take one panic if it's unknown.
#[derive(Clone, Debug, Default)]
pub struct StreamGraph {
    settings: GraphSettings,
    nodes: Vec<StreamNode>,
    edges: Vec<StreamEdge>,
    /// By node: the edges that leave it and those that enter it, each in order of definition.
    outgoing: Vec<Vec<EdgeId>>,
    incoming: Vec<Vec<EdgeId>>,
}

impl StreamGraph {
    /// An empty graph.
    pub fn new(settings: GraphSettings) -> StreamGraph {
        StreamGraph { settings, ..StreamGraph::default() }
    }

    /// What the environment says for all operators.
    pub fn settings(&self) -> &GraphSettings {
        &self.settings
    }

    /// Changes what the environment says; counts for operators that are there already, too.
    pub fn settings_mut(&mut self) -> &mut GraphSettings {
        &mut self.settings
    }

    /// Adds a node. Ids follow the order of definition.
    pub fn add_node(&mut self, node: StreamNode) -> NodeId {
        assert_eq!(node.kind == NodeKind::Source, node.inputs == 0, "only a source lacks inputs");
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 operators"));
        self.nodes.push(node);
        self.outgoing.push(Vec::new());
        self.incoming.push(Vec::new());
        id
    }

    /// Adds an edge.
    ///
    /// # Panics
    /// If one of the nodes is unknown, the receiver has no such input, or the sender is a sink.
    pub fn add_edge(&mut self, edge: NewEdge) -> EdgeId {
        let NewEdge { from, to, input, side_output, exchange, partition_type } = edge;
        let sender = self.node(from);
        assert!(sender.kind != NodeKind::Sink, "{} has no output", self.label(from));
        let receiver = self.node(to);
        assert!(input.0 < receiver.inputs, "{} has no input {}", self.label(to), input.0);

        let id = EdgeId(u32::try_from(self.edges.len()).expect("fewer than 2^32 edges"));
        self.edges.push(StreamEdge { id, from, to, input, side_output, exchange, partition_type });
        self.outgoing[from.as_index()].push(id);
        self.incoming[to.as_index()].push(id);
        id
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &StreamNode {
        let known = self.nodes.len();
        self.nodes
            .get(id.as_index())
            .unwrap_or_else(|| panic!("{id:?} is not of this graph, which has {known} nodes"))
    }

    /// The edge with this id.
    pub fn edge(&self, id: EdgeId) -> &StreamEdge {
        let known = self.edges.len();
        self.edges
            .get(id.as_index())
            .unwrap_or_else(|| panic!("{id:?} is not of this graph, which has {known} edges"))
    }

    /// All nodes in order of definition.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &StreamNode)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }

    /// All edges in order of definition.
    pub fn edges(&self) -> &[StreamEdge] {
        &self.edges
    }

    /// The edges that leave a node, in order of definition.
    pub fn outgoing(&self, id: NodeId) -> impl ExactSizeIterator<Item = &StreamEdge> {
        self.outgoing[id.as_index()].iter().map(|&edge| self.edge(edge))
    }

    /// The edges that enter a node, in order of definition.
    pub fn incoming(&self, id: NodeId) -> impl ExactSizeIterator<Item = &StreamEdge> {
        self.incoming[id.as_index()].iter().map(|&edge| self.edge(edge))
    }

    /// How error messages name a node: `"name" (#number)`.
    pub fn label(&self, id: NodeId) -> String {
        format!("\"{}\" (#{})", self.node(id).display_name(), id.0)
    }

    /// Renames a node.
    pub fn set_name(&mut self, id: NodeId, name: impl Into<String>) {
        self.node_mut(id).name = name.into();
    }

    /// Sets the stable name under which the state of a node is kept.
    pub fn set_uid(&mut self, id: NodeId, uid: impl Into<String>) {
        self.node_mut(id).uid = Some(uid.into());
    }

    /// Sets the operator id itself, as 32 hex digits: the way to keep state whose uid was never set.
    pub fn set_uid_hash(&mut self, id: NodeId, hash: impl Into<String>) {
        self.node_mut(id).uid_hash = Some(hash.into());
    }

    /// Sets the number of subtasks.
    pub fn set_parallelism(&mut self, id: NodeId, parallelism: Parallelism) {
        self.node_mut(id).parallelism = Some(parallelism);
    }

    /// Sets the number of key groups.
    pub fn set_max_parallelism(&mut self, id: NodeId, max_parallelism: MaxParallelism) {
        self.node_mut(id).max_parallelism = Some(max_parallelism);
    }

    /// Sets whose slots the node shares.
    pub fn set_slot_sharing_group(&mut self, id: NodeId, group: impl Into<String>) {
        self.node_mut(id).slot_sharing_group = Some(group.into());
    }

    /// Sets where the node may stand in a chain.
    pub fn set_chaining_strategy(&mut self, id: NodeId, strategy: ChainingStrategy) {
        self.node_mut(id).chaining = strategy;
    }

    /// Says that the node's code may block: it runs on a worker of its own.
    pub fn set_blocking(&mut self, id: NodeId) {
        self.node_mut(id).blocking = true;
    }

    fn node_mut(&mut self, id: NodeId) -> &mut StreamNode {
        let known = self.nodes.len();
        self.nodes
            .get_mut(id.as_index())
            .unwrap_or_else(|| panic!("{id:?} is not of this graph, which has {known} nodes"))
    }
}

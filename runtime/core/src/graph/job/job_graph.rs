//! Vertices and the edges between them.

use super::chain::Chains;
use super::id::{OperatorId, VertexId};
use super::operator_id::operator_ids;
use crate::graph::error::GraphError;
use crate::graph::key_group::{MaxParallelism, Parallelism};
use crate::graph::stream::{
    EdgeId, Exchange, InputIndex, JobType, NodeId, Resolved, ResultPartitionType, StreamGraph,
};

/// Names a vertex within its job graph: its place in topological order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VertexIndex(pub u32);

impl VertexIndex {
    /// As an index into a table by vertex.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// One chain: what runs as one task per subtask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobVertex {
    /// The operator id of the chain's head.
    pub id: VertexId,
    /// The names of the chain, as Flink writes them: `Source: a -> b -> Sink: c`.
    pub name: String,
    /// The operators from head to tail; never empty.
    pub chain: Vec<NodeId>,
    /// Number of subtasks.
    pub parallelism: Parallelism,
    /// Number of key groups.
    pub max_parallelism: MaxParallelism,
    /// Whose slots it shares.
    pub slot_sharing_group: String,
    /// Whether its code may block, so that each subtask needs a worker of its own.
    pub blocking: bool,
    /// The edges that enter its head, by input and then in order of definition.
    pub inputs: Vec<EdgeId>,
    /// The edges that leave it, in order of the chain and then of definition.
    pub outputs: Vec<EdgeId>,
}

impl JobVertex {
    /// The first operator of the chain.
    pub fn head(&self) -> NodeId {
        self.chain[0]
    }

    /// The last operator of the chain: the one whose main output leaves the vertex.
    pub fn tail(&self) -> NodeId {
        self.chain[self.chain.len() - 1]
    }
}

/// A stream between vertices: an edge of the stream graph that isn't fused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobEdge {
    /// The edge of the stream graph.
    pub id: EdgeId,
    /// The vertex that sends.
    pub from: VertexIndex,
    /// The operator of that vertex that sends: its tail, or any for a side output.
    pub from_node: NodeId,
    /// The vertex that receives, with its head.
    pub to: VertexIndex,
    /// Which input of that head.
    pub input: InputIndex,
    /// How records are dealt to subtasks.
    pub exchange: Exchange,
    /// Pipelined or blocking.
    pub partition_type: ResultPartitionType,
    /// The side output that is sent; `None` is the main output.
    pub side_output: Option<String>,
}

/// A job, ready to be expanded into subtasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobGraph {
    name: String,
    job_type: JobType,
    vertices: Vec<JobVertex>,
    edges: Vec<JobEdge>,
    /// By node.
    operators: Vec<Operator>,
    /// By edge of the stream graph; `None` where it is fused.
    edge_positions: Vec<Option<usize>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Operator {
    id: OperatorId,
    /// With the prefix of sources and sinks.
    name: String,
    vertex: VertexIndex,
}

impl JobGraph {
    /// Translates a stream graph.
    ///
    /// # Errors
    /// The first fault found; it names the operator.
    pub fn build(graph: &StreamGraph) -> Result<JobGraph, GraphError> {
        let resolved = graph.resolve()?;
        let chains = Chains::build(graph, &resolved);
        let ids = operator_ids(graph, &chains)?;
        let homes = homes(graph, &chains);

        let edges = edges(graph, &resolved, (&chains, &homes));
        let mut edge_positions = vec![None; graph.edges().len()];
        for (position, edge) in edges.iter().enumerate() {
            edge_positions[edge.id.as_index()] = Some(position);
        }
        let vertices = chains.iter().map(|chain| {
            let head = resolved.node(chain[0]);
            JobVertex {
                id: VertexId::from(ids[chain[0].as_index()]),
                name: chain_name(graph, chain),
                chain: chain.to_vec(),
                parallelism: head.parallelism,
                max_parallelism: head.max_parallelism,
                slot_sharing_group: head.slot_sharing_group.clone(),
                blocking: graph.node(chain[0]).blocking,
                inputs: inputs(graph, chain[0]),
                outputs: outputs(graph, &chains, chain),
            }
        });
        let operators = graph.nodes().map(|(node, description)| Operator {
            id: ids[node.as_index()],
            name: description.display_name(),
            vertex: homes[node.as_index()],
        });
        let job = JobGraph {
            name: graph.settings().job_name.clone(),
            job_type: graph.settings().job_type,
            vertices: vertices.collect(),
            edges,
            operators: operators.collect(),
            edge_positions,
        };
        job.verify_invariants();
        Ok(job)
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Streaming or batch.
    pub fn job_type(&self) -> JobType {
        self.job_type
    }

    /// The vertices in topological order, sources first.
    pub fn vertices(&self) -> &[JobVertex] {
        &self.vertices
    }

    /// The vertices with their indices.
    pub fn indexed_vertices(&self) -> impl ExactSizeIterator<Item = (VertexIndex, &JobVertex)> {
        self.vertices.iter().enumerate().map(|(index, vertex)| (VertexIndex(index as u32), vertex))
    }

    /// The vertex at `index`.
    pub fn vertex(&self, index: VertexIndex) -> &JobVertex {
        &self.vertices[index.as_index()]
    }

    /// The edges between vertices, in order of definition.
    pub fn edges(&self) -> &[JobEdge] {
        &self.edges
    }

    /// The edge between vertices that this edge of the stream graph became; `None` if it is fused.
    pub fn edge(&self, id: EdgeId) -> Option<&JobEdge> {
        self.edge_positions[id.as_index()].map(|position| &self.edges[position])
    }

    /// The edges between vertices that leave a node, in order of definition: its side outputs, and
    /// if it's the tail of its chain, also its main output.
    pub fn outputs_of(&self, node: NodeId) -> impl Iterator<Item = &JobEdge> {
        let outputs = &self.vertex(self.vertex_of(node)).outputs;
        outputs
            .iter()
            .filter_map(|&edge| self.edge(edge))
            .filter(move |edge| edge.from_node == node)
    }

    /// The vertex in whose chain a node is.
    pub fn vertex_of(&self, node: NodeId) -> VertexIndex {
        self.operators[node.as_index()].vertex
    }

    /// The id of a node's operator.
    pub fn operator_id(&self, node: NodeId) -> OperatorId {
        self.operators[node.as_index()].id
    }

    /// The name of a node's operator as plans and metrics show it.
    pub fn operator_name(&self, node: NodeId) -> &str {
        &self.operators[node.as_index()].name
    }

    /// Checks what the module promises.
    ///
    /// # Panics
    /// If one of the promises is broken, which is a bug of the translation.
    pub fn verify_invariants(&self) {
        let chained: usize = self.vertices.iter().map(|vertex| vertex.chain.len()).sum();
        assert_eq!(chained, self.operators.len(), "every node is in exactly one chain");
        for (index, vertex) in self.indexed_vertices() {
            assert!(!vertex.chain.is_empty(), "{} has an operator", vertex.name);
            assert!(vertex.chain.iter().all(|&node| self.vertex_of(node) == index));
        }
        for edge in &self.edges {
            assert!(edge.from < edge.to, "{:?} goes downstream", edge.id);
            let from = self.vertex(edge.from);
            assert!(from.outputs.contains(&edge.id) && from.chain.contains(&edge.from_node));
            assert!(edge.side_output.is_some() || edge.from_node == from.tail());
            assert!(self.vertex(edge.to).inputs.contains(&edge.id));
        }
    }
}

/// By node: the vertex that it runs in.
fn homes(graph: &StreamGraph, chains: &Chains) -> Vec<VertexIndex> {
    let mut homes = vec![VertexIndex(0); graph.nodes().len()];
    for (index, chain) in chains.iter().enumerate() {
        for node in chain {
            homes[node.as_index()] = VertexIndex(index as u32);
        }
    }
    homes
}

fn edges(
    graph: &StreamGraph,
    resolved: &Resolved,
    (chains, homes): (&Chains, &[VertexIndex]),
) -> Vec<JobEdge> {
    let between = graph.edges().iter().filter(|edge| !chains.is_fused(edge.id));
    let edges = between.map(|edge| JobEdge {
        id: edge.id,
        from: homes[edge.from.as_index()],
        from_node: edge.from,
        to: homes[edge.to.as_index()],
        input: edge.input,
        exchange: resolved.exchange(edge.id),
        partition_type: edge.partition_type,
        side_output: edge.side_output.clone(),
    });
    edges.collect()
}

fn chain_name(graph: &StreamGraph, chain: &[NodeId]) -> String {
    let names: Vec<String> = chain.iter().map(|&node| graph.node(node).display_name()).collect();
    names.join(" -> ")
}

fn inputs(graph: &StreamGraph, head: NodeId) -> Vec<EdgeId> {
    let mut inputs: Vec<_> = graph.incoming(head).map(|edge| (edge.input, edge.id)).collect();
    inputs.sort_unstable();
    inputs.into_iter().map(|(_, edge)| edge).collect()
}

fn outputs(graph: &StreamGraph, chains: &Chains, chain: &[NodeId]) -> Vec<EdgeId> {
    let outputs = chain.iter().flat_map(|&node| graph.outgoing(node).map(|edge| edge.id));
    outputs.filter(|&edge| !chains.is_fused(edge)).collect()
}

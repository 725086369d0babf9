//! Fills in what the program left unsaid, once the whole graph is known.

use super::edge::{EdgeId, Exchange, StreamEdge};
use super::node::{NodeId, StreamNode};
use super::stream_graph::StreamGraph;
use super::validate::validate;
use crate::graph::constants::SLOT_SHARING_GROUP_DEFAULT;
use crate::graph::error::GraphError;
use crate::graph::key_group::{MaxParallelism, Parallelism};

/// What holds for a node after defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedNode {
    /// Its own, or the environment's.
    pub parallelism: Parallelism,
    /// Its own, or the environment's, or [`MaxParallelism::default_for`] its parallelism.
    pub max_parallelism: MaxParallelism,
    /// Its own; or that of its inputs if they all share one; or
    /// [`SLOT_SHARING_GROUP_DEFAULT`].
    pub slot_sharing_group: String,
}

/// A validated graph's defaults, filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    nodes: Vec<ResolvedNode>,
    exchanges: Vec<Exchange>,
    order: Vec<NodeId>,
}

impl Resolved {
    /// What holds for a node.
    pub fn node(&self, id: NodeId) -> &ResolvedNode {
        &self.nodes[id.as_index()]
    }

    /// The exchange of an edge.
    pub fn exchange(&self, id: EdgeId) -> Exchange {
        self.exchanges[id.as_index()]
    }

    /// All nodes, sources first, each after its inputs.
    pub fn topological_order(&self) -> &[NodeId] {
        &self.order
    }
}

impl StreamGraph {
    /// Validates the graph and resolves its defaults.
    ///
    /// # Errors
    /// The first fault found; it names the operator.
    pub fn resolve(&self) -> Result<Resolved, GraphError> {
        let order = validate(self)?;
        let groups = slot_sharing_groups(self, &order);
        let nodes = self
            .nodes()
            .zip(groups)
            .map(|((id, node), group)| resolve_node(self, (id, node), group))
            .collect::<Result<Vec<_>, _>>()?;
        let exchanges = self
            .edges()
            .iter()
            .map(|edge| resolve_exchange(self, &nodes, edge))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Resolved { nodes, exchanges, order })
    }
}

fn resolve_node(
    graph: &StreamGraph,
    (id, node): (NodeId, &StreamNode),
    slot_sharing_group: String,
) -> Result<ResolvedNode, GraphError> {
    let settings = graph.settings();
    let parallelism = node.parallelism.unwrap_or(settings.parallelism);
    let max_parallelism = node
        .max_parallelism
        .or(settings.max_parallelism)
        .unwrap_or_else(|| MaxParallelism::default_for(parallelism));
    if parallelism.0 > max_parallelism.0 {
        let operator = graph.label(id);
        return Err(GraphError::ParallelismAboveMax { operator, parallelism, max_parallelism });
    }
    Ok(ResolvedNode { parallelism, max_parallelism, slot_sharing_group })
}

/// By node. Inputs come before the nodes they feed in `order`, so that a group travels any distance.
fn slot_sharing_groups(graph: &StreamGraph, order: &[NodeId]) -> Vec<String> {
    let mut groups: Vec<Option<&str>> = vec![None; order.len()];
    for &id in order {
        let inherited = || {
            let mut inputs = graph.incoming(id).map(|edge| groups[edge.from.as_index()]);
            let first = inputs.next()?;
            inputs.all(|group| group == first).then_some(first)?
        };
        let own = graph.node(id).slot_sharing_group.as_deref();
        let group = own.or_else(inherited).unwrap_or(SLOT_SHARING_GROUP_DEFAULT);
        groups[id.as_index()] = Some(group);
    }
    groups
        .into_iter()
        .map(|group| group.expect("the order has every node once").to_owned())
        .collect()
}

fn resolve_exchange(
    graph: &StreamGraph,
    nodes: &[ResolvedNode],
    edge: &StreamEdge,
) -> Result<Exchange, GraphError> {
    let upstream_parallelism = nodes[edge.from.as_index()].parallelism;
    let downstream_parallelism = nodes[edge.to.as_index()].parallelism;
    let equal = upstream_parallelism == downstream_parallelism;
    match edge.exchange {
        None if equal => Ok(Exchange::Forward),
        None => Ok(Exchange::Rebalance),
        Some(Exchange::Forward) if !equal => Err(GraphError::ForwardChangesParallelism {
            upstream: graph.label(edge.from),
            upstream_parallelism,
            downstream: graph.label(edge.to),
            downstream_parallelism,
        }),
        Some(exchange) => Ok(exchange),
    }
}

//! Finds what can't run before anything is started. The first fault found is reported, in an order
//! that goes from the whole graph to single operators, so that one mistake gives one message.

use std::collections::{HashMap, VecDeque};

use super::edge::InputIndex;
use super::node::{NodeId, NodeKind};
use super::stream_graph::StreamGraph;
use crate::graph::constants::ID_BYTES;
use crate::graph::error::GraphError;

/// Checks everything that doesn't depend on resolved values and gives the nodes in topological
/// order: sources first, then each node after all its inputs.
pub(super) fn validate(graph: &StreamGraph) -> Result<Vec<NodeId>, GraphError> {
    check_environment(graph)?;
    check_sinks(graph)?;
    let order = topological_order(graph)?;
    assert_eq!(order.len(), graph.nodes().len(), "the order has every node once");
    check_inputs(graph)?;
    check_uids(graph)?;
    for (id, node) in graph.nodes() {
        if node.parallelism.is_some_and(|parallelism| parallelism.0 == 0) {
            return Err(GraphError::ZeroParallelism { owner: graph.label(id) });
        }
        if let Some(max_parallelism) = node.max_parallelism.filter(|max| !max.is_valid()) {
            let owner = graph.label(id);
            return Err(GraphError::MaxParallelismOutOfBounds { owner, max_parallelism });
        }
    }
    Ok(order)
}

fn check_environment(graph: &StreamGraph) -> Result<(), GraphError> {
    let owner = "the environment".to_owned();
    let settings = graph.settings();
    if settings.parallelism.0 == 0 {
        return Err(GraphError::ZeroParallelism { owner });
    }
    match settings.max_parallelism.filter(|max| !max.is_valid()) {
        Some(max_parallelism) => {
            Err(GraphError::MaxParallelismOutOfBounds { owner, max_parallelism })
        }
        None => Ok(()),
    }
}

/// An operator whose output nobody takes is fine (it may have effects), a job of only such is not.
fn check_sinks(graph: &StreamGraph) -> Result<(), GraphError> {
    let job = graph.settings().job_name.clone();
    if graph.nodes().len() == 0 {
        return Err(GraphError::NoOperators { job });
    }
    if graph.nodes().any(|(_, node)| node.kind == NodeKind::Sink) {
        return Ok(());
    }
    let dangling = graph
        .nodes()
        .filter(|&(id, _)| graph.outgoing(id).len() == 0)
        .map(|(id, _)| graph.label(id))
        .collect::<Vec<_>>();
    // Without a node that ends the graph there must be a cycle, and its message says more.
    if dangling.is_empty() {
        return topological_order(graph).map(|_| ());
    }
    Err(GraphError::NoSink { job, dangling })
}

/// Kahn's algorithm, taking nodes in order of definition where there is a choice.
fn topological_order(graph: &StreamGraph) -> Result<Vec<NodeId>, GraphError> {
    let mut missing: Vec<usize> = graph.nodes().map(|(id, _)| graph.incoming(id).len()).collect();
    let mut ready: VecDeque<NodeId> =
        graph.nodes().map(|(id, _)| id).filter(|id| missing[id.as_index()] == 0).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(id) = ready.pop_front() {
        order.push(id);
        for edge in graph.outgoing(id) {
            let missing = &mut missing[edge.to.as_index()];
            *missing -= 1;
            if *missing == 0 {
                ready.push_back(edge.to);
            }
        }
    }
    match graph.nodes().map(|(id, _)| id).find(|id| missing[id.as_index()] > 0) {
        None => Ok(order),
        Some(start) => Err(GraphError::Cycle { path: cycle_path(graph, start, &missing) }),
    }
}

/// Every node that is still missing an input has an input that is itself missing one. So walking
/// upstream from any of them never ends: the first node met twice closes a cycle. It is told from
/// its earliest node on, that one again at the end.
fn cycle_path(graph: &StreamGraph, start: NodeId, missing: &[usize]) -> Vec<String> {
    let mut walked = vec![start];
    loop {
        let last = walked[walked.len() - 1];
        let upstream = graph
            .incoming(last)
            .map(|edge| edge.from)
            .find(|from| missing[from.as_index()] > 0)
            .expect("a node waits only for a node that waits");
        if let Some(met) = walked.iter().position(|&node| node == upstream) {
            let mut cycle: Vec<NodeId> = walked.drain(met..).rev().collect();
            let earliest = (0..cycle.len()).min_by_key(|&place| cycle[place]).unwrap_or(0);
            cycle.rotate_left(earliest);
            cycle.push(cycle[0]);
            return cycle.into_iter().map(|node| graph.label(node)).collect();
        }
        walked.push(upstream);
        assert!(walked.len() <= missing.len(), "the walk is as long as the graph without a cycle");
    }
}

fn check_inputs(graph: &StreamGraph) -> Result<(), GraphError> {
    for (id, node) in graph.nodes() {
        let fed = |input: &InputIndex| graph.incoming(id).any(|edge| edge.input == *input);
        if let Some(input) = (0..node.inputs).map(InputIndex).find(|input| !fed(input)) {
            let operator = graph.label(id);
            return Err(GraphError::MissingInput { operator, input, inputs: node.inputs });
        }
    }
    Ok(())
}

fn check_uids(graph: &StreamGraph) -> Result<(), GraphError> {
    let mut owners: HashMap<&str, NodeId> = HashMap::new();
    for (id, node) in graph.nodes() {
        if let Some(hash) = &node.uid_hash
            && !(hash.len() == 2 * ID_BYTES && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            let operator = graph.label(id);
            return Err(GraphError::UidHashForm { operator, hash: hash.clone() });
        }
        if let Some(uid) = &node.uid
            && let Some(first) = owners.insert(uid, id)
        {
            let (first, second) = (graph.label(first), graph.label(id));
            return Err(GraphError::ClashingUid { uid: uid.clone(), first, second });
        }
        let named = node.uid.is_some() || node.uid_hash.is_some();
        if !named && !graph.settings().auto_generate_uids {
            return Err(GraphError::MissingUid { operator: graph.label(id) });
        }
    }
    Ok(())
}

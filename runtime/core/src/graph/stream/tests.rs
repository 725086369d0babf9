use proptest::prelude::*;

use super::*;
use crate::graph::{GraphError, JobGraph, MaxParallelism, Parallelism};

/// Nodes by name, edges by `from > to`: `a` is a source, `z` a sink, two letters a two-input operator.
/// A number after the colon is the parallelism. An edge into a two-input operator names its
/// input after a dot: `a > mn.1`.
pub(in crate::graph) fn graph(nodes: &[&str], edges: &[&str]) -> StreamGraph {
    let mut graph = StreamGraph::default();
    for text in nodes {
        let (name, parallelism) = text.split_once(':').map_or((*text, None), |(name, number)| {
            (name, Some(Parallelism(number.parse().unwrap())))
        });
        let node = match name.as_bytes() {
            [b'a'..=b'c', ..] => StreamNode::source(name),
            [b'x'..=b'z', ..] => StreamNode::sink(name),
            [_, _] => StreamNode::two_input_operator(name),
            _ => StreamNode::operator(name),
        };
        graph.add_node(StreamNode { parallelism, ..node });
    }
    for text in edges {
        let (from, to) = text.split_once(" > ").unwrap();
        let (to, input) = to.split_once('.').unwrap_or((to, "0"));
        let edge = NewEdge::between(node(&graph, from), node(&graph, to))
            .into_input(InputIndex(input.parse().unwrap()));
        graph.add_edge(edge);
    }
    graph
}

/// The first node with this name.
pub(in crate::graph) fn node(graph: &StreamGraph, name: &str) -> NodeId {
    let found = graph.nodes().find(|(_, node)| node.name == name);
    found.unwrap_or_else(|| panic!("no node {name}")).0
}

fn check_error(graph: &StreamGraph, expected: &str) {
    let error = JobGraph::build(graph).expect_err("the graph should be refused");
    assert_eq!(error.to_string(), expected);
    assert_eq!(graph.resolve().err(), Some(error));
}

#[test]
fn no_operators() {
    check_error(
        &graph(&[], &[]),
        "job \"Brisk Streaming Job\" has no operators defined: \
         add a source and a sink before the job is executed",
    );
}

#[test]
fn no_sink_names_what_dangles() {
    check_error(
        &graph(&["a", "m", "b"], &["a > m"]),
        "job \"Brisk Streaming Job\" has no sink, so nothing would come of it: \
         add a sink to what \"m\" (#1), \"Source: b\" (#2) gives",
    );
}

#[test]
fn unused_output_beside_a_sink_is_fine() {
    let graph = graph(&["a", "m", "z"], &["a > m", "a > z"]);
    assert!(JobGraph::build(&graph).is_ok());
}

#[test]
fn clashing_uid_names_both() {
    let mut graph = graph(&["a", "m", "z"], &["a > m", "m > z"]);
    graph.set_uid(NodeId(0), "one");
    graph.set_uid(NodeId(2), "one");
    check_error(
        &graph,
        "uid \"one\" is set on both \"Source: a\" (#0) and \"Sink: z\" (#2): \
         state is found by uid, so each operator needs its own",
    );
}

#[test]
fn uid_hash_must_be_hex() {
    let mut graph = graph(&["a", "z"], &["a > z"]);
    graph.set_uid_hash(NodeId(1), "bd9c186e89cc37a76d776844dfa8ccbä");
    check_error(
        &graph,
        "uid hash \"bd9c186e89cc37a76d776844dfa8ccbä\" of \"Sink: z\" (#1) \
         is not a string of 32 hex digits",
    );
    graph.set_uid_hash(NodeId(1), "bd9c186e89cc37a76d776844dfa8ccba");
    assert!(graph.resolve().is_ok());
}

#[test]
fn demanded_uid_is_missing() {
    let mut graph = graph(&["a", "m", "z"], &["a > m", "m > z"]);
    graph.settings_mut().auto_generate_uids = false;
    graph.set_uid(NodeId(0), "source-id");
    graph.set_uid_hash(NodeId(2), "b2bc5a6680a755404d35a7edb8fc77f4");
    check_error(
        &graph,
        "\"m\" (#1) has no uid, and pipeline.auto-generate-uids is false: \
         set a uid on it, or set that key to true",
    );
    graph.set_uid(NodeId(1), "map-id");
    assert!(graph.resolve().is_ok());
}

#[test]
fn parallelism_out_of_bounds() {
    check_error(
        &graph(&["a:0", "z"], &["a > z"]),
        "the parallelism of \"Source: a\" (#0) is 0: it must be at least 1",
    );
    let mut of_environment = graph(&["a:1", "z:1"], &["a > z"]);
    of_environment.settings_mut().parallelism = Parallelism(0);
    check_error(&of_environment, "the parallelism of the environment is 0: it must be at least 1");

    for max in [0, 32_769] {
        let mut graph = graph(&["a", "z"], &["a > z"]);
        graph.set_max_parallelism(NodeId(1), MaxParallelism(max));
        check_error(
            &graph,
            &format!(
                "the max parallelism of \"Sink: z\" (#1) is {max}: \
                 it must be within 1 and 32768"
            ),
        );
    }
    let mut of_environment = graph(&["a", "z"], &["a > z"]);
    of_environment.settings_mut().max_parallelism = Some(MaxParallelism(40_000));
    check_error(
        &of_environment,
        "the max parallelism of the environment is 40000: it must be within 1 and 32768",
    );
}

#[test]
fn parallelism_above_max() {
    let mut graph = graph(&["a", "z:5"], &["a > z"]);
    graph.set_max_parallelism(NodeId(1), MaxParallelism(4));
    let message = "the parallelism 5 of \"Sink: z\" (#1) is above its max parallelism 4: \
                   lower the one or raise the other (at most 32768)";
    check_error(&graph, message);

    // From the environment it counts as well.
    let mut graph = super::tests::graph(&["a", "z:5"], &["a > z"]);
    graph.settings_mut().max_parallelism = Some(MaxParallelism(4));
    check_error(&graph, message);

    graph.set_parallelism(NodeId(1), Parallelism(4));
    assert!(graph.resolve().is_ok());
}

#[test]
fn cycle_names_its_path() {
    check_error(
        &graph(&["a", "mn", "o", "p", "z"], &["a > mn", "mn > o", "o > p", "p > mn.1", "p > z"]),
        "the graph has a cycle, which is not supported: \
         \"mn\" (#1) -> \"o\" (#2) -> \"p\" (#3) -> \"mn\" (#1)",
    );
    check_error(
        &graph(&["a", "z", "m"], &["a > z", "m > m"]),
        "the graph has a cycle, which is not supported: \"m\" (#2) -> \"m\" (#2)",
    );
    // What only hangs on a cycle is not on its path; and a cycle without any end is found, too.
    check_error(
        &graph(&["a", "d", "e", "f"], &["a > e", "e > f", "f > e", "f > d", "d > d"]),
        "the graph has a cycle, which is not supported: \"e\" (#2) -> \"f\" (#3) -> \"e\" (#2)",
    );
}

#[test]
fn input_without_an_edge() {
    check_error(
        &graph(&["a", "mn", "z"], &["a > mn", "mn > z"]),
        "input 1 of \"mn\" (#1) is not connected: it needs 2",
    );
    check_error(
        &graph(&["m", "z"], &["m > z"]),
        "input 0 of \"m\" (#0) is not connected: it needs 1",
    );
}

#[test]
fn explicit_forward_between_parallelisms() {
    let mut graph = graph(&["a:2", "m:3", "z:3"], &["m > z"]);
    graph.add_edge(NewEdge::between(NodeId(0), NodeId(1)).by(Exchange::Forward));
    check_error(
        &graph,
        "forward partitioning does not allow a change of parallelism, but \"Source: a\" (#0) has \
         parallelism 2 and \"m\" (#1) has 3: use rebalance, rescale, shuffle, broadcast or \
         global, or give both the same parallelism",
    );
}

#[test]
#[should_panic(expected = "has no input 1")]
fn an_edge_into_no_input_is_a_bug() {
    graph(&["a", "m"], &["a > m.1"]);
}

#[test]
#[should_panic(expected = "\"Sink: z\" (#0) has no output")]
fn an_edge_out_of_a_sink_is_a_bug() {
    graph(&["z", "m"], &["z > m"]);
}

#[test]
#[should_panic(expected = "is not of this graph, which has 1 nodes")]
fn a_foreign_id_is_a_bug() {
    graph(&["a"], &[]).set_uid(NodeId(1), "other");
}

#[test]
fn defaults_are_resolved() {
    let mut graph = graph(&["a:1", "m", "n", "z"], &["a > m", "m > n"]);
    graph.add_edge(NewEdge::between(NodeId(2), NodeId(3)).by(Exchange::Hash));
    graph.set_max_parallelism(NodeId(3), MaxParallelism(7));
    // Said after the nodes were added: counts all the same.
    graph.settings_mut().parallelism = Parallelism(3);
    let resolved = graph.resolve().unwrap();
    let parallelisms = graph.nodes().map(|(id, _)| resolved.node(id).parallelism.0);
    assert_eq!(parallelisms.collect::<Vec<_>>(), [1, 3, 3, 3]);
    let max_parallelisms = graph.nodes().map(|(id, _)| resolved.node(id).max_parallelism.0);
    assert_eq!(max_parallelisms.collect::<Vec<_>>(), [128, 128, 128, 7]);
    let exchanges = graph.edges().iter().map(|edge| resolved.exchange(edge.id));
    assert!(exchanges.eq([Exchange::Rebalance, Exchange::Forward, Exchange::Hash]));
}

fn check_groups(own: &[(&str, &str)], expected: &[&str]) {
    let mut graph = graph(&["a", "b", "m", "mn", "z"], &["a > m", "m > mn", "b > mn.1", "mn > z"]);
    for (name, group) in own {
        graph.set_slot_sharing_group(node(&graph, name), *group);
    }
    let resolved = graph.resolve().unwrap();
    let groups = graph.nodes().map(|(id, _)| resolved.node(id).slot_sharing_group.as_str());
    assert_eq!(groups.collect::<Vec<_>>(), expected);
}

#[test]
fn slot_sharing_group_is_inherited_from_inputs_that_agree() {
    check_groups(&[], &["default"; 5]);
    check_groups(&[("a", "g"), ("b", "g")], &["g"; 5]);
    check_groups(&[("a", "g")], &["g", "default", "g", "default", "default"]);
    check_groups(&[("a", "g"), ("b", "h")], &["g", "h", "g", "default", "default"]);
    check_groups(&[("m", "g")], &["default", "default", "g", "default", "default"]);
    check_groups(&[("mn", "g")], &["default", "default", "default", "g", "g"]);
    check_groups(
        &[("a", "g"), ("m", "default")],
        &["g", "default", "default", "default", "default"],
    );
}

/// A valid graph: node `i` takes its inputs from nodes before it; what ends up unused gets a sink.
#[derive(Debug, Clone)]
pub(in crate::graph) struct RandomNode {
    pub(in crate::graph) inputs: Vec<usize>,
    pub(in crate::graph) parallelism: Option<u32>,
    pub(in crate::graph) chaining: ChainingStrategy,
    pub(in crate::graph) exchange: Option<Exchange>,
    pub(in crate::graph) side_output: bool,
    pub(in crate::graph) blocking: bool,
    pub(in crate::graph) partition_type: ResultPartitionType,
}

pub(in crate::graph) fn random_nodes() -> impl Strategy<Value = Vec<RandomNode>> {
    let strategies = [ChainingStrategy::Always, ChainingStrategy::Head, ChainingStrategy::Never];
    let exchanges = Exchange::ALL.into_iter().filter(|&exchange| exchange != Exchange::Forward);
    let node = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::option::weighted(0.2, 1..5_u32),
        prop_oneof![4 => Just(strategies[0]), 1 => prop::sample::select(strategies.to_vec())],
        prop::option::weighted(0.3, prop::sample::select(exchanges.collect::<Vec<_>>())),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
    );
    prop::collection::vec(node, 1..24).prop_map(|nodes| {
        let nodes = nodes.into_iter().enumerate();
        nodes
            .map(|(i, (inputs, parallelism, chaining, exchange, side_output, blocking, border))| {
                let inputs = inputs.iter().filter(|_| i > 0).map(|input| input.index(i));
                let inputs = inputs.collect();
                let partition_type = match border {
                    true => ResultPartitionType::Blocking,
                    false => ResultPartitionType::PipelinedBounded,
                };
                RandomNode {
                    inputs,
                    parallelism,
                    chaining,
                    exchange,
                    side_output,
                    blocking,
                    partition_type,
                }
            })
            .collect()
    })
}

pub(in crate::graph) fn random_graph(nodes: &[RandomNode]) -> StreamGraph {
    let mut graph = StreamGraph::default();
    graph.settings_mut().parallelism = Parallelism(2);
    for (i, random) in nodes.iter().enumerate() {
        let name = format!("n{i}");
        let node = match random.inputs.len() {
            0 => StreamNode::source(name),
            1 => StreamNode::operator(name),
            _ => StreamNode::two_input_operator(name),
        };
        let parallelism = random.parallelism.map(Parallelism);
        let (chaining, blocking) = (random.chaining, random.blocking);
        let to = graph.add_node(StreamNode { parallelism, chaining, blocking, ..node });
        for (&from, input) in random.inputs.iter().zip(0..) {
            graph.add_edge(NewEdge {
                input: InputIndex(input),
                exchange: random.exchange,
                side_output: random.side_output.then(|| "late".to_owned()),
                partition_type: random.partition_type,
                ..NewEdge::between(NodeId(from as u32), to)
            });
        }
    }
    for i in 0..nodes.len() {
        let from = NodeId(i as u32);
        if graph.outgoing(from).len() == 0 {
            let parallelism = graph.node(from).parallelism;
            let sink = graph.add_node(StreamNode { parallelism, ..StreamNode::sink("out") });
            graph.add_edge(NewEdge::between(from, sink));
        }
    }
    graph
}

proptest! {
    #[test]
    fn random_graphs_resolve_in_topological_order(nodes in random_nodes()) {
        let graph = random_graph(&nodes);
        let resolved = graph.resolve().unwrap();
        let order = resolved.topological_order();
        prop_assert_eq!(order.len(), graph.nodes().len());
        let place = |node| order.iter().position(|&other| other == node).unwrap();
        for edge in graph.edges() {
            prop_assert!(place(edge.from) < place(edge.to));
        }
        let last_source = order.iter().rposition(|&id| graph.node(id).kind == NodeKind::Source);
        let first_other = order.iter().position(|&id| graph.node(id).kind != NodeKind::Source);
        prop_assert!(last_source < first_other);
    }

    /// An edge back from a node to one of its ancestors is always found, whatever else is there.
    #[test]
    fn random_cycles_are_found(nodes in random_nodes(), back in any::<prop::sample::Index>()) {
        let mut graph = random_graph(&nodes);
        let edges: Vec<_> = graph.edges().iter().map(|edge| (edge.from, edge.to)).collect();
        let (to, from) = edges[back.index(edges.len())];
        if graph.node(to).inputs > 0 && graph.node(from).kind != NodeKind::Sink {
            graph.add_edge(NewEdge::between(from, to));
            let error = graph.resolve().unwrap_err();
            let GraphError::Cycle { path } = error else { panic!("{error}") };
            prop_assert!(path.len() >= 2 && path.first() == path.last());
        }
    }
}

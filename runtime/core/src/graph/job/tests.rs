use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::graph::stream::tests::{graph, node, random_graph, random_nodes};
use crate::graph::stream::{
    ChainingStrategy, EdgeId, Exchange, NewEdge, NodeId, ResultPartitionType, StreamGraph,
    StreamNode,
};
use crate::graph::{GraphError, JobType, MaxParallelism, Parallelism};

fn vertex_names(graph: &StreamGraph) -> Vec<String> {
    let job = JobGraph::build(graph).expect("the graph is valid");
    job.vertices().iter().map(|vertex| vertex.name.clone()).collect()
}

fn check_vertices(graph: &StreamGraph, expected: &[&str]) {
    assert_eq!(vertex_names(graph), expected);
}

/// `a > m > n > z`, all chained unless `change` cuts it.
fn check_line(change: impl FnOnce(&mut StreamGraph), expected: &[&str]) {
    let mut graph = graph(&["a", "m", "n", "z"], &["a > m", "m > n", "n > z"]);
    change(&mut graph);
    check_vertices(&graph, expected);
}

const M: NodeId = NodeId(1);

#[test]
fn a_line_is_one_chain() {
    check_line(|_| (), &["Source: a -> m -> n -> Sink: z"]);
}

#[test]
fn disable_operator_chaining() {
    check_line(|graph| graph.settings_mut().chaining = false, &["Source: a", "m", "n", "Sink: z"]);
}

#[test]
fn disable_chaining_cuts_on_both_sides() {
    check_line(
        |graph| graph.set_chaining_strategy(M, ChainingStrategy::Never),
        &["Source: a", "m", "n -> Sink: z"],
    );
}

#[test]
fn start_new_chain_cuts_before_only() {
    check_line(
        |graph| graph.set_chaining_strategy(M, ChainingStrategy::Head),
        &["Source: a", "m -> n -> Sink: z"],
    );
}

#[test]
fn what_differs_is_not_chained() {
    let cut = ["Source: a", "m", "n -> Sink: z"];
    check_line(|graph| graph.set_parallelism(M, Parallelism(2)), &cut);
    check_line(|graph| graph.set_max_parallelism(M, MaxParallelism(64)), &cut);
    check_line(|graph| graph.set_blocking(M), &cut);
    // The group is inherited, so what follows stays together.
    check_line(|graph| graph.set_slot_sharing_group(M, "g"), &["Source: a", "m -> n -> Sink: z"]);
    // The same values said explicitly make no difference.
    check_line(
        |graph| {
            graph.set_parallelism(M, Parallelism(1));
            graph.set_max_parallelism(M, MaxParallelism(128));
            graph.set_slot_sharing_group(M, "default");
        },
        &["Source: a -> m -> n -> Sink: z"],
    );
    check_line(
        |graph| (0..4).for_each(|node| graph.set_blocking(NodeId(node))),
        &["Source: a -> m -> n -> Sink: z"],
    );
}

#[test]
fn only_forward_is_chained() {
    for exchange in Exchange::ALL {
        let mut graph = graph(&["a", "z"], &[]);
        graph.add_edge(NewEdge::between(NodeId(0), NodeId(1)).by(exchange));
        let expected: &[&str] = match exchange {
            Exchange::Forward => &["Source: a -> Sink: z"],
            _ => &["Source: a", "Sink: z"],
        };
        check_vertices(&graph, expected);
    }
}

#[test]
fn a_blocking_exchange_is_not_chained() {
    let mut graph = graph(&["a", "z"], &[]);
    let edge = NewEdge::between(NodeId(0), NodeId(1));
    graph.add_edge(edge.through(ResultPartitionType::Blocking));
    check_vertices(&graph, &["Source: a", "Sink: z"]);
}

#[test]
fn two_inputs_start_a_chain() {
    check_vertices(
        &graph(&["a", "b", "mn", "z"], &["a > mn", "b > mn.1", "mn > z"]),
        &["Source: a", "Source: b", "mn -> Sink: z"],
    );
    // A union is two edges into one input.
    check_vertices(
        &graph(&["a", "b", "m", "z"], &["a > m", "b > m", "m > z"]),
        &["Source: a", "Source: b", "m -> Sink: z"],
    );
}

#[test]
fn a_stream_used_twice_ends_its_chain() {
    check_vertices(
        &graph(&["a", "m", "n", "y", "z"], &["a > m", "m > n", "m > y", "n > z"]),
        &["Source: a -> m", "n -> Sink: z", "Sink: y"],
    );
}

#[test]
fn a_side_output_leaves_from_the_middle() {
    let mut graph = graph(&["a", "m", "z", "y"], &["a > m", "m > z"]);
    let late = graph.add_edge(NewEdge::between(M, NodeId(3)).of_side_output("late"));
    let job = JobGraph::build(&graph).unwrap();
    check_vertices(&graph, &["Source: a -> m -> Sink: z", "Sink: y"]);
    let edge = job.edge(late).expect("a side output is never fused");
    assert_eq!((edge.from, edge.from_node, edge.to), (VertexIndex(0), M, VertexIndex(1)));
    assert_eq!((edge.exchange, edge.side_output.as_deref()), (Exchange::Forward, Some("late")));
    assert_eq!(job.vertex(VertexIndex(0)).outputs, [late]);
    assert!(job.outputs_of(M).eq([edge]) && job.outputs_of(NodeId(2)).count() == 0);
    assert_eq!(job.vertex(VertexIndex(1)).inputs, [late]);
    assert_eq!(job.edge(EdgeId(0)), None);
    assert_eq!(job.vertex_of(NodeId(2)), VertexIndex(0));
}

/// Recorded from Flink 2.2.0.
#[test]
fn ids_of_uids() {
    for (uid, expected) in [
        ("source-id", "bd9c186e89cc37a76d776844dfa8ccba"),
        ("agg-id", "e80e0e24978aff27f23a09e62428debc"),
        ("sink-id", "b2bc5a6680a755404d35a7edb8fc77f4"),
        ("wm-id", "051ce21cd7d577b50168ec02a0041ba2"),
    ] {
        assert_eq!(OperatorId::of_uid(uid).to_string(), expected);
        assert_eq!(expected.parse(), Ok(OperatorId::of_uid(uid)));
    }
}

#[test]
fn id_text_is_checked() {
    for text in ["", "bd9c", "bd9c186e89cc37a76d776844dfa8ccb+", &"é".repeat(16), &"0".repeat(33)]
    {
        let error = text.parse::<JobId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("\"{text}\" is not an id: 32 hex digits are expected")
        );
    }
    let upper: OperatorId = "BD9C186E89CC37A76D776844DFA8CCBA".parse().unwrap();
    assert_eq!(upper, OperatorId::of_uid("source-id"));
}

fn ids(graph: &StreamGraph) -> Vec<String> {
    let job = JobGraph::build(graph).expect("the graph is valid");
    graph.nodes().map(|(node, _)| job.operator_id(node).to_string()).collect()
}

#[test]
fn vertex_id_is_that_of_its_head() {
    let mut graph = graph(&["a", "m", "z"], &["a > m", "m > z"]);
    graph.set_chaining_strategy(M, ChainingStrategy::Head);
    graph.set_uid(M, "agg-id");
    graph.set_uid_hash(NodeId(2), "B2BC5A6680A755404D35A7EDB8FC77F4");
    graph.set_uid(NodeId(2), "shadowed by the hash");
    let job = JobGraph::build(&graph).unwrap();
    assert_eq!(job.vertex(VertexIndex(1)).id.to_string(), "e80e0e24978aff27f23a09e62428debc");
    assert_eq!(job.operator_id(NodeId(2)), OperatorId::of_uid("sink-id"));
}

#[test]
fn a_uid_hash_may_clash_with_a_uid() {
    let mut graph = graph(&["a", "z"], &["a > z"]);
    graph.set_uid(NodeId(0), "sink-id");
    graph.set_uid_hash(NodeId(1), "b2bc5a6680a755404d35a7edb8fc77f4");
    let error = JobGraph::build(&graph).unwrap_err();
    assert!(matches!(error, GraphError::ClashingOperatorId { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "\"Source: a\" (#0) and \"Sink: z\" (#1) both have the operator id \
         b2bc5a6680a755404d35a7edb8fc77f4: change the uid hash of one of them"
    );
}

/// The shape of every word count: a chain of two, a keyed exchange, a chain of two.
fn word_count(job_type: JobType) -> StreamGraph {
    let mut graph = StreamGraph::default();
    graph.settings_mut().job_name = "word count".to_owned();
    graph.settings_mut().job_type = job_type;
    let partition_type = match job_type {
        JobType::Streaming => ResultPartitionType::PipelinedBounded,
        JobType::Batch => ResultPartitionType::Blocking,
    };
    let source = graph.add_node(StreamNode::source("Collection Source"));
    let flat_map = graph.add_node(StreamNode::operator("Flat Map"));
    let aggregation = graph.add_node(StreamNode::operator("Keyed Aggregation"));
    let sink = graph.add_node(StreamNode::sink("Print to Std. Out"));
    graph.add_edge(NewEdge::between(source, flat_map));
    let keyed = NewEdge::between(flat_map, aggregation).by(Exchange::Hash);
    graph.add_edge(keyed.through(partition_type));
    graph.add_edge(NewEdge::between(aggregation, sink));
    graph
}

/// The two vertex ids are those that Flink gives this job; they are in many of its users' logs.
#[test]
fn structural_ids_are_flinks() {
    for job_type in [JobType::Streaming, JobType::Batch] {
        let ids = ids(&word_count(job_type));
        assert_eq!(ids[0], "cbc357ccb763df2852fee8c4fc7d55f2");
        assert_eq!(ids[2], "90bea66de1c231edf33913ecd54406c1");
    }
    let unchained = ids(&graph(&["a:2", "z:1"], &["a > z"]));
    assert_eq!(unchained, ["bc764cd8ddf7a0cff126f51c16239658", "0a448493b4782967b150582570326227"]);
}

/// Compares ids by name of the node after a change to `a > m > n > z` with a uid on nothing.
fn check_id_change(change: impl FnOnce(&mut StreamGraph), expected: &[(&str, bool)]) {
    let mut graph = graph(&["a", "m", "n", "z"], &["a > m", "m > n", "n > z"]);
    let before = ids(&graph);
    change(&mut graph);
    let after = ids(&graph);
    for &(name, changed) in expected {
        let index = node(&graph, name).as_index();
        assert_eq!(before[index] != after[index], changed, "{name}");
    }
}

#[test]
fn structural_ids_change_with_the_graph() {
    const ALL: [(&str, bool); 4] = [("a", true), ("m", true), ("n", true), ("z", true)];
    const NONE: [(&str, bool); 4] = [("a", false), ("m", false), ("n", false), ("z", false)];
    // What is chained counts ...
    check_id_change(
        |graph| graph.set_chaining_strategy(M, ChainingStrategy::Head),
        &[("a", true), ("m", true), ("n", true), ("z", true)],
    );
    check_id_change(
        |graph| graph.set_chaining_strategy(NodeId(3), ChainingStrategy::Head),
        &[("a", false), ("m", false), ("n", true), ("z", true)],
    );
    check_id_change(|graph| graph.settings_mut().chaining = false, &ALL);
    // ... and what stands upstream ...
    check_id_change(
        |graph| graph.set_uid(M, "new"),
        &[("a", false), ("m", true), ("n", true), ("z", true)],
    );
    // ... names, parallelism that keeps the chain, and what hangs on the end don't.
    check_id_change(|graph| graph.set_name(M, "other"), &[("a", false), ("n", false)]);
    check_id_change(|graph| graph.settings_mut().parallelism = Parallelism(4), &NONE);
    check_id_change(
        |graph| {
            let other = graph.add_node(StreamNode::sink("late"));
            graph.add_edge(NewEdge::between(NodeId(2), other).of_side_output("late"));
        },
        &NONE,
    );
}

#[test]
fn order_of_definition_matters_as_in_flink() {
    let by_name = |graph: &StreamGraph| {
        let job = JobGraph::build(graph).unwrap();
        let mut ids: Vec<_> =
            graph.nodes().map(|(id, node)| (node.name.clone(), job.operator_id(id))).collect();
        ids.sort();
        ids
    };
    // Operators and their edges in any order: same ids.
    let forward = graph(&["a", "m", "n", "z"], &["a > m", "m > n", "n > z"]);
    let backward = graph(&["z", "n", "m", "a"], &["n > z", "m > n", "a > m"]);
    assert_eq!(by_name(&forward), by_name(&backward));
    // Sources, and the consumers of one operator: not.
    let first_a = graph(&["a", "b", "y", "z"], &["a > y", "b > z"]);
    let first_b = graph(&["b", "a", "y", "z"], &["a > y", "b > z"]);
    assert_ne!(by_name(&first_a), by_name(&first_b));
    let first_y = graph(&["a", "y", "z"], &["a > y", "a > z"]);
    let first_z = graph(&["a", "y", "z"], &["a > z", "a > y"]);
    assert_ne!(by_name(&first_y), by_name(&first_z));
}

fn check_plan(graph: &StreamGraph, expected: serde_json::Value) {
    let jid = "3a93aa1064b1eeb1febf594ba08d992f".parse().unwrap();
    let plan = Plan::build(jid, &JobGraph::build(graph).unwrap());
    assert_eq!(serde_json::to_value(plan).unwrap(), expected);
}

#[test]
fn plan_of_word_count() {
    for (job_type, name, exchange) in [
        (JobType::Streaming, "STREAMING", "pipelined_bounded"),
        (JobType::Batch, "BATCH", "blocking"),
    ] {
        check_plan(
            &word_count(job_type),
            json!({
                "jid": "3a93aa1064b1eeb1febf594ba08d992f",
                "name": "word count",
                "type": name,
                "nodes": [
                    {
                        "id": "90bea66de1c231edf33913ecd54406c1",
                        "parallelism": 1,
                        "operator": "",
                        "operator_strategy": "",
                        "description": "Keyed Aggregation<br/>+- Sink: Print to Std. Out<br/>",
                        "inputs": [{
                            "num": 0,
                            "id": "cbc357ccb763df2852fee8c4fc7d55f2",
                            "ship_strategy": "HASH",
                            "exchange": exchange,
                        }],
                        "optimizer_properties": {},
                    },
                    {
                        "id": "cbc357ccb763df2852fee8c4fc7d55f2",
                        "parallelism": 1,
                        "operator": "",
                        "operator_strategy": "",
                        "description": "Source: Collection Source<br/>+- Flat Map<br/>",
                        "optimizer_properties": {},
                    },
                ],
            }),
        );
    }
}

#[test]
fn plan_indents_long_chains_escapes_names_and_numbers_inputs() {
    let mut graph = graph(&["a:2", "b:1", "mn:2", "o:2", "z:2"], &["b > mn.1", "mn > o", "o > z"]);
    graph.add_edge(NewEdge::between(NodeId(0), NodeId(2)).by(Exchange::Broadcast));
    graph.set_name(NodeId(3), "<b>\\ & \"it's\"\nnew");
    let job = JobGraph::build(&graph).unwrap();
    let plan = Plan::build(JobId::from_bytes([7; 16]), &job);
    let text = serde_json::to_value(&plan).unwrap();
    assert_eq!(text["jid"], "07070707070707070707070707070707");
    let last = &text["nodes"][0];
    assert_eq!(
        last["description"],
        "mn<br/>\
         +- &lt;b&gt;&#92; &amp; &quot;it&#39;s&quot;<br/>new<br/>   \
         +- Sink: z<br/>"
    );
    assert_eq!(last["parallelism"], 2);
    // By input, not by the order in which the edges were defined.
    assert_eq!(last["inputs"][0]["ship_strategy"], "BROADCAST");
    assert_eq!(last["inputs"][0]["id"], job.vertex(job.vertex_of(NodeId(0))).id.to_string());
    assert_eq!(last["inputs"][1]["ship_strategy"], "REBALANCE");
    assert_eq!(last["inputs"][1]["num"], 1);
}

proptest! {
    /// A chain is as long as the rules allow, and every edge is either in a chain or between vertices.
    #[test]
    fn random_graphs_are_chained_fully(nodes in random_nodes()) {
        let graph = random_graph(&nodes);
        let job = JobGraph::build(&graph).unwrap();
        job.verify_invariants();
        for edge in graph.edges() {
            let fused = job.edge(edge.id).is_none();
            let vertex = job.vertex(job.vertex_of(edge.from));
            let neighbours =
                vertex.chain.windows(2).any(|pair| pair[0] == edge.from && pair[1] == edge.to);
            if fused {
                prop_assert!(neighbours);
            } else {
                prop_assert!(!chainable(&graph, edge.id));
            }
        }
        let longest = job.vertices().iter().map(|vertex| vertex.name.split(" -> ").count());
        let expected = job.vertices().iter().map(|vertex| vertex.chain.len());
        prop_assert!(longest.eq(expected));
    }

    #[test]
    fn random_graphs_have_unique_and_repeatable_ids(nodes in random_nodes()) {
        let graph = random_graph(&nodes);
        let ids = ids(&graph);
        prop_assert_eq!(&ids, &super::tests::ids(&random_graph(&nodes)));
        let unique: std::collections::HashSet<_> = ids.iter().collect();
        prop_assert_eq!(unique.len(), ids.len());
    }
}

/// The naive twin of the chaining rules: says what each cut means instead of what a chain needs.
fn chainable(graph: &StreamGraph, id: EdgeId) -> bool {
    let edge = graph.edge(id);
    let resolved = graph.resolve().unwrap();
    let (from, to) = (resolved.node(edge.from), resolved.node(edge.to));
    let others = graph.edges().iter().filter(|other| other.id != id).any(|other| {
        let also_used = other.from == edge.from && other.side_output.is_none();
        also_used || other.to == edge.to
    });
    let redistributes = resolved.exchange(id) != Exchange::Forward;
    let differs = from.parallelism != to.parallelism
        || from.max_parallelism != to.max_parallelism
        || from.slot_sharing_group != to.slot_sharing_group
        || graph.node(edge.from).blocking != graph.node(edge.to).blocking;
    let cut = graph.node(edge.from).chaining == ChainingStrategy::Never
        || graph.node(edge.to).chaining != ChainingStrategy::Always
        || edge.partition_type == ResultPartitionType::Blocking
        || edge.side_output.is_some();
    !(others || redistributes || differs || cut)
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::checkpoint::handle::{StateHandle, SubtaskState};
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis};
use crate::graph::{InputIndex, MaxParallelism, NewEdge, StreamGraph, StreamNode};

/// `a` and `b` to `c`, each by its exchange; into one input, or one each.
fn job(exchanges: [Exchange; 2], parallelisms: [u32; 3], inputs: [u32; 2]) -> JobGraph {
    let mut graph = StreamGraph::default();
    let with = |node: StreamNode, at: usize| StreamNode {
        parallelism: Some(Parallelism(parallelisms[at.min(2)])),
        max_parallelism: Some(MaxParallelism(16)),
        uid: Some(format!("uid {at}")),
        ..node
    };
    let a = graph.add_node(with(StreamNode::source("a"), 0));
    let b = graph.add_node(with(StreamNode::source("b"), 1));
    let two = inputs != [0, 0];
    let c = if two { StreamNode::two_input_operator("c") } else { StreamNode::operator("c") };
    let c = graph.add_node(with(c, 2));
    let sink = graph.add_node(with(StreamNode::sink("d"), 3));
    for ((from, exchange), input) in [a, b].into_iter().zip(exchanges).zip(inputs) {
        let edge = NewEdge::between(from, c).by(exchange).into_input(InputIndex(input));
        graph.add_edge(edge);
    }
    graph.add_edge(NewEdge::between(c, sink));
    JobGraph::build(&graph).unwrap()
}

fn handle(side: ChannelSide, text: &str) -> ChannelStateHandle {
    let state = StateHandle::Inline(Arc::from(text.as_bytes()));
    ChannelStateHandle { side, watermark: None, offsets: vec![0], state }
}

/// A checkpoint in which each channel had something at both its ends, which says from whom to whom.
fn full(job: &JobGraph, graph: &ExecutionGraph, vertex: VertexIndex) -> CompletedCheckpoint {
    let mut operators: BTreeMap<VertexIndex, Vec<SubtaskState>> = BTreeMap::new();
    for (index, known) in job.indexed_vertices() {
        operators.insert(index, vec![SubtaskState::default(); known.parallelism.0 as usize]);
    }
    let gates: BTreeSet<u32> = graph.inputs(vertex).map(|edge| edge.input.0).collect();
    for consumer in job.vertex(vertex).parallelism.subtasks() {
        for (gate, input) in gates.iter().enumerate() {
            let mut channel = 0;
            for edge in graph.inputs(vertex).filter(|edge| edge.input.0 == *input) {
                for producer in edge.distribution.producers_of(consumer).iter() {
                    let side = ChannelSide::Input { gate: gate as u32, channel };
                    let text = format!("{}.{producer}>{consumer} in", edge.from.0);
                    let state = &mut operators.get_mut(&vertex).unwrap()[consumer.0 as usize];
                    state.channels.push(handle(side, &text));
                    channel += 1;
                }
            }
        }
    }
    for edge in graph.inputs(vertex) {
        for producer in job.vertex(edge.from).parallelism.subtasks() {
            let consumers = edge.distribution.consumers_of(producer);
            for (subpartition, consumer) in (0..).zip(consumers.iter()) {
                let broadcast = edge.exchange == Exchange::Broadcast;
                if broadcast && subpartition > 0 {
                    break;
                }
                let to = if broadcast { "all".to_owned() } else { consumer.to_string() };
                let side = ChannelSide::Output { partition: 0, subpartition };
                let text = format!("{}.{producer}>{to} out", edge.from.0);
                let state = &mut operators.get_mut(&edge.from).unwrap()[producer.0 as usize];
                state.channels.push(handle(side, &text));
            }
        }
    }
    let operators = operators.into_iter().map(|(index, subtasks)| OperatorState {
        id: job.operator_id(job.vertex(index).head()),
        uid: None,
        name: job.vertex(index).name.clone(),
        max_parallelism: MaxParallelism(16),
        subtasks,
    });
    CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        id: CheckpointId(1),
        kind: CheckpointKind::Checkpoint { unaligned: true },
        triggered_at: Millis(0),
        completed_at: Millis(0),
        operators: operators.collect(),
    }
}

fn text(state: &ChannelStateHandle) -> String {
    let StateHandle::Inline(bytes) = &state.state else { unreachable!("all is inline") };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn vertex(job: &JobGraph) -> VertexIndex {
    let (index, _) =
        job.indexed_vertices().find(|(_, vertex)| vertex.name.starts_with('c')).unwrap();
    index
}

/// By subtask: what it gets, as `input.channel text`, in order.
fn check(then: &JobGraph, now: &JobGraph) -> Vec<Vec<InFlight>> {
    let (old, new) = (ExecutionGraph::expand(then), ExecutionGraph::expand(now));
    let checkpoint = full(then, &old, vertex(then));
    let channels = Channels { job: now, graph: &new };
    let dealt = in_flight(&checkpoint, channels, vertex(now)).unwrap();
    for parts in &dealt {
        let mut last: BTreeMap<(u32, u32), bool> = BTreeMap::new();
        for part in parts {
            let is_output = text(&part.state).ends_with("out");
            let before = last.insert((part.input, part.channel), is_output);
            assert!(before != Some(true) || is_output, "what had arrived comes first");
        }
    }
    dealt
}

#[test]
fn unchanged_channels_get_their_own() {
    for inputs in [[0, 0], [0, 1]] {
        let job = job([Exchange::Hash, Exchange::Rebalance], [2, 3, 4], inputs);
        let dealt = check(&job, &job);
        for (consumer, parts) in dealt.iter().enumerate() {
            let mut expected = Vec::new();
            for (from, producers) in [(0, 2), (1, 3)] {
                for producer in 0..producers {
                    let channel =
                        if inputs == [0, 0] && from == 1 { producer + 2 } else { producer };
                    for end in ["in", "out"] {
                        let text = format!("{from}.{producer}>{consumer} {end}");
                        expected.push((inputs[from], channel, false, text));
                    }
                }
            }
            let found = parts.iter().map(|it| (it.input, it.channel, it.shared, text(&it.state)));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn keyed_records_are_given_to_all_when_channels_are_gone() {
    let exchanges = [Exchange::Hash, Exchange::Hash];
    let then = job(exchanges, [2, 3, 4], [0, 0]);
    let dealt = check(&then, &job(exchanges, [2, 3, 7], [0, 0]));
    for parts in &dealt {
        assert_eq!(parts.len(), 2 * (2 + 3) * 4, "both ends of each channel");
        assert!(parts.iter().all(|part| part.shared && part.channel >= 5), "no channel of today");
        let channels: BTreeSet<u32> = parts.iter().map(|part| part.channel).collect();
        assert_eq!(channels.len(), (2 + 3) * 4, "pieces of records are not mixed up");
    }
}

#[test]
fn other_records_are_read_once() {
    for (then, now) in [([2, 3, 4], [2, 3, 3]), ([2, 3, 4], [1, 2, 5]), ([4, 4, 4], [3, 3, 3])] {
        for exchange in [Exchange::Rebalance, Exchange::Rescale, Exchange::Forward] {
            if exchange == Exchange::Forward && then[0] != then[2] {
                continue;
            }
            let exchanges = [exchange, Exchange::Shuffle];
            let dealt = check(&job(exchanges, then, [0, 1]), &job(exchanges, now, [0, 1]));
            let parts = dealt.iter().flatten();
            let mut texts: Vec<String> = parts.map(|part| text(&part.state)).collect();
            texts.sort_unstable();
            let all = texts.len();
            texts.dedup();
            assert_eq!(texts.len(), all, "{exchange:?}: nothing twice");
            let old = ExecutionGraph::expand(&job(exchanges, then, [0, 1]));
            let old_job = job(exchanges, then, [0, 1]);
            let channels: u32 = old
                .inputs(vertex(&old_job))
                .map(|edge| edge.distribution.channels().count() as u32)
                .sum();
            assert_eq!(all as u32, 2 * channels, "{exchange:?}: nothing left out");
        }
    }
}

#[test]
fn broadcast_consumers_take_over_one_old_consumer() {
    let exchanges = [Exchange::Broadcast, Exchange::Hash];
    let then = job(exchanges, [2, 1, 3], [0, 1]);
    let dealt = check(&then, &job(exchanges, [2, 1, 7], [0, 1]));
    for (consumer, parts) in dealt.iter().enumerate() {
        let broadcast = parts.iter().filter(|part| part.input == 0);
        let found: BTreeSet<String> = broadcast.map(|part| text(&part.state)).collect();
        let of = consumer % 3;
        let expected =
            (0..2).flat_map(|from| [format!("0.{from}>{of} in"), format!("0.{from}>all out")]);
        assert_eq!(found, expected.collect());
    }
}

#[test]
fn a_gate_of_a_keyed_and_a_broadcast_edge_tells_them_apart() {
    let exchanges = [Exchange::Hash, Exchange::Broadcast];
    let then = job(exchanges, [2, 2, 3], [0, 0]);
    for now in [1, 2, 7] {
        let dealt = check(&then, &job(exchanges, [2, 2, now], [0, 0]));
        let mut taken_over = BTreeSet::new();
        for (consumer, parts) in dealt.iter().enumerate() {
            let (keyed, others): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.shared);
            assert_eq!(keyed.len(), 2 * 2 * 3, "both ends of each keyed channel");
            assert!(keyed.iter().all(|part| text(&part.state).starts_with("0.")));
            let of = consumer % 3;
            let found: BTreeSet<String> = others.iter().map(|part| text(&part.state)).collect();
            let expected =
                (0..2).flat_map(|from| [format!("1.{from}>{of} in"), format!("1.{from}>all out")]);
            assert_eq!(found, expected.collect(), "of one old consumer, unfiltered");
            let channels = |parts: &[&InFlight]| -> BTreeSet<u32> {
                parts.iter().map(|part| part.channel).collect()
            };
            assert!(channels(&keyed).is_disjoint(&channels(&others)), "pieces are not mixed up");
            taken_over.insert(of);
        }
        assert_eq!(taken_over.len(), 3.min(now as usize));
    }
}

#[test]
fn channels_that_never_were_are_an_error() {
    let program = job([Exchange::Hash, Exchange::Hash], [1, 1, 1], [0, 0]);
    let graph = ExecutionGraph::expand(&program);
    let mut checkpoint = full(&program, &graph, vertex(&program));
    for operator in &mut checkpoint.operators {
        for channel in operator.subtasks.iter_mut().flat_map(|subtask| &mut subtask.channels) {
            channel.side = ChannelSide::Input { gate: 0, channel: 9 };
        }
    }
    let channels = Channels { job: &program, graph: &graph };
    let refused = in_flight(&checkpoint, channels, vertex(&program)).unwrap_err().to_string();
    assert!(refused.contains("take a savepoint before streams are changed"), "{refused}");
}

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::graph::stream::tests::{graph, node, random_graph, random_nodes};
use crate::graph::stream::{Exchange, NewEdge, NodeId, ResultPartitionType, StreamGraph};
use crate::graph::{JobGraph, KeyGroup, Parallelism, SubtaskIndex, VertexIndex};

fn distribution(pattern: DistributionPattern, producers: u32, consumers: u32) -> Distribution {
    let (producers, consumers) = (Parallelism(producers), Parallelism(consumers));
    Distribution::new(pattern, Ends { producers, consumers })
}

/// By consumer, the producers that it reads from.
fn check_pointwise(producers: u32, consumers: u32, expected: &[&[u32]]) {
    let distribution = distribution(DistributionPattern::Pointwise, producers, consumers);
    let actual: Vec<Vec<u32>> = Parallelism(consumers)
        .subtasks()
        .map(|consumer| distribution.producers_of(consumer).iter().map(|index| index.0).collect())
        .collect();
    assert_eq!(actual, expected, "{producers} to {consumers}");
}

/// As Flink's `VertexInputInfoComputationUtils` deals them.
#[test]
fn pointwise_distributions() {
    check_pointwise(1, 1, &[&[0]]);
    check_pointwise(3, 3, &[&[0], &[1], &[2]]);
    check_pointwise(1, 3, &[&[0], &[0], &[0]]);
    check_pointwise(3, 1, &[&[0, 1, 2]]);
    check_pointwise(2, 4, &[&[0], &[0], &[1], &[1]]);
    check_pointwise(4, 2, &[&[0, 1], &[2, 3]]);
    check_pointwise(2, 3, &[&[0], &[0], &[1]]);
    check_pointwise(3, 2, &[&[0], &[1, 2]]);
    check_pointwise(3, 5, &[&[0], &[0], &[1], &[1], &[2]]);
    check_pointwise(5, 3, &[&[0], &[1, 2], &[3, 4]]);
    check_pointwise(3, 7, &[&[0], &[0], &[0], &[1], &[1], &[2], &[2]]);
    check_pointwise(7, 3, &[&[0, 1], &[2, 3], &[4, 5, 6]]);
}

#[test]
fn channels_are_numbered_on_both_ends() {
    let text = |distribution: Distribution| {
        let channels = distribution.channels().map(|channel| {
            let Channel { producer, subpartition, consumer, channel } = channel;
            format!("{producer}.{}>{consumer}.{}", subpartition.0, channel.0)
        });
        channels.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        text(distribution(DistributionPattern::AllToAll, 2, 3)),
        "0.0>0.0 0.1>1.0 0.2>2.0 1.0>0.1 1.1>1.1 1.2>2.1"
    );
    assert_eq!(text(distribution(DistributionPattern::Pointwise, 2, 3)), "0.0>0.0 0.1>1.0 1.0>2.0");
    assert_eq!(text(distribution(DistributionPattern::Pointwise, 3, 2)), "0.0>0.0 1.0>1.0 2.0>1.1");
}

#[test]
fn patterns_of_exchanges() {
    let pointwise = Exchange::ALL
        .into_iter()
        .filter(|exchange| exchange.pattern() == DistributionPattern::Pointwise);
    assert_eq!(pointwise.collect::<Vec<_>>(), [Exchange::Forward, Exchange::Rescale]);
}

proptest! {
    /// Both ends agree on every channel, everyone has one, and pointwise shares are even.
    #[test]
    fn both_ends_agree(producers in 1..200_u32, consumers in 1..200_u32, pointwise: bool) {
        let pattern = match pointwise {
            true => DistributionPattern::Pointwise,
            false => DistributionPattern::AllToAll,
        };
        let distribution = distribution(pattern, producers, consumers);
        let mut sent: Vec<_> = distribution.channels().collect();
        let mut received: Vec<_> = Parallelism(consumers)
            .subtasks()
            .flat_map(|consumer| distribution.channels_to(consumer))
            .collect();
        prop_assert_eq!(sent.len() as u64, distribution.channel_count());
        let key = |channel: &Channel| (channel.producer, channel.consumer);
        sent.sort_by_key(key);
        received.sort_by_key(key);
        prop_assert_eq!(sent, received);

        let shares = Parallelism(producers)
            .subtasks()
            .map(|producer| distribution.consumers_of(producer).count())
            .collect::<BTreeSet<_>>();
        prop_assert!(shares.first() >= Some(&1));
        prop_assert!(shares.last().unwrap() - shares.first().unwrap() <= 1);
    }
}

fn expand(graph: &StreamGraph) -> (JobGraph, ExecutionGraph) {
    let job = JobGraph::build(graph).expect("the graph is valid");
    let execution = ExecutionGraph::expand(&job);
    (job, execution)
}

#[test]
fn tasks_are_numbered_vertex_by_vertex() {
    let graph = graph(&["a:2", "m:3", "z:3"], &["a > m", "m > z"]);
    let (_, execution) = expand(&graph);
    let names: Vec<_> = execution.tasks().map(|(task, _)| execution.task_name(task)).collect();
    assert_eq!(
        names,
        [
            "Source: a (1/2)",
            "Source: a (2/2)",
            "m -> Sink: z (1/3)",
            "m -> Sink: z (2/3)",
            "m -> Sink: z (3/3)",
        ]
    );
    for (task, subtask) in execution.tasks() {
        assert_eq!(execution.task(subtask), task);
        assert_eq!(execution.subtask(task), subtask);
    }
    assert_eq!(execution.task_count(), 5);
    assert_eq!(execution.key_groups(TaskId(4)).last(), Some(KeyGroup(127)));
    let edge = execution.outputs(VertexIndex(0)).next().unwrap();
    assert_eq!(Some(edge), execution.inputs(VertexIndex(1)).next());
    assert_eq!((edge.exchange, edge.distribution.channel_count()), (Exchange::Rebalance, 6));
}

/// Groups as `name: first slot + slots`.
fn check_slots(graph: &StreamGraph, expected_slots: u32, expected: &[&str]) {
    let (_, execution) = expand(graph);
    let slots = execution.slots();
    let groups: Vec<_> = slots
        .groups()
        .iter()
        .map(|group| format!("{}: {} + {}", group.name, group.first_slot.0, group.slots))
        .collect();
    assert_eq!(groups, expected);
    assert_eq!(slots.slots(), expected_slots);
}

#[test]
fn slots_are_the_sum_over_groups_of_the_highest_parallelism() {
    let mut graph = graph(&["a:2", "m:5", "n:3", "z:1"], &["a > m", "m > n", "n > z"]);
    check_slots(&graph, 5, &["default: 0 + 5"]);
    graph.set_slot_sharing_group(node(&graph, "m"), "heavy");
    graph.set_slot_sharing_group(node(&graph, "z"), "default");
    check_slots(&graph, 7, &["default: 0 + 2", "heavy: 2 + 5"]);
    let (job, execution) = expand(&graph);
    let slot = |name, index| {
        let vertex = job.vertex_of(node(&graph, name));
        execution.slot(execution.task(Subtask { vertex, index: SubtaskIndex(index) })).0
    };
    assert_eq!([slot("a", 1), slot("z", 0), slot("m", 1), slot("n", 1)], [1, 0, 3, 3]);
}

/// Regions as the names of their vertices with the number of tasks of each.
fn check_regions(graph: &StreamGraph, expected: &[&str]) {
    let (job, execution) = expand(graph);
    let text = |region: &PipelinedRegion| {
        let mut counts: BTreeMap<VertexIndex, usize> = BTreeMap::new();
        for &task in &region.tasks {
            *counts.entry(execution.subtask(task).vertex).or_default() += 1;
        }
        let parts = counts.iter().map(|(&vertex, count)| {
            let name = graph.node(job.vertex(vertex).head()).name.as_str();
            format!("{name}{count}")
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(execution.regions().iter().map(text).collect::<Vec<_>>(), expected);
}

/// `a > m > z` with these exchanges on the two edges, and three subtasks of each.
fn line(exchanges: [(Exchange, ResultPartitionType); 2]) -> StreamGraph {
    let mut graph = graph(&["a:3", "m:3", "z:3"], &[]);
    graph.settings_mut().chaining = false;
    for (from, (exchange, partition_type)) in (0..).zip(exchanges) {
        let edge = NewEdge::between(NodeId(from), NodeId(from + 1));
        graph.add_edge(edge.by(exchange).through(partition_type));
    }
    graph
}

const PIPELINED: ResultPartitionType = ResultPartitionType::PipelinedBounded;
const BLOCKING: ResultPartitionType = ResultPartitionType::Blocking;

#[test]
fn regions_of_a_line() {
    use Exchange::{Forward, Hash};
    check_regions(&line([(Hash, PIPELINED), (Forward, PIPELINED)]), &["a3 m3 z3"]);
    check_regions(
        &line([(Forward, PIPELINED), (Forward, PIPELINED)]),
        &["a1 m1 z1", "a1 m1 z1", "a1 m1 z1"],
    );
    check_regions(
        &line([(Forward, PIPELINED), (Hash, BLOCKING)]),
        &["a1 m1", "a1 m1", "a1 m1", "z1", "z1", "z1"],
    );
    check_regions(&line([(Hash, BLOCKING), (Hash, PIPELINED)]), &["a1", "a1", "a1", "m3 z3"]);
}

#[test]
fn unconnected_parts_are_regions_of_their_own() {
    let graph = graph(&["a:2", "b:1", "y:2", "z:1"], &["a > y", "b > z"]);
    check_regions(&graph, &["a1", "a1", "b1"]);
}

#[test]
fn a_region_comes_after_what_it_reads() {
    // The later source feeds the earlier one's region through a border.
    let mut graph = graph(&["a:1", "b:1", "mn:1", "z:1"], &["a > mn", "mn > z"]);
    let edge = NewEdge::between(NodeId(1), NodeId(2)).into_input(crate::graph::InputIndex(1));
    graph.add_edge(edge.through(BLOCKING));
    check_regions(&graph, &["b1", "a1 mn1"]);
}

#[test]
fn regions_that_read_from_each_other_are_one() {
    // Forward and pipelined would be two regions, but each half also reads from the other one.
    let mut graph = graph(&["a:2", "mn:2", "z:2"], &["a > mn", "mn > z"]);
    let edge = NewEdge::between(NodeId(0), NodeId(1)).into_input(crate::graph::InputIndex(1));
    graph.add_edge(edge.by(Exchange::Hash).through(BLOCKING));
    check_regions(&graph, &["a2 mn2"]);
}

/// The naive twin: by task, all tasks that are reached over channels in the given directions.
fn reached(
    execution: &ExecutionGraph,
    start: TaskId,
    follow: impl Fn(&ExecutionEdge) -> (bool, bool),
) -> BTreeSet<TaskId> {
    let mut neighbours: HashMap<TaskId, Vec<TaskId>> = HashMap::new();
    for edge in execution.edges() {
        let (down, up) = follow(edge);
        for channel in edge.distribution.channels() {
            let from = execution.task(Subtask { vertex: edge.from, index: channel.producer });
            let to = execution.task(Subtask { vertex: edge.to, index: channel.consumer });
            if down {
                neighbours.entry(from).or_default().push(to);
            }
            if up {
                neighbours.entry(to).or_default().push(from);
            }
        }
    }
    let mut reached = BTreeSet::from([start]);
    let mut next = vec![start];
    while let Some(task) = next.pop() {
        for &other in neighbours.get(&task).into_iter().flatten() {
            if reached.insert(other) {
                next.push(other);
            }
        }
    }
    reached
}

proptest! {
    #[test]
    fn random_graphs_expand(nodes in random_nodes()) {
        let (job, execution) = expand(&random_graph(&nodes));
        let tasks: u32 = job.vertices().iter().map(|vertex| vertex.parallelism.0).sum();
        prop_assert_eq!(execution.task_count(), tasks as usize);
        prop_assert_eq!(execution.edges().len(), job.edges().len());
        // A slot has at most one subtask of a vertex, and all of one group.
        let mut taken = BTreeSet::new();
        let mut groups = HashMap::new();
        for (task, subtask) in execution.tasks() {
            let slot = execution.slot(task);
            prop_assert!(taken.insert((slot, subtask.vertex)));
            let group = &job.vertex(subtask.vertex).slot_sharing_group;
            prop_assert_eq!(*groups.entry(slot).or_insert(group), group);
        }
        prop_assert_eq!(groups.len(), execution.slots().slots() as usize);
    }

    /// Two tasks are in one region exactly if each leads to the other, where a pipelined channel
    /// leads both ways and a blocking one only down. Regions come in order.
    #[test]
    fn random_regions(nodes in random_nodes()) {
        let (_, execution) = expand(&random_graph(&nodes));
        let down: Vec<_> = execution
            .tasks()
            .map(|(task, _)| {
                reached(&execution, task, |edge| (true, edge.partition_type.is_pipelined()))
            })
            .collect();
        for (one, _) in execution.tasks() {
            for (other, _) in execution.tasks() {
                let leads = down[one.as_index()].contains(&other);
                let back = down[other.as_index()].contains(&one);
                let same = execution.region(one) == execution.region(other);
                prop_assert_eq!(leads && back, same, "{:?} and {:?}", one, other);
                prop_assert!(!leads || execution.region(one) <= execution.region(other));
            }
        }
        for (index, region) in (0..).map(RegionIndex).zip(execution.regions()) {
            prop_assert!(region.tasks.is_sorted() && !region.tasks.is_empty());
            prop_assert!(region.tasks.iter().all(|&task| execution.region(task) == index));
        }
    }
}

//! Pipelined regions: the tasks that must run at the same time, and so restart together.
//!
//! Two tasks joined by a pipelined channel are in one region; a blocking channel is a border. If
//! borders make a circle (half of a vertex in one region reads what the other half in another
//! region makes, and the reverse), the regions on it could each wait for the other: they become
//! one, as in Flink.

use super::distribution::DistributionPattern;
use super::execution_graph::{ExecutionEdge, ExecutionVertex, TaskId};

/// One of the regions of a job, from 0, in an order in which they can run one after the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RegionIndex(pub u32);

/// Tasks that run and restart together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PipelinedRegion {
    /// The tasks in order; never empty.
    pub tasks: Vec<TaskId>,
}

/// All regions, each after those whose results it reads.
pub(super) fn pipelined_regions(
    vertices: &[ExecutionVertex],
    edges: &[ExecutionEdge],
) -> Vec<PipelinedRegion> {
    let tasks = vertices.last().map_or(0, |last| last.tasks().end);
    let mut joined = UnionFind::new(tasks as usize);
    for edge in edges.iter().filter(|edge| edge.partition_type.is_pipelined()) {
        join(&mut joined, vertices, edge);
    }

    // Regions by their representative task, and one further node for each all-to-all border, which
    // stands for its product of channels.
    let mut borders = Digraph::new(tasks as usize);
    for edge in edges.iter().filter(|edge| !edge.partition_type.is_pipelined()) {
        let from = |index| joined.find(vertices[edge.from.as_index()].task(index).as_index());
        let to = |index| joined.find(vertices[edge.to.as_index()].task(index).as_index());
        match edge.distribution.pattern() {
            DistributionPattern::AllToAll => {
                let hub = borders.add_node();
                for producer in vertices[edge.from.as_index()].parallelism.subtasks() {
                    borders.add_edge(from(producer), hub);
                }
                for consumer in vertices[edge.to.as_index()].parallelism.subtasks() {
                    borders.add_edge(hub, to(consumer));
                }
            }
            DistributionPattern::Pointwise => {
                for channel in edge.distribution.channels() {
                    borders.add_edge(from(channel.producer), to(channel.consumer));
                }
            }
        }
    }

    let mut members: Vec<Vec<TaskId>> = vec![Vec::new(); borders.len()];
    for task in 0..tasks {
        members[joined.find(task as usize)].push(TaskId(task));
    }
    let regions = borders.components_in_order().into_iter().map(|component| {
        let mut tasks: Vec<TaskId> =
            component.into_iter().flat_map(|node| std::mem::take(&mut members[node])).collect();
        tasks.sort_unstable();
        PipelinedRegion { tasks }
    });
    // A border's own node has no tasks, nor has a task that another one represents.
    regions.filter(|region| !region.tasks.is_empty()).collect()
}

fn join(joined: &mut UnionFind, vertices: &[ExecutionVertex], edge: &ExecutionEdge) {
    let (from, to) = (&vertices[edge.from.as_index()], &vertices[edge.to.as_index()]);
    match edge.distribution.pattern() {
        DistributionPattern::AllToAll => {
            let first = from.tasks().start as usize;
            from.tasks().chain(to.tasks()).for_each(|task| joined.union(first, task as usize));
        }
        DistributionPattern::Pointwise => {
            for channel in edge.distribution.channels() {
                let producer = from.task(channel.producer).as_index();
                joined.union(producer, to.task(channel.consumer).as_index());
            }
        }
    }
}

/// Disjoint sets, each represented by its smallest member.
struct UnionFind {
    parents: Vec<usize>,
}

impl UnionFind {
    fn new(len: usize) -> UnionFind {
        UnionFind { parents: (0..len).collect() }
    }

    fn find(&self, mut member: usize) -> usize {
        while self.parents[member] != member {
            member = self.parents[member];
        }
        member
    }

    fn union(&mut self, one: usize, other: usize) {
        let (one, other) = (self.shorten(one), self.shorten(other));
        let (low, high) = (one.min(other), one.max(other));
        self.parents[high] = low;
    }

    /// Finds the representative and halves the way to it.
    fn shorten(&mut self, mut member: usize) -> usize {
        while self.parents[member] != member {
            self.parents[member] = self.parents[self.parents[member]];
            member = self.parents[member];
        }
        member
    }
}

/// A directed graph, for its strongly connected components.
struct Digraph {
    successors: Vec<Vec<usize>>,
    predecessors: Vec<Vec<usize>>,
}

impl Digraph {
    fn new(nodes: usize) -> Digraph {
        Digraph { successors: vec![Vec::new(); nodes], predecessors: vec![Vec::new(); nodes] }
    }

    fn len(&self) -> usize {
        self.successors.len()
    }

    fn add_node(&mut self) -> usize {
        self.successors.push(Vec::new());
        self.predecessors.push(Vec::new());
        self.len() - 1
    }

    fn add_edge(&mut self, from: usize, to: usize) {
        self.successors[from].push(to);
        self.predecessors[to].push(from);
    }

    /// Kosaraju's algorithm: the components in topological order.
    fn components_in_order(&self) -> Vec<Vec<usize>> {
        // Roots from the back, so that what could go first either way goes first.
        let mut met = vec![false; self.len()];
        let mut finished = Vec::with_capacity(self.len());
        for root in (0..self.len()).rev() {
            finished.extend(post_order(&self.successors, root, &mut met));
        }
        let mut met = vec![false; self.len()];
        finished
            .into_iter()
            .rev()
            .map(|root| post_order(&self.predecessors, root, &mut met))
            .filter(|component| !component.is_empty())
            .collect()
    }
}

/// The nodes that are reached from `root` and were not met before, each after those that it led to.
/// Depth first, with a stack of its own: chains of regions may be longer than a thread's stack.
fn post_order(edges: &[Vec<usize>], root: usize, met: &mut [bool]) -> Vec<usize> {
    let mut order = Vec::new();
    let mut path = Vec::new();
    if !std::mem::replace(&mut met[root], true) {
        path.push((root, edges[root].iter()));
    }
    while let Some((node, rest)) = path.last_mut() {
        match rest.next() {
            Some(&next) if !met[next] => {
                met[next] = true;
                path.push((next, edges[next].iter()));
            }
            Some(_) => {}
            None => {
                order.push(*node);
                path.pop();
            }
        }
    }
    order
}

//! The expansion of a job graph by parallelism.

use std::ops::Range;

use super::distribution::{Distribution, Ends};
use super::region::{PipelinedRegion, RegionIndex, pipelined_regions};
use super::slot::{SlotIndex, SlotPlan};
use crate::graph::job::{JobEdge, JobGraph, VertexIndex};
use crate::graph::key_group::{KeyGroupRange, MaxParallelism, Parallelism, SubtaskIndex};
use crate::graph::stream::{EdgeId, Exchange, InputIndex, ResultPartitionType};

/// Names a task, which runs one subtask: its place among all subtasks of the job, vertex by vertex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId(pub u32);

impl TaskId {
    /// As an index into a table by task.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// Which subtask of which vertex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subtask {
    /// The vertex.
    pub vertex: VertexIndex,
    /// The subtask.
    pub index: SubtaskIndex,
}

/// A vertex with its tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecutionVertex {
    /// The names of its chain.
    pub name: String,
    /// Number of tasks.
    pub parallelism: Parallelism,
    /// Number of key groups.
    pub max_parallelism: MaxParallelism,
    first_task: u32,
}

impl ExecutionVertex {
    /// The numbers of its tasks.
    pub(super) fn tasks(&self) -> Range<u32> {
        self.first_task..self.first_task + self.parallelism.0
    }

    /// The task of a subtask.
    pub(super) fn task(&self, index: SubtaskIndex) -> TaskId {
        assert!(index.0 < self.parallelism.0, "{} has a subtask {index}", self.name);
        TaskId(self.first_task + index.0)
    }
}

/// An edge with its channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecutionEdge {
    /// The edge of the job graph.
    pub id: EdgeId,
    /// The vertex that sends.
    pub from: VertexIndex,
    /// The vertex that receives.
    pub to: VertexIndex,
    /// Which input of the receiver.
    pub input: InputIndex,
    /// How a record's channel is chosen.
    pub exchange: Exchange,
    /// Pipelined or blocking.
    pub partition_type: ResultPartitionType,
    /// Which channels there are.
    pub distribution: Distribution,
}

/// A job expanded into tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecutionGraph {
    vertices: Vec<ExecutionVertex>,
    edges: Vec<ExecutionEdge>,
    /// By task.
    subtasks: Vec<Subtask>,
    slots: SlotPlan,
    regions: Vec<PipelinedRegion>,
    /// By task.
    region_of: Vec<RegionIndex>,
}

impl ExecutionGraph {
    /// Expands a job graph.
    pub fn expand(job: &JobGraph) -> ExecutionGraph {
        let mut subtasks = Vec::new();
        let mut vertices = Vec::with_capacity(job.vertices().len());
        for (index, vertex) in job.indexed_vertices() {
            let first_task = u32::try_from(subtasks.len()).expect("fewer than 2^32 tasks");
            vertices.push(ExecutionVertex {
                name: vertex.name.clone(),
                parallelism: vertex.parallelism,
                max_parallelism: vertex.max_parallelism,
                first_task,
            });
            let of_vertex = |subtask| Subtask { vertex: index, index: subtask };
            subtasks.extend(vertex.parallelism.subtasks().map(of_vertex));
        }
        let edges: Vec<_> = job.edges().iter().map(|edge| expand_edge(job, edge)).collect();
        let regions = pipelined_regions(&vertices, &edges);
        let region_of = region_of(&regions, subtasks.len());
        ExecutionGraph {
            vertices,
            edges,
            subtasks,
            slots: SlotPlan::build(job),
            regions,
            region_of,
        }
    }

    /// The vertices, in the order of the job graph.
    pub fn vertices(&self) -> &[ExecutionVertex] {
        &self.vertices
    }

    /// The edges, in the order of the job graph.
    pub fn edges(&self) -> &[ExecutionEdge] {
        &self.edges
    }

    /// The edges that leave a vertex.
    pub fn outputs(&self, vertex: VertexIndex) -> impl Iterator<Item = &ExecutionEdge> {
        self.edges.iter().filter(move |edge| edge.from == vertex)
    }

    /// The edges that enter a vertex.
    pub fn inputs(&self, vertex: VertexIndex) -> impl Iterator<Item = &ExecutionEdge> {
        self.edges.iter().filter(move |edge| edge.to == vertex)
    }

    /// How many tasks the job has.
    pub fn task_count(&self) -> usize {
        self.subtasks.len()
    }

    /// All tasks in order.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = (TaskId, Subtask)> {
        self.subtasks.iter().enumerate().map(|(task, &subtask)| (TaskId(task as u32), subtask))
    }

    /// Which subtask a task runs.
    pub fn subtask(&self, task: TaskId) -> Subtask {
        self.subtasks[task.as_index()]
    }

    /// Which task runs a subtask.
    pub fn task(&self, subtask: Subtask) -> TaskId {
        self.vertices[subtask.vertex.as_index()].task(subtask.index)
    }

    /// The name of a task as Flink writes it, counting from 1: `Source: a -> b (3/4)`.
    pub fn task_name(&self, task: TaskId) -> String {
        let Subtask { vertex, index } = self.subtask(task);
        let vertex = &self.vertices[vertex.as_index()];
        format!("{} ({}/{})", vertex.name, index.0 + 1, vertex.parallelism)
    }

    /// The key groups that a task owns.
    pub fn key_groups(&self, task: TaskId) -> KeyGroupRange {
        let Subtask { vertex, index } = self.subtask(task);
        let vertex = &self.vertices[vertex.as_index()];
        KeyGroupRange::of_subtask(index, vertex.parallelism, vertex.max_parallelism)
    }

    /// The slots of the job.
    pub fn slots(&self) -> &SlotPlan {
        &self.slots
    }

    /// The slot that a task takes.
    pub fn slot(&self, task: TaskId) -> SlotIndex {
        let Subtask { vertex, index } = self.subtask(task);
        self.slots.slot(vertex, index)
    }

    /// The pipelined regions, each after those whose results it reads.
    pub fn regions(&self) -> &[PipelinedRegion] {
        &self.regions
    }

    /// The region of a task.
    pub fn region(&self, task: TaskId) -> RegionIndex {
        self.region_of[task.as_index()]
    }
}

fn expand_edge(job: &JobGraph, edge: &JobEdge) -> ExecutionEdge {
    let ends = Ends {
        producers: job.vertex(edge.from).parallelism,
        consumers: job.vertex(edge.to).parallelism,
    };
    ExecutionEdge {
        id: edge.id,
        from: edge.from,
        to: edge.to,
        input: edge.input,
        exchange: edge.exchange,
        partition_type: edge.partition_type,
        distribution: Distribution::new(edge.exchange.pattern(), ends),
    }
}

fn region_of(regions: &[PipelinedRegion], tasks: usize) -> Vec<RegionIndex> {
    let mut region_of = vec![None; tasks];
    for (index, region) in (0..).map(RegionIndex).zip(regions) {
        for task in &region.tasks {
            let other = region_of[task.as_index()].replace(index);
            assert!(other.is_none(), "{task:?} is in one region");
        }
    }
    region_of.into_iter().map(|region| region.expect("every task is in a region")).collect()
}

//! Which tasks there are, and which of them a checkpoint begins with and waits for.

use super::reason::FailureReason;
use crate::graph::{
    Distribution, ExecutionGraph, JobGraph, MaxParallelism, NodeId, OperatorId, Parallelism,
    StreamGraph, Subtask, SubtaskIndex, TaskId, VertexId, VertexIndex,
};

/// An operator as state knows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OperatorIdentity {
    /// What its state is found by.
    pub id: OperatorId,
    /// The uid that the program gave it.
    pub uid: Option<String>,
    /// What people call it.
    pub name: String,
}

/// A vertex: the operators that run as one task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopologyVertex {
    /// Its id.
    pub id: VertexId,
    /// The names of its operators.
    pub name: String,
    /// How many tasks.
    pub parallelism: Parallelism,
    /// How many key groups.
    pub max_parallelism: MaxParallelism,
    /// Its operators.
    pub operators: Vec<OperatorIdentity>,
}

/// A stream between vertices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopologyEdge {
    /// The vertex that sends.
    pub from: VertexIndex,
    /// The vertex that receives.
    pub to: VertexIndex,
    /// Which channels there are.
    pub distribution: Distribution,
}

/// The tasks of a job, numbered vertex by vertex as in its execution graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topology {
    vertices: Vec<TopologyVertex>,
    edges: Vec<TopologyEdge>,
    /// By vertex: its first task. One more at the end.
    first_tasks: Vec<u32>,
}

/// Where a task stands, as far as checkpoints are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TaskStanding {
    /// Not there yet, or no longer.
    Absent,
    /// It runs.
    Running,
    /// It has ended after all its input.
    Finished,
}

/// Who does what in a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CheckpointPlan {
    /// Those that are told.
    pub(super) trigger: Vec<TaskId>,
    /// Those that have to acknowledge.
    pub(super) wait_for: Vec<TaskId>,
}

impl Topology {
    /// A topology.
    ///
    /// # Panics
    /// When it has no task, or an edge joins vertices that don't exist.
    pub fn new(vertices: Vec<TopologyVertex>, edges: Vec<TopologyEdge>) -> Topology {
        let mut first_tasks = vec![0_u32];
        for vertex in &vertices {
            let before = first_tasks[first_tasks.len() - 1];
            first_tasks.push(before + vertex.parallelism.0);
        }
        let known = |vertex: VertexIndex| vertex.as_index() < vertices.len();
        assert!(edges.iter().all(|edge| known(edge.from) && known(edge.to)), "edges join vertices");
        let topology = Topology { vertices, edges, first_tasks };
        assert!(topology.task_count() > 0, "a job has tasks");
        topology
    }

    /// The topology of a job: `stream` is the graph that `job` was built from, and `execution` what
    /// it was expanded to. Tasks have the numbers that they have there.
    pub fn of(stream: &StreamGraph, job: &JobGraph, execution: &ExecutionGraph) -> Topology {
        let identity = |node: &NodeId| OperatorIdentity {
            id: job.operator_id(*node),
            uid: stream.node(*node).uid.clone(),
            name: job.operator_name(*node).to_owned(),
        };
        let vertices = job.vertices().iter().map(|vertex| TopologyVertex {
            id: vertex.id,
            name: vertex.name.clone(),
            parallelism: vertex.parallelism,
            max_parallelism: vertex.max_parallelism,
            operators: vertex.chain.iter().map(identity).collect(),
        });
        let edges = execution.edges().iter().map(|edge| TopologyEdge {
            from: edge.from,
            to: edge.to,
            distribution: edge.distribution,
        });
        let topology = Topology::new(vertices.collect(), edges.collect());
        assert_eq!(topology.task_count(), execution.task_count(), "one graph, expanded");
        topology
    }

    /// The vertices, in the order of their tasks.
    pub fn vertices(&self) -> &[TopologyVertex] {
        &self.vertices
    }

    /// How many tasks there are.
    pub fn task_count(&self) -> usize {
        self.first_tasks[self.vertices.len()] as usize
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        (0..self.first_tasks[self.vertices.len()]).map(TaskId)
    }

    /// The tasks of a vertex.
    pub fn tasks_of(&self, vertex: VertexIndex) -> impl Iterator<Item = TaskId> + use<> {
        let index = vertex.as_index();
        (self.first_tasks[index]..self.first_tasks[index + 1]).map(TaskId)
    }

    /// Each vertex with its number.
    pub fn indexed_vertices(&self) -> impl Iterator<Item = (VertexIndex, &TopologyVertex)> {
        (0..).map(VertexIndex).zip(&self.vertices)
    }

    /// Which subtask of which vertex a task is.
    ///
    /// # Panics
    /// When there is no such task.
    pub fn subtask(&self, task: TaskId) -> Subtask {
        assert!(self.has(task), "{task:?} is not one of {}", self.task_count());
        let vertex = self.first_tasks.partition_point(|first| *first <= task.0) - 1;
        let index = SubtaskIndex(task.0 - self.first_tasks[vertex]);
        Subtask { vertex: VertexIndex(vertex as u32), index }
    }

    /// Whether there is such a task.
    pub fn has(&self, task: TaskId) -> bool {
        task.as_index() < self.task_count()
    }

    /// The vertex of a task.
    pub fn vertex_of(&self, task: TaskId) -> &TopologyVertex {
        &self.vertices[self.subtask(task).vertex.as_index()]
    }

    /// As Flink writes it, counting from 1: `Source: a -> b (3/4)`.
    pub fn task_name(&self, task: TaskId) -> String {
        let vertex = self.vertex_of(task);
        format!("{} ({}/{})", vertex.name, self.subtask(task).index.0 + 1, vertex.parallelism)
    }

    /// Who takes part now. Finished tasks don't, if the job may go on without them; a task whose
    /// producers have all finished gets no barrier, so it is told.
    pub(super) fn plan(
        &self,
        standings: &[TaskStanding],
        after_tasks_finish: bool,
    ) -> Result<CheckpointPlan, FailureReason> {
        assert_eq!(standings.len(), self.task_count(), "a standing for each task");
        let of = |task: TaskId| standings[task.as_index()];
        let takes_part = |task: TaskId| match of(task) {
            TaskStanding::Running => true,
            TaskStanding::Finished => after_tasks_finish,
            TaskStanding::Absent => false,
        };
        let running = |task: &TaskId| of(*task) == TaskStanding::Running;
        if let Some(absent) = self.tasks().find(|task| !takes_part(*task)) {
            return Err(FailureReason::NotAllTasksRunning { task: self.task_name(absent) });
        }
        let wait_for: Vec<_> = self.tasks().filter(running).collect();
        if wait_for.is_empty() {
            return Err(FailureReason::NotAllTasksRunning { task: "all have finished".to_owned() });
        }
        // Whether all producers of a vertex have finished is asked once for each vertex, so that an
        // exchange of all with all costs no more than its tasks.
        let ended: Vec<bool> = self
            .indexed_vertices()
            .map(|(vertex, _)| self.tasks_of(vertex).all(|task| !running(&task)))
            .collect();
        let gets_no_barrier = |task: &TaskId| {
            let Subtask { vertex, index } = self.subtask(*task);
            self.edges.iter().filter(|edge| edge.to == vertex).all(|edge| {
                let first = self.first_tasks[edge.from.as_index()];
                let producers = edge.distribution.producers_of(index);
                ended[edge.from.as_index()]
                    || producers.iter().all(|producer| !running(&TaskId(first + producer.0)))
            })
        };
        let trigger = wait_for.iter().copied().filter(gets_no_barrier).collect();
        Ok(CheckpointPlan { trigger, wait_for })
    }
}

//! From the execution graph to what each worker is sent.

use brisk_network::{BufferLimit, ChannelIndex, GateAddress};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    graph::{
        Exchange, ExecutionEdge, ExecutionGraph, JobGraph, JobId, NodeId, Subtask, SubtaskIndex,
        TaskId, VertexIndex,
    },
    state::{Survivors, backend::StateBackend, spill::SpillGround},
    task::{
        Attempt, BufferQuota, GatePlan, JobFactories, OperatorPlan, OutputPlan, PlannedTask,
        PortPlan, SubtaskPlan, TaskFactory, TaskKey, WorkerId, snapshot::TaskRestore,
    },
};

/// Numbers that are never given twice in a process.
pub(super) fn fresh_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness matters.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a deployment is made of.
pub(super) struct Deployment<'a> {
    pub(super) id: JobId,
    pub(super) attempt: Attempt,
    pub(super) job: &'a JobGraph,
    pub(super) graph: &'a ExecutionGraph,
    pub(super) factories: &'a JobFactories,
    /// The worker of each task.
    pub(super) places: &'a [WorkerId],
    /// Whether checkpoints are taken by themselves.
    pub(super) checkpointing: bool,
    /// What keeps keyed state; `None` for memory.
    pub(super) backend: Option<&'a Arc<dyn StateBackend>>,
    /// Where state in memory goes that has no room there.
    pub(super) spill: &'a Arc<SpillGround>,
    /// What each task starts from; empty for the beginning.
    pub(super) restores: &'a [Arc<TaskRestore>],
    /// What outlives runs in memory.
    pub(super) survivors: &'a Survivors,
}

/// The gate of one input of one task, and where each edge's channels begin in it.
struct Gate {
    address: GateAddress,
    channels: usize,
    offsets: HashMap<crate::graph::EdgeId, u32>,
    limit: BufferLimit,
}

impl Deployment<'_> {
    /// All tasks, in the order of their ids.
    pub(super) fn tasks(&self) -> Vec<PlannedTask> {
        let gates = self.gates();
        let job: Arc<str> = self.job.name().into();
        let planned = |(task, subtask): (TaskId, Subtask)| PlannedTask {
            plan: Arc::new(self.plan(&job, &gates, task, subtask)),
            factory: self.factory(subtask.vertex),
        };
        self.graph.tasks().map(planned).collect()
    }

    fn gates(&self) -> HashMap<(TaskId, u32), Gate> {
        let mut gates: HashMap<(TaskId, u32), Gate> = HashMap::new();
        for edge in self.graph.edges() {
            let consumers = self.job.vertex(edge.to).parallelism.subtasks();
            for index in consumers {
                let task = self.graph.task(Subtask { vertex: edge.to, index });
                let gate = gates.entry((task, edge.input.0)).or_insert_with(|| Gate {
                    address: GateAddress(fresh_number()),
                    channels: 0,
                    offsets: HashMap::new(),
                    limit: BufferLimit::new(),
                });
                gate.offsets.insert(edge.id, gate.channels as u32);
                gate.channels += edge.distribution.producers_of(index).count() as usize;
            }
        }
        gates
    }

    fn plan(
        &self,
        job: &Arc<str>,
        gates: &HashMap<(TaskId, u32), Gate>,
        task: TaskId,
        subtask: Subtask,
    ) -> SubtaskPlan {
        let vertex = self.job.vertex(subtask.vertex);
        let operators = vertex.chain.iter().map(|node| OperatorPlan {
            node: *node,
            id: self.job.operator_id(*node),
            name: self.job.operator_name(*node).into(),
        });
        let mut inputs: Vec<u32> =
            self.graph.inputs(subtask.vertex).map(|edge| edge.input.0).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let gate = |input| {
            let gate = &gates[&(task, input)];
            GatePlan {
                node: vertex.head(),
                input,
                address: gate.address,
                channels: gate.channels,
                limit: gate.limit.clone(),
            }
        };
        let output = |edge| self.output(edge, subtask, gates);
        SubtaskPlan {
            key: TaskKey(fresh_number()),
            job_id: self.id,
            attempt: self.attempt,
            job: Arc::clone(job),
            task: vertex.name.as_str().into(),
            operators: operators.collect(),
            subtask: subtask.index.0,
            parallelism: vertex.parallelism.0,
            max_parallelism: vertex.max_parallelism.0,
            gates: inputs.into_iter().map(gate).collect(),
            outputs: self.graph.outputs(subtask.vertex).map(output).collect(),
            checkpointing: self.checkpointing,
            backend: self.backend.cloned(),
            spill: Arc::clone(self.spill),
            restore: self.restores.get(task.as_index()).cloned(),
            survivors: self.survivors.clone(),
        }
    }

    fn output(
        &self,
        edge: &ExecutionEdge,
        subtask: Subtask,
        gates: &HashMap<(TaskId, u32), Gate>,
    ) -> OutputPlan {
        let job_edge = self.job.edge(edge.id).expect("edges of both graphs are the same");
        let ports = edge.distribution.channels_from(subtask.index).map(|channel| {
            let consumer = self.graph.task(Subtask { vertex: edge.to, index: channel.consumer });
            let gate = &gates[&(consumer, edge.input.0)];
            PortPlan {
                worker: self.places[consumer.as_index()],
                gate: gate.address,
                channel: ChannelIndex(gate.offsets[&edge.id] + channel.channel.0),
                limit: gate.limit.clone(),
            }
        });
        OutputPlan {
            edge: edge.id,
            node: job_edge.from_node,
            tag: job_edge.side_output.clone(),
            ports: ports.collect(),
            exchange: edge.exchange,
            key_groups: self.job.vertex(edge.to).max_parallelism.0,
            spec: Arc::clone(&self.factories.edges[&edge.id]),
        }
    }

    /// A static end if the task has one output that brings its own, else the general one.
    fn factory(&self, vertex: VertexIndex) -> TaskFactory {
        let mut outputs = self.graph.outputs(vertex);
        let only = outputs.next().filter(|_| outputs.next().is_none());
        let by_edge = only.and_then(|edge| self.factories.by_edge.get(&edge.id));
        let tail: NodeId = self.job.vertex(vertex).tail();
        Arc::clone(by_edge.unwrap_or_else(|| &self.factories.by_tail[&tail]))
    }
}

/// The least network memory that a job needs, and how that comes about.
pub(super) fn required_segments(job: &JobGraph, graph: &ExecutionGraph) -> (u64, String) {
    let mut needed = 0;
    let mut terms = Vec::new();
    for (position, edge) in graph.edges().iter().enumerate() {
        let from = &graph.vertices()[edge.from.as_index()];
        let before = graph.edges()[..position].iter().filter(|other| other.from == edge.from);
        let each = from.parallelism.subtasks().filter_map(|producer| {
            let consumers = edge.distribution.consumers_of(producer).count();
            let alone = !before.clone().any(|other| write_once(job, [other, edge], producer));
            let builders = if edge.exchange == Exchange::Broadcast { 1 } else { consumers };
            alone.then(|| u64::from(BufferQuota::required(builders)))
        });
        let (count, sum) = each.fold((0u64, 0), |(count, sum), each| (count + 1, sum + each));
        if count == 0 {
            // Its buffers are those of an edge before it.
            continue;
        }
        needed += sum;
        terms.push(format!(
            "{sum} for the {count} subtasks of '{}', one for each consumer and one more",
            from.name
        ));
    }
    (needed, terms.join(" + "))
}

/// Whether `producer` writes the same buffers for both edges.
fn write_once(job: &JobGraph, edges: [&ExecutionEdge; 2], producer: SubtaskIndex) -> bool {
    let reaches_all = edges.iter().all(|edge| {
        edge.exchange.reaches_all(edge.distribution.consumers_of(producer).count() as usize)
    });
    let [one, other] =
        edges.map(|edge| job.edge(edge.id).expect("edges of both graphs are the same"));
    let main_outputs = one.side_output.is_none() && other.side_output.is_none();
    reaches_all && main_outputs && one.from_node == other.from_node
}

//! From the execution graph to what each worker is sent.

use brisk_network::{BufferLimit, ChannelIndex, GateAddress, wire::PartitionAddress};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::JobProgram;
use crate::{
    graph::{
        Exchange, ExecutionEdge, ExecutionGraph, JobGraph, JobId, NodeId, Subtask, SubtaskIndex,
        TaskId, VertexIndex,
    },
    state::{Survivors, backend::StateBackend, spill::SpillGround},
    task::{
        Attempt, BufferQuota, GatePlan, JobFactories, OperatorPlan, OutputPlan, PlannedTask,
        PortPlan, RemoteProducer, SubtaskPlan, TaskFactory, TaskKey, WorkerId, partition_address,
        snapshot::TaskRestore,
    },
    worker::{CheckpointRun, JobKey, JobListener, JobRun},
};

/// Numbers that are never given twice in a process.
pub(super) fn fresh_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness matters.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Where the tasks of a job run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Places {
    /// The worker of each task.
    pub(super) workers: Vec<WorkerId>,
    /// Workers of other processes, and where they listen.
    pub(super) elsewhere: BTreeMap<WorkerId, SocketAddr>,
}

impl Places {
    pub(super) fn of(&self, task: TaskId) -> WorkerId {
        self.workers[task.as_index()]
    }

    /// Where the worker of a task listens, if that is in another process.
    pub(super) fn elsewhere(&self, task: TaskId) -> Option<SocketAddr> {
        self.elsewhere.get(&self.of(task)).copied()
    }

    /// The tasks of a worker.
    pub(super) fn tasks_of(&self, worker: WorkerId) -> impl Iterator<Item = TaskId> {
        let tasks = (0..).map(TaskId).zip(&self.workers);
        tasks.filter(move |(_, place)| **place == worker).map(|(task, _)| task)
    }
}

/// One run of a job, about to begin.
pub(super) struct Run<'a> {
    pub(super) id: JobId,
    pub(super) attempt: Attempt,
    pub(super) program: &'a JobProgram,
    pub(super) execution: &'a ExecutionGraph,
    pub(super) places: &'a Places,
    /// What each task starts from; empty for the beginning.
    pub(super) restores: &'a [Arc<TaskRestore>],
    /// What outlives runs in memory.
    pub(super) survivors: &'a Survivors,
    pub(super) buffer_timeout: Option<Duration>,
}

/// What workers are sent of a run.
pub(super) struct Deployed {
    pub(super) run: Arc<JobRun>,
    /// All tasks, in the order of their ids.
    pub(super) tasks: Vec<PlannedTask>,
}

impl Run<'_> {
    /// Plans all tasks; `listener` makes whoever hears of them.
    pub(super) fn prepare(
        self,
        listener: impl FnOnce(&[PlannedTask]) -> Arc<dyn JobListener>,
    ) -> Deployed {
        let settings = &self.program.settings;
        let deployment = Deployment {
            id: self.id,
            attempt: self.attempt,
            job: &self.program.graph,
            graph: self.execution,
            factories: &self.program.factories,
            places: self.places,
            checkpointing: settings.checkpoints.is_periodic(),
            backend: self.program.backend.as_ref(),
            spill: &self.program.spill,
            restores: self.restores,
            survivors: self.survivors,
        };
        let tasks = deployment.tasks();
        let run = Arc::new(JobRun {
            alignment: Arc::default(),
            key: JobKey(fresh_number()),
            interrupt: Arc::new(AtomicBool::new(false)),
            buffer_timeout: self.buffer_timeout,
            listener: listener(&tasks),
            checkpointing: CheckpointRun::new(
                settings.guarantee(),
                settings.storage.destination(self.id),
            ),
        });
        Deployed { run, tasks }
    }
}

/// What a deployment is made of.
struct Deployment<'a> {
    id: JobId,
    attempt: Attempt,
    job: &'a JobGraph,
    graph: &'a ExecutionGraph,
    factories: &'a JobFactories,
    /// Where each task runs.
    places: &'a Places,
    /// Whether checkpoints are taken by themselves.
    checkpointing: bool,
    /// What keeps keyed state; `None` for memory.
    backend: Option<&'a Arc<dyn StateBackend>>,
    /// Where state in memory goes that has no room there.
    spill: &'a Arc<SpillGround>,
    /// What each task starts from; empty for the beginning.
    restores: &'a [Arc<TaskRestore>],
    /// What outlives runs in memory.
    survivors: &'a Survivors,
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
    fn tasks(&self) -> Vec<PlannedTask> {
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
                producers: self.remote_producers(subtask, (input, gate)),
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

    /// The producers of a gate that are in other processes.
    fn remote_producers(
        &self,
        consumer: Subtask,
        (input, gate): (u32, &Gate),
    ) -> Vec<RemoteProducer> {
        let edges = self.graph.inputs(consumer.vertex).filter(|edge| edge.input.0 == input);
        let channels = edges.flat_map(|edge| {
            let channels = edge.distribution.channels_to(consumer.index);
            channels.map(move |channel| (edge, channel))
        });
        let remote = channels.filter_map(|(edge, channel)| {
            let index = channel.producer;
            let producer = self.graph.task(Subtask { vertex: edge.from, index });
            let subpartition = ChannelIndex(channel.subpartition.0);
            Some(RemoteProducer {
                channel: ChannelIndex(gate.offsets[&edge.id] + channel.channel.0),
                peer: self.places.elsewhere(producer)?,
                address: self.address(producer, edge, subpartition),
            })
        });
        remote.collect()
    }

    fn address(
        &self,
        producer: TaskId,
        edge: &ExecutionEdge,
        subpartition: ChannelIndex,
    ) -> PartitionAddress {
        partition_address(self.id, (producer, self.attempt), (edge.id, subpartition))
    }

    fn output(
        &self,
        edge: &ExecutionEdge,
        subtask: Subtask,
        gates: &HashMap<(TaskId, u32), Gate>,
    ) -> OutputPlan {
        let job_edge = self.job.edge(edge.id).expect("edges of both graphs are the same");
        let producer = self.graph.task(subtask);
        let ports = edge.distribution.channels_from(subtask.index).map(|channel| {
            let consumer = self.graph.task(Subtask { vertex: edge.to, index: channel.consumer });
            let gate = &gates[&(consumer, edge.input.0)];
            let subpartition = ChannelIndex(channel.subpartition.0);
            let is_remote = self.places.elsewhere(consumer).is_some();
            PortPlan {
                worker: self.places.of(consumer),
                gate: gate.address,
                channel: ChannelIndex(gate.offsets[&edge.id] + channel.channel.0),
                limit: if is_remote { BufferLimit::new() } else { gate.limit.clone() },
                remote: is_remote.then(|| self.address(producer, edge, subpartition)),
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

/// The part of a job that needs memory here.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    pub(super) job: &'a JobGraph,
    pub(super) graph: &'a ExecutionGraph,
    pub(super) places: &'a Places,
    pub(super) quota: BufferQuota,
}

impl Demand<'_> {
    /// The least network memory that the job needs in this process, and how that comes about.
    pub(super) fn required_segments(self) -> (u64, String) {
        let mut needed = 0;
        let mut terms = Vec::new();
        let edges = self.graph.edges();
        for (position, edge) in edges.iter().enumerate() {
            let from = &self.graph.vertices()[edge.from.as_index()];
            let (count, sum) = self.outputs(edge, &edges[..position]);
            if count > 0 {
                needed += sum;
                terms.push(format!(
                    "{sum} for the {count} subtasks of '{}', one for each consumer and one more",
                    from.name
                ));
            }
        }
        let inputs = self.remote_inputs();
        if inputs > 0 {
            needed += inputs;
            terms.push(format!("{inputs} for what comes from other processes"));
        }
        (needed, terms.join(" + "))
    }

    fn is_here(&self, vertex: VertexIndex, index: SubtaskIndex) -> bool {
        self.places.elsewhere(self.graph.task(Subtask { vertex, index })).is_none()
    }

    /// How many subtasks here need segments of their own for an edge, and how many; not for buffers
    /// that they share with an edge before it.
    fn outputs(&self, edge: &ExecutionEdge, before: &[ExecutionEdge]) -> (u64, u64) {
        let from = &self.graph.vertices()[edge.from.as_index()];
        let before = before.iter().filter(|other| other.from == edge.from);
        let here = from.parallelism.subtasks().filter(|index| self.is_here(edge.from, *index));
        let each = here.filter_map(|producer| {
            let consumers = edge.distribution.consumers_of(producer).count();
            let alone = !before.clone().any(|other| write_once(self.job, [other, edge], producer));
            let builders = if edge.exchange == Exchange::Broadcast { 1 } else { consumers };
            alone.then(|| u64::from(BufferQuota::required(builders)))
        });
        each.fold((0, 0), |(count, sum), each| (count + 1, sum + each))
    }

    /// Segments that gates here insist on for producers elsewhere.
    fn remote_inputs(&self) -> u64 {
        let mut channels: BTreeMap<(TaskId, u32), u32> = BTreeMap::new();
        for edge in self.graph.edges() {
            let consumers = self.graph.vertices()[edge.to.as_index()].parallelism.subtasks();
            for index in consumers.filter(|index| self.is_here(edge.to, *index)) {
                let producers = edge.distribution.producers_of(index).iter();
                let remote = producers.filter(|producer| !self.is_here(edge.from, *producer));
                let task = self.graph.task(Subtask { vertex: edge.to, index });
                *channels.entry((task, edge.input.0)).or_default() += remote.count() as u32;
            }
        }
        channels.values().map(|channels| u64::from(self.quota.required_in(*channels))).sum()
    }
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

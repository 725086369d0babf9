//! What a worker is told of a subtask it shall run. All of it may be sent.

use brisk_network::{
    BufferLimit, ChannelIndex, GateAddress,
    wire::{self, AttemptId, PartitionAddress, PartitionId},
};
use std::{any::Any, collections::HashMap, fmt, marker::PhantomData, net::SocketAddr, sync::Arc};

use super::{BuildContext, TaskBody, snapshot::TaskRestore};
use crate::{
    Record,
    error::Error,
    exchange::{EdgeWriter, Partitioner, RecordWriter, SideOutput, SideWriter, Writer},
    graph::{
        EdgeId, Exchange, JobId, KeyGroup, MaxParallelism, NodeId, OperatorId, Parallelism, TaskId,
        key_group::operator_index_for_key_group,
    },
    state::{Survivors, backend::StateBackend, spill::SpillGround},
};

/// Names a task in its process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey(pub u64);

/// Names a worker in its process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u32);

/// Builds a task on its worker.
pub type TaskFactory =
    Arc<dyn Fn(&mut BuildContext) -> Result<Box<dyn TaskBody>, Error> + Send + Sync>;

/// One input of a subtask.
#[derive(Clone, Debug)]
pub struct GatePlan {
    /// The operator that reads it.
    pub node: NodeId,
    /// Which of its inputs, from 0.
    pub input: u32,
    /// Its address.
    pub address: GateAddress,
    /// Its channels.
    pub channels: usize,
    /// How large buffers to it may be.
    pub limit: BufferLimit,
    /// Those of its producers that are in other processes.
    pub producers: Vec<RemoteProducer>,
}

/// A producer in another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteProducer {
    /// The gate's channel for it.
    pub channel: ChannelIndex,
    /// Where its worker listens.
    pub peer: SocketAddr,
    /// What it produces.
    pub address: PartitionAddress,
}

/// What a subtask produces for one consumer; the same in all processes.
pub(crate) fn partition_address(
    job: JobId,
    (task, attempt): (TaskId, Attempt),
    (edge, consumer): (EdgeId, ChannelIndex),
) -> PartitionAddress {
    PartitionAddress {
        job: wire::JobId(u128::from_be_bytes(*job.as_bytes())),
        attempt: AttemptId((u128::from(attempt.0) << 32) | u128::from(task.0)),
        partition: PartitionId(u64::from(edge.0)),
        consumer,
    }
}

/// Where one subpartition goes.
#[derive(Clone, Debug)]
pub struct PortPlan {
    /// The worker of the consumer.
    pub worker: WorkerId,
    /// The consumer's gate.
    pub gate: GateAddress,
    /// The channel of that gate.
    pub channel: ChannelIndex,
    /// How large buffers to that gate may be; whole segments to another process.
    pub limit: BufferLimit,
    /// Its name, if the consumer is in another process and will ask for it.
    pub remote: Option<PartitionAddress>,
}

/// One output of a subtask.
#[derive(Clone)]
pub struct OutputPlan {
    /// The edge.
    pub edge: EdgeId,
    /// The operator whose output it is.
    pub node: NodeId,
    /// The side output's tag, `None` for the main output.
    pub tag: Option<String>,
    /// Where its subpartitions go.
    pub ports: Vec<PortPlan>,
    /// How records are dealt to them.
    pub exchange: Exchange,
    /// The key groups of the consumer.
    pub key_groups: u32,
    /// The typed part.
    pub spec: Arc<dyn ErasedEdge>,
}

impl OutputPlan {
    /// The subpartition of each key group's owner.
    pub fn key_group_owners(&self) -> Box<[ChannelIndex]> {
        let (parallelism, groups) = (self.ports.len() as u32, self.key_groups);
        let owner = |group| {
            operator_index_for_key_group(
                KeyGroup(group),
                Parallelism(parallelism),
                MaxParallelism(groups),
            )
        };
        (0..groups).map(|group| ChannelIndex(owner(group).0)).collect()
    }

    /// Whether all subpartitions get the same records.
    pub fn is_broadcast(&self) -> bool {
        self.exchange == Exchange::Broadcast
    }

    /// Whether what it writes may be shared with other outputs of its operator.
    pub fn reaches_all(&self) -> bool {
        self.exchange.reaches_all(self.ports.len())
    }
}

/// Which run of a subtask, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

/// One operator of a chain.
#[derive(Clone, Debug)]
pub struct OperatorPlan {
    /// Its place in the program.
    pub node: NodeId,
    /// Its id.
    pub id: OperatorId,
    /// Its name.
    pub name: String,
}

/// One subtask.
pub struct SubtaskPlan {
    /// Its name in the process.
    pub key: TaskKey,
    /// The job.
    pub job_id: JobId,
    /// Which run of the subtask this is.
    pub attempt: Attempt,
    /// The job's name.
    pub job: Arc<str>,
    /// The name of the chain.
    pub task: Arc<str>,
    /// Its operators, head first.
    pub operators: Arc<[OperatorPlan]>,
    /// Which of the parallel instances, from 0.
    pub subtask: u32,
    /// How many there are.
    pub parallelism: u32,
    /// The number of key groups.
    pub max_parallelism: u32,
    /// Its inputs.
    pub gates: Vec<GatePlan>,
    /// Its outputs.
    pub outputs: Vec<OutputPlan>,
    /// Whether checkpoints are taken by themselves.
    pub checkpointing: bool,
    /// What keeps its keyed state; `None` for memory.
    pub backend: Option<Arc<dyn StateBackend>>,
    /// Where state in memory goes that has no room there.
    pub spill: Arc<SpillGround>,
    /// What it starts from; `None` for the beginning.
    pub restore: Option<Arc<TaskRestore>>,
    /// Where state in memory is left for the next run.
    pub(crate) survivors: Survivors,
}

/// A subtask and how to build it. The two are apart because plans are kept while
/// anybody asks about the job, but what the program put into its functions is to
/// be dropped when the job is over.
#[derive(Clone)]
pub struct PlannedTask {
    /// What is known of it.
    pub plan: Arc<SubtaskPlan>,
    /// Builds it.
    pub factory: TaskFactory,
}

impl SubtaskPlan {
    /// The head of the chain.
    pub fn head(&self) -> NodeId {
        self.operators.first().expect("a task has an operator").node
    }

    /// An operator of the chain.
    ///
    /// # Panics
    /// If it is not one: program and graph disagree, a bug.
    pub fn operator(&self, node: NodeId) -> &OperatorPlan {
        let found = self.operators.iter().find(|operator| operator.node == node);
        found.unwrap_or_else(|| panic!("{node:?} is not in the chain of '{}'", self.task))
    }

    /// The operator's name.
    pub fn operator_name(&self, node: NodeId) -> &str {
        let found = self.operators.iter().find(|operator| operator.node == node);
        found.map_or(&self.task, |operator| &operator.name)
    }

    /// The task's name with its number, as logs and errors show it.
    pub fn display_name(&self) -> String {
        format!("{} ({}/{})", self.task, self.subtask + 1, self.parallelism)
    }
}

impl fmt::Debug for SubtaskPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubtaskPlan").field("name", &self.display_name()).finish_non_exhaustive()
    }
}

/// The typed part of an edge, its type hidden.
pub trait ErasedEdge: Send + Sync {
    /// For a downcast to [`EdgeSpec`].
    fn as_any(&self) -> &dyn Any;

    /// The name of the type it carries.
    fn record_type(&self) -> &'static str;

    /// Builds this edge as a side output.
    fn side(&self, w: RecordWriter, plan: &OutputPlan, cx: &BuildContext) -> Box<dyn SideOutput>;
}

type MakeWriter<T> =
    Box<dyn Fn(RecordWriter, &OutputPlan, &BuildContext) -> Box<dyn EdgeWriter<T>> + Send + Sync>;

/// The typed part of an edge that carries `T`.
pub struct EdgeSpec<T> {
    /// The partitioner; `None` on keyed edges.
    pub partitioner: Option<Partitioner<T>>,
    make: MakeWriter<T>,
    record: PhantomData<fn(T)>,
}

impl<T: Record> EdgeSpec<T> {
    /// An edge whose partitioner needs no key.
    pub fn unkeyed(partitioner: Partitioner<T>) -> Arc<dyn ErasedEdge> {
        let chosen = partitioner.clone();
        let make: MakeWriter<T> = Box::new(move |writer, plan, cx| {
            Box::new(Writer::new(writer, chosen.resolved(plan.exchange), cx.subtask()))
        });
        Arc::new(Self { partitioner: Some(partitioner), make, record: PhantomData })
    }

    /// An edge whose writer `make` makes.
    pub fn keyed(make: MakeWriter<T>) -> Arc<dyn ErasedEdge> {
        Arc::new(Self { partitioner: None, make, record: PhantomData })
    }

    /// Builds its writer.
    pub fn writer(
        &self,
        writer: RecordWriter,
        plan: &OutputPlan,
        cx: &BuildContext,
    ) -> Box<dyn EdgeWriter<T>> {
        (self.make)(writer, plan, cx)
    }
}

impl<T: Record> ErasedEdge for EdgeSpec<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn record_type(&self) -> &'static str {
        std::any::type_name::<T>()
    }

    fn side(&self, w: RecordWriter, plan: &OutputPlan, cx: &BuildContext) -> Box<dyn SideOutput> {
        Box::new(SideWriter(self.writer(w, plan, cx)))
    }
}

/// The typed parts of a job, by edge and by the operator that ends a task.
#[derive(Default)]
pub struct JobFactories {
    /// Builds tasks that end with this operator, whatever their outputs.
    pub by_tail: HashMap<NodeId, TaskFactory>,
    /// Builds tasks that end with this edge and nothing else.
    pub by_edge: HashMap<EdgeId, TaskFactory>,
    /// The typed part of each edge.
    pub edges: HashMap<EdgeId, Arc<dyn ErasedEdge>>,
}

impl fmt::Debug for JobFactories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobFactories").field("operators", &self.by_tail.len()).finish()
    }
}

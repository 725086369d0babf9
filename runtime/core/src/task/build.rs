//! Building a task on its worker from the plan it was sent.

mod memory;

use brisk_memory::{PoolOptions, SegmentCount, SegmentSize};
use brisk_network::{
    ChannelIndex, PartitionOptions, Port, ResultPartition,
    frame::{BUFFER_HEADER, FrameCheck},
    remote::RemoteSubpartition,
};
use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use super::{
    BufferQuota, EdgeSpec, OutputPlan, RuntimeContext, SubtaskPlan, Surroundings,
    cx::Side,
    inputs::{Input, Recovered, TimeOfInput, name_of_input_time},
    plan::PortPlan,
    snapshot::{RestoredState, StartDisk},
    task_error,
};
use crate::{
    chain::{Gate, SourceContext},
    error::{Error, TaskError},
    exchange::{EdgeWriter, Fork, Partitioner, RecordWriter, Tail, Writer, WriterParts},
    graph::{KeyGroupRange, MaxParallelism, NodeId, Parallelism, SubtaskIndex},
    record::Record,
    state::{
        HashRange, StateError,
        backend::{KeyedStore, StoreOptions},
        keyed::{BackendOptions, Keeping},
        spill::SpillFigures,
    },
    task::accumulator::AccumulatorRegistry,
};

/// Which ports of an output get the same buffers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    None,
    All,
}

/// Builds one task.
pub struct BuildContext {
    plan: Arc<SubtaskPlan>,
    surroundings: Rc<Surroundings>,
    accumulators: AccumulatorRegistry,
    /// For reading state, if there is some.
    disk: StartDisk,
    inputs: Vec<Input>,
    /// Where records stand in channels that begin with what was in flight, by input and channel.
    begun: HashMap<(u32, u32), FrameCheck>,
    spilled: Rc<SpillFigures>,
}

impl BuildContext {
    pub(crate) fn new(
        plan: Arc<SubtaskPlan>,
        surroundings: Rc<Surroundings>,
    ) -> Result<Self, Error> {
        let disk = match plan.restore {
            Some(_) => Some((surroundings.open_disk)().map_err(|error| Error::Start {
                what: format!("the disk of task '{}'", plan.display_name()),
                cause: error.to_string(),
            })?),
            None => None,
        };
        let disk = Rc::new(RefCell::new(disk));
        let mut first = 0;
        let gates = surroundings.gates.borrow();
        let inputs = plan.gates.iter().map(|gate| {
            let input = Input::new(Rc::clone(&gates[&gate.address]), first);
            first += input.channels;
            input
        });
        let inputs = inputs.collect();
        drop(gates);
        let accumulators = AccumulatorRegistry::new();
        let (begun, spilled) = (HashMap::new(), Rc::default());
        let mut context = Self { plan, surroundings, accumulators, disk, inputs, begun, spilled };
        context.restore_time()?;
        context.begun = context.restore_in_flight()?;
        Ok(context)
    }

    /// Has the inputs begin with what was in flight.
    fn restore_in_flight(&self) -> Result<HashMap<(u32, u32), FrameCheck>, Error> {
        let mut checks: HashMap<(u32, u32), FrameCheck> = HashMap::new();
        let Some(restore) = &self.plan.restore else { return Ok(checks) };
        for part in &restore.in_flight {
            let node = self.plan.gates[part.input as usize].node;
            let failed = |cause: TaskError| task_error(&self.plan, node, cause);
            let buffers = self.restored(node).buffers(&part.state);
            let buffers = buffers.map_err(|error| failed(error.into()))?;
            let check = checks.entry((part.input, part.channel)).or_default();
            let mut state = self.inputs[part.input as usize].state.borrow_mut();
            for bytes in buffers {
                check.check(&bytes).map_err(|error| failed(error.into()))?;
                state.recovered.push_back(Recovered {
                    channel: ChannelIndex(part.channel),
                    owned: part.shared.then(|| self.owned_hashes()),
                    bytes,
                    position: BUFFER_HEADER,
                });
            }
        }
        Ok(checks)
    }

    /// Where the records of a channel stand before anything of it arrives.
    pub(crate) fn check_of(&self, input: usize, channel: ChannelIndex) -> FrameCheck {
        let input = u32::try_from(input).expect("inputs are counted by a u32");
        self.begun.get(&(input, channel.0)).copied().unwrap_or_default()
    }

    /// Has the inputs go on from where event time stood.
    fn restore_time(&self) -> Result<(), Error> {
        let SubtaskPlan { subtask, parallelism, .. } = *self.plan;
        for (gate, input) in self.plan.gates.iter().zip(&self.inputs) {
            let restored = self.restored(gate.node);
            let times = restored.records::<TimeOfInput>(&name_of_input_time(gate.input));
            let times = times.map_err(|cause| task_error(&self.plan, gate.node, cause))?;
            let times = times.unwrap_or_default();
            input.restore_time(&times, restored.subtasks_then(), (subtask, parallelism));
        }
        Ok(())
    }

    /// State was read: whoever keeps a [`RestoredState`] keeps no open driver with it.
    pub(crate) fn close_disk(&self) {
        *self.disk.borrow_mut() = None;
    }

    pub(crate) fn accumulators(&self) -> AccumulatorRegistry {
        self.accumulators.clone()
    }

    /// Whether `node` reads from a gate.
    pub fn is_head(&self, node: NodeId) -> bool {
        self.plan.gates.iter().any(|gate| gate.node == node)
    }

    /// The operator's name.
    pub fn operator_name(&self, node: NodeId) -> &str {
        self.plan.operator_name(node)
    }

    /// Which of the parallel instances this is, from 0.
    pub fn subtask(&self) -> u32 {
        self.plan.subtask
    }

    /// How many there are.
    pub fn parallelism(&self) -> u32 {
        self.plan.parallelism
    }

    /// What functions of `node` are told.
    pub fn runtime_context(&self, node: NodeId) -> RuntimeContext {
        RuntimeContext {
            job: Arc::clone(&self.plan.job),
            job_id: self.plan.job_id,
            attempt: self.plan.attempt,
            operator: self.operator_name(node).to_string(),
            operator_id: self.plan.operator(node).id,
            subtask: self.plan.subtask,
            parallelism: self.plan.parallelism,
            max_parallelism: self.plan.max_parallelism,
            accumulators: self.accumulators.of_operator(self.operator_name(node)),
        }
    }

    /// What a source or a sink is told.
    pub fn source_context(&self, node: NodeId) -> SourceContext {
        SourceContext {
            node,
            operator: self.operator_name(node).to_string(),
            operator_id: self.plan.operator(node).id,
            job_id: self.plan.job_id,
            job_name: Arc::clone(&self.plan.job),
            attempt: self.plan.attempt,
            subtask: self.plan.subtask,
            parallelism: self.plan.parallelism,
            max_parallelism: self.plan.max_parallelism,
            checkpointing: self.plan.checkpointing,
            accumulators: self.accumulators.of_operator(self.operator_name(node)),
        }
    }

    /// What `node` finds in the checkpoint that its task starts from.
    pub fn restored(&self, node: NodeId) -> RestoredState {
        let restore = self.plan.restore.clone();
        let operator = self.plan.operator(node);
        let restored = RestoredState::new(restore, operator, Some(Rc::clone(&self.disk)));
        restored.with_survivors(&self.plan.survivors, self.plan.subtask)
    }

    /// The reader of an input of `node`.
    ///
    /// # Panics
    /// If the job graph gave it none: program and graph disagree, a bug.
    pub fn gate<T: Record>(&self, node: NodeId, input: u32) -> Gate<T> {
        let mut gates = self.plan.gates.iter();
        let number = gates.position(|gate| gate.node == node && gate.input == input);
        let number = number.unwrap_or_else(|| panic!("{node:?} has no input {input}"));
        Gate::new(number, &self.inputs[number])
    }

    /// The inputs of the task, in the order of the plan.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        self.inputs.clone()
    }

    /// The size of segments.
    pub fn segment_size(&self) -> SegmentSize {
        self.surroundings.arena.segment_size()
    }

    /// What keeps the keyed state of `node`, and whose it is.
    ///
    /// # Errors
    /// If there is no memory or no place for it.
    pub(crate) fn keyed_state(&self, node: NodeId) -> Result<BackendOptions, Error> {
        let (range, groups) = self.owned_key_groups();
        let operator = self.restored(node).label().to_owned();
        let keeping = match self.keyed_store(node)? {
            None => Keeping::Memory(self.spilling_supply(node)?),
            Some(store) => Keeping::Foreign(store),
        };
        Ok(BackendOptions { range, groups, keeping, operator })
    }

    /// The store of `node` in a backend other than the one in memory; `None` if it is that.
    fn keyed_store(&self, node: NodeId) -> Result<Option<Box<dyn KeyedStore>>, Error> {
        let SubtaskPlan { job_id, subtask, backend, .. } = &*self.plan;
        let Some(backend) = backend else { return Ok(None) };
        let (range, groups) = self.owned_key_groups();
        let task = self.plan.display_name();
        let owner =
            format!("{}/{task}: state of operator '{}'", self.plan.job, self.operator_name(node));
        let opened = backend.open(StoreOptions {
            job: *job_id,
            operator: self.plan.operator(node).id,
            owner,
            subtask: SubtaskIndex(*subtask),
            range,
            groups,
            managed: self.surroundings.arena.managed(),
            waker: self.surroundings.doorbell_waker.clone(),
        });
        let operator = self.restored(node).label().to_owned();
        let failed = |cause| self.error(node, StateError::Backend { operator, cause }.into());
        opened.map(Some).map_err(failed)
    }

    /// Whether keyed state is kept by a backend other than the one in memory.
    pub(crate) fn has_backend(&self) -> bool {
        self.plan.backend.is_some()
    }

    /// The hashes of the keys that this subtask owns.
    pub fn owned_hashes(&self) -> HashRange {
        let (owned, groups) = self.owned_key_groups();
        HashRange::of_key_groups(owned, groups)
    }

    /// The key groups that this subtask owns, and how many there are.
    pub fn owned_key_groups(&self) -> (KeyGroupRange, MaxParallelism) {
        let SubtaskPlan { subtask, parallelism, max_parallelism, .. } = *self.plan;
        let groups = MaxParallelism(max_parallelism);
        let parallelism = Parallelism(parallelism);
        (KeyGroupRange::of_subtask(SubtaskIndex(subtask), parallelism, groups), groups)
    }

    /// The error of `node`.
    pub(crate) fn error(&self, node: NodeId, cause: TaskError) -> Error {
        task_error(&self.plan, node, cause)
    }

    /// The end of a task whose last operator is `node`.
    pub fn tail<T: Record>(&self, node: NodeId) -> Result<Tail<T>, Error> {
        let outputs: Vec<&OutputPlan> = self.main_outputs(node).collect();
        if let [only] = outputs[..] {
            let spec = typed::<T>(only);
            if let Some(partitioner) = &spec.partitioner {
                let writer = self.record_writer(only)?;
                let partitioner = partitioner.resolved(only.exchange);
                let writer = Writer::new(writer, partitioner, self.subtask());
                return Ok(Tail::Single(writer));
            }
        }
        let (alike, others): (Vec<&OutputPlan>, Vec<&OutputPlan>) =
            outputs.into_iter().partition(|output| output.reaches_all());
        let mut edges: Vec<Box<dyn EdgeWriter<T>>> = Vec::new();
        if let Some(shared) = self.shared_writer::<T>(&alike)? {
            if others.is_empty() {
                return Ok(Tail::Single(shared));
            }
            edges.push(Box::new(shared));
        }
        for output in others {
            let writer = self.record_writer(output)?;
            edges.push(typed::<T>(output).writer(writer, output, self));
        }
        Ok(Tail::Fork(Fork::new(edges)))
    }

    /// One writer for outputs that all get every record: its bytes are written once.
    fn shared_writer<T: Record>(&self, alike: &[&OutputPlan]) -> Result<Option<Writer<T>>, Error> {
        if alike.is_empty() {
            return Ok(None);
        }
        for output in alike {
            assert!(typed::<T>(output).partitioner.is_some(), "a keyed edge does not reach all");
        }
        let writer = self.writer_to(alike, Sharing::All)?;
        Ok(Some(Writer::new(writer, Partitioner::Broadcast, self.subtask())))
    }

    /// The writer of the one edge that leaves `node`, for ends of a static type.
    ///
    /// # Panics
    /// If there is not exactly one, a bug of whoever chose the factory.
    pub fn only_output(&self, node: NodeId) -> Result<(RecordWriter, &OutputPlan), Error> {
        let outputs: Vec<&OutputPlan> = self.main_outputs(node).collect();
        let [only] = outputs[..] else {
            panic!("{node:?} has {} outputs, not one", outputs.len());
        };
        Ok((self.record_writer(only)?, only))
    }

    fn main_outputs(&self, node: NodeId) -> impl Iterator<Item = &OutputPlan> {
        self.plan.outputs.iter().filter(move |output| output.node == node && output.tag.is_none())
    }

    /// The side outputs of all operators of the task.
    pub(crate) fn sides(&self) -> Result<Vec<Side>, Error> {
        let tagged = self.plan.outputs.iter().filter_map(|output| {
            let tag = output.tag.clone()?;
            Some(self.record_writer(output).map(|writer| Side {
                node: output.node,
                tag,
                expected: output.spec.record_type(),
                output: output.spec.side(writer, output, self),
            }))
        });
        tagged.collect()
    }

    fn record_writer(&self, output: &OutputPlan) -> Result<RecordWriter, Error> {
        let sharing = if output.is_broadcast() { Sharing::All } else { Sharing::None };
        self.writer_to(&[output], sharing)
    }

    /// One writer for these outputs of one operator.
    fn writer_to(&self, outputs: &[&OutputPlan], sharing: Sharing) -> Result<RecordWriter, Error> {
        let network = self.surroundings.arena.network();
        let planned = outputs.iter().flat_map(|output| &output.ports);
        let limits = planned.clone().map(|port| port.limit.clone()).collect();
        let ports: Vec<Port> = planned.map(|port| self.port(port)).collect();
        let node = outputs[0].node;
        let broadcast = sharing == Sharing::All;
        let builders = if broadcast { 1 } else { ports.len() as u32 };
        let quota = self.surroundings.quota;
        let operator = self.operator_name(node);
        let options = PoolOptions {
            owner: format!("{}/{}: output of {operator}", self.plan.job, self.plan.display_name()),
            required: SegmentCount(BufferQuota::required(builders)),
            max: SegmentCount(quota.max(builders)),
            overdraft: SegmentCount(quota.overdraft),
            waker: self.surroundings.doorbell_waker.clone(),
        };
        let pool = network.create_pool_with_lanes(options, quota.lanes(builders))?;
        let options = PartitionOptions { pool, ports, broadcast };
        let segment = self.surroundings.arena.segment_size().bytes();
        let record_bytes_max = network.total().0 as usize * segment;
        let partition = ResultPartition::new(options).limited(limits);
        let outputs = outputs.iter().map(|output| self.number_of(output)).collect();
        Ok(RecordWriter::new(WriterParts { partition, node, record_bytes_max, outputs }))
    }

    /// The place of an output in the plan.
    fn number_of(&self, output: &OutputPlan) -> u32 {
        let at = self.plan.outputs.iter().position(|known| known.edge == output.edge);
        at.expect("an output of this task") as u32
    }

    fn port(&self, plan: &PortPlan) -> Port {
        let PortPlan { worker, gate, channel, .. } = *plan;
        if let Some(address) = plan.remote {
            let transport = self.surroundings.transport.as_ref();
            let transport = transport.expect("who has consumers elsewhere has a way there");
            let end = RemoteSubpartition::new();
            transport.borrow_mut().add_subpartition(address, Rc::clone(&end));
            return Port::Remote(end);
        }
        if worker == self.surroundings.id {
            let gate = Rc::clone(&self.surroundings.gates.borrow()[&gate]);
            return Port::Local { gate, channel };
        }
        let peer = Rc::clone(&self.surroundings.peers.borrow()[&worker]);
        Port::Peer { peer, gate, channel }
    }
}

fn typed<T: Record>(output: &OutputPlan) -> &EdgeSpec<T> {
    let spec = output.spec.as_any().downcast_ref();
    spec.expect("an edge carries what its producer makes: the API's types see to it")
}

impl std::fmt::Debug for BuildContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildContext").field("plan", &self.plan).finish_non_exhaustive()
    }
}

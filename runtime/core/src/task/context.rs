//! What a user's function is told, and what it may ask for.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{Attempt, Cx};
use crate::{
    error::TaskError,
    exchange::SideWriter,
    graph::{JobId, NodeId, OperatorId},
    record::Record,
    task::accumulator::OperatorAccumulators,
    task::flow::Flow,
    time::Timestamp,
};

/// Facts about the subtask that a function runs in, and its accumulators.
#[derive(Clone)]
pub struct RuntimeContext {
    pub(crate) job: Arc<str>,
    pub(crate) job_id: JobId,
    pub(crate) attempt: Attempt,
    pub(crate) operator: String,
    pub(crate) operator_id: OperatorId,
    pub(crate) subtask: u32,
    pub(crate) parallelism: u32,
    pub(crate) max_parallelism: u32,
    pub(crate) accumulators: OperatorAccumulators,
}

impl RuntimeContext {
    /// The job's name.
    pub fn job_name(&self) -> &str {
        &self.job
    }

    /// The job's id, the same in all its attempts.
    pub fn job_id(&self) -> JobId {
        self.job_id
    }

    /// Which run of this subtask it is, from 0.
    pub fn attempt_number(&self) -> u32 {
        self.attempt.0
    }

    /// The operator's name.
    pub fn operator_name(&self) -> &str {
        &self.operator
    }

    /// The operator's id: from its uid, or from the graph around it.
    pub fn operator_id(&self) -> OperatorId {
        self.operator_id
    }

    /// Which of the parallel instances this is, from 0.
    pub fn index_of_this_subtask(&self) -> u32 {
        self.subtask
    }

    /// How many there are.
    pub fn number_of_parallel_subtasks(&self) -> u32 {
        self.parallelism
    }

    /// The number of key groups.
    pub fn max_number_of_parallel_subtasks(&self) -> u32 {
        self.max_parallelism
    }

    /// The accumulators of this subtask; those of one name are merged over the
    /// whole job and read from its result.
    pub fn accumulators(&self) -> &OperatorAccumulators {
        &self.accumulators
    }
}

impl fmt::Debug for RuntimeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeContext")
            .field("operator", &self.operator)
            .field("subtask", &self.subtask)
            .finish_non_exhaustive()
    }
}

/// Names a side output and says what it carries.
pub struct OutputTag<T> {
    name: Arc<str>,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> OutputTag<T> {
    /// The tag of this name.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), record: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), record: PhantomData }
    }
}

impl<T> fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutputTag({})", self.name)
    }
}

/// What a function may do while it handles a record.
pub struct Context<'a> {
    node: NodeId,
    runtime: &'a RuntimeContext,
    cx: &'a mut Cx,
    side_flow: Flow,
}

impl<'a> Context<'a> {
    pub(crate) fn new(node: NodeId, runtime: &'a RuntimeContext, cx: &'a mut Cx) -> Self {
        Self { node, runtime, cx, side_flow: Flow::Continue }
    }

    /// Facts about the subtask.
    pub fn runtime(&self) -> &RuntimeContext {
        self.runtime
    }

    /// The event time of the record in hand, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.cx.timestamp()
    }

    /// Sends a record to a side output. Nobody reading it, it is dropped.
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T) {
        let mut sides = std::mem::take(&mut self.cx.sides);
        for side in sides.iter_mut().filter(|side| side.is(self.node, tag.name())) {
            let flow = match side.output.as_any_mut().downcast_mut::<SideWriter<T>>() {
                Some(writer) => writer.0.write(&record, self.cx),
                None => {
                    let (tag, expected) = (tag.name().to_string(), side.expected.to_string());
                    let found = std::any::type_name::<T>();
                    self.cx.fail(self.node, TaskError::SideOutputType { tag, expected, found })
                }
            };
            self.side_flow = match (self.side_flow, flow) {
                (Flow::Stop, _) | (_, Flow::Stop) => Flow::Stop,
                (Flow::Pause, _) | (_, Flow::Pause) => Flow::Pause,
                (Flow::Continue, Flow::Continue) => Flow::Continue,
            };
        }
        self.cx.sides = sides;
    }

    /// Counts a record that came too late and had nowhere else to go.
    pub(crate) fn count_late_dropped(&self) {
        self.cx.metrics.count_late_dropped(1);
    }

    /// What the side outputs answered.
    pub(crate) fn side_flow(&self) -> Flow {
        self.side_flow
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("runtime", self.runtime).finish_non_exhaustive()
    }
}

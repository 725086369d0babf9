//! `process`: a function with a life of its own, side outputs and errors.

pub(super) mod async_io;
pub(super) mod rich;

use super::{Chain, Collector, Link, Template, guard::Guard};
use crate::{
    Record,
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    state::{FunctionInitializationContext, FunctionSnapshotContext},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Context, Cx, RuntimeContext, snapshot::RestoredState},
};

/// A function over the records of a stream, with a life cycle: opened once per
/// subtask, called per record, finished at the end of the input, closed always.
///
/// What it keeps in its fields survives a failure if it hands it over at barriers:
///
/// ```
/// use brisk_core::{
///     BoxError,
///     chain::{Collector, ProcessFunction},
///     state::{FunctionInitializationContext, FunctionSnapshotContext},
///     task::Context,
/// };
///
/// /// Passes records on in tens.
/// #[derive(Clone, Default)]
/// struct Tens {
///     waiting: Vec<u64>,
/// }
///
/// impl ProcessFunction<u64> for Tens {
///     type Out = u64;
///
///     fn initialize_state(
///         &mut self,
///         context: &mut FunctionInitializationContext<'_>,
///     ) -> Result<(), BoxError> {
///         self.waiting = context.elements("waiting")?;
///         Ok(())
///     }
///
///     fn snapshot_state(
///         &mut self,
///         context: &mut FunctionSnapshotContext<'_>,
///     ) -> Result<(), BoxError> {
///         Ok(context.list("waiting", &self.waiting)?)
///     }
///
///     fn process(
///         &mut self,
///         record: u64,
///         _context: &mut Context<'_>,
///         out: &mut Collector<u64>,
///     ) -> Result<(), BoxError> {
///         self.waiting.push(record);
///         if self.waiting.len() == 10 {
///             out.extend(self.waiting.drain(..));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait ProcessFunction<I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before [`open`](Self::open): takes back what [`snapshot_state`](Self::snapshot_state) of
    /// this operator's subtasks handed over, if the job starts from a checkpoint.
    fn initialize_state(
        &mut self,
        _context: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called at each barrier, between two records: hands over what the function keeps.
    fn snapshot_state(
        &mut self,
        _context: &mut FunctionSnapshotContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes one record.
    fn process(
        &mut self,
        record: I,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called after the last record of bounded input.
    fn finish(
        &mut self,
        _context: &mut Context<'_>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// The template of a process function.
#[derive(Clone, Debug)]
pub struct Process<P, F> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) function: F,
}

/// A process function in a running chain.
pub struct ProcessStage<P: Template, F: ProcessFunction<P::Out>> {
    upstream: Link<P>,
    state: State<F, F::Out>,
}

pub(super) struct State<F, U> {
    pub(super) node: NodeId,
    pub(super) function: F,
    pub(super) collector: Collector<U>,
    pub(super) runtime: RuntimeContext,
    /// Whether the function was told that its input is over, in this run or an earlier one.
    pub(super) finished: bool,
    restored: RestoredState,
}

impl<F, U> State<F, U> {
    pub(super) fn new(node: NodeId, function: F, cx: &BuildContext) -> Self {
        let (collector, runtime) = (Collector::new(), cx.runtime_context(node));
        let restored = cx.restored(node);
        let finished = restored.is_finished();
        Self { node, function, collector, runtime, finished, restored }
    }

    /// Gives the function back its state, then opens it.
    pub(super) fn open(
        &mut self,
        cx: &Cx,
        initialize: impl FnOnce(&mut F, &mut FunctionInitializationContext<'_>) -> Result<(), BoxError>,
        open: impl FnOnce(&mut F, &mut RuntimeContext) -> Result<(), BoxError>,
    ) -> Result<(), Error> {
        cx.enter(self.node);
        let Self { function, runtime, restored, .. } = self;
        initialize(function, &mut FunctionInitializationContext::new(restored))
            .and_then(|()| open(function, runtime))
            .map_err(|cause| cx.error(TaskError::Function(cause)))
    }

    /// Has the function hand over its state, behind a barrier that was passed on.
    #[cold]
    pub(super) fn snapshot(
        &mut self,
        cx: &mut Cx,
        snapshot: impl FnOnce(&mut F, &mut FunctionSnapshotContext<'_>) -> Result<(), BoxError>,
    ) -> Flow {
        let Self { node, function, runtime, finished, .. } = self;
        cx.snapshot(*node).finished = *finished;
        let mut context = FunctionSnapshotContext::new(cx.snapshot(*node), runtime.operator_name());
        match Guard::run(*node, || snapshot(function, &mut context)) {
            Ok(()) => Flow::Continue,
            Err(cause) => cx.fail(*node, TaskError::Function(cause)),
        }
    }

    /// Calls the function and passes on what it made.
    #[inline(always)]
    pub(super) fn call<S: Push<U>>(
        &mut self,
        sink: &mut S,
        cx: &mut Cx,
        call: impl FnOnce(&mut F, &mut Context<'_>, &mut Collector<U>) -> Result<(), BoxError>,
    ) -> Flow {
        let Self { node, function, collector, runtime, .. } = self;
        let mut context = Context::new(*node, runtime, cx);
        let result = Guard::run(*node, || call(function, &mut context, collector));
        let side = context.side_flow();
        if let Err(cause) = result {
            return cx.fail(*node, TaskError::Function(cause));
        }
        collector.drain_into(sink, cx).and(side)
    }

    pub(super) fn signal<S: Push<U>>(&mut self, sig: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let drained = self.collector.pour_into(sink, cx);
        drained.and(cx.signal_sides(self.node, sig)).and(sink.signal(sig, cx))
    }

    pub(super) fn ready<S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        if !cx.sides_have_room() {
            return Flow::Pause;
        }
        match sink.ready(cx) {
            Flow::Continue => self.collector.resume_into(sink, cx),
            other => other,
        }
    }
}

impl<P, F> Template for Process<P, F>
where
    P: Template,
    F: ProcessFunction<P::Out>,
{
    type Out = F::Out;
    type Running = ProcessStage<P, F>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        Ok(ProcessStage { upstream, state: State::new(self.node, self.function.clone(), cx) })
    }
}

struct ProcessInto<'a, F, U, S> {
    state: &'a mut State<F, U>,
    sink: &'a mut S,
}

impl<T, F, S> Push<T> for ProcessInto<'_, F, F::Out, S>
where
    F: ProcessFunction<T>,
    S: Push<F::Out>,
{
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        let call = |function: &mut F, context: &mut Context<'_>, out: &mut Collector<F::Out>| {
            function.process(item, context, out)
        };
        self.state.call(self.sink, cx, call)
    }

    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        let flow = self.state.signal(signal, self.sink, cx);
        match signal {
            Signal::Barrier(_) => flow.and(self.state.snapshot(cx, F::snapshot_state)),
            Signal::Watermark(_) | Signal::Status(_) => flow,
        }
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.state.ready(self.sink, cx)
    }
}

impl<P, F> Chain for ProcessStage<P, F>
where
    P: Template,
    F: ProcessFunction<P::Out>,
{
    type Out = F::Out;

    fn drive<S: Push<F::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut into = ProcessInto { state: &mut self.state, sink };
        let drive = self.upstream.drive(&mut into, cx);
        if drive != Drive::Ended || self.state.finished || cx.suspends() {
            return drive;
        }
        self.state.finished = true;
        let call = |function: &mut F, context: &mut Context<'_>, out: &mut Collector<F::Out>| {
            function.finish(context, out)
        };
        // What does not fit now is drained by the next drive's `ready`.
        self.state.call(sink, cx, call).interrupts().unwrap_or(Drive::Ended)
    }

    fn inject<S: Push<F::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let mut into = ProcessInto { state: &mut self.state, sink };
        self.upstream.inject(signal, &mut into, cx)
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)?;
        self.state.open(cx, F::initialize_state, F::open)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
        self.state.function.close();
    }
}

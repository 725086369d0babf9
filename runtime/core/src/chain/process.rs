//! `process`: a function with a life of its own, side outputs and errors.

use super::{Chain, Collector, Link, Template, guard::Guard};
use crate::{
    Record,
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Context, Cx, RuntimeContext},
};

/// A function over the records of a stream, with a life cycle: opened once per
/// subtask, called per record, finished at the end of the input, closed always.
pub trait ProcessFunction<I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

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
    pub(super) finished: bool,
}

impl<F, U> State<F, U> {
    pub(super) fn new(node: NodeId, function: F, cx: &BuildContext) -> Self {
        let (collector, runtime) = (Collector::new(), cx.runtime_context(node));
        Self { node, function, collector, runtime, finished: false }
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
        self.state.signal(signal, self.sink, cx)
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
        cx.enter(self.state.node);
        let State { function, runtime, .. } = &mut self.state;
        function.open(runtime).map_err(|cause| cx.error(TaskError::Function(cause)))
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
        self.state.function.close();
    }
}

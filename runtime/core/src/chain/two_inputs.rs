//! `connect`: one function over two streams of different types.

use std::marker::PhantomData;

use super::{Chain, Collector, Gate, ReadRecords, Template, process::State};
use crate::{
    Record,
    error::{BoxError, Error},
    graph::NodeId,
    record::{Archived, decode},
    state::{BroadcastState, FunctionInitializationContext, FunctionSnapshotContext},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Context, Cx, RuntimeContext},
    time::WatermarkValve,
};

/// A function over the records of two streams that share what it keeps.
pub trait CoProcessFunction<A, B>: Clone + Send + 'static {
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

    /// Takes a record of the first stream.
    fn process_first(
        &mut self,
        item: A,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Takes a record of the second stream.
    fn process_second(
        &mut self,
        item: B,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called after the last record of both streams, if both are bounded.
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

/// A function over a stream and a broadcast one: what that says is kept by all subtasks alike, in
/// broadcast state, and read while the records of the other are processed.
///
/// Each subtask must do the same with each broadcast record, so that all have the same state.
pub trait BroadcastProcessFunction<A, B>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;
    /// What broadcast state is found by.
    type Key: Record + Ord + Clone;
    /// What it has there.
    type Value: Record + Clone;

    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a record of the stream that is not broadcast.
    fn process_element(
        &mut self,
        item: A,
        state: &BroadcastState<Self::Key, Self::Value>,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Takes a record of the broadcast stream.
    fn process_broadcast_element(
        &mut self,
        item: B,
        state: &mut BroadcastState<Self::Key, Self::Value>,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called after the last record of both streams, if both are bounded.
    fn finish(
        &mut self,
        _state: &BroadcastState<Self::Key, Self::Value>,
        _context: &mut Context<'_>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// The template of a function over two streams.
#[derive(Debug)]
pub struct CoProcess<A, B, F> {
    pub(crate) node: NodeId,
    pub(crate) function: F,
    pub(crate) inputs: PhantomData<fn(A, B)>,
}

impl<A, B, F: Clone> Clone for CoProcess<A, B, F> {
    fn clone(&self) -> Self {
        Self { node: self.node, function: self.function.clone(), inputs: PhantomData }
    }
}

/// A function over two streams in a running chain.
pub struct CoProcessHead<A, B, F: CoProcessFunction<A, B>> {
    first: Gate<A>,
    second: Gate<B>,
    /// Whether the second stream is asked first this time, so that neither waits
    /// for the other's end.
    second_first: bool,
    /// The watermark of both streams together.
    valve: WatermarkValve,
    state: State<F, F::Out>,
}

impl<A: Record, B: Record, F: CoProcessFunction<A, B>> Template for CoProcess<A, B, F> {
    type Out = F::Out;
    type Running = CoProcessHead<A, B, F>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        Ok(CoProcessHead {
            first: cx.gate(self.node, 0),
            second: cx.gate(self.node, 1),
            second_first: false,
            valve: WatermarkValve::new(2),
            state: State::new(self.node, self.function.clone(), cx),
        })
    }
}

struct First<'a, B, F, U, S> {
    state: &'a mut State<F, U>,
    sink: &'a mut S,
    other: PhantomData<fn(B)>,
}

impl<A, B, F, S> ReadRecords<A> for First<'_, B, F, F::Out, S>
where
    A: Record,
    F: CoProcessFunction<A, B>,
    S: Push<F::Out>,
{
    fn record(&mut self, _key_hash: u32, record: &Archived<A>, cx: &mut Cx) -> Flow {
        let item = decode::<A>(record);
        let call = |function: &mut F, context: &mut Context<'_>, out: &mut Collector<F::Out>| {
            function.process_first(item, context, out)
        };
        self.state.call(self.sink, cx, call)
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.state.ready(self.sink, cx)
    }
}

struct Second<'a, A, F, U, S> {
    state: &'a mut State<F, U>,
    sink: &'a mut S,
    other: PhantomData<fn(A)>,
}

impl<A, B, F, S> ReadRecords<B> for Second<'_, A, F, F::Out, S>
where
    B: Record,
    F: CoProcessFunction<A, B>,
    S: Push<F::Out>,
{
    fn record(&mut self, _key_hash: u32, record: &Archived<B>, cx: &mut Cx) -> Flow {
        let item = decode::<B>(record);
        let call = |function: &mut F, context: &mut Context<'_>, out: &mut Collector<F::Out>| {
            function.process_second(item, context, out)
        };
        self.state.call(self.sink, cx, call)
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.state.ready(self.sink, cx)
    }
}

impl<A: Record, B: Record, F: CoProcessFunction<A, B>> CoProcessHead<A, B, F> {
    fn drive_one<S: Push<F::Out>>(&mut self, second: bool, sink: &mut S, cx: &mut Cx) -> Drive {
        let state = &mut self.state;
        let drive = if second {
            self.second.read(&mut Second { state, sink, other: PhantomData }, cx)
        } else {
            self.first.read(&mut First { state, sink, other: PhantomData }, cx)
        };
        // What one input announces is news of both together only now and then.
        for signal in cx.take_signals() {
            let passed = self.valve.input(usize::from(second), signal);
            passed.for_each(|signal| cx.announce(signal));
        }
        drive
    }
}

impl<A: Record, B: Record, F: CoProcessFunction<A, B>> Chain for CoProcessHead<A, B, F> {
    type Out = F::Out;

    fn drive<S: Push<F::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let second_first = self.second_first;
        self.second_first = !second_first;
        let one = self.drive_one(second_first, sink, cx);
        // Signals go on before anything that comes behind them.
        if matches!(one, Drive::Paused | Drive::Failed) || cx.has_news() {
            return one;
        }
        let other = self.drive_one(!second_first, sink, cx);
        match (one, other) {
            (_, Drive::Paused | Drive::Failed) => other,
            (Drive::More, _) | (_, Drive::More) => Drive::More,
            (Drive::Ended, Drive::Ended) if self.state.finished || cx.suspends() => Drive::Ended,
            (Drive::Ended, Drive::Ended) => {
                self.state.finished = true;
                let call =
                    |function: &mut F, context: &mut Context<'_>, out: &mut Collector<F::Out>| {
                        function.finish(context, out)
                    };
                self.state.call(sink, cx, call).interrupts().unwrap_or(Drive::Ended)
            }
            _ => Drive::Starved,
        }
    }

    fn inject<S: Push<F::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let flow = self.state.signal(signal, sink, cx);
        match signal {
            Signal::Barrier(_) => flow.and(self.state.snapshot(cx, F::snapshot_state)),
            Signal::Watermark(_) | Signal::Status(_) => flow,
        }
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.state.open(cx, F::initialize_state, F::open)
    }

    fn close(&mut self, _cx: &mut Cx) {
        self.state.function.close();
    }
}

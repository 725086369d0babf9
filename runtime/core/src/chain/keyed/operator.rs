//! The head of keyed operators with timers: windows, and functions with timers.
//!
//! A watermark may make any number of results. They are made one by one, as there is room for
//! them, and the watermark is passed on behind the last; signals that come meanwhile wait in line,
//! so that all stay in order. The clock is read once per drive: what is due by then is done before
//! records are read.
//!
//! ```text
//!   gate -- record --> element -----------------+
//!        -- signal --> waits in line --+        v
//!   clock -- once per drive ---------->| advance, then fire one by one --> results --> sink
//!                                      +-- fired all: the signal itself -------------> sink
//! ```

use std::{collections::VecDeque, marker::PhantomData, time::Duration};

use super::updates::LOOK_AHEAD;
use crate::{
    Record,
    chain::{Chain, Collector, Gate, Guard, ReadRecords, Template},
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    record::{Archived, decode},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Context, Cx, RuntimeContext, snapshot::OperatorSnapshot},
    time::{Timestamp, Watermark},
};

/// What an operator may use while it does something.
pub struct OperatorTurn<'a, U> {
    /// The operator.
    pub node: NodeId,
    /// Facts about the subtask.
    pub runtime: &'a mut RuntimeContext,
    /// The task's side of the worker.
    pub cx: &'a mut Cx,
    /// Takes what is made.
    pub out: &'a mut Collector<U>,
}

impl<U> OperatorTurn<'_, U> {
    /// Calls a user's function with the context and the collector it is given.
    #[inline(always)]
    pub fn call(
        &mut self,
        function: impl FnOnce(&mut Context<'_>, &mut Collector<U>) -> Result<(), BoxError>,
    ) -> Flow {
        let mut context = Context::new(self.node, self.runtime, self.cx);
        let result = Guard::run(self.node, || function(&mut context, self.out));
        let side = context.side_flow();
        match result {
            Ok(()) => side,
            Err(cause) => self.cx.fail(self.node, TaskError::Function(cause)),
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Taken {
    /// It was taken; this is the answer.
    Done(Flow),
    /// It was taken, and something fires because of it.
    Fires,
}

/// A running keyed operator with timers.
pub trait KeyedOperator<T> {
    /// What it makes.
    type Out: Record;

    /// Called before the first record.
    fn open(&mut self, _runtime: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// The hash of a key that comes soon.
    fn look_ahead(&mut self, key_hash: u32);

    /// Takes a record.
    fn element(&mut self, hash: u32, record: T, turn: &mut OperatorTurn<'_, Self::Out>) -> Taken;

    /// Event time has come this far.
    fn advance(&mut self, watermark: Watermark);

    /// The clock has come this far.
    fn advance_clock(&mut self, now: Timestamp);

    /// Does one thing that is due; `None` when there is nothing more.
    fn fire_next(&mut self, turn: &mut OperatorTurn<'_, Self::Out>) -> Option<Flow>;

    /// When the clock is next waited for.
    fn next_clock(&mut self) -> Option<Timestamp>;

    /// Hands over its state: all that was taken so far, what is due and has not fired included.
    fn snapshot(&mut self, _out: &mut OperatorSnapshot) {}

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// A keyed operator as the program described it.
pub trait OperatorTemplate<T>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;
    /// Its running form.
    type Running: KeyedOperator<T, Out = Self::Out> + 'static;

    /// Builds it for one subtask, with the state that its task starts from.
    ///
    /// # Errors
    /// If that can't be read, or there is no memory for it.
    fn build(&self, node: NodeId, cx: &BuildContext) -> Result<Self::Running, Error>;
}

/// The template of a keyed operator with its gate.
pub struct KeyedTemplate<T, O> {
    pub(crate) node: NodeId,
    pub(crate) operator: O,
    pub(crate) record: PhantomData<fn() -> T>,
}

impl<T, O: Clone> Clone for KeyedTemplate<T, O> {
    fn clone(&self) -> Self {
        Self { node: self.node, operator: self.operator.clone(), record: PhantomData }
    }
}

impl<T, O> std::fmt::Debug for KeyedTemplate<T, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedTemplate").field("node", &self.node).finish_non_exhaustive()
    }
}

/// A keyed operator with its gate in a running chain.
pub struct KeyedOperatorHead<T, O, U> {
    gate: Gate<T>,
    state: State<O, U>,
}

struct State<O, U> {
    node: NodeId,
    operator: O,
    runtime: RuntimeContext,
    results: Collector<U>,
    /// What the results that are being made belong before.
    firing: Option<Signal>,
    /// What came behind it.
    waiting: VecDeque<Signal>,
    /// The time of the clock that a timer was set for.
    wakes: Option<Timestamp>,
}

impl<T, O> Template for KeyedTemplate<T, O>
where
    T: Record,
    O: OperatorTemplate<T>,
{
    type Out = O::Out;
    type Running = KeyedOperatorHead<T, O::Running, O::Out>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let state = State {
            node: self.node,
            operator: self.operator.build(self.node, cx)?,
            runtime: cx.runtime_context(self.node),
            results: Collector::new(),
            firing: None,
            waiting: VecDeque::new(),
            wakes: None,
        };
        Ok(KeyedOperatorHead { gate: cx.gate(self.node, 0), state })
    }
}

impl<O, U: Record> State<O, U> {
    /// Lets the operator do something, and passes on what it made.
    #[inline(always)]
    fn turn<S: Push<U>, R>(
        &mut self,
        sink: &mut S,
        cx: &mut Cx,
        act: impl FnOnce(&mut O, &mut OperatorTurn<'_, U>) -> R,
    ) -> (R, Flow) {
        let Self { node, operator, runtime, results: out, .. } = self;
        let answer = act(operator, &mut OperatorTurn { node: *node, runtime, cx, out });
        (answer, self.results.drain_into(sink, cx))
    }

    /// Does all that is due and sends the signals in line, as far as there is room.
    fn run<T, S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow
    where
        O: KeyedOperator<T, Out = U>,
    {
        let mut flow = self.results.resume_into(sink, cx);
        while flow == Flow::Continue {
            let (fired, drained) = self.turn(sink, cx, |operator, turn| operator.fire_next(turn));
            flow = match (fired, self.firing.take()) {
                (Some(fired), firing) => {
                    self.firing = firing;
                    drained.and(fired)
                }
                // All of it is done, so it goes on its way.
                (None, Some(signal)) => {
                    cx.signal_sides(self.node, signal).and(sink.signal(signal, cx))
                }
                (None, None) => {
                    let Some(signal) = self.waiting.pop_front() else { return Flow::Continue };
                    if let Signal::Watermark(watermark) = signal {
                        self.operator.advance(watermark);
                    }
                    self.firing = Some(signal);
                    Flow::Continue
                }
            };
        }
        flow
    }

    /// Passes a barrier on, before what has not fired: that stays in the state, and the watermark
    /// that made it due comes again from the gate when the state is restored.
    #[cold]
    fn snapshot<T, S: Push<U>>(&mut self, barrier: Signal, sink: &mut S, cx: &mut Cx) -> Flow
    where
        O: KeyedOperator<T, Out = U>,
    {
        let poured = self.results.pour_into(sink, cx);
        let sent = cx.signal_sides(self.node, barrier).and(sink.signal(barrier, cx));
        let Self { node, operator, .. } = self;
        Guard::run(*node, || operator.snapshot(cx.snapshot(*node)));
        poured.and(sent)
    }

    /// Does what is due by the clock.
    fn run_clock<T, S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow
    where
        O: KeyedOperator<T, Out = U>,
    {
        self.operator.advance_clock(cx.processing_time());
        self.run(sink, cx)
    }

    /// Sees to it that the task is driven when something is due by the clock, though nothing comes.
    fn on_starved<T>(&mut self, cx: &mut Cx)
    where
        O: KeyedOperator<T, Out = U>,
    {
        let Some(due) = self.operator.next_clock() else { return };
        let now = cx.processing_time();
        if self.wakes.is_some_and(|wakes| now < wakes && wakes <= due) {
            return;
        }
        self.wakes = Some(due);
        // A millisecond more, since the part of one that has passed is not known.
        let wait = due.saturating_since(now) + Duration::from_millis(1);
        cx.wake_at(cx.now() + wait);
    }
}

struct ElementInto<'a, O, U, S> {
    state: &'a mut State<O, U>,
    sink: &'a mut S,
}

impl<T, O, S> ReadRecords<T> for ElementInto<'_, O, O::Out, S>
where
    T: Record,
    O: KeyedOperator<T>,
    S: Push<O::Out>,
{
    const LOOK_AHEAD: usize = LOOK_AHEAD;

    #[inline(always)]
    fn look_ahead(&mut self, key_hash: u32) {
        self.state.operator.look_ahead(key_hash);
    }

    #[inline(always)]
    fn record(&mut self, key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        let record = decode::<T>(record);
        let Self { state, sink } = self;
        // Not by way of a closure, which would become a function of its own.
        let State { node, operator, runtime, results, .. } = &mut **state;
        let mut turn = OperatorTurn { node: *node, runtime, cx, out: results };
        let taken = operator.element(key_hash, record, &mut turn);
        match (taken, results.drain_into(*sink, cx)) {
            (Taken::Done(flow), drained) => flow.and(drained),
            (Taken::Fires, Flow::Continue) => state.run(*sink, cx),
            (Taken::Fires, drained) => drained,
        }
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        if !cx.sides_have_room() {
            return Flow::Pause;
        }
        let Self { state, sink } = self;
        let mut flow = sink.ready(cx);
        if flow == Flow::Continue {
            flow = state.run(*sink, cx);
        }
        if flow == Flow::Continue {
            flow = state.run_clock(*sink, cx);
        }
        flow
    }
}

impl<T, O> Chain for KeyedOperatorHead<T, O, O::Out>
where
    T: Record,
    O: KeyedOperator<T>,
{
    type Out = O::Out;

    fn drive<S: Push<O::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let Self { gate, state } = self;
        let drive = gate.read(&mut ElementInto { state, sink }, cx);
        match drive {
            Drive::Starved => state.on_starved(cx),
            Drive::Ended => {
                let is_done = state.firing.is_none() && state.waiting.is_empty();
                assert!(is_done && state.results.is_empty(), "all was sent before the end");
            }
            Drive::More | Drive::Paused | Drive::Failed => {}
        }
        drive
    }

    fn inject<S: Push<O::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let state = &mut self.state;
        if matches!(signal, Signal::Barrier(_)) {
            return state.snapshot(signal, sink, cx);
        }
        state.waiting.push_back(signal);
        // Behind others there was no room, and so there is none now.
        if state.firing.is_some() || state.waiting.len() > 1 {
            return Flow::Pause;
        }
        match sink.ready(cx) {
            Flow::Continue => state.run(sink, cx),
            // What waits is taken up when the next drive asks.
            other => other,
        }
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        cx.enter(self.state.node);
        let State { operator, runtime, .. } = &mut self.state;
        operator.advance_clock(cx.processing_time());
        operator.open(runtime).map_err(|cause| cx.error(TaskError::Function(cause)))
    }

    fn close(&mut self, _cx: &mut Cx) {
        self.state.operator.close();
    }
}

//! An asynchronous operator in a chain.
//!
//! A drive: what had no room, then futures that woke and requests that are due, then results that may
//! leave, then the upstream, then results once more. It rests without input while its upstream is
//! starved or it holds as many records as it may; futures and the driver's clock wake it.

use brisk_memory::driver::Instant64;

use super::{
    Answer, AsyncFunction, AsyncOptions,
    line::{Leaving, Line},
    pending::{Begin, Due, Pending, Slot},
};
use crate::{
    Record,
    chain::{Chain, Collector, Guard, Link, Template},
    error::{Error, TaskError},
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{
        BuildContext, CheckpointEnd, Cx, RuntimeContext,
        snapshot::{ListSnapshot, RestoredState, Stopping},
    },
    time::Timestamp,
};

/// The name of the list of inputs whose results have not left.
const INPUTS: &str = "async-inputs";

/// The template of an asynchronous operator.
#[derive(Debug)]
pub struct AsyncProcess<P, F, U> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) function: F,
    pub(crate) options: AsyncOptions<U>,
}

impl<P: Clone, F: Clone, U> Clone for AsyncProcess<P, F, U> {
    fn clone(&self) -> Self {
        let (upstream, function) = (self.upstream.clone(), self.function.clone());
        Self { upstream, node: self.node, function, options: self.options.clone() }
    }
}

/// An asynchronous operator in a running chain.
pub struct AsyncStage<P: Template, F: AsyncFunction<P::Out>> {
    upstream: Link<P>,
    state: State<P::Out, F>,
    ended: bool,
}

/// What came of a request.
type Done<U> = (Slot, Vec<U>);

struct State<I, F: AsyncFunction<I>> {
    node: NodeId,
    function: F,
    options: AsyncOptions<F::Out>,
    runtime: RuntimeContext,
    restored: RestoredState,
    /// Inputs of an earlier run that are still to be asked again.
    again: Vec<(I, Option<Timestamp>)>,
    /// There once the task is open.
    pending: Option<Pending<I, F::Request>>,
    line: Line<Done<F::Out>>,
    collector: Collector<F::Out>,
    /// The time that a timer was set for.
    wakes: Option<Instant64>,
    /// The input was told to wait since there are as many requests as may be.
    waits_for_results: bool,
}

impl<P, F> Template for AsyncProcess<P, F, F::Out>
where
    P: Template,
    F: AsyncFunction<P::Out>,
{
    type Out = F::Out;
    type Running = AsyncStage<P, F>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let state = State {
            node: self.node,
            function: self.function.clone(),
            options: self.options.clone(),
            runtime: cx.runtime_context(self.node),
            restored: cx.restored(self.node),
            again: Vec::new(),
            pending: None,
            line: Line::new(self.options.order),
            collector: Collector::new(),
            wakes: None,
            waits_for_results: false,
        };
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        Ok(AsyncStage { upstream, state, ended: false })
    }
}

impl<I: Record, F: AsyncFunction<I>> State<I, F> {
    fn pending(&mut self) -> &mut Pending<I, F::Request> {
        self.pending.as_mut().expect("a task is opened before it is driven")
    }

    fn is_full(&mut self) -> bool {
        let capacity = self.options.capacity.get() as usize;
        self.pending().len() >= capacity
    }

    fn is_empty(&mut self) -> bool {
        self.pending().len() == 0 && self.line.is_empty() && self.collector.is_empty()
    }

    /// Begins the request of a record.
    fn ask(&mut self, input: I, timestamp: Option<Timestamp>, cx: &mut Cx) -> Flow {
        let Self { node, function, .. } = self;
        let future = Guard::run(*node, || function.invoke(&input));
        let deadline = self.options.timeout.map(|timeout| cx.now() + timeout);
        let segment = self.line.enter();
        let begin = Begin { input, timestamp, segment, deadline, future };
        let slot = self.pending().begin(begin);
        self.poll(slot, cx)
    }

    fn poll(&mut self, slot: Slot, cx: &mut Cx) -> Flow {
        let node = self.node;
        let pending = self.pending();
        match Guard::run(node, || pending.poll(slot)) {
            Some(answer) => self.answered(slot, answer, cx),
            None => Flow::Continue,
        }
    }

    fn answered(&mut self, slot: Slot, answer: Answer<F::Out>, cx: &mut Cx) -> Flow {
        let Self { node, options, pending, .. } = self;
        let pending = pending.as_mut().expect("whose request was answered is open");
        let attempt = pending.request(slot).attempt;
        if let Some(delay) = Guard::run(*node, || options.retry.delay(attempt, &answer)) {
            pending.wait(slot, cx.now() + delay);
            return Flow::Continue;
        }
        self.over(slot, answer, cx)
    }

    fn over(&mut self, slot: Slot, answer: Answer<F::Out>, cx: &mut Cx) -> Flow {
        match answer {
            Ok(records) => {
                self.pending().over(slot);
                let segment = self.pending().request(slot).segment;
                self.line.done(segment, (slot, records));
                Flow::Continue
            }
            Err(cause) => cx.fail(self.node, TaskError::Function(cause)),
        }
    }

    /// Looks at futures that woke and at the clock.
    fn progress(&mut self, cx: &mut Cx) -> Flow {
        for (input, timestamp) in std::mem::take(&mut self.again) {
            if self.ask(input, timestamp, cx) == Flow::Stop {
                return Flow::Stop;
            }
        }
        for slot in self.pending().take_woken() {
            if self.poll(slot, cx) == Flow::Stop {
                return Flow::Stop;
            }
        }
        if self.pending().next_due().is_none() {
            return Flow::Continue;
        }
        for due in self.pending().take_due(cx.now()) {
            let Self { node, function, pending, .. } = self;
            let pending = pending.as_mut().expect("who has something due is open");
            let flow = match due {
                Due::Again(slot) => {
                    let input = &pending.request(slot).input;
                    let future = Guard::run(*node, || function.invoke(input));
                    pending.ask_again(slot, future);
                    self.poll(slot, cx)
                }
                Due::TimedOut(slot) => {
                    let input = &pending.request(slot).input;
                    let answer = Guard::run(*node, || function.timed_out(input));
                    self.over(slot, answer, cx)
                }
            };
            if flow == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Sends what may leave, as far as `sink` takes it.
    fn send<S: Push<F::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        if cx.stopping() != Stopping::No && cx.suspends() {
            // The inputs are in the savepoint: a later run sends what comes of them.
            return Flow::Continue;
        }
        let resumed = self.collector.resume_into(sink, cx);
        if resumed != Flow::Continue {
            return resumed;
        }
        while let Some(leaving) = self.line.next() {
            let flow = match leaving {
                Leaving::Result((slot, records)) => {
                    let request = self.pending().take(slot);
                    let in_hand = cx.timestamp();
                    cx.set_timestamp(request.timestamp);
                    self.collector.extend(records);
                    let flow = self.collector.drain_into(sink, cx);
                    cx.set_timestamp(in_hand);
                    flow
                }
                Leaving::Signal(signal) => sink.signal(signal, cx),
            };
            if flow != Flow::Continue {
                return flow;
            }
        }
        Flow::Continue
    }

    /// Sees to it that the task is driven when a request is due.
    fn set_timer(&mut self, cx: &mut Cx) {
        let Some(due) = self.pending().next_due() else { return };
        if self.wakes.is_none_or(|wakes| wakes > due || wakes <= cx.now()) {
            self.wakes = Some(due);
            cx.wake_at(due);
        }
    }

    /// What a drive comes to whose upstream ended with `drive`.
    fn rest(&mut self, drive: Drive, cx: &mut Cx) -> Drive {
        let ends = drive == Drive::Ended;
        if ends && cx.suspends() {
            self.pending().clear();
            return Drive::Ended;
        }
        if ends && self.is_empty() {
            return Drive::Ended;
        }
        let waits = drive == Drive::Paused && self.waits_for_results;
        if !ends && !waits && drive != Drive::Starved {
            return drive;
        }
        if waits && !self.is_full() {
            return Drive::More;
        }
        self.set_timer(cx);
        if waits {
            let _ = cx.pause_until_woken();
            return Drive::Paused;
        }
        Drive::Starved
    }

    fn snapshot(&self, cx: &mut Cx) {
        let asked = self.pending.as_ref().expect("a task is opened before barriers come").inputs();
        let again = self.again.iter().map(|(input, timestamp)| (input, *timestamp));
        let list = ListSnapshot::of_timed_records(INPUTS, asked.into_iter().chain(again));
        cx.snapshot(self.node).lists.push(list);
    }
}

struct AsyncInto<'a, I, F: AsyncFunction<I>, S> {
    state: &'a mut State<I, F>,
    sink: &'a mut S,
}

impl<I, F, S> Push<I> for AsyncInto<'_, I, F, S>
where
    I: Record,
    F: AsyncFunction<I>,
    S: Push<F::Out>,
{
    fn push(&mut self, item: I, cx: &mut Cx) -> Flow {
        let timestamp = cx.timestamp();
        match self.state.ask(item, timestamp, cx) {
            Flow::Continue if self.state.is_full() => {
                self.state.waits_for_results = true;
                Flow::Pause
            }
            other => other,
        }
    }

    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        if matches!(signal, Signal::Barrier(_)) {
            let poured = self.state.collector.pour_into(self.sink, cx);
            let flow = poured.and(self.sink.signal(signal, cx));
            self.state.snapshot(cx);
            return flow;
        }
        self.state.line.signal(signal);
        self.state.send(self.sink, cx)
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        match self.sink.ready(cx) {
            Flow::Continue if self.state.is_full() => {
                self.state.waits_for_results = true;
                Flow::Pause
            }
            other => other,
        }
    }
}

impl<P, F> Chain for AsyncStage<P, F>
where
    P: Template,
    F: AsyncFunction<P::Out>,
{
    type Out = F::Out;

    fn drive<S: Push<F::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let Self { upstream, state, ended } = self;
        // Results go before input, and only while there is room.
        let flow = sink.ready(cx).and(state.progress(cx));
        if let Some(interrupted) = flow.interrupts() {
            return interrupted;
        }
        if let Some(interrupted) = state.send(sink, cx).interrupts() {
            return interrupted;
        }
        state.waits_for_results = false;
        let drive =
            if *ended { Drive::Ended } else { upstream.drive(&mut AsyncInto { state, sink }, cx) };
        *ended = drive == Drive::Ended;
        if drive == Drive::Failed || (drive == Drive::Paused && !state.waits_for_results) {
            return drive;
        }
        if let Some(interrupted) = state.send(sink, cx).interrupts() {
            return interrupted;
        }
        state.rest(drive, cx)
    }

    fn inject<S: Push<F::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        self.upstream.inject(signal, &mut AsyncInto { state: &mut self.state, sink }, cx)
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)?;
        let State { node, function, runtime, restored, again, pending, .. } = &mut self.state;
        cx.enter(*node);
        function.open(runtime).map_err(|cause| cx.error(TaskError::Function(cause)))?;
        *pending = Some(Pending::new(cx.waker().clone()));
        *again = restored.timed_records(INPUTS).map_err(|cause| cx.error(cause))?;
        Ok(())
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
        self.state.pending = None;
        self.state.function.close();
    }
}

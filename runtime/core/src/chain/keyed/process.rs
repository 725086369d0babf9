//! Functions over keyed streams with state and timers.

use std::marker::PhantomData;

use super::operator::{KeyedOperator, OperatorTemplate, OperatorTurn, Taken};
use crate::{
    Record,
    chain::Collector,
    checkpoint::handle::StateKind,
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    record::{Key, selector::KeySelector},
    state::{KeyedState, KeyedStateBackend, StateError, keyed::DueTimer},
    task::flow::Flow,
    task::{BuildContext, Context, OutputTag, RuntimeContext, snapshot::OperatorSnapshot},
    time::{Timestamp, Watermark},
};

/// A function over the records of a keyed stream, which keeps state for each key and may ask to be
/// called again later.
///
/// ```
/// use brisk_core::{
///     BoxError,
///     chain::{Collector, KeyedContext, KeyedOpenContext, KeyedProcessFunction},
///     state::ValueState,
/// };
///
/// /// Passes on each key's first record.
/// #[derive(Clone)]
/// struct Deduplicate {
///     seen: ValueState<bool>,
/// }
///
/// impl KeyedProcessFunction<String, (String, u64)> for Deduplicate {
///     type Out = (String, u64);
///
///     fn open(&mut self, context: &mut KeyedOpenContext<'_, String>) -> Result<(), BoxError> {
///         Ok(context.register(&mut self.seen)?)
///     }
///
///     fn process_element(
///         &mut self,
///         record: (String, u64),
///         context: &mut KeyedContext<'_, '_, String>,
///         out: &mut Collector<(String, u64)>,
///     ) -> Result<(), BoxError> {
///         let mut seen = context.state(&self.seen)?;
///         if seen.value()?.is_none() {
///             seen.update(&true)?;
///             out.collect(record);
///         }
///         Ok(())
///     }
/// }
/// let function = Deduplicate { seen: ValueState::new("seen") };
/// # let _ = function;
/// ```
pub trait KeyedProcessFunction<K, I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before the first record; the place to register states and accumulators.
    fn open(&mut self, _context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes one record.
    fn process_element(
        &mut self,
        record: I,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called when a timer is due that was registered for the key; what it makes has the timer's
    /// timestamp if it was one of event time.
    fn on_timer(
        &mut self,
        _time: Timestamp,
        _context: &mut KeyedContext<'_, '_, K>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// What a function over a keyed stream may do when it is opened.
pub struct KeyedOpenContext<'a, K> {
    runtime: &'a mut RuntimeContext,
    states: &'a mut KeyedStateBackend<K>,
}

impl<K: Key> KeyedOpenContext<'_, K> {
    /// Facts about the subtask.
    pub fn runtime(&self) -> &RuntimeContext {
        self.runtime
    }

    /// Makes a state known, so that it can be used; it has what the checkpoint had of it that the job
    /// starts from.
    ///
    /// # Errors
    /// If another state has its name, or it was written with other types and no migration from them
    /// is declared.
    pub fn register<S: KeyedState>(&mut self, state: &mut S) -> Result<(), StateError> {
        self.states.register(state)
    }
}

impl<K> std::fmt::Debug for KeyedOpenContext<'_, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedOpenContext").field("runtime", self.runtime).finish_non_exhaustive()
    }
}

/// The present in both domains of time.
#[derive(Debug)]
pub struct TimerService {
    watermark: Watermark,
    processing_time: Timestamp,
    /// What went wrong with a timer while the function ran.
    failed: Option<StateError>,
}

impl TimerService {
    fn new() -> Self {
        Self { watermark: Watermark::MIN, processing_time: Timestamp::MIN, failed: None }
    }

    /// Notes what became of a timer: the function is not bothered with it, its task fails when it
    /// returns.
    fn note(&mut self, result: Result<(), StateError>) {
        if let (Err(error), None) = (result, &self.failed) {
            self.failed = Some(error);
        }
    }

    /// What the function's answer is, with that.
    #[inline(always)]
    fn settle<U>(&mut self, flow: Flow, turn: &mut OperatorTurn<'_, U>) -> Flow {
        match self.failed.take() {
            None => flow,
            Some(error) => turn.cx.fail(turn.node, error.into()),
        }
    }
}

/// What a function with timers may know and do.
pub struct KeyedContext<'a, 'c, K> {
    context: &'a mut Context<'c>,
    timers: &'a mut TimerService,
    states: &'a mut KeyedStateBackend<K>,
    key_hash: u32,
    key: &'a K,
}

impl<K: Key> KeyedContext<'_, '_, K> {
    /// The key of the record or the timer in hand.
    pub fn current_key(&self) -> &K {
        self.key
    }

    /// A state, for the key of the record or the timer in hand.
    ///
    /// # Errors
    /// If it was not registered, or there is no memory.
    pub fn state<'s, S>(&'s mut self, state: &'s S) -> Result<S::Access<'s>, StateError>
    where
        S: KeyedState<Namespace = ()>,
    {
        self.states.state(state, (self.key_hash, self.key), &())
    }

    /// The same of a state in several namespaces.
    ///
    /// # Errors
    /// As [`KeyedContext::state`].
    pub fn state_in<'s, S: KeyedState>(
        &'s mut self,
        state: &'s S,
        namespace: &S::Namespace,
    ) -> Result<S::Access<'s>, StateError> {
        self.states.state(state, (self.key_hash, self.key), namespace)
    }

    /// Facts about the subtask.
    pub fn runtime(&self) -> &RuntimeContext {
        self.context.runtime()
    }

    /// The event time of the record or the timer in hand, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.context.timestamp()
    }

    /// Sends a record to a side output.
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T) {
        self.context.output(tag, record);
    }

    /// Counts a record that came too late and had nowhere else to go.
    pub(crate) fn count_late_dropped(&self) {
        self.context.count_late_dropped();
    }

    /// How far event time has come.
    pub fn current_watermark(&self) -> Watermark {
        self.timers.watermark
    }

    /// The clock.
    pub fn current_processing_time(&self) -> Timestamp {
        self.timers.processing_time
    }

    fn register(&mut self, kind: StateKind, time: Timestamp) {
        let registered = self.states.register_timer(kind, (self.key_hash, self.key), time);
        self.timers.note(registered);
    }

    fn delete(&mut self, kind: StateKind, time: Timestamp) {
        let deleted = self.states.delete_timer(kind, (self.key_hash, self.key), time);
        self.timers.note(deleted);
    }

    /// Calls the function for this key when the watermark reaches `time`; once, however often it is
    /// registered. Timers lie with the state of the operator: where there is no memory for one, the
    /// task fails when the function returns, with an error that says so.
    pub fn register_event_time_timer(&mut self, time: Timestamp) {
        self.register(StateKind::EventTimers, time);
    }

    /// Calls the function for this key when the clock reaches `time`; once, however often it is
    /// registered.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) {
        self.register(StateKind::ProcessingTimers, time);
    }

    /// Takes a registration for this key back.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) {
        self.delete(StateKind::EventTimers, time);
    }

    /// Takes a registration for this key back.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) {
        self.delete(StateKind::ProcessingTimers, time);
    }
}

impl<K: std::fmt::Debug> std::fmt::Debug for KeyedContext<'_, '_, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedContext").field("key", self.key).finish_non_exhaustive()
    }
}

/// The template of a function with timers.
#[derive(Debug)]
pub struct KeyedProcess<T, S, F> {
    pub(crate) selector: S,
    pub(crate) function: F,
    pub(crate) record: PhantomData<fn(T)>,
}

impl<T, S: Clone, F: Clone> Clone for KeyedProcess<T, S, F> {
    fn clone(&self) -> Self {
        let (selector, function) = (self.selector.clone(), self.function.clone());
        Self { selector, function, record: PhantomData }
    }
}

/// A function with timers in a running chain.
pub struct RunningProcess<S, F, K> {
    selector: S,
    pub(super) function: F,
    timers: TimerService,
    states: KeyedStateBackend<K>,
}

impl<T, S, F> OperatorTemplate<T> for KeyedProcess<T, S, F>
where
    T: Record,
    S: KeySelector<T>,
    F: KeyedProcessFunction<S::Key, T>,
{
    type Out = F::Out;
    type Running = RunningProcess<S, F, S::Key>;

    fn build(&self, node: NodeId, cx: &BuildContext) -> Result<Self::Running, Error> {
        let (restored, options) = (cx.restored(node), cx.keyed_state(node)?);
        let failed = |cause: TaskError| cx.error(node, cause);
        let mut states = KeyedStateBackend::new(options).map_err(|cause| failed(cause.into()))?;
        states.restore(&restored).map_err(failed)?;
        let (selector, function) = (self.selector.clone(), self.function.clone());
        Ok(RunningProcess { selector, function, timers: TimerService::new(), states })
    }
}

impl<T, S, F> KeyedOperator<T> for RunningProcess<S, F, S::Key>
where
    T: Record,
    S: KeySelector<T>,
    F: KeyedProcessFunction<S::Key, T>,
{
    type Out = F::Out;

    fn open(&mut self, runtime: &mut RuntimeContext) -> Result<(), BoxError> {
        let states = &mut self.states;
        self.function.open(&mut KeyedOpenContext { runtime, states })
    }

    #[inline(always)]
    fn look_ahead(&mut self, _key_hash: u32) {}

    fn element(&mut self, hash: u32, record: T, turn: &mut OperatorTurn<'_, F::Out>) -> Taken {
        let Self { selector, function, timers, states, .. } = self;
        let flow = turn.call(|context, out| {
            let key = selector.key(&record);
            let mut context = KeyedContext { context, timers, states, key_hash: hash, key: &key };
            function.process_element(record, &mut context, out)
        });
        Taken::Done(self.timers.settle(flow, turn))
    }

    fn advance(&mut self, watermark: Watermark) {
        self.timers.watermark = self.timers.watermark.max(watermark);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        self.timers.processing_time = self.timers.processing_time.max(now);
        self.states.advance_clock(now);
    }

    fn fire_next(&mut self, turn: &mut OperatorTurn<'_, F::Out>) -> Option<Flow> {
        let Self { function, timers, states, .. } = self;
        let (watermark, now) = (timers.watermark, timers.processing_time);
        let popped = match states.pop_timer(StateKind::EventTimers, watermark.0) {
            Ok(None) => {
                let timer = states.pop_timer(StateKind::ProcessingTimers, now);
                timer.map(|timer| timer.map(|timer| (None, timer)))
            }
            timer => timer.map(|timer| timer.map(|timer| (Some(timer.time), timer))),
        };
        let (timestamp, DueTimer { time, key_hash, key }) = match popped {
            Ok(popped) => popped?,
            Err(error) => return Some(turn.cx.fail(turn.node, error.into())),
        };
        turn.cx.set_timestamp(timestamp);
        let flow = turn.call(|context, out| {
            let mut context = KeyedContext { context, timers, states, key_hash, key: &key };
            function.on_timer(time, &mut context, out)
        });
        Some(self.timers.settle(flow, turn))
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        self.states.next_timer(StateKind::ProcessingTimers)
    }

    fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        self.states.snapshot(out);
    }

    fn close(&mut self) {
        self.function.close();
    }
}

//! Functions over keyed streams with state and timers.

use std::marker::PhantomData;

use super::operator::{KeyedOperator, OperatorTemplate, OperatorTurn, Taken};
use crate::{
    Record,
    chain::Collector,
    checkpoint::handle::StateKind,
    error::{BoxError, Error, TaskError},
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism, NodeId},
    record::{Key, RecordEncoder, selector::KeySelector},
    state::{
        KeyedState, KeyedStateBackend, StateError,
        keyed::{RestoredTimer, TimerEntries},
    },
    task::flow::Flow,
    task::{BuildContext, Context, OutputTag, RuntimeContext, snapshot::OperatorSnapshot},
    time::{
        Timestamp, Watermark,
        timers::{Timer, TimerQueue},
    },
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

/// The timers of an operator, and the present in both domains.
#[derive(Debug)]
pub struct TimerService<K> {
    watermark: Watermark,
    processing_time: Timestamp,
    event: TimerQueue<K, ()>,
    processing: TimerQueue<K, ()>,
}

impl<K: Key> TimerService<K> {
    fn new(max_parallelism: MaxParallelism) -> Self {
        Self {
            watermark: Watermark::MIN,
            processing_time: Timestamp::MIN,
            event: TimerQueue::new(max_parallelism),
            processing: TimerQueue::new(max_parallelism),
        }
    }

    fn queue(&mut self, kind: StateKind) -> &mut TimerQueue<K, ()> {
        match kind {
            StateKind::EventTimers => &mut self.event,
            _ => &mut self.processing,
        }
    }

    /// All timers, for a snapshot.
    fn entries(&mut self, groups: MaxParallelism) -> Vec<TimerEntries> {
        let mut encoder = RecordEncoder::new();
        let mut entries = |kind| {
            let timers = self.queue(kind).iter().map(|(time, timer)| {
                let group = key_group_of(timer.key_hash, groups.0 as usize) as u32;
                let key = encoder.encode_large(&timer.key, 64).expect("a key of a record's size");
                (KeyGroup(group), key.to_vec(), time)
            });
            TimerEntries { kind, timers: timers.collect() }
        };
        vec![entries(StateKind::EventTimers), entries(StateKind::ProcessingTimers)]
    }
}

/// What a function with timers may know and do.
pub struct KeyedContext<'a, 'c, K> {
    context: &'a mut Context<'c>,
    timers: &'a mut TimerService<K>,
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

    fn timer(&self) -> Timer<K, ()> {
        Timer { key_hash: self.key_hash, key: self.key.clone(), namespace: () }
    }

    /// Calls the function for this key when the watermark reaches `time`; once, however often it is
    /// registered.
    pub fn register_event_time_timer(&mut self, time: Timestamp) {
        let timer = self.timer();
        self.timers.event.register(time, timer);
    }

    /// Calls the function for this key when the clock reaches `time`; once, however often it is
    /// registered.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) {
        let timer = self.timer();
        self.timers.processing.register(time, timer);
    }

    /// Takes a registration for this key back.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) {
        let timer = self.timer();
        self.timers.event.delete(time, &timer);
    }

    /// Takes a registration for this key back.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) {
        let timer = self.timer();
        self.timers.processing.delete(time, &timer);
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
    timers: TimerService<K>,
    states: KeyedStateBackend<K>,
    groups: MaxParallelism,
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
        let (_, groups) = cx.owned_key_groups();
        let (restored, options) = (cx.restored(node), cx.keyed_state(node)?);
        let failed = |cause: TaskError| cx.error(node, cause);
        let mut states = KeyedStateBackend::new(options).map_err(|cause| failed(cause.into()))?;
        let mut timers = TimerService::new(groups);
        let take = |timer: RestoredTimer<S::Key>| {
            let RestoredTimer { kind, key, key_hash, time } = timer;
            timers.queue(kind).register(time, Timer { key_hash, key, namespace: () });
        };
        states.restore(&restored, take).map_err(failed)?;
        let (selector, function) = (self.selector.clone(), self.function.clone());
        Ok(RunningProcess { selector, function, timers, states, groups })
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
        Taken::Done(flow)
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
        let (time, timer) = match timers.event.pop_due(watermark.0) {
            Some((time, timer)) => {
                turn.cx.set_timestamp(Some(time));
                (time, timer)
            }
            None => {
                let due = timers.processing.pop_due(now)?;
                turn.cx.set_timestamp(None);
                due
            }
        };
        Some(turn.call(|context, out| {
            let (key_hash, key) = (timer.key_hash, &timer.key);
            let mut context = KeyedContext { context, timers, states, key_hash, key };
            function.on_timer(time, &mut context, out)
        }))
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        self.timers.processing.next_time()
    }

    fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        let timers = self.timers.entries(self.groups);
        self.states.snapshot(timers, out);
    }

    fn close(&mut self) {
        self.function.close();
    }
}

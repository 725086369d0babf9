//! Functions over keyed streams with timers.

use std::marker::PhantomData;

use super::operator::{KeyedOperator, OperatorTemplate, OperatorTurn, Taken};
use crate::{
    Record,
    chain::Collector,
    error::{BoxError, Error},
    graph::{MaxParallelism, NodeId},
    record::{Key, selector::KeySelector},
    task::flow::Flow,
    task::{BuildContext, Context, OutputTag, RuntimeContext},
    time::{
        Timestamp, Watermark,
        timers::{Timer, TimerQueue},
    },
};

/// A function over the records of a keyed stream, which may ask to be called again later.
pub trait KeyedProcessFunction<K, I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
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
}

/// What a function with timers may know and do.
pub struct KeyedContext<'a, 'c, K> {
    context: &'a mut Context<'c>,
    timers: &'a mut TimerService<K>,
    key_hash: u32,
    key: &'a K,
}

impl<K: Key> KeyedContext<'_, '_, K> {
    /// The key of the record or the timer in hand.
    pub fn current_key(&self) -> &K {
        self.key
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
    function: F,
    timers: TimerService<K>,
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
        let groups = MaxParallelism(cx.runtime_context(node).max_parallelism);
        let (selector, function) = (self.selector.clone(), self.function.clone());
        Ok(RunningProcess { selector, function, timers: TimerService::new(groups) })
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
        self.function.open(runtime)
    }

    #[inline(always)]
    fn look_ahead(&self, _key_hash: u32) {}

    fn element(&mut self, hash: u32, record: T, turn: &mut OperatorTurn<'_, F::Out>) -> Taken {
        let Self { selector, function, timers } = self;
        let flow = turn.call(|context, out| {
            let key = selector.key(&record);
            let mut context = KeyedContext { context, timers, key_hash: hash, key: &key };
            function.process_element(record, &mut context, out)
        });
        Taken::Done(flow)
    }

    fn advance(&mut self, watermark: Watermark) {
        self.timers.watermark = self.timers.watermark.max(watermark);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        self.timers.processing_time = self.timers.processing_time.max(now);
    }

    fn fire_next(&mut self, turn: &mut OperatorTurn<'_, F::Out>) -> Option<Flow> {
        let Self { function, timers, .. } = self;
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
            function.on_timer(time, &mut KeyedContext { context, timers, key_hash, key }, out)
        }))
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        self.timers.processing.next_time()
    }

    fn close(&mut self) {
        self.function.close();
    }
}

//! A function over a keyed stream and a broadcast one, with state, timers and broadcast state.
//!
//! Both streams come through one gate, the records of the one by key, those of the other to all
//! subtasks; what they are says which is which.

use std::marker::PhantomData;

use super::{
    KeyedContext, KeyedOpenContext, KeyedOperator, KeyedProcess, KeyedProcessFunction, OneOf,
    OperatorTemplate, OperatorTurn, Taken, process::RunningProcess,
};
use crate::{
    Key, Record,
    chain::Collector,
    checkpoint::handle::RedistributionMode,
    error::{BoxError, Error},
    graph::NodeId,
    record::selector::KeySelector,
    state::BroadcastState,
    task::flow::Flow,
    task::{
        BuildContext, Context, RuntimeContext,
        snapshot::{ListSnapshot, OperatorSnapshot},
    },
    time::{Timestamp, Watermark},
};

/// The name of broadcast state in checkpoints.
const BROADCAST: &str = "broadcast";

/// A function over a keyed stream, with state for each key and timers, and a broadcast one: what that
/// says is kept by all subtasks alike, and read while the records of the other are processed.
///
/// Each subtask must do the same with each broadcast record, so that all have the same state.
pub trait KeyedBroadcastProcessFunction<K, A, B>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;
    /// What broadcast state is found by.
    type Key: Record + Ord + Clone;
    /// What it has there.
    type Value: Record + Clone;

    /// Called before the first record; the place to register states and accumulators.
    fn open(&mut self, _context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a record of the keyed stream.
    fn process_element(
        &mut self,
        item: A,
        state: &BroadcastState<Self::Key, Self::Value>,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Takes a record of the broadcast stream, which has no key.
    fn process_broadcast_element(
        &mut self,
        item: B,
        state: &mut BroadcastState<Self::Key, Self::Value>,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called when a timer is due that was registered for the key.
    fn on_timer(
        &mut self,
        _time: Timestamp,
        _state: &BroadcastState<Self::Key, Self::Value>,
        _context: &mut KeyedContext<'_, '_, K>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// Keys the records of the keyed stream.
#[derive(Clone, Debug)]
pub struct FirstKey<S>(pub(crate) S);

impl<A, B, S> KeySelector<OneOf<A, B>> for FirstKey<S>
where
    A: Record,
    B: Record,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
{
    type Key = S::Key;

    fn key(&self, record: &OneOf<A, B>) -> S::Key {
        match record {
            OneOf::First(record) => self.0.key(record),
            OneOf::Second(_) => unreachable!("broadcast records do not go by key"),
        }
    }

    fn hash(&self, record: &OneOf<A, B>) -> u32 {
        match record {
            OneOf::First(record) => self.0.hash(record),
            OneOf::Second(_) => unreachable!("broadcast records do not go by key"),
        }
    }
}

/// The function with its broadcast state, over the keyed stream alone.
#[derive(Debug)]
pub(super) struct WithBroadcast<F, B, M, V> {
    function: F,
    state: BroadcastState<M, V>,
    broadcast: PhantomData<fn(B)>,
}

impl<F: Clone, B, M: Clone, V: Clone> Clone for WithBroadcast<F, B, M, V> {
    fn clone(&self) -> Self {
        let (function, state) = (self.function.clone(), self.state.clone());
        Self { function, state, broadcast: PhantomData }
    }
}

impl<K, A, B, F> KeyedProcessFunction<K, A> for WithBroadcast<F, B, F::Key, F::Value>
where
    K: Key,
    B: 'static,
    F: KeyedBroadcastProcessFunction<K, A, B>,
{
    type Out = F::Out;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        self.function.open(context)
    }

    fn process_element(
        &mut self,
        record: A,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.process_element(record, &self.state, context, out)
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.on_timer(time, &self.state, context, out)
    }

    fn close(&mut self) {
        self.function.close();
    }
}

/// The template of a function over a keyed stream and a broadcast one.
#[derive(Debug)]
pub struct KeyedBroadcast<A, B, S, F> {
    pub(crate) selector: S,
    pub(crate) function: F,
    pub(crate) inputs: PhantomData<fn(A, B)>,
}

impl<A, B, S: Clone, F: Clone> Clone for KeyedBroadcast<A, B, S, F> {
    fn clone(&self) -> Self {
        let (selector, function) = (self.selector.clone(), self.function.clone());
        Self { selector, function, inputs: PhantomData }
    }
}

/// A function over a keyed stream and a broadcast one in a running chain.
pub struct RunningBroadcast<S, F, K, A, B, M, V> {
    keyed: RunningProcess<S, WithBroadcast<F, B, M, V>, K>,
    inputs: PhantomData<fn(A)>,
}

impl<A, B, S, F> OperatorTemplate<OneOf<A, B>> for KeyedBroadcast<A, B, S, F>
where
    A: Record,
    B: Record,
    S: KeySelector<A>,
    F: KeyedBroadcastProcessFunction<S::Key, A, B>,
    (F::Key, F::Value): Record,
{
    type Out = F::Out;
    type Running = RunningBroadcast<S, F, S::Key, A, B, F::Key, F::Value>;

    fn build(&self, node: NodeId, cx: &BuildContext) -> Result<Self::Running, Error> {
        let stored = cx.restored(node).records::<(F::Key, F::Value)>(BROADCAST);
        let stored = stored.map_err(|cause| cx.error(node, cause))?.unwrap_or_default();
        let (function, state) = (self.function.clone(), stored.into_iter().collect());
        let function = WithBroadcast { function, state, broadcast: PhantomData };
        let selector = self.selector.clone();
        let keyed = KeyedProcess::<A, S, _> { selector, function, record: PhantomData };
        Ok(RunningBroadcast { keyed: keyed.build(node, cx)?, inputs: PhantomData })
    }
}

impl<A, B, S, F> KeyedOperator<OneOf<A, B>>
    for RunningBroadcast<S, F, S::Key, A, B, F::Key, F::Value>
where
    A: Record,
    B: Record,
    S: KeySelector<A>,
    F: KeyedBroadcastProcessFunction<S::Key, A, B>,
    (F::Key, F::Value): Record,
{
    type Out = F::Out;

    fn open(&mut self, runtime: &mut RuntimeContext) -> Result<(), BoxError> {
        KeyedOperator::<A>::open(&mut self.keyed, runtime)
    }

    #[inline(always)]
    fn look_ahead(&mut self, _key_hash: u32) {}

    fn element(
        &mut self,
        hash: u32,
        record: OneOf<A, B>,
        turn: &mut OperatorTurn<'_, F::Out>,
    ) -> Taken {
        match record {
            OneOf::First(item) => self.keyed.element(hash, item, turn),
            OneOf::Second(item) => {
                let WithBroadcast { function, state, .. } = &mut self.keyed.function;
                Taken::Done(turn.call(|context, out| {
                    function.process_broadcast_element(item, state, context, out)
                }))
            }
        }
    }

    fn advance(&mut self, watermark: Watermark) {
        KeyedOperator::<A>::advance(&mut self.keyed, watermark);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        KeyedOperator::<A>::advance_clock(&mut self.keyed, now);
    }

    fn fire_next(&mut self, turn: &mut OperatorTurn<'_, F::Out>) -> Option<Flow> {
        KeyedOperator::<A>::fire_next(&mut self.keyed, turn)
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        KeyedOperator::<A>::next_clock(&mut self.keyed)
    }

    fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        KeyedOperator::<A>::snapshot(&mut self.keyed, out);
        let state = &self.keyed.function.state;
        let entries = state.iter().map(|(key, value)| (key.clone(), value.clone()));
        let entries: Vec<(F::Key, F::Value)> = entries.collect();
        let mode = RedistributionMode::Broadcast;
        out.lists.push(ListSnapshot::of_records(BROADCAST, mode, &entries));
    }

    fn close(&mut self) {
        KeyedOperator::<A>::close(&mut self.keyed);
    }
}

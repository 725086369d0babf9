//! Broadcast state: what a broadcast stream tells all subtasks, beside another stream.

use std::collections::BTreeMap;

use super::{FunctionInitializationContext, FunctionSnapshotContext};
use crate::{
    BoxError, Record,
    chain::{BroadcastProcessFunction, CoProcessFunction, Collector},
    task::{Context, RuntimeContext},
};

/// The name of the state in checkpoints.
const BROADCAST: &str = "broadcast";

/// What all subtasks know alike, by key.
pub type BroadcastState<K, V> = BTreeMap<K, V>;

/// A broadcast process function with its state, as a function over two streams.
#[derive(Clone, Debug)]
pub struct Broadcasting<F, K, V> {
    function: F,
    state: BroadcastState<K, V>,
}

impl<F, K, V> Broadcasting<F, K, V> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, state: BroadcastState::new() }
    }
}

impl<A, B, F> CoProcessFunction<A, B> for Broadcasting<F, F::Key, F::Value>
where
    A: Record,
    B: Record,
    F: BroadcastProcessFunction<A, B>,
    (F::Key, F::Value): Record,
{
    type Out = F::Out;

    fn initialize_state(
        &mut self,
        context: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.state = context.elements::<(F::Key, F::Value)>(BROADCAST)?.into_iter().collect();
        Ok(())
    }

    fn snapshot_state(
        &mut self,
        context: &mut FunctionSnapshotContext<'_>,
    ) -> Result<(), BoxError> {
        let entries = self.state.iter().map(|(key, value)| (key.clone(), value.clone()));
        let entries: Vec<(F::Key, F::Value)> = entries.collect();
        Ok(context.broadcast(BROADCAST, &entries)?)
    }

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.function.open(context)
    }

    fn process_first(
        &mut self,
        item: A,
        context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.process_element(item, &self.state, context, out)
    }

    fn process_second(
        &mut self,
        item: B,
        context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.process_broadcast_element(item, &mut self.state, context, out)
    }

    fn finish(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.finish(&self.state, context, out)
    }

    fn close(&mut self) {
        self.function.close();
    }
}

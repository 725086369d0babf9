//! Keyed aggregation over a state backend other than the one in memory: the accumulators of a buffer's
//! keys are fetched together, before its first record is read.

use super::Aggregate;
use crate::{
    Record,
    chain::{Guard, ReadRecords},
    error::Error,
    graph::NodeId,
    record::{Archived, Key, selector::KeySelector},
    state::{KeyedStateBackend, StateError, ValueState},
    task::flow::{Flow, Push},
    task::{BuildContext, Cx, snapshot::OperatorSnapshot},
};

/// The accumulators of an aggregation, as a state of its only name.
pub(super) struct StoredAccumulators<K, V> {
    states: KeyedStateBackend<K>,
    state: ValueState<V>,
}

impl<K: Key, V: Record> StoredAccumulators<K, V> {
    /// Those that the task starts from.
    pub(super) fn build(name: &str, node: NodeId, cx: &BuildContext) -> Result<Self, Error> {
        let (restored, options) = (cx.restored(node), cx.keyed_state(node)?);
        let failed = |cause: StateError| cx.error(node, cause.into());
        let mut states = KeyedStateBackend::new(options).map_err(failed)?;
        states.restore(&restored).map_err(|cause| cx.error(node, cause))?;
        let mut state = ValueState::new(name);
        states.register(&mut state).map_err(failed)?;
        Ok(Self { states, state })
    }

    /// Adds or changes the accumulator of a key; what it is afterwards.
    fn upsert(
        &mut self,
        key: (u32, &K),
        change: impl FnOnce(Option<V>) -> V,
    ) -> Result<V, StateError> {
        let mut access = self.states.state(&self.state, key, &())?;
        let value = change(access.value()?);
        access.update(&value)?;
        Ok(value)
    }

    pub(super) fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        self.states.snapshot(out);
    }
}

/// Takes records into stored accumulators.
pub(super) struct StoredInto<'a, S, A, K, V, P> {
    pub(super) node: NodeId,
    pub(super) selector: &'a S,
    pub(super) aggregate: &'a A,
    pub(super) stored: &'a mut StoredAccumulators<K, V>,
    pub(super) sink: &'a mut P,
}

impl<T, S, A, P> ReadRecords<T> for StoredInto<'_, S, A, S::Key, A::Accumulator, P>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
    P: Push<A::Out>,
{
    const LOOKS_AT_BUFFERS: bool = true;

    fn buffer<'r>(&mut self, records: &mut dyn Iterator<Item = (u32, &'r Archived<T>)>)
    where
        Archived<T>: 'r,
    {
        let Self { node, selector, stored, .. } = self;
        Guard::run(*node, || {
            let StoredAccumulators { states, state } = &mut **stored;
            let mut keys = records.map(|(hash, record)| (hash, selector.view_key(record)));
            // What can't be fetched now is read with its record, and then the error has its place.
            let _ = states.fetch(&*state, &mut keys);
        });
    }

    fn record(&mut self, key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        let Self { node, selector, aggregate, stored, .. } = self;
        let guard = Guard::enter(*node);
        let key = selector.view_key(record);
        let changed = stored.upsert((key_hash, &key), |accumulator| match accumulator {
            None => aggregate.first_view(record),
            Some(mut accumulator) => {
                aggregate.add_view(&mut accumulator, record);
                accumulator
            }
        });
        let result = changed.map(|value| aggregate.result(key, value));
        guard.leave();
        match result {
            Ok(result) => self.sink.push(result, cx),
            Err(error) => cx.fail(self.node, error.into()),
        }
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.sink.ready(cx)
    }
}

//! Keyed aggregation: one accumulator per key, each update emitted.

use std::{fmt, marker::PhantomData};

use super::stored::{StoredAccumulators, StoredInto};
use crate::{
    Record,
    chain::{Chain, Gate, Guard, ReadRecords, Template},
    error::Error,
    graph::NodeId,
    record::selector::KeySelector,
    record::{Archived, Key, decode},
    state::snapshot::{TableState, restore_table, snapshot_table},
    state::table::{Change, KeyTable, Refused},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// How records of one key become one value.
pub trait Aggregate<T: Record, K: Key>: Clone + Send + 'static {
    /// What is kept per key.
    type Accumulator: Record;
    /// What is emitted.
    type Out: Record;

    /// The accumulator after a key's first record.
    fn first(&self, record: T) -> Self::Accumulator;

    /// Adds a further record.
    fn add(&self, accumulator: &mut Self::Accumulator, record: T);

    /// Adds what another instance accumulated for the same key.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);

    /// What is emitted for a key.
    fn result(&self, key: K, accumulator: Self::Accumulator) -> Self::Out;

    /// As [`Aggregate::first`], of the archived form.
    #[inline(always)]
    fn first_view(&self, record: &Archived<T>) -> Self::Accumulator {
        self.first(decode(record))
    }

    /// As [`Aggregate::add`], of the archived form.
    #[inline(always)]
    fn add_view(&self, accumulator: &mut Self::Accumulator, record: &Archived<T>) {
        self.add(accumulator, decode(record));
    }
}

/// Records whose table slots are fetched ahead. Sixteen cover the latency of
/// memory at a few nanoseconds per record.
pub(super) const LOOK_AHEAD: usize = 16;

/// The template of a keyed aggregation.
pub struct Keyed<T, S, A> {
    pub(crate) node: NodeId,
    pub(crate) selector: S,
    pub(crate) aggregate: A,
    pub(crate) record: PhantomData<fn() -> T>,
}

impl<T, S: Clone, A: Clone> Clone for Keyed<T, S, A> {
    fn clone(&self) -> Self {
        let (selector, aggregate) = (self.selector.clone(), self.aggregate.clone());
        Self { node: self.node, selector, aggregate, record: PhantomData }
    }
}

impl<T, S, A> fmt::Debug for Keyed<T, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("node", &self.node).finish_non_exhaustive()
    }
}

/// A keyed aggregation in a running chain.
pub struct KeyedHead<T: Record, S: KeySelector<T>, A: Aggregate<T, S::Key>> {
    gate: Gate<T>,
    node: NodeId,
    selector: S,
    aggregate: A,
    accumulators: Accumulators<S::Key, A::Accumulator>,
}

/// Where accumulators are kept.
enum Accumulators<K, V> {
    Memory(KeyTable<K, V>, TableState),
    Stored(StoredAccumulators<K, V>),
}

/// The name of the state in checkpoints.
const ACCUMULATORS: &str = "accumulators";

impl<T, S, A> Template for Keyed<T, S, A>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    type Out = A::Out;
    type Running = KeyedHead<T, S, A>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        Ok(KeyedHead {
            gate: cx.gate(self.node, 0),
            node: self.node,
            selector: self.selector.clone(),
            aggregate: self.aggregate.clone(),
            accumulators: Accumulators::build(self.node, cx)?,
        })
    }
}

impl<K: Key, V: Record> Accumulators<K, V> {
    fn build(node: NodeId, cx: &BuildContext) -> Result<Self, Error> {
        let failed = |cause| cx.error(node, cause);
        if cx.has_backend() {
            return StoredAccumulators::build(ACCUMULATORS, node, cx).map(Self::Stored);
        }
        let mut table = cx.key_table(node, cx.owned_hashes(), None)?;
        let (range, groups) = cx.owned_key_groups();
        let state = TableState::new::<K, V>(ACCUMULATORS, range, groups);
        restore_table(&mut table, &state, &cx.restored(node)).map_err(failed)?;
        Ok(Self::Memory(table, state))
    }
}

struct KeyedInto<'a, S, A, K, V, P> {
    node: NodeId,
    selector: &'a S,
    aggregate: &'a A,
    table: &'a mut KeyTable<K, V>,
    sink: &'a mut P,
}

/// What a record does to the accumulator of its key.
struct Update<'a, T: Record, S, A> {
    selector: &'a S,
    aggregate: &'a A,
    record: &'a Archived<T>,
}

impl<T, S, A> Change<S::Key, A::Accumulator> for Update<'_, T, S, A>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    #[inline(always)]
    fn is(&self, stored: &Archived<S::Key>) -> bool {
        self.selector.view_is_stored(self.record, stored)
    }

    fn key(&self) -> S::Key {
        self.selector.view_key(self.record)
    }

    fn first(self) -> A::Accumulator {
        self.aggregate.first_view(self.record)
    }

    #[inline(always)]
    fn add(self, accumulator: &mut A::Accumulator) {
        self.aggregate.add_view(accumulator, self.record);
    }
}

impl<T, S, A, P> ReadRecords<T> for KeyedInto<'_, S, A, S::Key, A::Accumulator, P>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
    P: Push<A::Out>,
{
    const LOOK_AHEAD: usize = LOOK_AHEAD;

    #[inline(always)]
    fn look_ahead(&mut self, key_hash: u32) {
        self.table.prefetch(key_hash);
    }

    #[inline(always)]
    fn record(&mut self, key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        let (selector, aggregate) = (self.selector, self.aggregate);
        let guard = Guard::enter(self.node);
        let changed = self.table.upsert(key_hash, Update { selector, aggregate, record });
        let result = changed.map(|value| aggregate.result(selector.view_key(record), value));
        guard.leave();
        match result {
            Ok(result) => self.sink.push(result, cx),
            Err(Refused { error, .. }) => cx.fail(self.node, error.into()),
        }
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.sink.ready(cx)
    }
}

impl<T, S, A> Chain for KeyedHead<T, S, A>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    type Out = A::Out;

    fn drive<P: Push<A::Out>>(&mut self, sink: &mut P, cx: &mut Cx) -> Drive {
        let Self { gate, node, selector, aggregate, accumulators } = self;
        let node = *node;
        match accumulators {
            Accumulators::Memory(table, _) => {
                gate.read(&mut KeyedInto { node, selector, aggregate, table, sink }, cx)
            }
            Accumulators::Stored(stored) => {
                gate.read(&mut StoredInto { node, selector, aggregate, stored, sink }, cx)
            }
        }
    }

    fn inject<P: Push<A::Out>>(&mut self, signal: Signal, sink: &mut P, cx: &mut Cx) -> Flow {
        let flow = sink.signal(signal, cx);
        if matches!(signal, Signal::Barrier(_)) {
            let out = cx.snapshot(self.node);
            match &mut self.accumulators {
                Accumulators::Memory(table, state) => snapshot_table(table, state, out),
                Accumulators::Stored(stored) => stored.snapshot(out),
            }
        }
        flow
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }
}

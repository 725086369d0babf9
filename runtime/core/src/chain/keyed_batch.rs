//! Keyed aggregation of bounded input: producers combine what they have of a key
//! before they send it, and results are emitted once, at the end.

use std::{fmt, marker::PhantomData};

use super::{
    Aggregate, Chain, Gate, Link, ReadRecords, Template,
    guard::Guard,
    keyed::LOOK_AHEAD,
    table::Table,
};
use crate::{
    Record,
    error::Error,
    flow::{Drive, Flow, Push},
    graph::NodeId,
    record::{Archived, Key, decode},
    selector::KeySelector,
    task::{BuildContext, Cx},
};

/// Bytes of slots at which a combiner sends what it has and begins anew.
const COMBINER_BYTES_MAX: usize = 128 << 20;

/// The template of a combiner: what a producer does before the exchange.
#[derive(Clone, Debug)]
pub struct Combine<P, S, A> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) selector: S,
    pub(crate) aggregate: A,
}

/// A combiner in a running chain.
pub struct CombineStage<P: Template, S: KeySelector<P::Out>, A: Aggregate<P::Out, S::Key>> {
    upstream: Link<P>,
    state: Combiner<S, A, S::Key, A::Accumulator>,
}

struct Combiner<S, A, K, V> {
    node: NodeId,
    selector: S,
    aggregate: A,
    table: Table<K, V>,
    /// Where emptying the table has come to, while it is emptied.
    emptying: Option<usize>,
}

impl<P, S, A> Template for Combine<P, S, A>
where
    P: Template,
    S: KeySelector<P::Out>,
    A: Aggregate<P::Out, S::Key>,
    (S::Key, A::Accumulator): Record,
{
    type Out = (S::Key, A::Accumulator);
    type Running = CombineStage<P, S, A>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let state = Combiner {
            node: self.node,
            selector: self.selector.clone(),
            aggregate: self.aggregate.clone(),
            table: Table::new(),
            emptying: None,
        };
        Ok(CombineStage { upstream: Link::build(&self.upstream, self.node, cx)?, state })
    }
}

impl<S, A, K: Key, V: Record> Combiner<S, A, K, V> {
    /// Sends what the table holds, as far as there is room.
    fn empty_into<O: Push<(K, V)>>(&mut self, sink: &mut O, cx: &mut Cx) -> Flow {
        let Some(cursor) = &mut self.emptying else { return Flow::Continue };
        while let Some((_, key, value)) = self.table.take_next(cursor) {
            let flow = sink.push((key, value), cx);
            if flow != Flow::Continue {
                return flow;
            }
        }
        self.emptying = None;
        Flow::Continue
    }
}

struct CombineInto<'a, C, O> {
    state: &'a mut C,
    sink: &'a mut O,
}

impl<T, S, A, O> Push<T> for CombineInto<'_, Combiner<S, A, S::Key, A::Accumulator>, O>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
    O: Push<(S::Key, A::Accumulator)>,
{
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        let Combiner { node, selector, aggregate, table, emptying } = &mut *self.state;
        Guard::run(*node, || {
            let hash = selector.hash(&item);
            let mut item = Some(item);
            let borrowed = item.as_ref().expect("it was just put there");
            match table.find(hash, |key| selector.is(borrowed, key)) {
                Some(value) => aggregate.add(value, item.take().expect("taken once")),
                None => {
                    let record = item.take().expect("taken once");
                    let key = selector.key(&record);
                    table.add(hash, key, aggregate.first(record));
                    if table.slot_bytes() >= COMBINER_BYTES_MAX && table.is_nearly_full() {
                        *emptying = Some(0);
                    }
                }
            }
        });
        if self.state.emptying.is_some() {
            return self.state.empty_into(self.sink, cx);
        }
        Flow::Continue
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        match self.sink.ready(cx) {
            Flow::Continue => self.state.empty_into(self.sink, cx),
            other => other,
        }
    }
}

impl<P, S, A> Chain for CombineStage<P, S, A>
where
    P: Template,
    S: KeySelector<P::Out>,
    A: Aggregate<P::Out, S::Key>,
{
    type Out = (S::Key, A::Accumulator);

    fn drive<O: Push<Self::Out>>(&mut self, sink: &mut O, cx: &mut Cx) -> Drive {
        let mut into = CombineInto { state: &mut self.state, sink };
        let drive = self.upstream.drive(&mut into, cx);
        if drive != Drive::Ended {
            return drive;
        }
        if self.state.table.len() > 0 && self.state.emptying.is_none() {
            self.state.emptying = Some(0);
        }
        self.state.empty_into(sink, cx).interrupts().unwrap_or(Drive::Ended)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
    }
}

/// The template of the consumer's half.
pub struct KeyedBatch<T, K, A> {
    pub(crate) node: NodeId,
    pub(crate) aggregate: A,
    pub(crate) types: PhantomData<fn(T) -> K>,
}

impl<T, K, A: Clone> Clone for KeyedBatch<T, K, A> {
    fn clone(&self) -> Self {
        Self { node: self.node, aggregate: self.aggregate.clone(), types: PhantomData }
    }
}

impl<T, K, A> fmt::Debug for KeyedBatch<T, K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBatch").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The consumer's half in a running chain.
pub struct KeyedBatchHead<T: Record, K: Key, A: Aggregate<T, K>>
where
    (K, A::Accumulator): Record,
{
    gate: Gate<(K, A::Accumulator)>,
    node: NodeId,
    aggregate: A,
    table: Table<K, A::Accumulator>,
    cursor: usize,
}

impl<T, K, A> Template for KeyedBatch<T, K, A>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
{
    type Out = A::Out;
    type Running = KeyedBatchHead<T, K, A>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (gate, aggregate) = (cx.gate(self.node, 0), self.aggregate.clone());
        Ok(KeyedBatchHead { gate, node: self.node, aggregate, table: Table::new(), cursor: 0 })
    }
}

struct MergeInto<'a, T, A, K, V> {
    node: NodeId,
    aggregate: &'a A,
    table: &'a mut Table<K, V>,
    record: PhantomData<fn() -> T>,
}

impl<T, K, A> ReadRecords<(K, A::Accumulator)> for MergeInto<'_, T, A, K, A::Accumulator>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
{
    const LOOK_AHEAD: usize = LOOK_AHEAD;

    #[inline(always)]
    fn look_ahead(&mut self, key_hash: u32) {
        self.table.prefetch(key_hash);
    }

    fn record(
        &mut self,
        key_hash: u32,
        record: &Archived<(K, A::Accumulator)>,
        _cx: &mut Cx,
    ) -> Flow {
        let (key, value) = decode::<(K, A::Accumulator)>(record);
        let Self { aggregate, table, .. } = self;
        Guard::run(self.node, || match table.find(key_hash, |found| *found == key) {
            Some(known) => aggregate.merge(known, value),
            None => table.add(key_hash, key, value),
        });
        Flow::Continue
    }

    fn ready(&mut self, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }
}

impl<T, K, A> Chain for KeyedBatchHead<T, K, A>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
{
    type Out = A::Out;

    fn drive<O: Push<A::Out>>(&mut self, sink: &mut O, cx: &mut Cx) -> Drive {
        let Self { gate, node, aggregate, table, cursor } = self;
        let mut into = MergeInto { node: *node, aggregate, table, record: PhantomData };
        let drive = gate.read(&mut into, cx);
        if drive != Drive::Ended {
            return drive;
        }
        if let Some(interrupted) = sink.ready(cx).interrupts() {
            return interrupted;
        }
        for _ in 0..cx.quantum() {
            let Some((_, key, value)) = table.take_next(cursor) else {
                return Drive::Ended;
            };
            let result = Guard::run(*node, || aggregate.result(&key, &value));
            if let Some(interrupted) = sink.push(result, cx).interrupts() {
                return interrupted;
            }
        }
        Drive::More
    }
}

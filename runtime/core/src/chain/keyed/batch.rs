//! Keyed aggregation of bounded input: producers combine what they have of a key
//! before they send it, and results are emitted once, at the end.

use std::{fmt, marker::PhantomData};

use super::{Aggregate, table::Table, updates::LOOK_AHEAD};
use crate::{
    Record,
    chain::{Chain, Gate, Guard, Link, ReadRecords, Template, gate::INTERRUPT_CHECK},
    error::Error,
    graph::NodeId,
    record::selector::KeySelector,
    record::{Archived, Key, decode},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, Cx},
    time::Watermark,
};

/// Records whose table slots are fetched together.
const BATCH: usize = 32;
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
    state: Combiner<P::Out, S, A, S::Key, A::Accumulator>,
}

struct Combiner<T, S, A, K, V> {
    node: NodeId,
    selector: S,
    aggregate: A,
    table: Table<K, V>,
    /// Records whose slots are on their way into the cache, with their hashes.
    batch: Vec<(u32, T)>,
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
            batch: Vec::with_capacity(BATCH),
            emptying: None,
        };
        Ok(CombineStage { upstream: Link::build(&self.upstream, self.node, cx)?, state })
    }
}

impl<T, S, A> Combiner<T, S, A, S::Key, A::Accumulator>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    /// Adds a record, sooner or later; true when the table should be emptied.
    #[inline(always)]
    fn add(&mut self, item: T) -> bool {
        let hash = Guard::run(self.node, || self.selector.hash(&item));
        self.table.prefetch(hash);
        self.batch.push((hash, item));
        self.batch.len() == BATCH && self.combine_batch()
    }

    /// Adds what was batched; true when the table should be emptied.
    fn combine_batch(&mut self) -> bool {
        let Self { node, selector, aggregate, table, batch, .. } = self;
        Guard::run(*node, || {
            for (hash, item) in batch.drain(..) {
                match table.find(hash, |key| selector.is(&item, key)) {
                    Some(value) => aggregate.add(value, item),
                    None => {
                        let key = selector.key(&item);
                        table.add(hash, key, aggregate.first(item));
                    }
                }
            }
        });
        // Room is left for a batch more, so that the table does not grow beyond the limit.
        self.table.slot_bytes() >= COMBINER_BYTES_MAX && self.table.is_nearly_full(BATCH)
    }
}

impl<T, S, A, K: Key, V: Record> Combiner<T, S, A, K, V> {
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

impl<T, S, A, O> Push<T> for CombineInto<'_, Combiner<T, S, A, S::Key, A::Accumulator>, O>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
    O: Push<(S::Key, A::Accumulator)>,
{
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        if self.state.add(item) {
            self.state.emptying = Some(0);
            return self.state.empty_into(self.sink, cx);
        }
        Flow::Continue
    }

    /// Results come at the end, so time stands still until then.
    #[inline]
    fn signal(&mut self, _signal: Signal, _cx: &mut Cx) -> Flow {
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
        self.state.combine_batch();
        if self.state.table.len() > 0 && self.state.emptying.is_none() {
            self.state.emptying = Some(0);
        }
        if let Some(interrupted) = self.state.empty_into(sink, cx).interrupts() {
            return interrupted;
        }
        self.state.table = Table::new();
        ended(sink, cx)
    }

    fn inject<O: Push<Self::Out>>(&mut self, signal: Signal, sink: &mut O, cx: &mut Cx) -> Flow {
        let mut into = CombineInto { state: &mut self.state, sink };
        self.upstream.inject(signal, &mut into, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
    }
}

/// Tells what follows that time has come to its end, after the last result.
fn ended<T, O: Push<T>>(sink: &mut O, cx: &mut Cx) -> Drive {
    match sink.signal(Signal::Watermark(Watermark::MAX), cx) {
        Flow::Stop => Drive::Failed,
        // What the signal had no room for is sent before the end of the output.
        Flow::Continue | Flow::Pause => Drive::Ended,
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
        for sent in 1..=cx.quantum() {
            let Some((_, key, value)) = table.take_next(cursor) else {
                return ended(sink, cx);
            };
            let result = Guard::run(*node, || aggregate.result(&key, &value));
            if let Some(interrupted) = sink.push(result, cx).interrupts() {
                return interrupted;
            }
            if sent.is_multiple_of(INTERRUPT_CHECK) && cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }

    /// Results come at the end, so time stands still until then.
    fn inject<O: Push<A::Out>>(&mut self, _signal: Signal, _sink: &mut O, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }
}

//! Keyed aggregation of bounded input, the consumer's half: what producers combined is merged, and
//! each key's result is emitted once, at the end.

use std::{fmt, marker::PhantomData};

use super::{Aggregate, updates::LOOK_AHEAD};
use crate::{
    Record,
    chain::{Chain, Gate, Guard, ReadRecords, Template, gate::INTERRUPT_CHECK},
    error::Error,
    graph::NodeId,
    record::{Archived, Key, decode, pair::PairView, selector::are_archived},
    state::table::{Change, KeyTable, Refused, Scan},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
    time::Watermark,
};

/// Tells what follows that time has come to its end, after the last result.
pub(super) fn ended<T, O: Push<T>>(sink: &mut O, cx: &mut Cx) -> Drive {
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
    table: KeyTable<K, A::Accumulator>,
    /// Where sending the results has come to, once it has begun.
    scan: Option<Scan>,
}

impl<T, K, A> Template for KeyedBatch<T, K, A>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
    Archived<(K, A::Accumulator)>: PairView<K, A::Accumulator>,
{
    type Out = A::Out;
    type Running = KeyedBatchHead<T, K, A>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (gate, aggregate) = (cx.gate(self.node, 0), self.aggregate.clone());
        let table = cx.key_table(self.node, cx.owned_hashes(), None)?;
        Ok(KeyedBatchHead { gate, node: self.node, aggregate, table, scan: None })
    }
}

struct MergeInto<'a, T, A, K, V> {
    node: NodeId,
    aggregate: &'a A,
    table: &'a mut KeyTable<K, V>,
    record: PhantomData<fn() -> T>,
}

/// What another instance accumulated for a key, to be merged.
struct Merge<'a, T, K: Key, A: Aggregate<T, K>>
where
    T: Record,
    (K, A::Accumulator): Record,
{
    aggregate: &'a A,
    record: &'a Archived<(K, A::Accumulator)>,
    types: PhantomData<fn(T)>,
}

impl<T, K, A> Change<K, A::Accumulator> for Merge<'_, T, K, A>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
    Archived<(K, A::Accumulator)>: PairView<K, A::Accumulator>,
{
    #[inline(always)]
    fn is(&self, stored: &Archived<K>) -> bool {
        are_archived::<K>(self.record.first(), stored)
    }

    fn key(&self) -> K {
        decode(self.record.first())
    }

    fn first(self) -> A::Accumulator {
        decode(self.record.second())
    }

    #[inline(always)]
    fn add(self, accumulator: &mut A::Accumulator) {
        self.aggregate.merge(accumulator, decode(self.record.second()));
    }
}

impl<T, K, A> ReadRecords<(K, A::Accumulator)> for MergeInto<'_, T, A, K, A::Accumulator>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
    (K, A::Accumulator): Record,
    Archived<(K, A::Accumulator)>: PairView<K, A::Accumulator>,
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
        cx: &mut Cx,
    ) -> Flow {
        let merge = Merge { aggregate: self.aggregate, record, types: PhantomData };
        match Guard::run(self.node, || self.table.upsert(key_hash, merge)) {
            Ok(_) => Flow::Continue,
            Err(Refused { error, .. }) => cx.fail(self.node, error.into()),
        }
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
    Archived<(K, A::Accumulator)>: PairView<K, A::Accumulator>,
{
    type Out = A::Out;

    fn drive<O: Push<A::Out>>(&mut self, sink: &mut O, cx: &mut Cx) -> Drive {
        let Self { gate, node, aggregate, table, scan } = self;
        let mut into = MergeInto { node: *node, aggregate, table, record: PhantomData };
        let drive = gate.read(&mut into, cx);
        if drive != Drive::Ended {
            return drive;
        }
        if let Some(interrupted) = sink.ready(cx).interrupts() {
            return interrupted;
        }
        let scan = scan.get_or_insert_with(|| table.scan());
        for sent in 1..=cx.quantum() {
            let (key, value) = match table.next(scan) {
                Ok(Some(pair)) => pair,
                Ok(None) => return ended(sink, cx),
                Err(error) => {
                    return cx.fail(*node, error.into()).interrupts().unwrap_or(Drive::Failed);
                }
            };
            let result = Guard::run(*node, || aggregate.result(key, value));
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

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }
}

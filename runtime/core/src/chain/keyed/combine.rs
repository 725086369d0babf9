//! Keyed aggregation of bounded input, the producer's half: what a producer has of a key is combined
//! before it is sent.
//!
//! A combiner holds as many segments as it may; when a key finds no room, that key and all others are
//! sent, and it begins anew. So it makes progress with any memory, the least included.

use brisk_memory::SegmentCount;
use std::{collections::VecDeque, marker::PhantomData};

use super::{
    Aggregate,
    batch::ended,
    hot::{HotKey, HotKeys, Offered},
};
use crate::{
    Record,
    chain::{Chain, Guard, Link, Template},
    error::Error,
    graph::NodeId,
    record::selector::{KeySelector, is_archived},
    record::{Archived, Key},
    state::{
        HashRange, StateError,
        table::{Change, KeyTable, Refused, Scan},
    },
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// Records whose table slots are fetched together.
const BATCH: usize = 32;
/// Bytes at which a combiner sends what it has and begins anew: what is rarer than once in so many
/// keys is sent each time, and a table that is not much larger than the caches is faster.
const COMBINER_BYTES_MAX: usize = 64 << 20;

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
    /// What comes most often; a key may be in the table too.
    hot: HotKeys<K, V>,
    /// Keys that lost their places there, on their way into the table.
    cooled: Vec<HotKey<K, V>>,
    table: KeyTable<K, V>,
    /// Records whose slots are on their way into the cache, with their hashes.
    batch: VecDeque<(u32, T)>,
    /// What is being sent, if anything is.
    sending: Option<Sending<K, V>>,
}

struct Sending<K, V> {
    /// What the table had no room for.
    refused: Option<(K, V)>,
    scan: Scan,
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
        let limit = SegmentCount((COMBINER_BYTES_MAX / cx.segment_size().bytes()) as u32);
        let state = Combiner {
            node: self.node,
            selector: self.selector.clone(),
            aggregate: self.aggregate.clone(),
            // What is combined here may be of all key groups.
            hot: HotKeys::new(),
            cooled: Vec::new(),
            table: cx.key_table(self.node, HashRange::ALL, Some(limit))?,
            batch: VecDeque::with_capacity(BATCH),
            sending: None,
        };
        Ok(CombineStage { upstream: Link::build(&self.upstream, self.node, cx)?, state })
    }
}

/// What a record does to the accumulator of its key.
struct Add<'a, T, S, A> {
    selector: &'a S,
    aggregate: &'a A,
    item: T,
}

impl<T, S, A> Change<S::Key, A::Accumulator> for Add<'_, T, S, A>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    #[inline(always)]
    fn is(&self, stored: &Archived<S::Key>) -> bool {
        self.selector.is_stored(&self.item, stored)
    }

    fn key(&self) -> S::Key {
        self.selector.key(&self.item)
    }

    fn first(self) -> A::Accumulator {
        self.aggregate.first(self.item)
    }

    #[inline(always)]
    fn add(self, accumulator: &mut A::Accumulator) {
        self.aggregate.add(accumulator, self.item);
    }
}

/// What was combined of a key before, on its way into the table.
struct Merge<'a, T, A, K, V> {
    aggregate: &'a A,
    key: K,
    value: V,
    record: PhantomData<fn(T)>,
}

impl<T, A, K> Change<K, A::Accumulator> for Merge<'_, T, A, K, A::Accumulator>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K>,
{
    fn is(&self, stored: &Archived<K>) -> bool {
        is_archived(&self.key, stored)
    }

    fn key(&self) -> K {
        self.key.clone()
    }

    fn first(self) -> A::Accumulator {
        self.value
    }

    fn add(self, accumulator: &mut A::Accumulator) {
        self.aggregate.merge(accumulator, self.value);
    }
}

impl<T, S, A> Combiner<T, S, A, S::Key, A::Accumulator>
where
    T: Record,
    S: KeySelector<T>,
    A: Aggregate<T, S::Key>,
{
    /// Takes a record; true when it is time to combine.
    #[inline(always)]
    fn take(&mut self, item: T) -> bool {
        let Self { node, selector, aggregate, hot, cooled, table, batch, .. } = self;
        let (hash, offered) = Guard::run(*node, || {
            let hash = selector.hash(&item);
            (hash, hot.offer((hash, item), selector, aggregate))
        });
        match offered {
            Offered::Taken => return false,
            Offered::TookPlaceOf(key) => {
                table.prefetch(key.hash);
                cooled.push(key);
            }
            Offered::Refused(item) => {
                table.prefetch(hash);
                batch.push_back((hash, item));
            }
        }
        batch.len() + cooled.len() >= BATCH
    }

    /// Combines what was taken, and sends what finds no room.
    fn combine<O>(&mut self, sink: &mut O, cx: &mut Cx) -> Flow
    where
        O: Push<(S::Key, A::Accumulator)>,
    {
        loop {
            match self.send(sink, cx) {
                Flow::Continue => {}
                other => return other,
            }
            match self.combine_batch() {
                Ok(()) => return Flow::Continue,
                Err(Refused { error: StateError::OutOfMemory { .. }, left_over: Some(pair) }) => {
                    let scan = self.table.scan();
                    self.sending = Some(Sending { refused: Some(pair), scan });
                }
                Err(Refused { error, .. }) => return cx.fail(self.node, error.into()),
            }
        }
    }

    /// Adds what was taken to the table, as far as there is room.
    fn combine_batch(&mut self) -> Result<(), Refused<S::Key, A::Accumulator>> {
        let Self { node, selector, aggregate, hot, cooled, table, batch, .. } = self;
        cooled.extend(hot.give_up());
        Guard::run(*node, || {
            while let Some(HotKey { hash, key, value, .. }) = cooled.pop() {
                table.upsert(hash, Merge { aggregate, key, value, record: PhantomData })?;
            }
            while let Some((hash, item)) = batch.pop_front() {
                table.upsert(hash, Add { selector, aggregate, item })?;
            }
            Ok(())
        })
    }
}

impl<T, S, A, K: Key, V: Record> Combiner<T, S, A, K, V> {
    /// Sends what is to be sent, as far as there is room downstream.
    fn send<O: Push<(K, V)>>(&mut self, sink: &mut O, cx: &mut Cx) -> Flow {
        let Some(Sending { refused, scan }) = &mut self.sending else { return Flow::Continue };
        loop {
            let pair = match refused.take() {
                Some(pair) => pair,
                None => match self.table.next(scan) {
                    Ok(Some(pair)) => pair,
                    Ok(None) => break,
                    Err(error) => return cx.fail(self.node, error.into()),
                },
            };
            let flow = sink.push(pair, cx);
            if flow != Flow::Continue {
                return flow;
            }
        }
        self.sending = None;
        match self.table.clear() {
            Ok(()) => Flow::Continue,
            Err(error) => cx.fail(self.node, error.into()),
        }
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
        if self.state.take(item) {
            return self.state.combine(self.sink, cx);
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
            Flow::Continue if self.state.sending.is_some() => self.state.combine(self.sink, cx),
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
        let Self { upstream, state } = self;
        let drive = upstream.drive(&mut CombineInto { state, sink }, cx);
        if drive != Drive::Ended {
            return drive;
        }
        state.cooled.extend(state.hot.take_all());
        if let Some(interrupted) = state.combine(sink, cx).interrupts() {
            return interrupted;
        }
        if !state.table.is_empty() {
            state.sending = Some(Sending { refused: None, scan: state.table.scan() });
            if let Some(interrupted) = state.send(sink, cx).interrupts() {
                return interrupted;
            }
        }
        ended(sink, cx)
    }

    fn inject<O: Push<Self::Out>>(&mut self, signal: Signal, sink: &mut O, cx: &mut Cx) -> Flow {
        let Self { upstream, state } = self;
        upstream.inject(signal, &mut CombineInto { state, sink }, cx)
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
    }
}

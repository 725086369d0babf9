//! One function over two keyed streams of different types, with state and timers.

use std::marker::PhantomData;

use super::{KeyedContext, KeyedOpenContext, KeyedProcessFunction};
use crate::{
    Key, Record, chain::Collector, error::BoxError, record::selector::KeySelector, time::Timestamp,
};

/// A record of one of two streams.
#[derive(Clone, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub enum OneOf<A, B> {
    /// Of the first.
    First(A),
    /// Of the second.
    Second(B),
}

/// Keys records of two streams, each by a selector of its own.
#[derive(Clone, Debug)]
pub struct EitherKey<S, R> {
    pub(crate) first: S,
    pub(crate) second: R,
}

impl<A, B, S, R> KeySelector<OneOf<A, B>> for EitherKey<S, R>
where
    A: Record,
    B: Record,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
{
    type Key = S::Key;

    fn key(&self, record: &OneOf<A, B>) -> S::Key {
        match record {
            OneOf::First(record) => self.first.key(record),
            OneOf::Second(record) => self.second.key(record),
        }
    }

    fn hash(&self, record: &OneOf<A, B>) -> u32 {
        match record {
            OneOf::First(record) => self.first.hash(record),
            OneOf::Second(record) => self.second.hash(record),
        }
    }
}

/// A function over the records of two keyed streams that share what it keeps for a key, and its
/// timers.
pub trait KeyedCoProcessFunction<K, A, B>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before the first record; the place to register states and accumulators.
    fn open(&mut self, _context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a record of the first stream.
    fn process_first(
        &mut self,
        item: A,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Takes a record of the second stream.
    fn process_second(
        &mut self,
        item: B,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called when a timer is due that was registered for the key.
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

/// A function over two keyed streams as one over both in one.
#[derive(Debug)]
pub struct OverBoth<F, A, B> {
    function: F,
    inputs: PhantomData<fn(A, B)>,
}

impl<F, A, B> OverBoth<F, A, B> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, inputs: PhantomData }
    }
}

impl<F: Clone, A, B> Clone for OverBoth<F, A, B> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone())
    }
}

impl<K, A, B, F> KeyedProcessFunction<K, OneOf<A, B>> for OverBoth<F, A, B>
where
    K: Key,
    A: Record,
    B: Record,
    F: KeyedCoProcessFunction<K, A, B>,
{
    type Out = F::Out;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        self.function.open(context)
    }

    fn process_element(
        &mut self,
        record: OneOf<A, B>,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        match record {
            OneOf::First(item) => self.function.process_first(item, context, out),
            OneOf::Second(item) => self.function.process_second(item, context, out),
        }
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.function.on_timer(time, context, out)
    }

    fn close(&mut self) {
        self.function.close();
    }
}

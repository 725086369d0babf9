//! What is made of a window that fires.

use std::marker::PhantomData;

use crate::{
    Record,
    chain::{Aggregate, Collector},
    error::BoxError,
    record::Key,
    task::{Context, RuntimeContext},
    time::window::{Fired, Fold},
};

/// A function over windows that fire: `I` is the accumulator, or the list of records.
pub trait ProcessWindowFunction<K, W, I>: Clone + Send + 'static {
    /// What it makes; has the window's last timestamp.
    type Out: Record;

    /// Called before the first window; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a window of a key.
    fn process(
        &mut self,
        fired: Fired<K, W, I>,
        context: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// Gives the result of an aggregation.
#[derive(Clone, Copy, Debug)]
pub struct ResultOf<A, T> {
    aggregate: A,
    record: PhantomData<fn(T)>,
}

impl<A, T> ResultOf<A, T> {
    pub(crate) fn new(aggregate: A) -> Self {
        Self { aggregate, record: PhantomData }
    }
}

impl<K, W, T, A> ProcessWindowFunction<K, W, A::Accumulator> for ResultOf<A, T>
where
    T: Record + Clone,
    K: Key,
    A: Aggregate<T, K>,
{
    type Out = A::Out;

    fn process(
        &mut self,
        fired: Fired<K, W, A::Accumulator>,
        _context: &mut Context<'_>,
        out: &mut Collector<A::Out>,
    ) -> Result<(), BoxError> {
        out.collect(self.aggregate.result(fired.key, fired.content));
        Ok(())
    }
}

/// A closure over windows.
#[derive(Debug)]
pub struct Apply<F, U> {
    function: F,
    made: PhantomData<fn() -> U>,
}

impl<F, U> Apply<F, U> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, made: PhantomData }
    }
}

impl<F: Clone, U> Clone for Apply<F, U> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone())
    }
}

impl<K, W, I, F, U> ProcessWindowFunction<K, W, I> for Apply<F, U>
where
    U: Record,
    F: FnMut(Fired<K, W, I>, &mut Collector<U>) + Clone + Send + 'static,
{
    type Out = U;

    fn process(
        &mut self,
        fired: Fired<K, W, I>,
        _context: &mut Context<'_>,
        out: &mut Collector<U>,
    ) -> Result<(), BoxError> {
        (self.function)(fired, out);
        Ok(())
    }
}

/// An aggregation as a fold.
#[derive(Debug)]
pub struct FoldOf<A, K> {
    aggregate: A,
    key: PhantomData<fn(K)>,
}

impl<A, K> FoldOf<A, K> {
    pub(crate) fn new(aggregate: A) -> Self {
        Self { aggregate, key: PhantomData }
    }
}

impl<A: Clone, K> Clone for FoldOf<A, K> {
    fn clone(&self) -> Self {
        Self::new(self.aggregate.clone())
    }
}

impl<T, K, A> Fold<T> for FoldOf<A, K>
where
    T: Record,
    K: Key,
    A: Aggregate<T, K, Accumulator: Clone>,
{
    type Accumulator = A::Accumulator;

    #[inline(always)]
    fn first(&self, record: T) -> A::Accumulator {
        self.aggregate.first(record)
    }

    #[inline(always)]
    fn add(&self, accumulator: &mut A::Accumulator, record: T) {
        self.aggregate.add(accumulator, record);
    }

    fn merge(&self, accumulator: &mut A::Accumulator, later: A::Accumulator) {
        self.aggregate.merge(accumulator, later);
    }
}

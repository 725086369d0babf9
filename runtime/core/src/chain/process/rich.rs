//! Maps, filters and flat maps with a life of their own: opened and closed once per subtask, told
//! where they run, free to fail.
//!
//! They are process functions of a simpler shape, and cost what those cost: what a function makes
//! passes through a [`Collector`]. One that keeps state for checkpoints, or has side outputs, is a
//! [`ProcessFunction`] itself.

use super::ProcessFunction;
use crate::{
    Record,
    chain::Collector,
    error::BoxError,
    task::{Context, RuntimeContext},
};

/// One record for each. An error fails the job and names the operator.
pub trait RichMapFunction<I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes one record and makes one.
    fn map(&mut self, record: I) -> Result<Self::Out, BoxError>;

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// Which records stay. An error fails the job and names the operator.
pub trait RichFilterFunction<T>: Clone + Send + 'static {
    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Whether `record` stays.
    fn filter(&mut self, record: &T) -> Result<bool, BoxError>;

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// Any number of records for each. An error fails the job and names the operator.
pub trait RichFlatMapFunction<I>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Called before the first record; the place to register accumulators.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes one record.
    fn flat_map(&mut self, record: I, out: &mut Collector<Self::Out>) -> Result<(), BoxError>;

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// A rich map as a process function.
#[derive(Clone, Debug)]
pub struct RichMap<F>(pub(crate) F);

/// A rich filter as a process function.
#[derive(Clone, Debug)]
pub struct RichFilter<F>(pub(crate) F);

/// A rich flat map as a process function.
#[derive(Clone, Debug)]
pub struct RichFlatMap<F>(pub(crate) F);

impl<I, F: RichMapFunction<I>> ProcessFunction<I> for RichMap<F> {
    type Out = F::Out;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.0.open(context)
    }

    #[inline]
    fn process(
        &mut self,
        record: I,
        _context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        out.collect(self.0.map(record)?);
        Ok(())
    }

    fn close(&mut self) {
        self.0.close();
    }
}

impl<T: Record, F: RichFilterFunction<T>> ProcessFunction<T> for RichFilter<F> {
    type Out = T;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.0.open(context)
    }

    #[inline]
    fn process(
        &mut self,
        record: T,
        _context: &mut Context<'_>,
        out: &mut Collector<T>,
    ) -> Result<(), BoxError> {
        if self.0.filter(&record)? {
            out.collect(record);
        }
        Ok(())
    }

    fn close(&mut self) {
        self.0.close();
    }
}

impl<I, F: RichFlatMapFunction<I>> ProcessFunction<I> for RichFlatMap<F> {
    type Out = F::Out;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.0.open(context)
    }

    #[inline]
    fn process(
        &mut self,
        record: I,
        _context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        self.0.flat_map(record, out)
    }

    fn close(&mut self) {
        self.0.close();
    }
}

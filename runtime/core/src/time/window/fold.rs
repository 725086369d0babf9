//! How the records of a window become what is kept of it.

use crate::Record;

/// Incremental aggregation: an accumulator takes records one by one, and accumulators of parts of a
/// window become one of the whole. Merging must not care where a window was cut.
pub trait Fold<T> {
    /// What is kept.
    type Accumulator: Record + Clone;

    /// Whether it grows with each record. Such a one is kept as a value, not as its archive, which
    /// each record would have to rewrite.
    const IS_LIST: bool = false;

    /// The accumulator of the first record.
    fn first(&self, record: T) -> Self::Accumulator;

    /// Adds a further record.
    fn add(&self, accumulator: &mut Self::Accumulator, record: T);

    /// Adds a later part of the window.
    fn merge(&self, accumulator: &mut Self::Accumulator, later: Self::Accumulator);
}

/// Keeps the records themselves, in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collected;

impl<T: Record + Clone> Fold<T> for Collected {
    type Accumulator = Vec<T>;

    const IS_LIST: bool = true;

    fn first(&self, record: T) -> Vec<T> {
        vec![record]
    }

    fn add(&self, accumulator: &mut Vec<T>, record: T) {
        accumulator.push(record);
    }

    fn merge(&self, accumulator: &mut Vec<T>, later: Vec<T>) {
        accumulator.extend(later);
    }
}

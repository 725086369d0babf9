//! The aggregations that keyed streams offer by name.

use std::{marker::PhantomData, ops::AddAssign};

use crate::{Key, Record, chain::Aggregate, record::Archived};

/// Counts records.
#[derive(Clone, Copy, Debug)]
pub struct Count;

impl<T: Record, K: Key> Aggregate<T, K> for Count
where
    (K, u64): Record,
{
    type Accumulator = u64;
    type Out = (K, u64);

    fn first(&self, _record: T) -> u64 {
        1
    }

    fn add(&self, count: &mut u64, _record: T) {
        *count += 1;
    }

    fn merge(&self, count: &mut u64, other: u64) {
        *count += other;
    }

    fn result(&self, key: K, count: u64) -> (K, u64) {
        (key, count)
    }

    #[inline(always)]
    fn first_view(&self, _record: &Archived<T>) -> u64 {
        1
    }

    #[inline(always)]
    fn add_view(&self, count: &mut u64, _record: &Archived<T>) {
        *count += 1;
    }
}

/// Folds records into one by a function.
#[derive(Clone, Debug)]
pub struct Reduce<F>(pub F);

impl<T, K, F> Aggregate<T, K> for Reduce<F>
where
    T: Record + Clone,
    K: Key,
    F: Fn(&mut T, T) + Clone + Send + 'static,
{
    type Accumulator = T;
    type Out = T;

    fn first(&self, record: T) -> T {
        record
    }

    fn add(&self, so_far: &mut T, record: T) {
        (self.0)(so_far, record);
    }

    fn merge(&self, so_far: &mut T, other: T) {
        (self.0)(so_far, other);
    }

    fn result(&self, _key: K, so_far: T) -> T {
        so_far
    }
}

/// Sums a field.
#[derive(Debug)]
pub struct Sum<F, N> {
    field: F,
    number: PhantomData<fn() -> N>,
}

impl<F, N> Sum<F, N> {
    pub(super) fn new(field: F) -> Self {
        Self { field, number: PhantomData }
    }
}

impl<F: Clone, N> Clone for Sum<F, N> {
    fn clone(&self) -> Self {
        Self::new(self.field.clone())
    }
}

impl<T, K, F, N> Aggregate<T, K> for Sum<F, N>
where
    T: Record + Clone,
    K: Key,
    F: for<'a> Fn(&'a mut T) -> &'a mut N + Clone + Send + 'static,
    N: AddAssign + Copy + 'static,
{
    type Accumulator = T;
    type Out = T;

    fn first(&self, record: T) -> T {
        record
    }

    fn add(&self, so_far: &mut T, mut record: T) {
        let value = *(self.field)(&mut record);
        *(self.field)(so_far) += value;
    }

    fn merge(&self, so_far: &mut T, other: T) {
        <Self as Aggregate<T, K>>::add(self, so_far, other);
    }

    fn result(&self, _key: K, so_far: T) -> T {
        so_far
    }
}

/// Keeps the least or the greatest value of a field.
#[derive(Debug)]
pub struct Extreme<F, N> {
    field: F,
    greatest: bool,
    number: PhantomData<fn() -> N>,
}

impl<F, N> Extreme<F, N> {
    pub(super) fn least(field: F) -> Self {
        Self { field, greatest: false, number: PhantomData }
    }

    pub(super) fn greatest(field: F) -> Self {
        Self { field, greatest: true, number: PhantomData }
    }
}

impl<F: Clone, N> Clone for Extreme<F, N> {
    fn clone(&self) -> Self {
        Self { field: self.field.clone(), greatest: self.greatest, number: PhantomData }
    }
}

impl<T, K, F, N> Aggregate<T, K> for Extreme<F, N>
where
    T: Record + Clone,
    K: Key,
    F: for<'a> Fn(&'a mut T) -> &'a mut N + Clone + Send + 'static,
    N: PartialOrd + Copy + 'static,
{
    type Accumulator = T;
    type Out = T;

    fn first(&self, record: T) -> T {
        record
    }

    fn add(&self, so_far: &mut T, mut record: T) {
        let value = *(self.field)(&mut record);
        let kept = (self.field)(so_far);
        if if self.greatest { value > *kept } else { value < *kept } {
            *kept = value;
        }
    }

    fn merge(&self, so_far: &mut T, other: T) {
        <Self as Aggregate<T, K>>::add(self, so_far, other);
    }

    fn result(&self, _key: K, so_far: T) -> T {
        so_far
    }
}

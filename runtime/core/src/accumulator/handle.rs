//! What an operator holds to count with: cheap, cloned freely, on one thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::AccumulatorValue;

/// Sums 32-bit integers. Stops at the limits of the type instead of wrapping around.
#[derive(Clone, Debug, Default)]
pub struct IntCounter(Rc<Cell<i32>>);

impl IntCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: i32) {
        self.0.set(self.0.get().saturating_add(value));
    }

    /// The sum in this subtask.
    pub fn local_value(&self) -> i32 {
        self.0.get()
    }
}

/// Sums 64-bit integers. Stops at the limits of the type instead of wrapping around.
#[derive(Clone, Debug, Default)]
pub struct LongCounter(Rc<Cell<i64>>);

impl LongCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: i64) {
        self.0.set(self.0.get().saturating_add(value));
    }

    /// The sum in this subtask.
    pub fn local_value(&self) -> i64 {
        self.0.get()
    }
}

/// Sums floating-point numbers, in the order in which they come.
#[derive(Clone, Debug, Default)]
pub struct DoubleCounter(Rc<Cell<f64>>);

impl DoubleCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: f64) {
        self.0.set(self.0.get() + value);
    }

    /// The sum in this subtask.
    pub fn local_value(&self) -> f64 {
        self.0.get()
    }
}

/// Counts how often each integer comes. Takes memory for each distinct one: meant for few.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Rc<RefCell<BTreeMap<i32, u64>>>);

impl Histogram {
    /// Counts one more of `value`.
    #[inline]
    pub fn add(&self, value: i32) {
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts in this subtask.
    pub fn local_value(&self) -> BTreeMap<i32, u64> {
        self.0.borrow().clone()
    }
}

/// Any of the handles, as the registry keeps them.
#[derive(Clone, Debug)]
pub(super) enum Handle {
    Int(IntCounter),
    Long(LongCounter),
    Double(DoubleCounter),
    Histogram(Histogram),
}

impl Handle {
    pub(super) fn value(&self) -> AccumulatorValue {
        match self {
            Handle::Int(counter) => AccumulatorValue::Int(counter.local_value()),
            Handle::Long(counter) => AccumulatorValue::Long(counter.local_value()),
            Handle::Double(counter) => AccumulatorValue::Double(counter.local_value()),
            Handle::Histogram(histogram) => AccumulatorValue::Histogram(histogram.local_value()),
        }
    }
}

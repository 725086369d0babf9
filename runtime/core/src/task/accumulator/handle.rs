//! What an operator holds to count with: cheap and cloned freely.
//!
//! A handle counts for the one subtask that registered it, and only that subtask's thread may add.
//! It is atomic so that functions which hold one can be sent to their worker, but adding is a plain
//! load and store, not a read-modify-write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::value::AccumulatorValue;

// All orderings are relaxed: a value by itself, read by the thread that writes it, or by others
// after the message that tells them of the subtask's end.

/// Sums 32-bit integers. Stops at the limits of the type instead of wrapping around.
#[derive(Clone, Debug, Default)]
pub struct IntCounter(Arc<AtomicI32>);

impl IntCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: i32) {
        self.0.store(self.local_value().saturating_add(value), Ordering::Relaxed);
    }

    /// The sum in this subtask.
    #[inline]
    pub fn local_value(&self) -> i32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sums 64-bit integers. Stops at the limits of the type instead of wrapping around.
#[derive(Clone, Debug, Default)]
pub struct LongCounter(Arc<AtomicI64>);

impl LongCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: i64) {
        self.0.store(self.local_value().saturating_add(value), Ordering::Relaxed);
    }

    /// The sum in this subtask.
    #[inline]
    pub fn local_value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sums floating-point numbers, in the order in which they come.
#[derive(Clone, Debug, Default)]
pub struct DoubleCounter(Arc<AtomicU64>);

impl DoubleCounter {
    /// Adds to the sum.
    #[inline]
    pub fn add(&self, value: f64) {
        self.0.store((self.local_value() + value).to_bits(), Ordering::Relaxed);
    }

    /// The sum in this subtask.
    #[inline]
    pub fn local_value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Counts how often each integer comes. Takes memory for each distinct one: meant for few.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Mutex<BTreeMap<i32, u64>>>);

impl Histogram {
    /// Counts one more of `value`.
    #[inline]
    pub fn add(&self, value: i32) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts in this subtask.
    pub fn local_value(&self) -> BTreeMap<i32, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

//! Evictors: records that leave a window before or after its function sees them.

use std::time::Duration;

use super::Window;
use crate::time::{Timestamp, timestamp::millis_of};

#[cfg(test)]
mod tests;

/// A record in a window, with its timestamp if it has one.
#[derive(Clone, PartialEq, Eq, Debug, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct TimestampedValue<T> {
    /// The record.
    pub value: T,
    /// When.
    pub timestamp: Option<Timestamp>,
}

/// Takes records out of a window that fires.
pub trait Evictor<T, W: Window>: Clone + Send + 'static {
    /// Before the function sees them.
    fn evict_before(&self, elements: &mut Vec<TimestampedValue<T>>, window: &W);

    /// After it has.
    fn evict_after(&self, elements: &mut Vec<TimestampedValue<T>>, window: &W);
}

/// Evicts nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoEvictor;

impl<T, W: Window> Evictor<T, W> for NoEvictor {
    fn evict_before(&self, _elements: &mut Vec<TimestampedValue<T>>, _window: &W) {}

    fn evict_after(&self, _elements: &mut Vec<TimestampedValue<T>>, _window: &W) {}
}

/// On which side of the function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Before,
    After,
}

/// Gives an evictor with a method `evict` its two sides.
macro_rules! one_side {
    () => {
        fn evict_before(&self, elements: &mut Vec<TimestampedValue<T>>, _window: &W) {
            if self.side == Side::Before {
                self.evict(elements);
            }
        }

        fn evict_after(&self, elements: &mut Vec<TimestampedValue<T>>, _window: &W) {
            if self.side == Side::After {
                self.evict(elements);
            }
        }
    };
}

/// Keeps the last so many records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountEvictor {
    count: usize,
    side: Side,
}

impl CountEvictor {
    /// Keeps the last `count`.
    pub fn of(count: usize) -> Self {
        Self { count, side: Side::Before }
    }

    /// Evicts after the function, not before.
    #[must_use]
    pub fn after(self) -> Self {
        Self { side: Side::After, ..self }
    }

    fn evict<T>(&self, elements: &mut Vec<TimestampedValue<T>>) {
        elements.drain(..elements.len().saturating_sub(self.count));
    }
}

impl<T, W: Window> Evictor<T, W> for CountEvictor {
    one_side!();
}

/// Keeps the records of the last while before the latest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeEvictor {
    millis: i64,
    side: Side,
}

impl TimeEvictor {
    /// Keeps records less than `time` older than the latest.
    pub fn of(time: Duration) -> Self {
        Self { millis: millis_of(time), side: Side::Before }
    }

    /// Evicts after the function, not before.
    #[must_use]
    pub fn after(self) -> Self {
        Self { side: Side::After, ..self }
    }

    fn evict<T>(&self, elements: &mut Vec<TimestampedValue<T>>) {
        let latest = elements.iter().filter_map(|element| element.timestamp).max();
        if let Some(latest) = latest {
            let cut = latest.plus_millis(-self.millis);
            elements.retain(|element| element.timestamp.is_none_or(|time| time > cut));
        }
    }
}

impl<T, W: Window> Evictor<T, W> for TimeEvictor {
    one_side!();
}

/// Keeps the records that are near the last one.
#[derive(Clone, Copy, Debug)]
pub struct DeltaEvictor<F> {
    threshold: f64,
    delta: F,
    side: Side,
}

impl<F> DeltaEvictor<F> {
    /// Keeps records whose `delta(record, last)` is below `threshold`.
    pub fn of<T>(threshold: f64, delta: F) -> Self
    where
        F: Fn(&T, &T) -> f64 + Clone + Send + 'static,
    {
        Self { threshold, delta, side: Side::Before }
    }

    /// Evicts after the function, not before.
    #[must_use]
    pub fn after(self) -> Self {
        Self { side: Side::After, ..self }
    }

    fn evict<T>(&self, elements: &mut Vec<TimestampedValue<T>>)
    where
        F: Fn(&T, &T) -> f64,
    {
        let Some(last) = elements.pop() else { return };
        elements.retain(|element| (self.delta)(&element.value, &last.value) < self.threshold);
        if (self.delta)(&last.value, &last.value) < self.threshold {
            elements.push(last);
        }
    }
}

impl<T, W, F> Evictor<T, W> for DeltaEvictor<F>
where
    W: Window,
    F: Fn(&T, &T) -> f64 + Clone + Send + 'static,
{
    one_side!();
}

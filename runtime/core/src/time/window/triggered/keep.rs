//! How a window's records are kept.

use crate::{
    Record,
    time::{
        Timestamp,
        window::{
            Fold, Window,
            evictor::{Evictor, NoEvictor, TimestampedValue},
        },
    },
};

/// What becomes of the records of a window, and what of it is given when the window fires.
pub trait Keep<T, W: Window>: Clone + Send + 'static {
    /// What is kept.
    type Kept: Record + Clone;
    /// What a firing gives.
    type Out: Record + Clone;

    /// Adds a record.
    fn add(&self, kept: &mut Option<Self::Kept>, record: T, timestamp: Option<Timestamp>);

    /// Adds a window that was merged into this one.
    fn merge(&self, kept: &mut Option<Self::Kept>, later: Self::Kept);

    /// What the window gives; the content stays.
    fn fire(&self, kept: &mut Option<Self::Kept>, window: &W) -> Option<Self::Out>;

    /// What the window gives; the content goes.
    fn fire_and_clear(&self, kept: &mut Option<Self::Kept>, window: &W) -> Option<Self::Out>;
}

/// Incremental aggregation: one accumulator for each window.
#[derive(Clone, Copy, Debug)]
pub struct Folded<F>(pub F);

impl<T, W, F> Keep<T, W> for Folded<F>
where
    W: Window,
    F: Fold<T> + Clone + Send + 'static,
{
    type Kept = F::Accumulator;
    type Out = F::Accumulator;

    fn add(&self, kept: &mut Option<F::Accumulator>, record: T, _timestamp: Option<Timestamp>) {
        match kept {
            Some(accumulator) => self.0.add(accumulator, record),
            None => *kept = Some(self.0.first(record)),
        }
    }

    fn merge(&self, kept: &mut Option<F::Accumulator>, later: F::Accumulator) {
        match kept {
            Some(accumulator) => self.0.merge(accumulator, later),
            None => *kept = Some(later),
        }
    }

    fn fire(&self, kept: &mut Option<F::Accumulator>, _window: &W) -> Option<F::Accumulator> {
        kept.clone()
    }

    fn fire_and_clear(
        &self,
        kept: &mut Option<F::Accumulator>,
        _window: &W,
    ) -> Option<F::Accumulator> {
        kept.take()
    }
}

/// All records in the order in which they came, and an evictor over them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffered<E = NoEvictor>(pub E);

impl<T, W, E> Keep<T, W> for Buffered<E>
where
    T: Record + Clone,
    W: Window,
    E: Evictor<T, W>,
{
    type Kept = Vec<TimestampedValue<T>>;
    type Out = Vec<T>;

    fn add(&self, kept: &mut Option<Self::Kept>, value: T, timestamp: Option<Timestamp>) {
        kept.get_or_insert_default().push(TimestampedValue { value, timestamp });
    }

    fn merge(&self, kept: &mut Option<Self::Kept>, later: Self::Kept) {
        kept.get_or_insert_default().extend(later);
    }

    fn fire(&self, kept: &mut Option<Self::Kept>, window: &W) -> Option<Vec<T>> {
        let elements = kept.as_mut()?;
        self.0.evict_before(elements, window);
        let out = elements.iter().map(|element| element.value.clone()).collect();
        self.0.evict_after(elements, window);
        if elements.is_empty() {
            *kept = None;
        }
        Some(out)
    }

    fn fire_and_clear(&self, kept: &mut Option<Self::Kept>, window: &W) -> Option<Vec<T>> {
        let mut elements = kept.take()?;
        self.0.evict_before(&mut elements, window);
        Some(elements.into_iter().map(|element| element.value).collect())
    }
}

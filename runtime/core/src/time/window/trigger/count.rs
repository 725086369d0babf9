//! Triggers by what comes, and one that purges.

use super::{Element, Trigger, TriggerContext, TriggerResult};
use crate::{
    Record,
    time::{Timestamp, window::Window},
};

/// Fires with each so many records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountTrigger {
    count: u64,
}

impl CountTrigger {
    /// Fires with each `count` records.
    ///
    /// # Panics
    /// If it is zero.
    pub fn of(count: u64) -> Self {
        assert!(count > 0, "a count trigger needs a count above zero");
        Self { count }
    }
}

impl<T, W: Window> Trigger<T, W> for CountTrigger {
    /// Records since it fired.
    type State = u64;

    fn on_element(
        &self,
        _element: Element<'_, T, W>,
        state: &mut u64,
        _context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        *state += 1;
        let fires = *state >= self.count;
        if fires {
            *state = 0;
        }
        TriggerResult::fire_if(fires)
    }

    ignores_event_time!();

    ignores_the_clock!();

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        _window: &W,
        state: &mut u64,
        others: Vec<u64>,
        _context: &mut TriggerContext<'_>,
    ) {
        *state += others.into_iter().sum::<u64>();
    }

    fn clear(&self, _window: &W, state: &mut u64, _context: &mut TriggerContext<'_>) {
        *state = 0;
    }
}

/// Fires when a record is further than a threshold from the one it fired with last.
#[derive(Clone, Copy, Debug)]
pub struct DeltaTrigger<F> {
    threshold: f64,
    delta: F,
}

impl<F> DeltaTrigger<F> {
    /// Fires when `delta(last, record)` is above `threshold`.
    pub fn of<T>(threshold: f64, delta: F) -> Self
    where
        F: Fn(&T, &T) -> f64 + Clone + Send + 'static,
    {
        Self { threshold, delta }
    }
}

impl<T, W, F> Trigger<T, W> for DeltaTrigger<F>
where
    T: Record + Clone,
    W: Window,
    F: Fn(&T, &T) -> f64 + Clone + Send + 'static,
{
    /// The record it fired with last, or the first one.
    type State = Option<T>;

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        state: &mut Option<T>,
        _context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let delta = state.as_ref().map(|last| (self.delta)(last, element.record));
        let fires = delta.is_some_and(|delta| delta > self.threshold);
        if fires || state.is_none() {
            *state = Some(element.record.clone());
        }
        TriggerResult::fire_if(fires)
    }

    ignores_event_time!();

    ignores_the_clock!();

    fn clear(&self, _window: &W, state: &mut Option<T>, _context: &mut TriggerContext<'_>) {
        *state = None;
    }
}

/// Never fires: what global windows do by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NeverTrigger;

impl<T, W: Window> Trigger<T, W> for NeverTrigger {
    type State = ();

    fn on_element(
        &self,
        _element: Element<'_, T, W>,
        (): &mut (),
        _context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::Continue
    }

    ignores_event_time!();

    ignores_the_clock!();

    fn can_merge(&self) -> bool {
        true
    }

    fn clear(&self, _window: &W, (): &mut (), _context: &mut TriggerContext<'_>) {}
}

/// Purges whenever another trigger fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PurgingTrigger<R>(R);

impl<R> PurgingTrigger<R> {
    /// Fires as `trigger` does, and purges.
    pub fn of(trigger: R) -> Self {
        Self(trigger)
    }
}

fn purging(result: TriggerResult) -> TriggerResult {
    if result.is_fire() { TriggerResult::FireAndPurge } else { result }
}

impl<T, W: Window, R: Trigger<T, W>> Trigger<T, W> for PurgingTrigger<R> {
    type State = R::State;

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        state: &mut R::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.0.on_element(element, state, context))
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut R::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.0.on_event_time(time, window, state, context))
    }

    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut R::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.0.on_processing_time(time, window, state, context))
    }

    fn can_merge(&self) -> bool {
        self.0.can_merge()
    }

    fn on_merge(
        &self,
        window: &W,
        state: &mut R::State,
        others: Vec<R::State>,
        context: &mut TriggerContext<'_>,
    ) {
        self.0.on_merge(window, state, others, context);
    }

    fn clear(&self, window: &W, state: &mut R::State, context: &mut TriggerContext<'_>) {
        self.0.clear(window, state, context);
    }
}

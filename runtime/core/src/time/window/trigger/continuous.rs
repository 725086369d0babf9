//! Triggers that fire again and again while the window is open.
//!
//! When time passes several multiples of the interval at once, they fire once: no record came in
//! between, so the results would be the same, and a record with a timestamp of long ago, or the end of
//! time, would make any number of them.

use std::time::Duration;

use super::{Element, Trigger, TriggerContext, TriggerResult};
use crate::time::{Timestamp, timestamp::millis_of, window::Window};

/// Firings this far apart, at multiples of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interval {
    millis: i64,
}

impl Interval {
    fn new(interval: Duration) -> Self {
        let millis = millis_of(interval);
        assert!(millis > 0, "a continuous trigger needs an interval of at least 1 ms");
        Self { millis }
    }

    /// The next firing after `time`, at the latest at the window's end.
    fn after<W: Window>(self, time: Timestamp, window: &W) -> Timestamp {
        time.plus_millis(self.millis).min(window.max_timestamp())
    }

    /// The firing after that at `time`, when time has come to `now` already.
    fn next<W: Window>(self, time: Timestamp, now: Timestamp, window: &W) -> Timestamp {
        self.after(time.max(self.floor(now)), window)
    }

    /// The last multiple up to `time`.
    fn floor(self, time: Timestamp) -> Timestamp {
        time.plus_millis(-time.millis().rem_euclid(self.millis))
    }
}

/// The earliest of the firings that merged windows waited for.
fn merge(state: &mut Option<Timestamp>, others: Vec<Option<Timestamp>>) {
    *state = others.into_iter().chain([*state]).flatten().min();
}

/// Fires when event time passes a multiple of an interval, and at the window's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContinuousEventTimeTrigger {
    interval: Interval,
}

impl ContinuousEventTimeTrigger {
    /// Fires at multiples of `interval`.
    ///
    /// # Panics
    /// If it is zero.
    pub fn of(interval: Duration) -> Self {
        Self { interval: Interval::new(interval) }
    }
}

impl<T, W: Window> Trigger<T, W> for ContinuousEventTimeTrigger {
    /// When it fires next.
    type State = Option<Timestamp>;

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let last = element.window.max_timestamp();
        if last <= context.watermark.timestamp() {
            return TriggerResult::Fire;
        }
        context.register_event_time_timer(last);
        if state.is_none() {
            let next = self.interval.after(self.interval.floor(element.timestamp), element.window);
            *state = Some(next);
            context.register_event_time_timer(next);
        }
        TriggerResult::Continue
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if time == window.max_timestamp() {
            return TriggerResult::Fire;
        }
        if *state != Some(time) {
            return TriggerResult::Continue;
        }
        let next = self.interval.next(time, context.watermark.timestamp(), window);
        *state = Some(next);
        context.register_event_time_timer(next);
        TriggerResult::Fire
    }

    ignores_the_clock!();

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        _window: &W,
        state: &mut Option<Timestamp>,
        others: Vec<Option<Timestamp>>,
        context: &mut TriggerContext<'_>,
    ) {
        merge(state, others);
        if let Some(next) = *state {
            context.register_event_time_timer(next);
        }
    }

    fn clear(&self, window: &W, state: &mut Option<Timestamp>, context: &mut TriggerContext<'_>) {
        if let Some(next) = state.take() {
            context.delete_event_time_timer(next);
        }
        context.delete_event_time_timer(window.max_timestamp());
    }
}

/// Fires when the clock passes a multiple of an interval, as long as records come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContinuousProcessingTimeTrigger {
    interval: Interval,
}

impl ContinuousProcessingTimeTrigger {
    /// Fires at multiples of `interval`.
    ///
    /// # Panics
    /// If it is zero.
    pub fn of(interval: Duration) -> Self {
        Self { interval: Interval::new(interval) }
    }
}

impl<T, W: Window> Trigger<T, W> for ContinuousProcessingTimeTrigger {
    /// When it fires next.
    type State = Option<Timestamp>;

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if state.is_none() {
            let now = self.interval.floor(context.processing_time);
            let next = self.interval.after(now, element.window);
            *state = Some(next);
            context.register_processing_time_timer(next);
        }
        TriggerResult::Continue
    }

    ignores_event_time!();

    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if *state != Some(time) {
            return TriggerResult::Continue;
        }
        let next = self.interval.next(time, context.processing_time, window);
        // At the window's end there is nothing more to come.
        *state = (next > time).then_some(next);
        if let Some(next) = *state {
            context.register_processing_time_timer(next);
        }
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        _window: &W,
        state: &mut Option<Timestamp>,
        others: Vec<Option<Timestamp>>,
        context: &mut TriggerContext<'_>,
    ) {
        merge(state, others);
        if let Some(next) = *state {
            context.register_processing_time_timer(next);
        }
    }

    fn clear(&self, _window: &W, state: &mut Option<Timestamp>, context: &mut TriggerContext<'_>) {
        if let Some(next) = state.take() {
            context.delete_processing_time_timer(next);
        }
    }
}

//! Triggers: when a window fires.
//!
//! A trigger is asked with each record and each of its timers, and answers a [`TriggerResult`]. What
//! it remembers of a window is a value of its own type beside the window's content; timers are asked
//! for through its [`TriggerContext`]. So a trigger is a pure step, and whoever holds the window
//! carries out what it asked for.

/// Writes the method of a trigger for which event time does nothing.
macro_rules! ignores_event_time {
    () => {
        fn on_event_time(
            &self,
            _time: Timestamp,
            _window: &W,
            _state: &mut Self::State,
            _context: &mut TriggerContext<'_>,
        ) -> TriggerResult {
            TriggerResult::Continue
        }
    };
}

/// Writes the method of a trigger for which the clock does nothing.
macro_rules! ignores_the_clock {
    () => {
        fn on_processing_time(
            &self,
            _time: Timestamp,
            _window: &W,
            _state: &mut Self::State,
            _context: &mut TriggerContext<'_>,
        ) -> TriggerResult {
            TriggerResult::Continue
        }
    };
}

mod continuous;
mod count;
mod time;

pub use continuous::{ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger};
pub use count::{CountTrigger, DeltaTrigger, NeverTrigger, PurgingTrigger};
pub use time::{EventTimeTrigger, ProcessingTimeTrigger};

use super::{TimeDomain, Window};
use crate::{
    Record,
    time::{Timestamp, Watermark},
};

/// What happens to a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum TriggerResult {
    /// Nothing.
    Continue,
    /// Its result is emitted; the content stays.
    Fire,
    /// The content goes without a result.
    Purge,
    /// Its result is emitted, and the content goes.
    FireAndPurge,
}

impl TriggerResult {
    /// Whether there is a result.
    pub fn is_fire(self) -> bool {
        matches!(self, Self::Fire | Self::FireAndPurge)
    }

    /// Whether the content goes.
    pub fn is_purge(self) -> bool {
        matches!(self, Self::Purge | Self::FireAndPurge)
    }

    fn fire_if(fires: bool) -> Self {
        if fires { Self::Fire } else { Self::Continue }
    }
}

/// What a trigger wants of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerRequest {
    /// To be called at this time.
    Register(TimeDomain, Timestamp),
    /// Not to be called.
    Delete(TimeDomain, Timestamp),
}

/// What a trigger may know and ask for.
#[derive(Debug)]
pub struct TriggerContext<'a> {
    /// Event time.
    pub watermark: Watermark,
    /// The clock.
    pub processing_time: Timestamp,
    /// Timers of this window, to be carried out in order.
    pub requests: &'a mut Vec<TimerRequest>,
}

impl TriggerContext<'_> {
    /// Calls the trigger when the watermark reaches `time`.
    pub fn register_event_time_timer(&mut self, time: Timestamp) {
        self.requests.push(TimerRequest::Register(TimeDomain::EventTime, time));
    }

    /// Calls the trigger when the clock reaches `time`.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) {
        self.requests.push(TimerRequest::Register(TimeDomain::ProcessingTime, time));
    }

    /// Takes a registration back.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) {
        self.requests.push(TimerRequest::Delete(TimeDomain::EventTime, time));
    }

    /// Takes a registration back.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) {
        self.requests.push(TimerRequest::Delete(TimeDomain::ProcessingTime, time));
    }
}

/// Says when windows fire.
pub trait Trigger<T, W: Window>: Clone + Send + 'static {
    /// What it remembers of a window; a record, so that snapshots hold it.
    type State: Record + Default + Clone;

    /// A record came. It is not in the window yet but will be when the result is carried out.
    fn on_element(
        &self,
        element: Element<'_, T, W>,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult;

    /// An event-time timer of the window is due.
    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult;

    /// A processing-time timer of the window is due.
    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult;

    /// Whether it can be used with windows that merge.
    fn can_merge(&self) -> bool {
        false
    }

    /// Windows became one: `state` is that of one of them, `others` those of the rest.
    fn on_merge(
        &self,
        _window: &W,
        _state: &mut Self::State,
        _others: Vec<Self::State>,
        _context: &mut TriggerContext<'_>,
    ) {
    }

    /// The window is forgotten, or was merged into another: takes back its timers.
    fn clear(&self, window: &W, state: &mut Self::State, context: &mut TriggerContext<'_>);
}

/// A record that comes into a window.
#[derive(Debug)]
pub struct Element<'a, T, W> {
    /// The record.
    pub record: &'a T,
    /// Its timestamp, or the clock's.
    pub timestamp: Timestamp,
    /// The window.
    pub window: &'a W,
}

impl<T, W> Clone for Element<'_, T, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W> Copy for Element<'_, T, W> {}

#[cfg(test)]
mod tests;

//! Triggers at the end of the window.

use super::{Element, Trigger, TriggerContext, TriggerResult};
use crate::time::{Timestamp, window::Window};

/// Fires when the watermark passes the window's end, and at once with each record that comes after.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventTimeTrigger;

impl<T, W: Window> Trigger<T, W> for EventTimeTrigger {
    type State = ();

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        (): &mut (),
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let last = element.window.max_timestamp();
        if last <= context.watermark.timestamp() {
            return TriggerResult::Fire;
        }
        context.register_event_time_timer(last);
        TriggerResult::Continue
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        (): &mut (),
        _context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::fire_if(time == window.max_timestamp())
    }

    ignores_the_clock!();

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        window: &W,
        (): &mut (),
        _others: Vec<()>,
        context: &mut TriggerContext<'_>,
    ) {
        // A window that has passed already fires with the record that brought the merge.
        if window.max_timestamp() > context.watermark.timestamp() {
            context.register_event_time_timer(window.max_timestamp());
        }
    }

    fn clear(&self, window: &W, (): &mut (), context: &mut TriggerContext<'_>) {
        context.delete_event_time_timer(window.max_timestamp());
    }
}

/// Fires when the clock passes the window's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProcessingTimeTrigger;

impl<T, W: Window> Trigger<T, W> for ProcessingTimeTrigger {
    type State = ();

    fn on_element(
        &self,
        element: Element<'_, T, W>,
        (): &mut (),
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        context.register_processing_time_timer(element.window.max_timestamp());
        TriggerResult::Continue
    }

    ignores_event_time!();

    fn on_processing_time(
        &self,
        _time: Timestamp,
        _window: &W,
        (): &mut (),
        _context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        window: &W,
        (): &mut (),
        _others: Vec<()>,
        context: &mut TriggerContext<'_>,
    ) {
        if window.max_timestamp() > context.processing_time {
            context.register_processing_time_timer(window.max_timestamp());
        }
    }

    fn clear(&self, window: &W, (): &mut (), context: &mut TriggerContext<'_>) {
        context.delete_processing_time_timer(window.max_timestamp());
    }
}

//! q11 and q12: how much does a user bid, in a session and in ten seconds of ours?

use std::time::Duration;

use brisk::{
    api::Count,
    chain::Template,
    prelude::*,
    time::window::{
        Window,
        trigger::{Element, Trigger, TriggerContext, TriggerResult},
    },
};

use super::{
    super::model::Event,
    parts::{Counted, WithBounds, bids},
};

const TIME: Duration = Duration::from_secs(10);

/// q11: the bids of each session of a user, which ends when none came for ten seconds. SQL:
/// `../sql/q11.sql`.
pub(crate) fn q11<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Counted, impl Template<Out = Counted> + use<C>> {
    bids(events)
        .map(|bid| bid.bidder)
        .key_by(|bidder: &u64| *bidder)
        .window(EventTimeSessionWindows::with_gap(TIME))
        .aggregate_with(Count, WithBounds)
        .name("q11 User Sessions")
}

/// Fires when the clock passes a window's end, and when the input has ended: else the last windows of
/// bounded input would never fire.
#[derive(Clone, Copy)]
struct ByClockOrAtEnd;

/// The last timer but for the end of time itself.
const END: Timestamp = Timestamp::from_millis(i64::MAX - 1);

impl<T> Trigger<T, TimeWindow> for ByClockOrAtEnd {
    type State = ();

    fn on_element(
        &self,
        element: Element<'_, T, TimeWindow>,
        (): &mut (),
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        context.register_processing_time_timer(element.window.max_timestamp());
        context.register_event_time_timer(END);
        TriggerResult::Continue
    }

    fn on_event_time(
        &self,
        _: Timestamp,
        _: &TimeWindow,
        (): &mut (),
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::FireAndPurge
    }

    fn on_processing_time(
        &self,
        _: Timestamp,
        _: &TimeWindow,
        (): &mut (),
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::FireAndPurge
    }

    fn clear(&self, window: &TimeWindow, (): &mut (), context: &mut TriggerContext<'_>) {
        context.delete_processing_time_timer(window.max_timestamp());
        context.delete_event_time_timer(END);
    }
}

/// q12: the bids of each user in ten seconds by the clock. When they come is no property of the bids,
/// so of its rows only the sums over a bidder are always the same. SQL of these: `../sql/q12.sql`.
pub(crate) fn q12<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Counted, impl Template<Out = Counted> + use<C>> {
    bids(events)
        .map(|bid| bid.bidder)
        .key_by(|bidder: &u64| *bidder)
        .window(TumblingProcessingTimeWindows::of(TIME))
        .trigger(ByClockOrAtEnd)
        .aggregate_with(Count, WithBounds)
        .name("q12 Processing Time Windows")
}

//! q5: which auctions are bid for most?

use std::time::Duration;

use brisk::{api::Count, chain::Template, prelude::*};

use super::{
    super::model::Event,
    parts::{Best, Counted, EachOf, WithBounds, bids},
};

const SIZE: Duration = Duration::from_secs(10);
const SLIDE: Duration = Duration::from_secs(2);

/// q5: of each ten seconds, every two seconds, the auctions with the most bids. SQL: `../sql/q5.sql`.
pub(crate) fn q5<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Counted, impl Template<Out = Counted> + use<C>> {
    let counts = bids(events)
        .map(|bid| bid.auction)
        .key_by(|auction: &u64| *auction)
        .window(SlidingEventTimeWindows::of(SIZE, SLIDE))
        .aggregate_with(Count, WithBounds)
        .name("Bids by Auction");
    // The counts of a window have its last timestamp, so one slide's window holds those of one end.
    counts
        .key_by(|counted: &Counted| counted.end)
        .window(TumblingEventTimeWindows::of(SLIDE))
        .aggregate_with(Best { rank: |counted: &Counted| counted.count }, EachOf)
        .name("q5 Hot Items")
}

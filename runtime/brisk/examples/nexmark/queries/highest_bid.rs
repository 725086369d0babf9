//! q7: what is the highest bid?

use std::{fmt, time::Duration};

use brisk::{chain::Template, prelude::*};
use compact_str::CompactString;
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::{Bid, Event},
    parts::{Best, EachOf, bids},
    row::Row,
};

const SIZE: Duration = Duration::from_secs(10);

/// A row of q7.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct HighestBid {
    pub(crate) auction: u64,
    pub(crate) price: u64,
    pub(crate) bidder: u64,
    pub(crate) date_time: i64,
    pub(crate) extra: CompactString,
}

impl fmt::Display for HighestBid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { auction, price, bidder, date_time, extra } = self;
        write!(f, "{auction},{price},{bidder},{date_time},{extra}")
    }
}

impl Row for HighestBid {
    fn numbers(&self) -> [u64; 4] {
        [self.auction, self.price, self.bidder, self.date_time as u64]
    }
}

/// q7: the highest bids of each ten seconds. SQL: `../sql/q7.sql`.
///
/// The highest of each auction are found first, in all subtasks, and then the highest of these.
pub(crate) fn q7<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<HighestBid, impl Template<Out = HighestBid> + use<C>> {
    let row = |bid: Bid| HighestBid {
        auction: bid.auction,
        price: bid.price,
        bidder: bid.bidder,
        date_time: bid.date_time,
        extra: bid.extra,
    };
    let best = Best { rank: |bid: &HighestBid| bid.price };
    let size_ms = SIZE.as_millis() as i64;
    let highest = bids(events)
        .map(row)
        .key_by(|bid: &HighestBid| bid.auction)
        .window(TumblingEventTimeWindows::of(SIZE))
        .aggregate_with(best, EachOf)
        .name("Highest Bids by Auction");
    highest
        .key_by(move |bid: &HighestBid| bid.date_time / size_ms)
        .window(TumblingEventTimeWindows::of(SIZE))
        .aggregate_with(best, EachOf)
        .name("q7 Highest Bids")
}

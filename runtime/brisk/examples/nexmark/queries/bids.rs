//! q0, q1 and q2: one bid in, at most one row out.

use std::fmt;

use brisk::{chain::Template, prelude::DataStream};
use compact_str::CompactString;
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::{Bid, Event},
    parts::bids,
    row::Row,
};

/// A bid with its price in thousandths of the other currency's cents, or as it was.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Priced<P> {
    pub(crate) auction: u64,
    pub(crate) bidder: u64,
    pub(crate) price: P,
    pub(crate) date_time: i64,
    pub(crate) extra: CompactString,
}

impl<P: fmt::Display> fmt::Display for Priced<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { auction, bidder, price, date_time, extra } = self;
        write!(f, "{auction},{bidder},{price},{date_time},{extra}")
    }
}

/// An amount in thousandths.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thousandths(pub(crate) u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Row for Priced<u64> {
    fn numbers(&self) -> [u64; 4] {
        [self.auction, self.bidder, self.price, self.date_time as u64]
    }
}

impl Row for Priced<Thousandths> {
    fn numbers(&self) -> [u64; 4] {
        [self.auction, self.bidder, self.price.0, self.date_time as u64]
    }
}

/// q0: all bids, which measures what everything else costs beside a query. SQL: `../sql/q0.sql`.
pub(crate) fn q0<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Priced<u64>, impl Template<Out = Priced<u64>> + use<C>> {
    let row = |bid: Bid| Priced {
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        date_time: bid.date_time,
        extra: bid.extra,
    };
    bids(events).map(row).name("q0 Pass Through")
}

/// q1: all bids, in euros for dollars, a dollar being 0.908 euros. SQL: `../sql/q1.sql`.
pub(crate) fn q1<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Priced<Thousandths>, impl Template<Out = Priced<Thousandths>> + use<C>> {
    let row = |bid: Bid| Priced {
        auction: bid.auction,
        bidder: bid.bidder,
        price: Thousandths(bid.price * 908),
        date_time: bid.date_time,
        extra: bid.extra,
    };
    bids(events).map(row).name("q1 Currency")
}

/// An auction and a price.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) auction: u64,
    pub(crate) price: u64,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.auction, self.price)
    }
}

impl Row for Offer {
    fn numbers(&self) -> [u64; 4] {
        [self.auction, self.price, 0, 0]
    }
}

/// q2: the bids for some auctions. SQL: `../sql/q2.sql`.
pub(crate) fn q2<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Offer, impl Template<Out = Offer> + use<C>> {
    bids(events)
        .filter(|bid| bid.auction.is_multiple_of(123))
        .map(|bid| Offer { auction: bid.auction, price: bid.price })
        .name("q2 Selection")
}

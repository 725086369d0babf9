//! What happens at the auction house: people come, auctions begin, bids are made.

use compact_str::CompactString;
use rkyv::{Archive, Deserialize, Serialize};

/// Somebody new.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) name: CompactString,
    pub(crate) email_address: CompactString,
    pub(crate) credit_card: CompactString,
    pub(crate) city: CompactString,
    pub(crate) state: CompactString,
    /// Milliseconds since 1970, as all times here.
    pub(crate) date_time: i64,
    pub(crate) extra: CompactString,
}

/// Something is for sale.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Auction {
    pub(crate) id: u64,
    pub(crate) item_name: CompactString,
    pub(crate) description: CompactString,
    pub(crate) initial_bid: u64,
    pub(crate) reserve: u64,
    pub(crate) date_time: i64,
    pub(crate) expires: i64,
    /// A person.
    pub(crate) seller: u64,
    pub(crate) category: u64,
    pub(crate) extra: CompactString,
}

/// Somebody wants it.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Bid {
    pub(crate) auction: u64,
    /// A person.
    pub(crate) bidder: u64,
    pub(crate) price: u64,
    pub(crate) channel: CompactString,
    pub(crate) url: CompactString,
    pub(crate) date_time: i64,
    pub(crate) extra: CompactString,
}

/// Any of these.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Person(Person),
    Auction(Auction),
    Bid(Bid),
}

impl Event {
    /// When it happened.
    pub(crate) fn date_time(&self) -> i64 {
        match self {
            Event::Person(person) => person.date_time,
            Event::Auction(auction) => auction.date_time,
            Event::Bid(bid) => bid.date_time,
        }
    }
}

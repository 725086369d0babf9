//! What several queries are made of.

use std::fmt;

use brisk::{
    BoxError, Key, Record,
    chain::{
        Aggregate, Collector, Filter, Map, ProcessFunction, Template, window::ProcessWindowFunction,
    },
    prelude::{Context, DataStream, Fired, OutputTag, TimeWindow},
};
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::{Bid, Event},
    row::Row,
};

/// The stream of bids.
pub(super) fn bids<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<Bid, Map<Filter<C, fn(&Event) -> bool>, fn(Event) -> Bid>> {
    let is_bid: fn(&Event) -> bool = |event| matches!(event, Event::Bid(_));
    let bid: fn(Event) -> Bid = |event| match event {
        Event::Bid(bid) => bid,
        Event::Person(_) | Event::Auction(_) => unreachable!("only bids pass the filter"),
    };
    events.filter(is_bid).name("Bids").map(bid)
}

/// What of an event a query with two inputs wants.
pub(super) enum Picked<A, B> {
    /// For its first input.
    First(A),
    /// For its second one.
    Second(B),
    /// Nothing.
    Neither,
}

/// Sends what is picked of events for a query's first input on, and what for the second aside.
pub(super) struct Pick<A, B> {
    pick: fn(Event) -> Picked<A, B>,
    second: OutputTag<B>,
}

impl<A: Record, B: Record> Pick<A, B> {
    pub(super) fn new(pick: fn(Event) -> Picked<A, B>) -> Self {
        Self { pick, second: OutputTag::new("second input") }
    }

    /// Where the second input is read.
    pub(super) fn second(&self) -> OutputTag<B> {
        self.second.clone()
    }
}

impl<A, B> Clone for Pick<A, B> {
    fn clone(&self) -> Self {
        Self { pick: self.pick, second: self.second.clone() }
    }
}

impl<A: Record, B: Record> ProcessFunction<Event> for Pick<A, B> {
    type Out = A;

    fn process(
        &mut self,
        event: Event,
        context: &mut Context<'_>,
        out: &mut Collector<A>,
    ) -> Result<(), BoxError> {
        match (self.pick)(event) {
            Picked::First(record) => out.collect(record),
            Picked::Second(record) => context.output(&self.second, record),
            Picked::Neither => {}
        }
        Ok(())
    }
}

/// How many bids an auction or a bidder had in a window.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, count, start, end } = self;
        write!(f, "{id},{count},{start},{end}")
    }
}

impl Row for Counted {
    fn numbers(&self) -> [u64; 4] {
        [self.id, self.count, self.start as u64, self.end as u64]
    }
}

/// Makes [`Counted`] of the count of a window.
#[derive(Clone, Copy)]
pub(super) struct WithBounds;

impl ProcessWindowFunction<u64, TimeWindow, u64> for WithBounds {
    type Out = Counted;

    fn process(
        &mut self,
        fired: Fired<u64, TimeWindow, u64>,
        _: &mut Context<'_>,
        out: &mut Collector<Counted>,
    ) -> Result<(), BoxError> {
        let (start, end) = (fired.window.start().millis(), fired.window.end().millis());
        out.collect(Counted { id: fired.key, count: fired.content, start, end });
        Ok(())
    }
}

/// Sends each of a window's best on.
#[derive(Clone, Copy)]
pub(super) struct EachOf;

impl<K: Key, T: Record> ProcessWindowFunction<K, TimeWindow, Vec<T>> for EachOf {
    type Out = T;

    fn process(
        &mut self,
        fired: Fired<K, TimeWindow, Vec<T>>,
        _: &mut Context<'_>,
        out: &mut Collector<T>,
    ) -> Result<(), BoxError> {
        out.extend(fired.content);
        Ok(())
    }
}

/// Keeps the records with the highest rank; several, if it is the same.
pub(super) struct Best<T> {
    pub(super) rank: fn(&T) -> u64,
}

impl<T> Clone for Best<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Best<T> {}

impl<T, K> Aggregate<T, K> for Best<T>
where
    T: Record + Clone,
    K: Key,
{
    type Accumulator = Vec<T>;
    type Out = Vec<T>;

    fn first(&self, record: T) -> Vec<T> {
        vec![record]
    }

    fn add(&self, best: &mut Vec<T>, record: T) {
        let known = best.first().map_or(0, self.rank);
        let rank = (self.rank)(&record);
        if rank > known {
            best.clear();
        }
        if rank >= known {
            best.push(record);
        }
    }

    fn merge(&self, best: &mut Vec<T>, other: Vec<T>) {
        for record in other {
            Aggregate::<T, K>::add(self, best, record);
        }
    }

    fn result(&self, _key: K, best: Vec<T>) -> Vec<T> {
        best
    }
}

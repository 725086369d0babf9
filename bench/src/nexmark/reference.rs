//! The check values of Nexmark's queries: plain loops over the events, which come in the order of
//! time.

use std::collections::HashMap;

use super::generator::mix;
use super::model::{Auction, Bid, Event, Person};
use super::{Query, events};

const TEN_SECONDS: i64 = 10_000;
const SLIDE: i64 = 2_000;

/// As a row of a query adds it up.
fn row(numbers: [u64; 4]) -> u64 {
    numbers.into_iter().fold(0, |check, number| mix(check ^ number)) >> 32
}

fn bids(count: u64) -> impl Iterator<Item = Bid> {
    (0..count).filter_map(|n| match events().event(n) {
        Event::Bid(bid) => Some(bid),
        Event::Person(_) | Event::Auction(_) => None,
    })
}

/// The check value of a query's rows on the first `count` events; `None` of a query whose rows depend
/// on when it runs.
pub(crate) fn check(query: Query, count: u64) -> Option<u64> {
    Some(match query {
        Query::Q0 => {
            sum(bids(count).map(|it| [it.auction, it.bidder, it.price, it.date_time as u64]))
        }
        Query::Q1 => {
            sum(bids(count).map(|it| [it.auction, it.bidder, it.price * 908, it.date_time as u64]))
        }
        Query::Q2 => {
            let some = bids(count).filter(|it| it.auction.is_multiple_of(123));
            sum(some.map(|it| [it.auction, it.price, 0, 0]))
        }
        Query::Q3 => local_items(count),
        Query::Q4 => average_prices(count),
        Query::Q5 => hot_items(count),
        Query::Q7 => highest_bids(count),
        Query::Q8 => new_users(count),
        Query::Q11 => sessions(count),
        Query::Q12 => return None,
    })
}

fn sum(rows: impl IntoIterator<Item = [u64; 4]>) -> u64 {
    rows.into_iter().fold(0, |sum, numbers| sum.wrapping_add(row(numbers)))
}

/// People and auctions.
fn houses(count: u64) -> (Vec<Person>, Vec<Auction>) {
    let (mut people, mut auctions) = (Vec::new(), Vec::new());
    for n in (0..count).filter(|n| n % super::generator::ROUND < 4) {
        match events().event(n) {
            Event::Person(person) => people.push(person),
            Event::Auction(auction) => auctions.push(auction),
            Event::Bid(_) => {}
        }
    }
    (people, auctions)
}

fn local_items(count: u64) -> u64 {
    let (people, auctions) = houses(count);
    let local = |person: &&Person| ["OR", "ID", "CA"].contains(&person.state.as_str());
    let sellers: HashMap<u64, &Person> =
        people.iter().filter(local).map(|person| (person.id, person)).collect();
    let sold = auctions.iter().filter(|auction| auction.category == 10);
    sum(sold.filter_map(|auction| {
        let seller = sellers.get(&auction.seller)?;
        let length = |text: &str| text.len() as u64;
        let (name, city, state) = (&seller.name, &seller.city, &seller.state);
        Some([auction.id, length(name), length(city), length(state)])
    }))
}

fn average_prices(count: u64) -> u64 {
    let (_, auctions) = houses(count);
    let by_id: HashMap<u64, &Auction> =
        auctions.iter().map(|auction| (auction.id, auction)).collect();
    let mut highest = HashMap::<u64, u64>::new();
    for bid in bids(count) {
        let Some(auction) = by_id.get(&bid.auction) else { continue };
        if (auction.date_time..=auction.expires).contains(&bid.date_time) {
            let price = highest.entry(bid.auction).or_default();
            *price = bid.price.max(*price);
        }
    }
    let mut sums = HashMap::<u64, (u64, u64)>::new();
    for (auction, price) in highest {
        let (sum, count) = sums.entry(by_id[&auction].category).or_default();
        (*sum, *count) = (*sum + price, *count + 1);
    }
    sum(sums.into_iter().map(|(category, (sum, count))| [category, sum / count, 0, 0]))
}

fn hot_items(count: u64) -> u64 {
    let mut counts = HashMap::<(i64, u64), u64>::new();
    for bid in bids(count) {
        *counts.entry((bid.date_time / SLIDE, bid.auction)).or_default() += 1;
    }
    let mut windows = HashMap::<i64, HashMap<u64, u64>>::new();
    for ((slice, auction), count) in counts {
        for start in (slice - TEN_SECONDS / SLIDE + 1)..=slice {
            *windows.entry(start * SLIDE).or_default().entry(auction).or_default() += count;
        }
    }
    sum(windows.into_iter().flat_map(|(start, counts)| {
        let most = counts.values().copied().max().unwrap_or(0);
        let hottest = counts.into_iter().filter(move |(_, count)| *count == most);
        hottest.map(move |(auction, count)| {
            [auction, count, start as u64, (start + TEN_SECONDS) as u64]
        })
    }))
}

fn highest_bids(count: u64) -> u64 {
    let mut windows = HashMap::<i64, Vec<[u64; 4]>>::new();
    for bid in bids(count) {
        let best = windows.entry(bid.date_time / TEN_SECONDS).or_default();
        if best.first().is_some_and(|known| known[1] < bid.price) {
            best.clear();
        }
        if best.first().is_none_or(|known| known[1] == bid.price) {
            best.push([bid.auction, bid.price, bid.bidder, bid.date_time as u64]);
        }
    }
    sum(windows.into_values().flatten())
}

fn new_users(count: u64) -> u64 {
    let (people, auctions) = houses(count);
    let window = |at: i64| at / TEN_SECONDS * TEN_SECONDS;
    let sold: std::collections::HashSet<(u64, i64)> =
        auctions.iter().map(|auction| (auction.seller, window(auction.date_time))).collect();
    let new = people.iter().filter(|person| sold.contains(&(person.id, window(person.date_time))));
    sum(new.map(|it| [it.id, it.name.len() as u64, window(it.date_time) as u64, 0]))
}

fn sessions(count: u64) -> u64 {
    let mut open = HashMap::<u64, (u64, i64, i64)>::new();
    let mut total = 0_u64;
    let ended = |bidder: u64, (count, first, last): (u64, i64, i64)| {
        row([bidder, count, first as u64, (last + TEN_SECONDS) as u64])
    };
    for bid in bids(count) {
        let session = open.entry(bid.bidder).or_insert((0, bid.date_time, bid.date_time));
        if bid.date_time - session.2 > TEN_SECONDS {
            total = total.wrapping_add(ended(bid.bidder, *session));
            *session = (0, bid.date_time, bid.date_time);
        }
        (session.0, session.2) = (session.0 + 1, bid.date_time);
    }
    open.into_iter().fold(total, |sum, (bidder, last)| sum.wrapping_add(ended(bidder, last)))
}

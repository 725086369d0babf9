//! `windows`: bids counted, and the greatest found, by auction and window of event time, written by
//! hand: a hash table for each pane, and windows put together of them when the frontier passes.

use crate::generator::{Bids, WATERMARK_MS, fmix64, share, window_check};
use crate::keyed::KeyHasher;
use crate::report::{Outcome, measure};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use timely::Config;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::{Scope, Stream};
use timely::worker::Worker;

/// As for records of 100 bytes, in bytes: bids are a quarter.
const BIDS_PER_ACTIVATION: u64 = 20_000;
const BIDS_PER_CONTAINER: u64 = 1_365;

/// Auction, price, time.
type Bid = (u64, u64, u64);

type Pane = HashMap<u64, (u64, u64), BuildHasherDefault<KeyHasher>>;

/// Windows of 10 s, one after the other.
pub(crate) fn tumbling(config: Config, total: u64) -> String {
    measure(config, move |worker| run(worker, total, Windows::new(10_000, 1)))
}

/// Windows of 10 s, 2 s apart.
pub(crate) fn sliding(config: Config, total: u64) -> String {
    measure(config, move |worker| run(worker, total, Windows::new(2_000, 5)))
}

/// The panes of one worker.
struct Windows {
    pane_ms: u64,
    per_window: u64,
    /// Number of the first pane.
    first: u64,
    panes: VecDeque<Pane>,
    spare: Vec<Pane>,
    /// The pane that the next window ends before.
    next_end: u64,
    /// Of the pane of the last bid: its place, and its times.
    current: (usize, std::ops::Range<u64>),
    merged: Pane,
}

impl Windows {
    fn new(pane_ms: u64, per_window: u64) -> Self {
        Windows {
            pane_ms,
            per_window,
            first: 0,
            panes: VecDeque::new(),
            spare: Vec::new(),
            next_end: 1,
            current: (0, 0..0),
            merged: Pane::default(),
        }
    }

    #[inline(always)]
    fn add(&mut self, &(auction, price, time): &Bid) {
        if !self.current.1.contains(&time) {
            self.turn_to(time);
        }
        let (count, max) = self.panes[self.current.0].entry(auction).or_insert((0, 0));
        (*count, *max) = (*count + 1, price.max(*max));
    }

    #[cold]
    fn turn_to(&mut self, time: u64) {
        let pane = time / self.pane_ms;
        while self.first + self.panes.len() as u64 <= pane {
            self.panes.push_back(self.spare.pop().unwrap_or_default());
        }
        let at = (pane - self.first) as usize;
        self.current = (at, pane * self.pane_ms..(pane + 1) * self.pane_ms);
    }

    /// Fires windows that end by `time`; the sum of their checks.
    fn fire(&mut self, time: Option<u64>) -> u64 {
        let mut check = 0u64;
        let is_due = |end: u64, pane_ms| time.is_none_or(|time| end * pane_ms <= time);
        while !self.panes.is_empty() && is_due(self.next_end, self.pane_ms) {
            let begin = self.next_end.saturating_sub(self.per_window);
            let places = (begin - self.first.min(begin)) as usize..;
            let panes = self.panes.range(places).take((self.next_end - begin) as usize);
            let mut add = |auction: &u64, (count, max): &(u64, u64)| {
                check = check.wrapping_add(window_check(*auction, *count, *max));
            };
            if self.per_window == 1 {
                panes.flatten().for_each(|(auction, found)| add(auction, found));
            } else {
                for (auction, found) in panes.flatten() {
                    let (count, max) = self.merged.entry(*auction).or_insert((0, 0));
                    (*count, *max) = (*count + found.0, found.1.max(*max));
                }
                self.merged.iter().for_each(|(auction, found)| add(auction, found));
                self.merged.clear();
            }
            self.next_end += 1;
            if self.next_end - self.per_window.min(self.next_end) > self.first {
                let mut done = self.panes.pop_front().expect("there is a pane");
                done.clear();
                self.spare.push(done);
                self.first += 1;
                self.current = (0, 0..0);
            }
        }
        check
    }
}

fn run(worker: &mut Worker, total: u64, mut windows: Windows) -> Outcome {
    let subtask = worker.index() as u64;
    let parallelism = worker.peers() as u64;
    let records = share(total, subtask, parallelism);
    let check = Rc::new(Cell::new(0u64));
    let result = Rc::clone(&check);
    worker.dataflow::<u64, _, _>(|scope| {
        let by_auction = Exchange::new(|bid: &Bid| fmix64(bid.0) >> 32);
        let bids = bids_of(scope, Bids::new(subtask, parallelism), records);
        bids.sink(by_auction, "Windows", move |(input, frontier)| {
            input.for_each(|_time, data| data.iter().for_each(|bid| windows.add(bid)));
            let fired = windows.fire(frontier.frontier().first().copied());
            check.set(check.get().wrapping_add(fired));
        });
    });
    while worker.step_or_park(None) {}
    Outcome { records, check: result.get() }
}

fn bids_of<'scope>(
    scope: Scope<'scope, u64>,
    mut bids: Bids,
    records: u64,
) -> Stream<'scope, u64, Vec<Bid>> {
    source::<_, CapacityContainerBuilder<Vec<Bid>>, _, _>(scope, "Bids", move |capability, info| {
        let activator = scope.activator_for(info.address);
        let mut capability = Some(capability);
        let mut container = Vec::new();
        let mut left = records;
        move |output| {
            let Some(time) = capability.as_mut() else { return };
            let reached = bids.clone().next_bid().2 / WATERMARK_MS * WATERMARK_MS;
            time.downgrade(&reached);
            let mut batch = left.min(BIDS_PER_ACTIVATION);
            left -= batch;
            let mut session = output.session(&*time);
            while batch > 0 {
                let count = batch.min(BIDS_PER_CONTAINER);
                batch -= count;
                container.clear();
                container.extend((0..count).map(|_| bids.next_bid()));
                session.give_container(&mut container);
            }
            drop(session);
            if left == 0 {
                capability = None;
            } else {
                activator.activate();
            }
        }
    })
}

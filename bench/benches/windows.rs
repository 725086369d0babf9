//! Windows and timers without a job around them: what a bid costs in tumbling and in sliding windows of
//! 100,000 keys, in tables for each slice and with the slices of a key together, and what a timer costs
//! beside an ordered set of the same timers.

use brisk::{
    graph::MaxParallelism,
    memory::{Arena, ArenaOptions, SegmentCount},
    record::key_hash,
    state::{HashRange, Supply, SupplyOptions},
    time::{
        Timestamp, Watermark,
        timers::{Timer, TimerQueue},
        window::{
            AllowedLateness, AskedKey, Fed, Fires, Fold, PanedWindows, SliceGrid, SlicedWindows,
        },
    },
};
use brisk_bench::input::generator::Bids;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{collections::BTreeSet, hint::black_box, time::Duration};

/// Bids of 12 s of event time, a million each: windows of 10 s have 100 of each of 100,000 auctions.
const BIDS: u64 = 12_000_000;
/// As far as a gate tells ahead, or farther.
const AHEAD: usize = 64;

/// Count and greatest price.
#[derive(Clone, Copy)]
struct CountMax;

#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize, Clone, Copy)]
struct Found {
    count: u64,
    max: u64,
}

impl Fold<u64> for CountMax {
    type Accumulator = Found;

    fn first(&self, price: u64) -> Found {
        Found { count: 1, max: price }
    }

    fn add(&self, found: &mut Found, price: u64) {
        found.count += 1;
        found.max = found.max.max(price);
    }

    fn merge(&self, found: &mut Found, later: Found) {
        found.count += later.count;
        found.max = found.max.max(later.max);
    }
}

#[derive(Clone, Copy)]
struct Event {
    key: u64,
    hash: u32,
    time: Timestamp,
    price: u64,
}

/// Windows of either kind.
trait Windows {
    fn prefetch(&mut self, hash: u32);
    fn feed(&mut self, event: Event);
    /// The number of results up to a time.
    fn advance(&mut self, time: Timestamp) -> u64;
}

impl Windows for PanedWindows<u64, Found> {
    fn prefetch(&mut self, hash: u32) {
        PanedWindows::prefetch(self, hash);
    }

    fn feed(&mut self, event: Event) {
        let Event { key, hash, time, price } = event;
        if self.has_short_way(time) {
            return self.add((hash, &key), price, &CountMax).expect("there is memory");
        }
        let fed = PanedWindows::feed(self, (hash, &key), (time, price), &CountMax);
        assert_eq!(fed.expect("there is memory"), Fed::Taken(Fires::Nothing));
    }

    fn advance(&mut self, time: Timestamp) -> u64 {
        PanedWindows::advance(self, Watermark(time));
        std::iter::from_fn(|| self.next_fired(&CountMax).map(black_box)).count() as u64
    }
}

impl Windows for SlicedWindows<u64, Found> {
    fn prefetch(&mut self, hash: u32) {
        SlicedWindows::prefetch(self, hash);
    }

    fn feed(&mut self, event: Event) {
        let Event { key, hash, time, price } = event;
        let asked = AskedKey { hash, is: |known: &u64| *known == key, make: || key };
        let fed = SlicedWindows::feed(self, asked, time, price, &CountMax);
        assert_eq!(fed, Fed::Taken(Fires::Nothing));
    }

    fn advance(&mut self, time: Timestamp) -> u64 {
        SlicedWindows::advance(self, Watermark(time));
        std::iter::from_fn(|| self.next_fired(&CountMax).map(black_box)).count() as u64
    }
}

/// Runs all bids through windows, a watermark each 100 ms; gives the number of results.
fn run(windows: &mut impl Windows) -> u64 {
    let (mut bids, mut fired, mut next) = (Bids::new(0, 1), 0, 100);
    for _ in 0..BIDS / AHEAD as u64 {
        let events: [Event; AHEAD] = std::array::from_fn(|_| {
            let (key, price, time) = bids.next_bid();
            let (hash, time) = (key_hash(&key), Timestamp::from_millis(time as i64));
            Event { key, hash, time, price }
        });
        events.iter().for_each(|event| windows.prefetch(event.hash));
        events.iter().for_each(|event| windows.feed(*event));
        let time = events[AHEAD - 1].time.millis();
        if time >= next {
            next = time + 100;
            fired += windows.advance(Timestamp::from_millis(time - 1));
        }
    }
    fired
}

fn windows(criterion: &mut Criterion) {
    let managed = SegmentCount(4_096);
    let arena = Arena::map(ArenaOptions { managed, ..ArenaOptions::default() });
    let arena = arena.expect("memory for a bench");
    let mut group = criterion.benchmark_group("windows of 10 s/12 M bids, 100 k auctions");
    group.throughput(Throughput::Elements(BIDS)).sample_size(10);
    for (name, slide) in [("tumbling", 10), ("by 2 s", 2)] {
        let grid = SliceGrid::new(Duration::from_secs(10), Duration::from_secs(slide), 0);
        let rules = (grid, AllowedLateness::ZERO);
        group.bench_function(format!("{name}, in tables"), |bencher| {
            bencher.iter(|| {
                let options =
                    SupplyOptions { owner: "windows".to_owned(), limit: None, spill: None };
                let supply = Supply::open(arena.managed(), options).expect("there is memory");
                run(&mut PanedWindows::new(rules, HashRange::ALL, supply))
            });
        });
        group.bench_function(format!("{name}, by key"), |bencher| {
            bencher.iter(|| run(&mut SlicedWindows::new(rules.0, rules.1)));
        });
    }
    group.finish();
}

const EVENTS: u64 = 1_000_000;
const KEYS: u64 = 100_000;
const EVENTS_PER_SECOND: u64 = 100_000;

fn events() -> Vec<Event> {
    let event = |n: u64| {
        let key = (u64::from(key_hash(&n)) * KEYS) >> 32;
        let time = Timestamp::from_millis((n * 1_000 / EVENTS_PER_SECOND) as i64);
        Event { key, hash: key_hash(&key), time, price: n }
    };
    (0..EVENTS).map(event).collect()
}

fn timers(criterion: &mut Criterion) {
    let events = events();
    // The ends of windows of 10 s: few times, each with many keys.
    let timer = |event: &Event| {
        let end = Timestamp::from_millis((event.time.millis() / 10_000 + 1) * 10_000 - 1);
        (end, Timer { key_hash: event.hash, key: event.key, namespace: () })
    };
    let mut group =
        criterion.benchmark_group("timers/1 M registrations of 100 k keys, then all fire");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("queue", |bencher| {
        bencher.iter(|| {
            let mut queue = TimerQueue::new(MaxParallelism(128));
            events.iter().map(timer).for_each(|(time, timer)| {
                black_box(queue.register(time, timer));
            });
            while let Some(due) = queue.pop_due(Timestamp::MAX) {
                black_box(due);
            }
        });
    });
    group.bench_function("ordered set", |bencher| {
        bencher.iter(|| {
            let mut set = BTreeSet::new();
            events.iter().map(timer).for_each(|(time, timer)| {
                set.insert((time, timer.key));
            });
            while let Some(due) = set.pop_first() {
                black_box(due);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, windows, timers);
criterion_main!(benches);

//! Windows and timers without a job around them: what an event costs in tumbling and in sliding
//! windows of 100,000 keys, and what a timer costs beside an ordered set of the same timers.

use brisk::{
    graph::MaxParallelism,
    record::key_hash,
    time::{
        Timestamp, Watermark,
        timers::{Timer, TimerQueue},
        window::{AllowedLateness, AskedKey, Fed, Fires, Fold, SliceGrid, SlicedWindows},
    },
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::{collections::BTreeSet, hint::black_box, time::Duration};

const KEYS: u64 = 100_000;
const EVENTS: u64 = 1_000_000;
/// Events of one second: a window of 10 s has 10 of each key.
const EVENTS_PER_SECOND: u64 = 100_000;
/// As far as a gate tells ahead.
const LOOK_AHEAD: usize = 16;

/// Count and greatest price.
#[derive(Clone, Copy)]
struct CountMax;

impl Fold<u64> for CountMax {
    type Accumulator = (u64, u64);

    fn first(&self, price: u64) -> (u64, u64) {
        (1, price)
    }

    fn add(&self, (count, max): &mut (u64, u64), price: u64) {
        *count += 1;
        *max = (*max).max(price);
    }

    fn merge(&self, (count, max): &mut (u64, u64), later: (u64, u64)) {
        *count += later.0;
        *max = (*max).max(later.1);
    }
}

struct Event {
    key: u64,
    hash: u32,
    time: Timestamp,
}

fn events() -> Vec<Event> {
    let event = |n: u64| {
        let key = (u64::from(key_hash(&n)) * KEYS) >> 32;
        let time = Timestamp::from_millis((n * 1_000 / EVENTS_PER_SECOND) as i64);
        Event { key, hash: key_hash(&key), time }
    };
    (0..EVENTS).map(event).collect()
}

/// Runs all events through windows, a watermark each second; gives the number of results.
fn run(events: &[Event], windows: &mut SlicedWindows<u64, (u64, u64)>) -> u64 {
    let (mut fired, mut second) = (0, 0);
    for (at, event) in events.iter().enumerate() {
        if let Some(ahead) = events.get(at + LOOK_AHEAD) {
            windows.prefetch(ahead.hash);
        }
        let key = event.key;
        let asked = AskedKey { hash: event.hash, is: |known: &u64| *known == key, make: || key };
        let fed = windows.feed(asked, event.time, key, &CountMax);
        assert_eq!(fed, Fed::Taken(Fires::Nothing));
        if event.time.millis() / 1_000 > second {
            second = event.time.millis() / 1_000;
            windows.advance(Watermark::from_millis(second * 1_000 - 1));
            while let Some(result) = windows.next_fired(&CountMax) {
                fired += 1;
                black_box(result);
            }
        }
    }
    fired
}

fn windows(criterion: &mut Criterion) {
    let events = events();
    let mut group = criterion.benchmark_group("windows/1 M events, 100 k keys");
    group.throughput(Throughput::Elements(EVENTS));
    for (name, slide) in
        [("tumbling 10 s", 10), ("sliding 10 s by 2 s", 2), ("sliding 10 s by 1 s", 1)]
    {
        let grid = SliceGrid::new(Duration::from_secs(10), Duration::from_secs(slide), 0);
        group.bench_function(name, |bencher| {
            let fresh = || SlicedWindows::new(grid, AllowedLateness::ZERO);
            bencher.iter_batched_ref(fresh, |windows| run(&events, windows), BatchSize::LargeInput);
        });
    }
    group.finish();
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

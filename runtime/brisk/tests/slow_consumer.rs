//! A producer waits for a consumer that is a thousand times slower.

#[path = "support/mod.rs"]
mod support;

use brisk::prelude::*;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use support::{assert_all_returned, cluster, environment};

const RECORD: usize = 1000;
const NETWORK: [(&str, &str); 2] =
    [("taskmanager.memory.network.min", "4mb"), ("taskmanager.memory.network.max", "4mb")];
/// Some twenty nanoseconds make and send a record.
const SLOW: Duration = Duration::from_micros(20);
const CHANNEL: usize = 16;

fn record(n: u64) -> Vec<u8> {
    let mut record = vec![0; RECORD];
    record[..8].copy_from_slice(&n.to_le_bytes());
    record
}

/// Works for as long as the time says.
fn labour(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

fn slow_number(record: Vec<u8>) -> u64 {
    labour(SLOW);
    u64::from_le_bytes(record[..8].try_into().expect("eight bytes"))
}

/// Records that fit into all network memory, and those that the channel and tasks hold beside it.
fn held_at_most(cluster: &MiniCluster) -> u64 {
    let bytes =
        cluster.arena().network().total().0 as usize * cluster.arena().segment_size().bytes();
    (bytes / RECORD + CHANNEL + 10) as u64
}

#[test]
fn the_producer_waits_and_nothing_is_lost() {
    const RECORDS: u64 = 50_000;
    let cluster = cluster(&NETWORK, 2);
    let env = environment(&cluster, 1);
    let (sink, receiver) = channel_sink(CHANNEL);
    let records = env.from_generator(Some(RECORDS), RateLimit::Unlimited, record);
    records.name("fast").rebalance().map(slow_number).sink_to(sink);
    let handle = env.execute_async("slow consumer").expect("it starts");
    for expected in 0..RECORDS {
        // Near the end the producer may be done; reports leave out tasks that ended.
        if expected % 5000 == 4999 && expected + held_at_most(&cluster) < RECORDS {
            let tasks = handle.tasks();
            // Consumed since then is only more.
            let emitted: u64 = tasks.iter().map(|task| task.counts.records_emitted).sum();
            let read: u64 = tasks.iter().map(|task| task.counts.records_in).sum();
            assert!(emitted > 0 && emitted <= RECORDS, "{emitted} emitted");
            assert!(emitted <= read + held_at_most(&cluster), "{emitted} emitted, {read} read");
        }
        assert_eq!(receiver.recv(), Some(expected), "one channel keeps the order");
    }
    assert_eq!(receiver.recv(), None);
    let result = handle.wait().expect("the job ends");
    let waited: u64 = result.tasks.iter().map(|task| task.times.backpressured_ns).sum();
    assert!(waited > 0, "the producer was held back");
    assert_all_returned(&cluster);
}

#[test]
fn a_producer_stands_still_while_nobody_takes_its_records() {
    let cluster = cluster(&NETWORK, 2);
    let env = environment(&cluster, 1);
    let (sink, receiver) = channel_sink(CHANNEL);
    env.from_generator(None, RateLimit::Unlimited, record).rebalance().sink_to(sink);
    let handle = env.execute_async("nobody").expect("it starts");
    let emitted = || -> u64 { handle.tasks().iter().map(|task| task.counts.records_emitted).sum() };
    for pulled in 1..=100 {
        assert!(receiver.recv().is_some());
        let emitted = emitted();
        assert!(emitted <= pulled + held_at_most(&cluster), "{emitted} emitted, {pulled} pulled");
    }
    handle.cancel();
    assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
    assert_all_returned(&cluster);
}

/// The time from asking to the end, for a job that waits everywhere behind a consumer of `slow`.
fn cancel(cluster: &Arc<MiniCluster>, slow: Duration) -> Duration {
    let env = environment(cluster, 2);
    let (sink, receiver) = channel_sink(CHANNEL);
    let numbers = env.from_generator(None, RateLimit::Unlimited, |n| n);
    let slowly = move |n: u64| {
        labour(slow);
        n
    };
    numbers.rebalance().map(slowly).rebalance().sink_to(sink);
    let handle = env.execute_async("to be canceled").expect("it starts");
    for _ in 0..20 {
        assert!(receiver.recv().is_some());
    }
    let began = Instant::now();
    handle.cancel();
    assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
    began.elapsed()
}

#[test]
fn cancel_answers_within_100_ms() {
    let cluster = cluster(&NETWORK, 2);
    for slow in [SLOW, Duration::from_micros(200), Duration::from_millis(1)] {
        let tries: Vec<Duration> = (0..5).map(|_| cancel(&cluster, slow)).collect();
        eprintln!("records of {slow:?}: canceled in {tries:?}");
        let best = tries.iter().min().expect("five tries");
        assert!(best.as_millis() < 100, "canceled in {tries:?}");
        assert_all_returned(&cluster);
    }
}

//! Many subtasks, each sending to each, on the least memory that is legal.

#[path = "support/mod.rs"]
mod support;
#[path = "support/tally.rs"]
mod tally;

use brisk::prelude::*;
use std::sync::Arc;
use support::{assert_all_returned, cluster, environment};
use tally::{Tally, total};

const PARALLELISM: u32 = 64;
const SEGMENT_BYTES: u32 = 4096;
/// One for each open buffer and one on its way, for each producer.
const LEAST: u32 = PARALLELISM * (PARALLELISM + 1);
const RECORDS: u64 = 300_000;

/// A cluster with exactly this much network memory.
fn network(segments: u32, per_channel: &str) -> Arc<MiniCluster> {
    let bytes = format!("{}b", segments * SEGMENT_BYTES);
    let settings = [
        ("taskmanager.memory.segment-size", "4kb"),
        ("taskmanager.memory.network.min", &bytes),
        ("taskmanager.memory.network.max", &bytes),
        ("taskmanager.network.memory.buffers-per-channel", per_channel),
    ];
    let cluster = cluster(&settings, PARALLELISM);
    assert_eq!(cluster.arena().network().total().0, segments);
    cluster
}

fn run(cluster: &Arc<MiniCluster>) -> Result<(u64, u64), Error> {
    let env = environment(cluster, PARALLELISM);
    let numbers = env.from_generator(Some(RECORDS), RateLimit::Unlimited, |n| n);
    let keyed = numbers.name("numbers").key_by(|n: &u64| *n).into_stream();
    let tallies = keyed.process(Tally::default()).collect();
    env.execute("all to all")?;
    Ok(total(tallies.take()))
}

fn check(cluster: &Arc<MiniCluster>) {
    for _ in 0..2 {
        let found = run(cluster).expect("the job runs");
        assert_eq!(found, (RECORDS, RECORDS * (RECORDS - 1) / 2));
        assert_all_returned(cluster);
    }
}

#[test]
fn all_to_all_on_the_least_memory() {
    check(&network(LEAST, "2"));
}

#[test]
fn all_to_all_with_two_segments_for_each_channel() {
    check(&network(PARALLELISM * (2 * PARALLELISM + 8), "2"));
}

#[test]
fn one_segment_less_is_refused_with_the_sum() {
    let cluster = network(LEAST - 1, "2");
    let error = run(&cluster).expect_err("one segment is missing").to_string();
    for part in [
        "job 'all to all' needs at least 4160 network segments but 4159 of 4159 are free",
        "4160 for the 64 subtasks of 'Source: numbers'",
        "taskmanager.memory.network.min and .max",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_all_returned(&cluster);
}

/// Every kind of exchange in one job: forks, broadcasts, a side path that meets the main one again.
fn everything(cluster: &Arc<MiniCluster>) -> Result<(u64, u64), Error> {
    let env = environment(cluster, 6);
    let numbers = env.from_generator(Some(RECORDS / 10), RateLimit::Unlimited, |n| n).shared();
    let keyed = numbers.clone().key_by(|n: &u64| *n).into_stream().map(|n| n + 1);
    let shuffled = numbers.clone().shuffle().map(|n| n + 2).set_parallelism(3).rescale();
    let first = numbers.filter(|n| *n < 1000).broadcast().map(|n| n).set_parallelism(2).global();
    let both = keyed.union(shuffled.map(|n| n)).connect(first.map(|n| n));
    let tallies = both.map(|n| n, |n| n).rebalance().process(Tally::default()).collect();
    env.execute("everything")?;
    Ok(total(tallies.take()))
}

#[test]
fn every_exchange_on_the_least_memory() {
    let error = everything(&network(16, "2")).expect_err("16 are too few").to_string();
    let needed = error.split("needs at least ").nth(1).and_then(|rest| rest.split(' ').next());
    let needed: u32 = needed.and_then(|number| number.parse().ok()).expect("the sum is named");
    assert!(everything(&network(needed - 1, "2")).is_err());
    let (n, first) = (RECORDS / 10, 1000);
    let expected = n * (n - 1) + 3 * n + 2 * (first * (first - 1) / 2);
    for per_channel in ["0", "2"] {
        let cluster = network(needed, per_channel);
        for _ in 0..3 {
            let found = everything(&cluster).expect("the job runs");
            assert_eq!(found, (2 * n + 2 * first, expected));
            assert_all_returned(&cluster);
        }
    }
}

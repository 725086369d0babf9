//! Input far larger than memory, and records as large as it.

#[path = "support/mod.rs"]
mod support;
#[path = "support/tally.rs"]
mod tally;

use brisk::prelude::*;
use std::sync::Arc;
use support::{assert_all_returned, cluster, environment};
use tally::{Tally, total};

fn network(size: &'static str) -> Arc<MiniCluster> {
    let settings =
        [("taskmanager.memory.network.min", size), ("taskmanager.memory.network.max", size)];
    cluster(&settings, 4)
}

fn network_bytes(cluster: &MiniCluster) -> u64 {
    let segments = u64::from(cluster.arena().network().total().0);
    segments * cluster.arena().segment_size().bytes() as u64
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A record whose bytes depend on its number.
fn record(n: u64, size: usize) -> Vec<u8> {
    let mut state = n;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..size).map(|_| next()).collect()
}

fn small_size(n: u64) -> usize {
    100 + (n * 7919 % 1700) as usize
}

/// Sends `records` records of `size` from all to all by key and compares what arrives.
fn check(cluster: &Arc<MiniCluster>, parallelism: u32, records: u64, size: fn(u64) -> usize) {
    let env = environment(cluster, parallelism);
    let make = move |n| (n, record(n, size(n)));
    let read = |pair: &Archived<(u64, Vec<u8>)>, out: &mut Collector<u64>| {
        out.collect(hash(pair.1.as_slice()).wrapping_add(pair.0.to_native()));
    };
    let made = env.from_generator(Some(records), RateLimit::Unlimited, make);
    let read = made.key_by(|(n, _): &(u64, Vec<u8>)| *n % 977).into_stream().flat_map_view(read);
    let tallies = read.process(Tally::default()).collect();
    env.execute("large input").expect("the job runs");
    let expected = (0..records).map(|n| hash(&record(n, size(n))).wrapping_add(n));
    let expected = expected.fold(0, u64::wrapping_add);
    assert_eq!(total(tallies.take()), (records, expected));
    assert_all_returned(cluster);
}

#[test]
fn twenty_times_all_pools() {
    const RECORDS: u64 = 50_000;
    let cluster = network("2mb");
    let bytes: u64 = (0..RECORDS).map(|n| small_size(n) as u64).sum();
    assert!(bytes > 20 * network_bytes(&cluster), "{bytes} bytes");
    for parallelism in [1, 4] {
        check(&cluster, parallelism, RECORDS, small_size);
    }
}

#[test]
fn records_of_ten_megabytes_among_small_ones() {
    let sizes = |n: u64| if n % 1000 == 500 { 10_000_000 } else { small_size(n) };
    let cluster = network("12mb");
    for parallelism in [1, 3] {
        check(&cluster, parallelism, 4000, sizes);
    }
}

#[test]
fn a_record_larger_than_the_pool_is_named_with_the_key_to_change() {
    let cluster = network("2mb");
    let env = environment(&cluster, 2);
    let make = |n| if n == 77 { vec![0u8; 3_000_000] } else { vec![0u8; 100] };
    let made = env.from_generator(Some(1000), RateLimit::Unlimited, make).name("makes too much");
    made.rebalance().map(|bytes| bytes.len() as u64).discard();
    let error = env.execute("too large").expect_err("it does not fit").to_string();
    let limit = format!("network memory of {} bytes", network_bytes(&cluster));
    for part in
        ["a record of 30000", limit.as_str(), "taskmanager.memory.network.max", "makes too much"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_all_returned(&cluster);
}

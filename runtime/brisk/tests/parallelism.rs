//! Sixty-four subtasks, each sending to each, on the least memory that is legal.

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

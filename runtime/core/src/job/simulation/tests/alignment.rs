//! Sources of which one waits for the other.

use super::*;
use crate::time::{Timestamp, Watermark, WatermarkStrategy};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// Numbers of the slow source, a thousand a second.
const SLOW: u64 = 1000;
const DRIFT: Duration = Duration::from_millis(100);

/// How far the fast source got ahead of the slow one while that had not ended.
fn lead(seed: u64, alignment: Option<Duration>) -> i64 {
    let (mut cluster, env) = from_seed(seed);
    env.set_parallelism(1);
    let strategy = || {
        let of_record = |_: &i64, time: Timestamp| Some(Watermark(time));
        let strategy = WatermarkStrategy::for_punctuated(of_record)
            .with_timestamp_assigner(|n: &i64, _| Timestamp::from_millis(*n));
        match alignment {
            Some(drift) => strategy.with_watermark_alignment("both", drift, DRIFT / 10),
            None => strategy,
        }
    };
    let (slow, most) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let (behind, lead) = (Arc::clone(&slow), Arc::clone(&most));
    let source =
        crate::source::GeneratorSource::new(Some(SLOW), RateLimit::PerSecond(1000.0), |n: u64| {
            n as i64
        });
    env.from_source(source, "slow")
        .assign_timestamps_and_watermarks(strategy())
        .map(move |n: i64| {
            slow.store(n, Ordering::Relaxed);
            n
        })
        .discard();
    env.from_sequence(0..=4999)
        .assign_timestamps_and_watermarks(strategy())
        .map(move |n: i64| {
            let behind = behind.load(Ordering::Relaxed);
            if behind < SLOW as i64 - 1 {
                lead.fetch_max(n - behind, Ordering::Relaxed);
            }
            n
        })
        .discard();
    env.execute_on(&mut cluster, "aligned").expect("the job runs");
    most.load(Ordering::Relaxed)
}

#[test]
fn simulated_sources_wait_for_the_slowest_of_their_group() {
    for seed in 0..10 {
        let free = lead(seed, None);
        assert!(free > 1000, "nobody waits: {free} ms, seed {seed}");
        let aligned = lead(seed, Some(DRIFT));
        let most = DRIFT.as_millis() as i64 + 1;
        assert!((1..=most).contains(&aligned), "{aligned} ms ahead, seed {seed}");
    }
}

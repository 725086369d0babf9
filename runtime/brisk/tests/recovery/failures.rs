//! Jobs that fail again and again count each record once.

use brisk::{checkpoint::statistics::CheckpointingStatistics, prelude::*};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

const RECORDS: u64 = 1_000_000;
const KEYS: u64 = 997;
const FAILURES: u32 = 12;

/// Fails a job after some records, so many times.
#[derive(Clone)]
struct Fuse {
    /// Records until the next failure.
    left: Arc<AtomicI64>,
    failures: Arc<AtomicI64>,
}

impl Fuse {
    fn new(failures: u32) -> Self {
        let left = Arc::new(AtomicI64::new(40_000));
        Self { left, failures: Arc::new(AtomicI64::new(failures.into())) }
    }

    fn burn(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let failures = self.failures.fetch_sub(1, Ordering::Relaxed);
            if failures > 0 {
                // Some time after the next checkpoint, or before it.
                self.left.store(30_000 + 17_000 * (failures % 5), Ordering::Relaxed);
                panic!("a planned failure");
            }
        }
    }
}

/// The highest count of each key that was seen.
type Counts = Arc<Mutex<HashMap<u64, u64>>>;

/// What came of the checkpoints of a job whose counts were right.
fn check(settings: &[(&str, &str)]) -> CheckpointingStatistics {
    check_at(2e6, settings)
}

/// The same with so many records a second, so that there are checkpoints between failures.
fn check_at(rate: f64, settings: &[(&str, &str)]) -> CheckpointingStatistics {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path().display().to_string();
    let mut all = vec![
        ("execution.checkpointing.interval", "10 ms"),
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "1000"),
        ("restart-strategy.fixed-delay.delay", "1 ms"),
        ("execution.checkpointing.dir", directory.as_str()),
    ];
    all.extend_from_slice(settings);
    let mut config = Configuration::new();
    for (key, value) in all {
        config.set(key, value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let env = env.expect("the settings are right");
    env.set_parallelism(2);
    let (fuse, seen) = (Fuse::new(FAILURES), Counts::default());
    let counts = Arc::clone(&seen);
    env.from_generator(Some(RECORDS), RateLimit::PerSecond(rate), |n| n % KEYS)
        .map(move |n| {
            fuse.burn();
            n
        })
        .key_by(|n: &u64| *n)
        .count()
        .for_each(move |(key, count): (u64, u64)| {
            let mut counts = counts.lock().expect("nobody panics with it");
            let highest = counts.entry(key).or_default();
            *highest = count.max(*highest);
        });
    let handle = env.execute_async("exactly once").expect("it starts");
    let mut running = handle;
    let mut statistics = running.checkpoint_statistics();
    // Of a job that is over nothing can be asked.
    while let Err(handle) = running.wait_for(Duration::from_millis(5)).map(|result| {
        result.expect("it ends in spite of its failures");
    }) {
        statistics = handle.checkpoint_statistics();
        running = handle;
    }
    let counts = seen.lock().expect("nobody panics with it");
    for key in 0..KEYS {
        let expected = (RECORDS - key).div_ceil(KEYS);
        assert_eq!(counts.get(&key), Some(&expected), "records of key {key}");
    }
    let restored = statistics.counts.restored;
    assert!(restored > u64::from(FAILURES) / 2, "{restored} times from a checkpoint");
    statistics
}

#[test]
fn aligned() {
    check(&[]);
}

#[test]
fn unaligned() {
    let statistics = check(&[("execution.checkpointing.unaligned.enabled", "true")]);
    assert!(statistics.summary.persisted_data.max > 0, "records in flight were part of them");
}

#[test]
fn aligned_with_a_timeout() {
    check(&[
        ("execution.checkpointing.unaligned.enabled", "true"),
        ("execution.checkpointing.aligned-checkpoint-timeout", "1 ms"),
    ]);
}

#[test]
fn kept_in_memory() {
    check(&[("execution.checkpointing.storage", "jobmanager")]);
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::check_at;

    const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");
    /// A checkpoint waits for a file to be written.
    const RATE: f64 = 2e5;

    #[test]
    fn in_full() {
        check_at(RATE, &[ROCKSDB]);
    }

    #[test]
    fn incremental_and_unaligned() {
        check_at(
            RATE,
            &[
                ROCKSDB,
                ("execution.checkpointing.incremental", "true"),
                ("execution.checkpointing.unaligned.enabled", "true"),
            ],
        );
    }

    #[test]
    fn kept_in_memory() {
        check_at(RATE, &[ROCKSDB, ("execution.checkpointing.storage", "jobmanager")]);
    }
}

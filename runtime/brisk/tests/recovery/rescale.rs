//! A job that was stopped goes on at any other parallelism, from checkpoints and savepoints.

use brisk::{
    checkpoint::{AfterSavepoint, SavepointFormat, coordinator::SavepointRequest},
    job::Stop,
    prelude::*,
};
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const RECORDS: u64 = 150_000;
const KEYS: u64 = 997;
/// What a record takes before the job is stopped: far from the end.
const SLOW: Duration = Duration::from_micros(10);
const PARALLELISMS: [u32; 4] = [1, 2, 3, 7];

/// How a job is stopped, and so what it goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// Canceled after an aligned checkpoint.
    Aligned,
    /// Canceled after one that has records in flight.
    Unaligned,
    /// Canceled after a savepoint.
    Savepoint,
    /// By a savepoint.
    WithSavepoint,
}

#[derive(Clone, Default)]
struct Counts {
    highest: Arc<Mutex<HashMap<u64, u64>>>,
    records: Arc<AtomicU64>,
}

impl Counts {
    fn see(&self, key: u64, count: u64) {
        let mut counts = self.highest.lock().expect("nobody panics with it");
        let highest = counts.entry(key).or_default();
        *highest = count.max(*highest);
        self.records.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts records by key; the sink may take its time, so that buffers are full.
fn job(env: &StreamExecutionEnvironment, seen: &Counts, slow: Duration) -> JobHandle {
    let counts = seen.clone();
    let numbers = env.from_generator(Some(RECORDS), RateLimit::Unlimited, |n| n % KEYS);
    let numbers = numbers.uid("numbers").map(|n| n).rebalance().map(|n: u64| n).uid("same");
    numbers.key_by(|n: &u64| *n).count().uid("counts").for_each(move |(key, count): (u64, u64)| {
        let until = Instant::now() + slow;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        counts.see(key, count);
    });
    env.execute_async("rescaled").expect("it starts")
}

fn environment(settings: &[(&str, &str)], parallelism: u32) -> StreamExecutionEnvironment {
    let mut config = Configuration::new();
    // Little room, so that sources are far from their end when buffers are full.
    let little = [
        ("taskmanager.memory.segment-size", "4 kb"),
        ("taskmanager.network.memory.buffers-per-channel", "1"),
        ("taskmanager.network.memory.floating-buffers-per-gate", "1"),
    ];
    for (key, value) in little.iter().chain(settings) {
        config.set(*key, *value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let env = env.expect("the settings are right");
    env.set_parallelism(parallelism);
    env
}

/// Runs the job for a while and stops it; what it left.
fn stop(stopped: Stopped, folder: &Path, settings: &[(&str, &str)], parallelism: u32) -> String {
    let directory = folder.display().to_string();
    let unaligned = (stopped == Stopped::Unaligned).to_string();
    let mut all = vec![
        ("execution.checkpointing.dir", directory.as_str()),
        ("execution.checkpointing.savepoint-dir", directory.as_str()),
        ("execution.checkpointing.unaligned.enabled", unaligned.as_str()),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
    ];
    all.extend_from_slice(settings);
    let seen = Counts::default();
    let handle = job(&environment(&all, parallelism), &seen, SLOW);
    while seen.records.load(Ordering::Relaxed) < RECORDS / 50 {
        std::thread::yield_now();
    }
    let savepoint = SavepointRequest {
        target: None,
        format: SavepointFormat::Canonical,
        after: AfterSavepoint::Continue,
    };
    if settings.contains(&INCREMENTAL) {
        // So that the last one is based on others.
        for _ in 0..2 {
            handle.trigger_checkpoint().wait().expect("it comes about");
        }
    }
    let answer = match stopped {
        Stopped::Aligned | Stopped::Unaligned => handle.trigger_checkpoint(),
        Stopped::Savepoint => handle.trigger_savepoint(savepoint),
        Stopped::WithSavepoint => handle.stop_with_savepoint(None, Stop::Suspend),
    };
    let left = answer.wait().expect("it comes about").location;
    if stopped == Stopped::Unaligned {
        let latest = handle.checkpoint_statistics().latest.completed.expect("there is one");
        assert!(latest.persisted_data > 0, "records in flight are part of it");
    }
    match stopped {
        Stopped::WithSavepoint => {
            handle.wait().expect("it finishes");
        }
        _ => {
            handle.cancel();
            assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
        }
    }
    left
}

fn check(stopped: Stopped, settings: &[(&str, &str)], then: u32, now: u32) {
    check_change(stopped, [settings; 2], then, now);
}

/// The same where the job goes on with other settings.
fn check_change(stopped: Stopped, settings: [&[(&str, &str)]; 2], then: u32, now: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let left = stop(stopped, folder.path(), settings[0], then);
    let mut all = vec![("execution.state-recovery.path", left.as_str())];
    all.extend_from_slice(settings[1]);
    let seen = Counts::default();
    let handle = job(&environment(&all, now), &seen, Duration::ZERO);
    handle.wait().unwrap_or_else(|error| panic!("{stopped:?} {then} to {now}: {error}"));
    let counts = seen.highest.lock().expect("nobody panics with it");
    let wrong = (0..KEYS).find(|key| {
        let expected = (RECORDS - key).div_ceil(KEYS);
        // All of a key's records may have come before.
        counts.get(key).is_some_and(|count| *count != expected)
    });
    assert_eq!(wrong, None, "{stopped:?} {settings:?} {then} to {now}: a key's records");
    assert!(counts.len() as u64 > KEYS / 2, "{stopped:?} {then} to {now}: it went on");
}

fn check_all(stopped: Stopped, settings: &[(&str, &str)]) {
    for then in PARALLELISMS {
        for now in PARALLELISMS {
            check(stopped, settings, then, now);
        }
    }
}

const COMPRESSED: (&str, &str) = ("execution.checkpointing.snapshot-compression", "true");

/// Only what changed, and all of it as segments.
const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");
const SEGMENTS: (&str, &str) = ("execution.checkpointing.data-inline-threshold", "0 b");

#[test]
fn from_incremental_checkpoints() {
    check_all(Stopped::Aligned, &[INCREMENTAL, SEGMENTS]);
}

#[test]
fn from_compressed_incremental_checkpoints() {
    check_all(Stopped::Aligned, &[INCREMENTAL, SEGMENTS, COMPRESSED]);
}

#[test]
fn from_incremental_unaligned_checkpoints() {
    check_all(Stopped::Unaligned, &[INCREMENTAL, SEGMENTS]);
}

#[test]
fn from_checkpoints_of_segments_that_are_full() {
    check_all(Stopped::Aligned, &[SEGMENTS]);
}

#[test]
fn from_aligned_checkpoints() {
    check_all(Stopped::Aligned, &[]);
}

#[test]
fn from_compressed_checkpoints() {
    check_all(Stopped::Aligned, &[COMPRESSED]);
}

#[test]
fn from_unaligned_checkpoints() {
    check_all(Stopped::Unaligned, &[]);
}

#[test]
fn from_compressed_unaligned_checkpoints() {
    check_all(Stopped::Unaligned, &[COMPRESSED]);
}

#[test]
fn from_savepoints() {
    check_all(Stopped::Savepoint, &[]);
}

#[test]
fn from_compressed_savepoints() {
    check_all(Stopped::Savepoint, &[COMPRESSED]);
}

#[test]
fn from_the_savepoint_that_stopped_it() {
    check_all(Stopped::WithSavepoint, &[]);
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::{PARALLELISMS, Stopped, check_all, check_change};

    const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");
    const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");

    #[test]
    fn from_full_aligned_checkpoints() {
        check_all(Stopped::Aligned, &[ROCKSDB]);
    }

    #[test]
    fn from_full_unaligned_checkpoints() {
        check_all(Stopped::Unaligned, &[ROCKSDB]);
    }

    #[test]
    fn from_incremental_aligned_checkpoints() {
        check_all(Stopped::Aligned, &[ROCKSDB, INCREMENTAL]);
    }

    #[test]
    fn from_incremental_unaligned_checkpoints() {
        check_all(Stopped::Unaligned, &[ROCKSDB, INCREMENTAL]);
    }

    #[test]
    fn from_savepoints_with_another_backend() {
        for [then, now] in [[&[][..], &[ROCKSDB][..]], [&[ROCKSDB], &[]]] {
            for parallelism in PARALLELISMS {
                check_change(Stopped::Savepoint, [then, now], 2, parallelism);
                check_change(Stopped::WithSavepoint, [then, now], parallelism, 2);
            }
        }
    }

    #[test]
    fn from_a_checkpoint_of_memory() {
        check_change(Stopped::Aligned, [&[], &[ROCKSDB]], 3, 2);
    }
}

//! A job that was stopped goes on at any other parallelism, from checkpoints and savepoints. What the
//! matrix has of checkpoints is in [`super::matrix`].

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
pub(super) enum Stopped {
    /// Canceled after an aligned checkpoint.
    Aligned,
    /// Canceled after one that has records in flight.
    Unaligned,
    /// Canceled after a savepoint.
    Savepoint,
    /// Canceled after a savepoint in the backend's own format.
    Native,
    /// By such a savepoint.
    WithNative,
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
fn job(
    env: &StreamExecutionEnvironment,
    seen: &Counts,
    slow: Duration,
) -> Result<JobHandle, Error> {
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
    env.execute_async("rescaled")
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
pub(super) fn stop(
    stopped: Stopped,
    folder: &Path,
    settings: &[(&str, &str)],
    parallelism: u32,
) -> String {
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
    let handle = job(&environment(&all, parallelism), &seen, SLOW).expect("it starts");
    while seen.records.load(Ordering::Relaxed) < RECORDS / 50 {
        std::thread::yield_now();
    }
    let native = matches!(stopped, Stopped::Native | Stopped::WithNative);
    let savepoint = SavepointRequest {
        target: None,
        format: if native { SavepointFormat::Native } else { SavepointFormat::Canonical },
        after: match stopped {
            Stopped::WithNative => AfterSavepoint::Suspend,
            _ => AfterSavepoint::Continue,
        },
    };
    if settings.contains(&INCREMENTAL) {
        // So that the last one is based on others.
        for _ in 0..2 {
            handle.trigger_checkpoint().wait().expect("it comes about");
        }
    }
    let answer = match stopped {
        Stopped::Aligned | Stopped::Unaligned => handle.trigger_checkpoint(),
        Stopped::Savepoint | Stopped::Native | Stopped::WithNative => {
            handle.trigger_savepoint(savepoint)
        }
        Stopped::WithSavepoint => handle.stop_with_savepoint(None, Stop::Suspend),
    };
    let left = answer.wait().expect("it comes about").location;
    if stopped == Stopped::Unaligned {
        let latest = handle.checkpoint_statistics().latest.completed.expect("there is one");
        assert!(latest.persisted_data > 0, "records in flight are part of it");
    }
    match stopped {
        Stopped::WithSavepoint | Stopped::WithNative => {
            handle.wait().expect("it finishes");
        }
        _ => {
            handle.cancel();
            assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
        }
    }
    left
}

pub(super) fn check(stopped: Stopped, settings: &[(&str, &str)], then: u32, now: u32) {
    check_change(stopped, [settings; 2], then, now);
}

/// The same where the job goes on with other settings.
fn check_change(stopped: Stopped, settings: [&[(&str, &str)]; 2], then: u32, now: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let left = stop(stopped, folder.path(), settings[0], then);
    go_on(&left, settings[1], now, &format!("{stopped:?} {settings:?} {then} to {now}"));
}

/// Runs the job from what an earlier run left to its end, and counts.
fn go_on(left: &str, settings: &[(&str, &str)], parallelism: u32, what: &str) {
    if let Err(error) = try_to_go_on(left, settings, parallelism) {
        panic!("{what}: {error}");
    }
}

/// The same; what was wrong, with all causes.
///
/// # Panics
/// If the job ends well with wrong counts.
pub(super) fn try_to_go_on(
    left: &str,
    settings: &[(&str, &str)],
    parallelism: u32,
) -> Result<(), String> {
    let mut all = vec![("execution.state-recovery.path", left)];
    all.extend_from_slice(settings);
    let seen = Counts::default();
    let started = job(&environment(&all, parallelism), &seen, Duration::ZERO);
    if let Err(error) = started.and_then(JobHandle::wait) {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        return Err(text);
    }
    let counts = seen.highest.lock().expect("nobody panics with it");
    let wrong = (0..KEYS).find(|key| {
        let expected = (RECORDS - key).div_ceil(KEYS);
        // All of a key's records may have come before.
        counts.get(key).is_some_and(|count| *count != expected)
    });
    assert_eq!(wrong, None, "a key's records, from {left} with {settings:?}");
    assert!(counts.len() as u64 > KEYS / 2, "it went on from {left} with {settings:?}");
    Ok(())
}

fn check_all(stopped: Stopped, settings: &[(&str, &str)]) {
    for then in PARALLELISMS {
        for now in PARALLELISMS {
            check(stopped, settings, then, now);
        }
    }
}

pub(super) const COMPRESSED: (&str, &str) =
    ("execution.checkpointing.snapshot-compression", "true");

pub(super) const NO_RESTART: (&str, &str) = ("restart-strategy.type", "none");

/// Only what changed, and all of it as segments.
pub(super) const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");
pub(super) const SEGMENTS: (&str, &str) = ("execution.checkpointing.data-inline-threshold", "0 b");

#[test]
fn from_checkpoints_of_segments_that_are_full() {
    check_all(Stopped::Aligned, &[SEGMENTS]);
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

#[test]
fn from_native_savepoints() {
    for (then, now) in [(1, 3), (3, 2), (2, 7)] {
        check(Stopped::Native, &[SEGMENTS], then, now);
        check(Stopped::WithNative, &[INCREMENTAL, COMPRESSED], then, now);
    }
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::*;

    const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");

    #[test]
    fn from_native_savepoints() {
        check_all(Stopped::Native, &[ROCKSDB]);
        for (then, now) in [(1, 3), (3, 2), (2, 7)] {
            check(Stopped::WithNative, &[ROCKSDB, INCREMENTAL], then, now);
            check(Stopped::Native, &[ROCKSDB, SEGMENTS, COMPRESSED], then, now);
        }
    }

    /// From one savepoint to the next in another format, with other parallelisms.
    #[test]
    fn from_canonical_to_native_savepoints_and_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut left = stop(Stopped::Savepoint, folder.path(), &[ROCKSDB], 2);
        let steps = [
            (Stopped::Native, 3),
            (Stopped::WithNative, 1),
            (Stopped::WithSavepoint, 7),
            (Stopped::Native, 2),
            (Stopped::Savepoint, 2),
        ];
        for (stopped, parallelism) in steps {
            let path = left.clone();
            let settings = [ROCKSDB, ("execution.state-recovery.path", path.as_str())];
            left = stop(stopped, folder.path(), &settings, parallelism);
        }
        go_on(&left, &[], 3, "a canonical one at the end, into memory");
    }

    #[test]
    fn a_native_savepoint_is_whole_by_itself() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = [ROCKSDB, INCREMENTAL, SEGMENTS];
        let left = stop(Stopped::Native, &folder.path().join("made"), &settings, 2);
        let moved = folder.path().join("moved");
        std::fs::rename(&left, &moved).expect("it is a folder");
        std::fs::remove_dir_all(folder.path().join("made")).expect("the rest of it");
        go_on(&moved.display().to_string(), &[ROCKSDB], 3, "moved");
    }

    #[test]
    fn a_native_savepoint_is_for_its_backend() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let left = stop(Stopped::Native, folder.path(), &[ROCKSDB], 2);
        let text = try_to_go_on(&left, &[NO_RESTART], 2).expect_err("it is RocksDB's");
        assert!(text.contains("state.backend.type to rocksdb"), "{text}");
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

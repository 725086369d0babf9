//! Savepoints that were written once and are kept for good: a job goes on from them.
//!
//! `BRISK_WRITE_GOLDEN=1 cargo test -p brisk --test recovery golden` writes that of a new version.

use brisk::{
    api::Count,
    checkpoint::{AfterSavepoint, SavepointFormat, coordinator::SavepointRequest},
    prelude::*,
    time::window::assigner::SlidingEventTimeWindows,
};
use in_time::{Buckets, KEYS_IN_TIME, Row, Rows, Ruled, SLIDE, WINDOW};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

#[path = "../../../core/examples/exactly_once/in_time.rs"]
mod in_time;

const RECORDS: u64 = 2000;
const KEYS: i64 = 7;
const RULES: i64 = 5;
/// Records before the savepoint.
const BEFORE: u64 = 300;

/// What the job tells: rows by operator, and the highest count of each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    rows: Vec<(&'static str, Row)>,
    counts: BTreeMap<i64, u64>,
}

type Shared = Arc<Mutex<Told>>;

fn with<T>(told: &Shared, look: impl FnOnce(&mut Told) -> T) -> T {
    look(&mut told.lock().expect("nobody panics with it"))
}

/// Counts, windows, timers with a map, and broadcast state. Event time stands still until the end, so
/// that all windows and timers are in the savepoint.
fn job(env: &StreamExecutionEnvironment, rate: RateLimit, told: &Shared) -> JobHandle {
    let late = Duration::from_millis(2 * RECORDS);
    let in_time = WatermarkStrategy::for_bounded_out_of_orderness(late)
        .with_timestamp_assigner(|n: &i64, _| Timestamp::from_millis(*n));
    let numbers = env.from_generator(Some(RECORDS), rate, |n| n as i64).uid("numbers");
    let numbers = numbers.assign_timestamps_and_watermarks(in_time).uid("times").shared();
    let counted = told.clone();
    let counts = numbers.clone().key_by(|n: &i64| *n % KEYS).count().uid("counts");
    counts.for_each(move |(key, count): (i64, u64)| {
        with(&counted, |told| {
            let highest = told.counts.entry(key).or_default();
            *highest = count.max(*highest);
        });
    });
    let tell = |name: &'static str| {
        let told = told.clone();
        move |row: Row| with(&told, |told| told.rows.push((name, row)))
    };
    let in_windows = numbers.clone().key_by(|n: &i64| *n % KEYS_IN_TIME);
    let windows = in_windows.window(SlidingEventTimeWindows::of(WINDOW, SLIDE));
    windows.aggregate_with(Count, Rows).uid("windows").for_each(tell("windows"));
    let in_buckets = numbers.clone().key_by(|n: &i64| *n % KEYS_IN_TIME);
    in_buckets.process(Buckets::new(false)).uid("timers").for_each(tell("timers"));
    let rules = env.from_sequence(1..=RULES).uid("rules");
    let ruled = Ruled { seen: ValueState::new("seen") };
    let by_rules = numbers.key_by(|n: &i64| *n % KEYS_IN_TIME);
    by_rules.process_with_broadcast(rules, ruled).uid("ruled").for_each(tell("ruled"));
    env.execute_async("golden").expect("it starts")
}

fn environment(settings: &[(&str, &str)], parallelism: u32) -> StreamExecutionEnvironment {
    let mut config = Configuration::new();
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let mut env = env.expect("the settings are right");
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.set_parallelism(parallelism);
    env
}

/// What a run to the end tells.
fn told(settings: &[(&str, &str)], parallelism: u32) -> Told {
    let shared = Shared::default();
    let env = environment(settings, parallelism);
    let job = job(&env, RateLimit::Unlimited, &shared);
    job.wait().unwrap_or_else(|error| panic!("{settings:?} {parallelism}: {error}"));
    let mut told = with(&shared, std::mem::take);
    told.rows.sort_unstable();
    told
}

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recovery/golden").join(version)
}

/// Takes a savepoint in the midst of the job and puts its files where they are kept.
fn write(folder: &Path) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let shared = Shared::default();
    let checkpoints = place.path().join("checkpoints").display().to_string();
    let settings = [
        ("execution.checkpointing.dir", checkpoints.as_str()),
        ("execution.checkpointing.data-inline-threshold", "1 kb"),
    ];
    let env = environment(&settings, 2);
    let job = job(&env, RateLimit::PerSecond(1000.0), &shared);
    while with(&shared, |told| told.counts.values().sum::<u64>()) < BEFORE {
        std::thread::yield_now();
    }
    let savepoint = job.trigger_savepoint(SavepointRequest {
        target: Some(place.path().display().to_string()),
        format: SavepointFormat::Canonical,
        after: AfterSavepoint::Suspend,
    });
    let left = savepoint.wait().expect("it comes about").location;
    job.wait().expect("it ends");
    fs::create_dir_all(folder).expect("a new folder");
    for entry in fs::read_dir(&left).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("it can be copied");
    }
}

fn check(version: &str, settings: &[(&str, &str)], parallelism: u32) {
    let path = golden(version).display().to_string();
    let mut all = vec![("execution.state-recovery.path", path.as_str())];
    all.extend_from_slice(settings);
    let (found, expected) = (told(&all, parallelism), told(&[], 1));
    assert!(found.rows.iter().any(|(name, _)| *name == "ruled"), "{version}: broadcast state");
    assert_eq!(found, expected, "{version} {settings:?} at {parallelism}");
}

#[test]
fn a_job_goes_on_from_the_golden_savepoint() {
    if std::env::var_os("BRISK_WRITE_GOLDEN").is_some() {
        write(&golden("v1"));
    }
    for parallelism in [1, 2, 3, 7] {
        check("v1", &[], parallelism);
    }
}

#[cfg(feature = "rocksdb")]
#[test]
fn a_job_goes_on_from_the_golden_savepoint_with_rocksdb() {
    for parallelism in [1, 3] {
        check("v1", &[("state.backend.type", "rocksdb")], parallelism);
    }
}

//! `checkpoint`: a large state, counted on while checkpoints of it are taken.

use super::check::CheckSum;
use super::job_error;
use super::records::{Filled, Keyed, KeyedRecords};
use crate::BenchError;
use crate::input::generator::{MANY_KEYS, ROCKSDB_KEYS};
use crate::run::measurement::{Measurement, Outcome};
use crate::workload::PARALLELISM;
use brisk::chain::Aggregate;
use brisk::checkpoint::statistics::{CheckpointingStatistics, Stats};
use brisk::prelude::*;
use rkyv::{Archive, Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Managed memory: the state, and copies of it while it is written.
const MANAGED: u64 = 3500 << 20;
/// As the Flink peer has.
const MANAGED_IN_ROCKSDB: u64 = 2776 << 20;
/// Of a state that goes to disk in part.
const SPILLED_KEYS: u64 = 1_000_000;
/// Managed memory that is always there.
const SPILLED_LEAST: u64 = 4 << 20;
/// What such a key takes: an entry of the log, and what finds it.
const KEY_BYTES: u64 = 144 + 14;
/// How often is looked whether the job is over.
const LOOK: Duration = Duration::from_millis(1);

/// How many records there were of a key, and what the first of them had beside it: 100 bytes and
/// what aligns them.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug)]
struct Seen {
    count: u64,
    words: [u64; 11],
    rest: u64,
}

#[derive(Clone, Copy, Debug)]
struct CountSeen;

impl Aggregate<Keyed, u64> for CountSeen {
    type Accumulator = Seen;
    type Out = u64;

    fn first(&self, record: Keyed) -> Seen {
        Seen { count: 1, words: record.words, rest: u64::from(record.rest) }
    }

    fn add(&self, seen: &mut Seen, _record: Keyed) {
        seen.count += 1;
    }

    fn merge(&self, seen: &mut Seen, other: Seen) {
        seen.count += other.count;
    }

    fn result(&self, _key: u64, seen: Seen) -> u64 {
        seen.count
    }
}

/// What is kept, and by whom.
#[derive(Clone, Copy, Debug)]
struct State {
    /// How many keys it has.
    keys: u64,
    /// `state.backend.type`.
    backend: &'static str,
    /// `taskmanager.memory.managed.size` in bytes.
    managed: u64,
}

/// The backend that may keep more than memory holds.
const ROCKSDB: &str = "rocksdb";

/// Runs the workload with a checkpoint each `interval`, if there is one. Measured are the records that
/// come after each key was sent once.
fn checkpoint(
    records: u64,
    state: State,
    interval: Option<Duration>,
) -> Result<Measurement, BenchError> {
    let folder = Folder::new()?;
    let State { keys, backend, managed } = state;
    let mut config = Configuration::new();
    config.set("state.backend.type", backend);
    config.set("state.backend.rocksdb.localdir", folder.0.join("local").display().to_string());
    config.set("taskmanager.memory.managed.size", format!("{managed} bytes"));
    config.set("execution.checkpointing.incremental", "true");
    config.set("execution.checkpointing.dir", folder.0.display().to_string());
    let mut environment =
        StreamExecutionEnvironment::with_configuration(config).map_err(job_error)?;
    environment.set_parallelism(PARALLELISM as u32);
    environment.set_runtime_mode(RuntimeMode::Streaming);
    if let Some(interval) = interval {
        environment.enable_checkpointing(interval);
    }
    let check = CheckSum::new();
    let filled = Filled::default();
    environment
        .from_source(KeyedRecords::filling(keys, records, &filled), "records")
        .key_by(viewed(|record: &Keyed| record.key, |record| record.key.to_native()))
        .aggregate(CountSeen)
        .sink_to(check.sink(|_: &u64| Outcome::of_one(1)));
    let (mut taken, mut spilled) = (None, [0; 2]);
    let mut measurement = Measurement::take(|| {
        let job = environment.execute_async("measured").map_err(job_error)?;
        while !job.is_over() {
            std::thread::sleep(LOOK);
        }
        taken = Some((job.checkpoint_statistics(), job.snapshot_pauses(), Instant::now()));
        let result = job.wait().map_err(job_error)?;
        for task in &result.tasks {
            spilled[0] += task.counts.state_bytes_spilled;
            spilled[1] += task.counts.state_bytes_read_back;
        }
        Ok(check.total())
    })?;
    let (statistics, pauses, ended) = taken.expect("the job is over");
    if measurement.records != keys + records {
        let (sent, counted) = (keys + records, measurement.records);
        return Err(BenchError::Job(format!("{counted} of {sent} records were counted")));
    }
    let begun = filled.since().expect("the state was filled");
    measurement.seconds = (ended - begun).as_secs_f64();
    measurement.records = records;
    if spilled[0] > 0 {
        let names = ["state_bytes_spilled", "state_bytes_read_back"];
        for (name, bytes) in names.into_iter().zip(spilled) {
            measurement = measurement.with_figure(name, bytes as f64);
        }
    }
    Ok(match interval {
        None => measurement,
        Some(interval) => with_figures(measurement, interval, (&statistics, &pauses)),
    })
}

fn with_figures(
    measurement: Measurement,
    interval: Duration,
    (statistics, pauses): (&CheckpointingStatistics, &Stats),
) -> Measurement {
    let suffix = format!("{}_ms", interval.as_millis());
    let durations = &statistics.summary.end_to_end_duration;
    let [p50, p99] = [&durations.p50, &durations.p99].map(|found| found.0.unwrap_or(0.0) / 1e3);
    let pause = pauses.p999.0.unwrap_or(0.0) / 1e9;
    let bytes = statistics.summary.checkpointed_size.avg as f64;
    [
        ("checkpoint_seconds_p50", p50),
        ("checkpoint_seconds_p99", p99),
        ("checkpoint_bytes_mean", bytes),
        ("checkpoints_completed", statistics.counts.completed as f64),
        ("checkpoints_failed", statistics.counts.failed as f64),
        ("snapshot_pause_seconds_p999", pause),
    ]
    .into_iter()
    .fold(measurement, |all, (name, value)| all.with_figure(&format!("{name}_{suffix}"), value))
}

/// Runs it for the name of a job, `checkpoint-` or `rocksdb-` and the interval in milliseconds, 0 for
/// none; or `spill-` and how large the state is, in percent of managed memory.
pub fn by_name(name: &str, records: u64) -> Option<Result<Measurement, BenchError>> {
    let (workload, interval) = name.split_once('-')?;
    let interval: u64 = interval.parse().ok()?;
    let (mut keys, backend, managed) = match workload {
        "checkpoint" => (MANY_KEYS, "hashmap", MANAGED),
        "rocksdb" => (ROCKSDB_KEYS, ROCKSDB, MANAGED_IN_ROCKSDB),
        "spill" => (SPILLED_KEYS, "hashmap", 0),
        _ => return None,
    };
    // A tiny run has a tiny state.
    keys = keys.min(records.saturating_mul(4));
    if workload == "spill" {
        let managed = (keys * KEY_BYTES * 100 / interval.max(1)).max(SPILLED_LEAST);
        return Some(checkpoint(records, State { keys, backend, managed }, None));
    }
    let interval = (interval > 0).then(|| Duration::from_millis(interval));
    Some(checkpoint(records, State { keys: keys.min(records), backend, managed }, interval))
}

/// A folder of checkpoints, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("brisk-checkpoints-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(BenchError::file("make", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

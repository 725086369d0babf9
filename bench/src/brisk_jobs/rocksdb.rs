//! `rocksdb`: `keyed-count` over three times the keys, with state in RocksDB.

use super::check::CheckSum;
use super::records::{Keyed, KeyedRecords};
use super::{environment, job_error};
use crate::BenchError;
use crate::input::generator::WIDE;
use crate::run::measurement::{Measurement, Outcome};
use brisk::job::JobHandle;
use brisk::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at a job's checkpoints, which nobody can ask for when it is over.
const LOOK: Duration = Duration::from_millis(50);

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among other temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Counts `records` with an incremental checkpoint each `interval`, or none. The check is of
/// `WideCountSum`.
pub fn rocksdb(records: u64, interval: Option<Duration>) -> Result<Measurement, BenchError> {
    let folder = Folder(std::env::temp_dir().join(format!("brisk-bench-{}", std::process::id())));
    let mut environment = environment()?;
    environment.set_runtime_mode(RuntimeMode::Streaming);
    configure(&mut environment, &folder.0, interval);
    let check = CheckSum::new();
    environment
        .from_source(KeyedRecords::<WIDE> { total: records }, "records")
        .key_by(viewed(|record: &Keyed| record.key, |record| record.key.to_native()))
        .count()
        .sink_to(check.sink(|(_key, count): &(u64, u64)| Outcome { records: 0, check: *count }));
    let mut median = None;
    let measurement = Measurement::take(|| {
        let handle = environment.execute_async("measured").map_err(job_error)?;
        median = follow(handle)?;
        Ok(Outcome { records, ..check.total() })
    })?;
    Ok(match median {
        Some(seconds) => measurement.with_figure("checkpoint_seconds_p50", seconds),
        None => measurement,
    })
}

fn configure(
    environment: &mut StreamExecutionEnvironment,
    folder: &Path,
    interval: Option<Duration>,
) {
    let below = |name: &str| folder.join(name).display().to_string();
    environment.set("state.backend.type", "rocksdb");
    environment.set("state.backend.rocksdb.localdir", below("local"));
    environment.set("execution.checkpointing.incremental", "true");
    environment.set("execution.checkpointing.dir", below("checkpoints"));
    if let Some(interval) = interval {
        environment.enable_checkpointing(interval);
    }
}

/// Waits for the end; the median time of a checkpoint, if one was completed.
fn follow(mut running: JobHandle) -> Result<Option<f64>, BenchError> {
    let mut median = None;
    loop {
        running = match running.wait_for(LOOK) {
            Ok(result) => return result.map(|_| median).map_err(job_error),
            Err(handle) => handle,
        };
        let statistics = running.checkpoint_statistics();
        if statistics.counts.completed > 0 {
            let milliseconds = statistics.summary.end_to_end_duration.p50.0;
            median = milliseconds.map(|milliseconds| milliseconds / 1e3);
        }
    }
}

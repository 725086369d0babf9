//! `backpressure`: how long checkpoints of a job take whose sink is slow and whose buffers are full.

use super::records::{Keyed, KeyedRecords};
use super::{environment, job_error};
use crate::BenchError;
use crate::run::measurement::{Measurement, Outcome};
use brisk::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How long the sink takes for a record.
const RECORD_TIME: Duration = Duration::from_millis(1);

/// From one checkpoint to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// The first checkpoints, taken while buffers still fill and debloating still looks, don't count,
/// unless there are no others.
const SKIPPED: u64 = 3;

/// How often the job is asked for its checkpoints: more often than its history of ten wraps.
const POLL: Duration = Duration::from_millis(200);

/// More records than any run gets to.
const ENDLESS: u64 = u64::MAX / 4;

/// How barriers get through full buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// They wait for what is before them.
    Aligned,
    /// They wait, but there is less before them.
    Debloated,
    /// They overtake.
    Unaligned,
}

/// `backpressure-*`: runs until so many checkpoints are complete.
///
/// # Errors
/// If one fails, or the job does.
pub fn backpressure(through: Through, checkpoints: u64) -> Result<Measurement, BenchError> {
    let mut environment = environment_for(through)?;
    environment.set_runtime_mode(RuntimeMode::Streaming);
    let storage = tempfile::tempdir().map_err(BenchError::system("make a folder"))?;
    environment.enable_checkpointing(INTERVAL);
    environment.set_checkpoint_directory(&storage.path().to_string_lossy());
    if through == Through::Unaligned {
        environment.set("execution.checkpointing.unaligned.enabled", "true");
    }
    let written = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&written);
    environment
        .from_source(KeyedRecords::of(ENDLESS), "records")
        .key_by(viewed(|record: &Keyed| record.key, |record| record.key.to_native()))
        .count()
        .for_each(move |_: (u64, u64)| {
            thread::sleep(RECORD_TIME);
            // Relaxed: a count that is read when all is over.
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .blocking();
    let mut durations = Vec::new();
    let measured = Measurement::take(|| {
        let job = environment.execute_async("measured").map_err(job_error)?;
        durations = watch(&job, checkpoints)?;
        job.cancel();
        // Canceled is how it has to end.
        let _ = job.wait();
        Ok(Outcome { records: written.load(Ordering::Relaxed), check: 0 })
    })?;
    durations.sort_unstable();
    let at = |quantile: f64| {
        let rank = (durations.len() as f64 * quantile).ceil() as usize;
        durations[rank.clamp(1, durations.len()) - 1] as f64 / 1e3
    };
    Ok(match through {
        Through::Aligned => measured.with_figure("aligned_checkpoint_seconds_p50", at(0.5)),
        Through::Debloated => {
            measured.with_figure("aligned_checkpoint_seconds_p50_debloating", at(0.5))
        }
        Through::Unaligned => measured
            .with_figure("unaligned_checkpoint_seconds_p50", at(0.5))
            .with_figure("unaligned_checkpoint_seconds_p99", at(0.99)),
    })
}

fn environment_for(through: Through) -> Result<StreamExecutionEnvironment, BenchError> {
    if through == Through::Debloated {
        let mut configuration = Configuration::new();
        configuration.set("taskmanager.network.memory.buffer-debloat.enabled", "true");
        return super::environment_with(configuration);
    }
    environment()
}

/// The durations of the first checkpoints that count, in milliseconds.
fn watch(job: &JobHandle, wanted: u64) -> Result<Vec<i64>, BenchError> {
    let mut found: BTreeMap<u64, i64> = BTreeMap::new();
    let skipped = SKIPPED.min(wanted.saturating_sub(1));
    while (found.len() as u64) < wanted {
        if job.is_over() {
            return Err(BenchError::Job("the job ended before its checkpoints did".to_owned()));
        }
        thread::sleep(POLL);
        for checkpoint in job.checkpoint_statistics().history {
            match checkpoint.status {
                "COMPLETED" if checkpoint.id > skipped => {
                    found.insert(checkpoint.id, checkpoint.end_to_end_duration);
                }
                "FAILED" => {
                    let why = checkpoint.failure_message.unwrap_or_default();
                    let id = checkpoint.id;
                    return Err(BenchError::Job(format!("checkpoint {id} failed: {why}")));
                }
                _ => {}
            }
        }
    }
    Ok(found.into_values().take(wanted as usize).collect())
}

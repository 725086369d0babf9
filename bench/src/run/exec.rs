//! Runs one job of Brisk or of the floor in this process; what `brisk-bench exec` does.

use crate::BenchError;
use crate::brisk_jobs::{self, Chaining, Emit, Panes, Through};
use crate::floor;
use crate::nexmark::Query;
use crate::run::measurement::Measurement;
use crate::workload::Input;
use crate::workload::contender::System;
use std::path::Path;

/// Runs a job of `system` once; workloads name the jobs.
pub fn run(system: System, job: &str, input: &Input) -> Result<Measurement, BenchError> {
    match (system, input) {
        (System::Brisk, Input::Records(records)) => brisk_on_records(job, *records),
        (System::Brisk, Input::Text(path)) => brisk_on_text(job, path),
        (System::Floor, Input::Records(records)) => floor_on_records(job, *records),
        (System::Floor, Input::Text(path)) if job == "wordcount" => {
            Measurement::take(|| floor::words::run(path))
        }
        _ => Err(no_job(system, job)),
    }
}

fn brisk_on_records(job: &str, records: u64) -> Result<Measurement, BenchError> {
    match job {
        "keyed-count" => brisk_jobs::keyed_count(records),
        "exchange" => brisk_jobs::exchange(records),
        "chain" => brisk_jobs::chain(records, Chaining::On),
        "chain-cut" => brisk_jobs::chain(records, Chaining::Off),
        "backpressure-aligned" => brisk_jobs::backpressure(Through::Aligned, records),
        "backpressure-debloating" => brisk_jobs::backpressure(Through::Debloated, records),
        "backpressure-unaligned" => brisk_jobs::backpressure(Through::Unaligned, records),
        "latency" => brisk_jobs::latency(records),
        "windows-tumbling" => brisk_jobs::windows(records, Panes::OneByOne),
        "windows-sliding" => brisk_jobs::windows(records, Panes::Shared),
        _ => match Query::of_job(job) {
            Some(query) => brisk_jobs::nexmark(query, records),
            None => brisk_jobs::checkpoint(job, records)
                .or_else(|| brisk_jobs::network(job, records))
                .unwrap_or_else(|| Err(no_job(System::Brisk, job))),
        },
    }
}

fn brisk_on_text(job: &str, path: &Path) -> Result<Measurement, BenchError> {
    match job {
        "wordcount" => brisk_jobs::word_count(path, Emit::FinalCounts),
        "wordcount-updates" => brisk_jobs::word_count(path, Emit::Updates),
        _ => Err(no_job(System::Brisk, job)),
    }
}

fn floor_on_records(job: &str, records: u64) -> Result<Measurement, BenchError> {
    match job {
        "keyed-count" => Measurement::take(|| floor::exchange::keyed_count(records)),
        "exchange" => Measurement::take(|| floor::exchange::exchange(records)),
        "chain" => Measurement::take(|| floor::chain::run(records)),
        _ => Err(no_job(System::Floor, job)),
    }
}

fn no_job(system: System, job: &str) -> BenchError {
    BenchError::Usage(format!("{system} has no job {job:?} on this input"))
}

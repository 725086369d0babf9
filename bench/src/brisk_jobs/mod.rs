//! The workloads as Brisk jobs, in Brisk's default (safe) configuration, written as a user writes
//! them: streams and closures. Own are the sources, which have to send the harness's keys, and the
//! sink, which adds up the check value.
//!
//! A job is measured from its submission to its end, on a cluster that is already up, as Flink's
//! jobs are: a job of ten records before it starts the workers and maps the memory.

mod check;
mod numbers;
mod records;

pub use numbers::{Chaining, chain, exchange, keyed_count};

use crate::BenchError;
use crate::run::measurement::{Measurement, Outcome};
use crate::workload::PARALLELISM;
use brisk::prelude::*;
use check::CheckSum;
use std::path::Path;

/// What the word count shows of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Its count at the end of the text.
    FinalCounts,
    /// Each new count.
    Updates,
}

/// `wordcount`: the check is of `FinalCounts` or `UpdateSum`.
pub fn word_count(_text: &Path, emit: Emit) -> Result<Measurement, BenchError> {
    Err(BenchError::NotAvailable { what: format!("the Brisk job wordcount ({emit:?})") })
}

/// An environment whose cluster is up.
fn environment() -> Result<StreamExecutionEnvironment, BenchError> {
    let environment = StreamExecutionEnvironment::new().map_err(job_error)?;
    environment.set_parallelism(PARALLELISM as u32);
    environment.from_sequence(1..=10).discard();
    environment.execute("warm up").map_err(job_error)?;
    Ok(environment)
}

/// Runs what was described and measures it; `check` has been added up when the job is over.
fn measure(
    environment: &StreamExecutionEnvironment,
    records: u64,
    check: &CheckSum,
) -> Result<Measurement, BenchError> {
    Measurement::take(|| {
        environment.execute("measured").map_err(job_error)?;
        Ok(Outcome { records, check: check.total() })
    })
}

fn job_error(error: Error) -> BenchError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    BenchError::Job(message)
}

#[cfg(test)]
mod tests;

//! The workloads as Brisk jobs, in Brisk's default (safe) configuration, written as a user writes
//! them: streams and closures. Own are the sources, which have to send the harness's keys, and the
//! sink, which adds up the check value.
//!
//! A job is measured from its submission to its end, on a cluster that is already up, as Flink's
//! jobs are: a job of ten records before it starts the workers and maps the memory.

mod backpressure;
mod check;
mod checkpoint;
mod latency;
mod network;
mod nexmark;
mod numbers;
mod records;
mod windows;
mod words;

pub use backpressure::{Through, backpressure};
pub use checkpoint::by_name as checkpoint;
pub use latency::latency;
pub use network::network;
pub use nexmark::nexmark;
pub use numbers::{Chaining, chain, exchange, keyed_count};
pub use windows::{Panes, windows};
pub use words::{Emit, word_count};

use crate::BenchError;
use crate::run::measurement::{Measurement, Outcome};
use crate::workload::PARALLELISM;
use brisk::prelude::*;

/// An environment whose cluster is up.
fn environment() -> Result<StreamExecutionEnvironment, BenchError> {
    environment_with(Configuration::new())
}

/// The same with a configuration for the cluster.
fn environment_with(
    configuration: Configuration,
) -> Result<StreamExecutionEnvironment, BenchError> {
    let environment =
        StreamExecutionEnvironment::with_configuration(configuration).map_err(job_error)?;
    environment.set_parallelism(PARALLELISM as u32);
    environment.from_sequence(1..=10).discard();
    environment.execute("warm up").map_err(job_error)?;
    Ok(environment)
}

/// Runs what was described and measures it; `outcome` is asked when the job is over.
fn measure(
    environment: &StreamExecutionEnvironment,
    outcome: impl FnOnce() -> Outcome,
) -> Result<Measurement, BenchError> {
    Measurement::take(|| {
        environment.execute("measured").map_err(job_error)?;
        Ok(outcome())
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

//! The workloads as Brisk jobs, one function each, in Brisk's default (safe) configuration.

use crate::BenchError;
use crate::run::measurement::Outcome;
use std::path::Path;

/// What the word count shows of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Its count at the end of the text.
    FinalCounts,
    /// Each new count.
    Updates,
}

/// Whether the operators of a job may form chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chaining {
    /// As by default.
    On,
    /// Every edge is an exchange.
    Off,
}

/// `wordcount`: the check is of `FinalCounts` or `UpdateSum`.
pub fn word_count(_text: &Path, emit: Emit) -> Result<Outcome, BenchError> {
    Err(not_available(&format!("wordcount ({emit:?})")))
}

/// `keyed-count`: the check is of `CountSum`.
pub fn keyed_count(_records: u64) -> Result<Outcome, BenchError> {
    Err(not_available("keyed-count"))
}

/// `exchange`: the check is of `KeySum`.
pub fn exchange(_records: u64) -> Result<Outcome, BenchError> {
    Err(not_available("exchange"))
}

/// `chain` and `chain-cut`: the check is of `ChainSum`.
pub fn chain(_records: u64, chaining: Chaining) -> Result<Outcome, BenchError> {
    Err(not_available(&format!("chain (chaining {chaining:?})")))
}

fn not_available(job: &str) -> BenchError {
    BenchError::NotAvailable { what: format!("the Brisk job {job}") }
}

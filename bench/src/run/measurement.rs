//! What one run of one system found, and how several are summed up.

use crate::BenchError;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// What a job did, apart from how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Records (or words) that its sources sent.
    pub records: u64,
    /// The check value that the reference is compared with.
    pub check: u64,
}

impl Outcome {
    /// Of no work.
    pub const NOTHING: Outcome = Outcome { records: 0, check: 0 };

    /// One record and its part of the check value.
    #[inline(always)]
    pub const fn of_one(check: u64) -> Self {
        Outcome { records: 1, check }
    }

    /// Adds what another part of the job did.
    #[inline(always)]
    pub fn add(&mut self, other: Outcome) {
        self.records += other.records;
        self.check = self.check.wrapping_add(other.check);
    }
}

/// The line of JSON that a system's process prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// From the start of the job to its end; without the process's own start.
    pub seconds: f64,
    /// Records (or words) that the sources sent.
    pub records: u64,
    /// CPU time of all threads over those seconds.
    pub cpu_seconds: f64,
    /// The most memory the process ever had.
    pub peak_rss_bytes: u64,
    /// The check value, 16 hexadecimal digits.
    pub check: String,
    /// Further figures, by the full names of their metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
}

impl Measurement {
    /// Runs `job` in this process and measures it.
    pub fn take(job: impl FnOnce() -> Result<Outcome, BenchError>) -> Result<Self, BenchError> {
        let cpu_before = cpu_seconds();
        let start = Instant::now();
        let outcome = job()?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Measurement {
            seconds,
            records: outcome.records,
            cpu_seconds: cpu_seconds() - cpu_before,
            peak_rss_bytes: peak_rss_bytes()?,
            check: format!("{:016x}", outcome.check),
            figures: BTreeMap::new(),
        })
    }

    /// The same with one more figure.
    pub fn with_figure(mut self, metric: &str, value: f64) -> Self {
        self.figures.insert(metric.to_owned(), value);
        self
    }

    /// Records (or words) per second.
    pub fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_rss_bytes() -> Result<u64, BenchError> {
    let path = Path::new("/proc/self/status");
    let status = fs::read_to_string(path).map_err(BenchError::file("read", path))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|field| field.parse().ok())
        .expect("Linux reports VmHWM as a number of KiB");
    Ok(kib * 1024)
}

/// All values of one metric of one system over the rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The middle value, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there were.
    pub runs: usize,
}

impl Summary {
    /// Sums up `values`; `None` when there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        assert!(min <= median && median <= max, "median {median} outside {min}..={max}");
        Some(Summary { median, min, max, runs: sorted.len() })
    }
}

#[cfg(test)]
mod tests;

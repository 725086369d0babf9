//! `network`: `exchange` and `keyed-count` by two processes over TCP, this one and another of the
//! same program, which is started for the run.

use super::numbers::{describe_exchange, describe_keyed_count};
use super::{environment_with, job_error, measure};
use crate::BenchError;
use crate::input::generator::RECORD_BYTES;
use crate::run::measurement::Measurement;
use crate::workload::PARALLELISM;
use brisk::prelude::*;
use std::env;

/// Which of the processes this is; not set in the first, which starts the others.
const INDEX: &str = "taskmanager.process.index";

/// A job of several processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Networked {
    /// Its name.
    job: &'static str,
    /// Whether it counts by key.
    counts: bool,
    /// Whether what arrives is checked.
    trusts: bool,
}

/// All such jobs.
const JOBS: [Networked; 3] = [
    Networked { job: "network", counts: false, trusts: false },
    Networked { job: "network-keyed", counts: true, trusts: false },
    Networked { job: "network-trusted", counts: false, trusts: true },
];

/// The job of this name; `None` if it is none of these.
pub fn network(job: &str, records: u64) -> Option<Result<Measurement, BenchError>> {
    let known = JOBS.iter().find(|known| known.job == job)?;
    Some(run(*known, records))
}

fn run(job: Networked, records: u64) -> Result<Measurement, BenchError> {
    let inherited = Configuration::from_environment(|name| env::var(name).ok());
    let inherited = inherited.map_err(|error| job_error(error.into()))?;
    if inherited.raw(INDEX).is_some() {
        return take_part(job, records, inherited);
    }
    let executable = env::current_exe().map_err(BenchError::system("find this program"))?;
    let records_text = records.to_string();
    let trust = ("taskmanager.network.trust-cluster".to_owned(), job.trusts.to_string());
    let launcher = Launcher::new(LaunchOptions {
        executable,
        arguments: ["exec", "brisk", job.job, &records_text].map(Into::into).to_vec(),
        environment: Vec::new(),
        settings: vec![trust],
        processes: PARALLELISM as u32,
    });
    let launcher = launcher.map_err(BenchError::system("find a free port"))?;
    let mut others = launcher.launch_others().map_err(BenchError::system("start a process"))?;
    let mut configuration = Configuration::new();
    for (key, value) in launcher.settings(0) {
        configuration.set(key, value);
    }
    let mut measured = take_part(job, records, configuration)?;
    for index in 1..PARALLELISM as u32 {
        let output = others.wait(index).map_err(BenchError::system("wait for a process"))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let last = printed.lines().next_back().unwrap_or_default();
        let other: Measurement = serde_json::from_str(last).map_err(|source| {
            let command = format!("process {index} of {}", job.job);
            let printed = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
            BenchError::Output { command, output: printed, source }
        })?;
        add(&mut measured, &other)?;
    }
    // Each source has one of as many readers in its own process.
    let crossing = records - records / PARALLELISM;
    let rate = (crossing * RECORD_BYTES) as f64 / measured.seconds;
    let metric = match job.job.strip_prefix("network-") {
        Some(variant) => format!("network_bytes_per_second_{variant}"),
        None => "network_bytes_per_second".to_owned(),
    };
    Ok(measured.with_figure(&metric, rate))
}

/// This process's part: the same job in each.
fn take_part(
    job: Networked,
    records: u64,
    configuration: Configuration,
) -> Result<Measurement, BenchError> {
    let mut environment = environment_with(configuration)?;
    let check = match job.counts {
        true => describe_keyed_count(&mut environment, records),
        false => describe_exchange(&environment, records),
    };
    measure(&environment, || crate::run::measurement::Outcome { records, ..check.total() })
}

/// Adds what another process used and found.
fn add(measured: &mut Measurement, other: &Measurement) -> Result<(), BenchError> {
    let number = |text: &str| {
        let wrong = |_| BenchError::Job(format!("{text} is no check value"));
        u64::from_str_radix(text, 16).map_err(wrong)
    };
    let check = number(&measured.check)?.wrapping_add(number(&other.check)?);
    measured.check = format!("{check:016x}");
    measured.cpu_seconds += other.cpu_seconds;
    measured.peak_rss_bytes += other.peak_rss_bytes;
    Ok(())
}

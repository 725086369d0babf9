//! Times a run and writes its line of JSON.

use std::fs;
use std::time::Instant;
use timely::Config;
use timely::worker::Worker;

/// What one worker of a run found out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Records (or words) this worker's sources sent.
    pub(crate) records: u64,
    /// This worker's part of the check value; parts are added up.
    pub(crate) check: u64,
}

/// Runs `build` on every worker; the run lasts from the start of the workers to the end of the
/// last one.
pub(crate) fn measure(
    config: Config,
    build: impl Fn(&mut Worker) -> Outcome + Send + Sync + 'static,
) -> String {
    measure_with(config, build, String::new)
}

/// The same with further figures: what `figures` makes when all is over, the inside of an object.
pub(crate) fn measure_with(
    config: Config,
    build: impl Fn(&mut Worker) -> Outcome + Send + Sync + 'static,
    figures: impl FnOnce() -> String,
) -> String {
    let cpu_before = cpu_seconds();
    let start = Instant::now();
    let guards = timely::execute(config, build).expect("timely starts its workers");
    let outcomes: Vec<Outcome> =
        guards.join().into_iter().map(|outcome| outcome.expect("a worker panicked")).collect();
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu_before;
    let records: u64 = outcomes.iter().map(|outcome| outcome.records).sum();
    let check = outcomes.iter().fold(0u64, |sum, outcome| sum.wrapping_add(outcome.check));
    format!(
        r#"{{"seconds":{seconds},"records":{records},"cpu_seconds":{cpu},"peak_rss_bytes":{},"check":"{check:016x}","figures":{{{}}}}}"#,
        peak_rss_bytes(),
        figures()
    )
}

/// CPU time of this process so far, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc is mounted");
    let after_name = stat.rsplit(") ").next().expect("/proc/self/stat names the program");
    let ticks: u64 = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("utime and stime are numbers"))
        .sum();
    ticks as f64 / 100.0
}

fn peak_rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux reports VmHWM");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok())
        .expect("VmHWM is a number of KiB");
    kib * 1024
}

//! What the examples share: their arguments and how they report.

use brisk::{connect::source::Progress, prelude::*};
use std::{
    io::IsTerminal,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Runs an example; an error is printed with its causes, and the exit code says so.
pub(crate) fn main(run: impl FnOnce() -> Result<(), BoxError>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("  caused by: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Waits for a job while showing how far it is, if standard error is a terminal.
pub(crate) fn wait(handle: JobHandle, progress: &Progress) -> Result<JobExecutionResult, Error> {
    if !std::io::stderr().is_terminal() {
        return handle.wait();
    }
    let bar = indicatif::ProgressBar::new(0);
    let style = "{elapsed_precise} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";
    bar.set_style(indicatif::ProgressStyle::with_template(style).expect("a legal template"));
    let mut handle = handle;
    loop {
        match handle.wait_for(Duration::from_millis(200)) {
            Ok(result) => {
                bar.finish_and_clear();
                return result;
            }
            Err(running) => handle = running,
        }
        let report = progress.report();
        bar.set_length(report.bytes_total);
        bar.set_position(report.bytes_read);
    }
}

/// What a run did, for people or as JSON.
pub(crate) struct Report {
    pub(crate) began: Instant,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

impl Report {
    /// Prints the report to standard output (JSON) or standard error (people).
    pub(crate) fn print(&self, json: bool, result: &JobExecutionResult) {
        let seconds = self.began.elapsed().as_secs_f64();
        let busy = result.busy_ratio();
        if json {
            let object = serde_json::json!({
                "seconds": seconds,
                "bytes": self.bytes,
                "records": self.records,
                "busy_ratio": busy,
            });
            println!("{object}");
        } else {
            let mib = self.bytes as f64 / f64::from(1 << 20);
            let (records, rate) = (self.records, self.records as f64 / seconds / 1e6);
            eprintln!(
                "{records} records, {mib:.1} MiB in {seconds:.2} s: {rate:.2} M records/s, \
                 tasks busy {:.0} %",
                busy * 100.0
            );
        }
    }
}

//! What a run of an example did, for people or as JSON.

use brisk::prelude::{BoxError, JobExecutionResult};
use std::time::Instant;

use crate::run::{say, tell};

/// What a run did, for people or as JSON.
pub(crate) struct Report {
    pub(crate) began: Instant,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// What people call the records.
    pub(crate) noun: &'static str,
}

impl Report {
    /// Prints the report to standard output (JSON) or standard error (people).
    pub(crate) fn print(&self, json: bool, result: &JobExecutionResult) -> Result<(), BoxError> {
        let seconds = self.began.elapsed().as_secs_f64();
        let busy = result.busy_ratio();
        let Report { bytes, records, noun, .. } = self;
        if json {
            return say(&serde_json::json!({
                "seconds": seconds,
                "bytes": bytes,
                "records": records,
                "busy_ratio": busy,
            }));
        }
        let size = scaled(*bytes as f64, 1024.0, ["bytes", "KiB", "MiB", "GiB"]);
        let rate =
            scaled(*records as f64 / seconds, 1000.0, ["", "thousand", "million", "billion"]);
        let busy = busy * 100.0;
        tell(&format!(
            "{records} {noun}, {size} in {seconds:.3} s: {rate} {noun}/s, tasks busy {busy:.0} %"
        ));
        Ok(())
    }
}

/// A number with the largest of `units` that leaves something before the point.
fn scaled(mut number: f64, step: f64, units: [&str; 4]) -> String {
    let mut unit = 0;
    while number >= step && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = if unit == 0 { 0 } else { 1 };
    format!("{number:.digits$} {}", units[unit]).trim_end().to_string()
}

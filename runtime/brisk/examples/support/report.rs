//! What a run of an example did, for people or as JSON.

use brisk::prelude::JobExecutionResult;
use std::time::Instant;

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

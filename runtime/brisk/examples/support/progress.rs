//! A bar that shows how far a job is that reads files.

use brisk::{connect::source::Progress, prelude::*};
use std::{io::IsTerminal, time::Duration};

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

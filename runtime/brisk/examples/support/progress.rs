//! A bar that shows how far a job is that reads files.

use brisk::connect::source::Progress;
use std::io::IsTerminal;

const STYLE: &str =
    "{elapsed_precise} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";

/// The bar; none if standard error is not a terminal. Gone when dropped.
pub(crate) struct Bar {
    bar: Option<indicatif::ProgressBar>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = indicatif::ProgressStyle::with_template(STYLE);
            indicatif::ProgressBar::new(0).with_style(style.expect("a legal template"))
        });
        Self { bar }
    }

    pub(crate) fn show(&self, progress: &Progress) {
        let Some(bar) = &self.bar else { return };
        let report = progress.report();
        bar.set_length(report.bytes_total);
        bar.set_position(report.bytes_read);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! How far a source is, to be looked at from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far all subtasks of a source are together; clones look at the same source.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    counts: Arc<Counts>,
}

/// Each is a sum that its readers add to once a chunk; nobody concludes from one to another, so all
/// accesses are relaxed.
#[derive(Debug, Default)]
struct Counts {
    bytes_total: AtomicU64,
    bytes_read: AtomicU64,
    invalid_lines: AtomicU64,
}

/// What a [`Progress`] showed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProgressReport {
    /// Bytes of the whole input, as stored; 0 until it is listed.
    pub bytes_total: u64,
    /// Bytes of it that were read.
    pub bytes_read: u64,
    /// Lines that were not valid UTF-8.
    pub invalid_lines: u64,
}

impl Progress {
    /// How far it is now.
    pub fn report(&self) -> ProgressReport {
        ProgressReport {
            bytes_total: self.counts.bytes_total.load(Ordering::Relaxed),
            bytes_read: self.counts.bytes_read.load(Ordering::Relaxed),
            invalid_lines: self.counts.invalid_lines.load(Ordering::Relaxed),
        }
    }

    /// Another job begins.
    pub(super) fn restart(&self) {
        self.counts.bytes_read.store(0, Ordering::Relaxed);
        self.counts.invalid_lines.store(0, Ordering::Relaxed);
    }

    pub(super) fn set_total(&self, bytes: u64) {
        self.counts.bytes_total.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_total(&self, bytes: u64) {
        self.counts.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_read(&self, bytes: u64) {
        self.counts.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_invalid_lines(&self, lines: u64) {
        self.counts.invalid_lines.fetch_add(lines, Ordering::Relaxed);
    }
}

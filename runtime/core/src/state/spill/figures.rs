//! [`SpillFigures`]: what spilling comes to.

use std::cell::Cell;

/// Counts of one task.
#[derive(Debug, Default)]
pub struct SpillFigures {
    written: Cell<u64>,
    read: Cell<u64>,
    away: Cell<u64>,
}

impl SpillFigures {
    pub(super) fn wrote(&self, bytes: u64) {
        self.written.set(self.written.get() + bytes);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.read.set(self.read.get() + bytes);
    }

    pub(super) fn went(&self, segments: usize) {
        self.away.set(self.away.get() + segments as u64);
    }

    pub(super) fn came(&self, segments: usize) {
        self.away.set(self.away.get() - segments as u64);
    }

    /// Bytes that were written to disk.
    pub fn bytes_spilled(&self) -> u64 {
        self.written.get()
    }

    /// Bytes that were read back.
    pub fn bytes_read_back(&self) -> u64 {
        self.read.get()
    }

    /// Segments that are on disk alone now.
    pub fn segments_on_disk(&self) -> u64 {
        self.away.get()
    }
}

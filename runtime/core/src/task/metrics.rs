//! What a task counts: plain cells, read by the worker that runs it.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

use crate::state::spill::SpillFigures;

/// Counts and times of one task while it runs.
#[derive(Debug, Default)]
pub struct TaskMetrics {
    records_in: Cell<u64>,
    buffers_in: Cell<u64>,
    bytes_in: Cell<u64>,
    records_emitted: Cell<u64>,
    late_records_dropped: Cell<u64>,
    spilled: OnceCell<Rc<SpillFigures>>,
}

impl TaskMetrics {
    /// Counts a buffer that was read.
    #[inline]
    pub fn count_buffer_in(&self, bytes: usize, records: u32) {
        self.buffers_in.set(self.buffers_in.get() + 1);
        self.bytes_in.set(self.bytes_in.get() + bytes as u64);
        self.records_in.set(self.records_in.get() + u64::from(records));
    }

    /// Counts records that a source made.
    #[inline]
    pub fn count_emitted(&self, records: u64) {
        self.records_emitted.set(self.records_emitted.get() + records);
    }

    /// Counts records that came too late for their windows and had nowhere else to go.
    pub fn count_late_dropped(&self, records: u64) {
        self.late_records_dropped.set(self.late_records_dropped.get() + records);
    }

    /// What its state spills is counted there.
    pub(crate) fn spills_as(&self, figures: Rc<SpillFigures>) {
        // A task is built once.
        let _ = self.spilled.set(figures);
    }

    /// The input side of [`TaskCounts`], and what is known of state.
    pub fn counts(&self) -> TaskCounts {
        let spilled = |figure: fn(&SpillFigures) -> u64| {
            self.spilled.get().map_or(0, |figures| figure(figures))
        };
        TaskCounts {
            state_bytes_spilled: spilled(SpillFigures::bytes_spilled),
            state_bytes_read_back: spilled(SpillFigures::bytes_read_back),
            state_segments_on_disk: spilled(SpillFigures::segments_on_disk),
            records_in: self.records_in.get(),
            buffers_in: self.buffers_in.get(),
            bytes_in: self.bytes_in.get(),
            records_emitted: self.records_emitted.get(),
            late_records_dropped: self.late_records_dropped.get(),
            ..TaskCounts::default()
        }
    }
}

/// What a task read and wrote so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Records read from gates.
    pub records_in: u64,
    /// Buffers read from gates.
    pub buffers_in: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// Records that the task's source made.
    pub records_emitted: u64,
    /// Records that came too late for their windows (`numLateRecordsDropped`).
    pub late_records_dropped: u64,
    /// Bytes of keyed state that were written to disk, since managed memory had no room for them.
    pub state_bytes_spilled: u64,
    /// Bytes of it that were read back.
    pub state_bytes_read_back: u64,
    /// Segments of it that are on disk alone now.
    pub state_segments_on_disk: u64,
    /// Records sent; those in open buffers are not in it yet.
    pub records_out: u64,
    /// Buffers sent.
    pub buffers_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Segments that the outputs have out.
    pub segments_used: u32,
    /// Segments that they may have.
    pub segments_max: u32,
}

/// How a task spent its time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskTimes {
    /// Running.
    pub busy_ns: u64,
    /// Without input.
    pub idle_ns: u64,
    /// Without room for output.
    pub backpressured_ns: u64,
}

impl TaskTimes {
    /// The share of time spent running, from 0 to 1; 0 before anything happened.
    pub fn busy_ratio(&self) -> f64 {
        let total = self.busy_ns + self.idle_ns + self.backpressured_ns;
        if total == 0 { 0.0 } else { self.busy_ns as f64 / total as f64 }
    }
}

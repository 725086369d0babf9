//! Window assigners: which windows a record is put into.

use std::time::Duration;

use super::{GlobalWindow, SliceGrid, TimeWindow, Window, WindowNumber};
use crate::time::{Timestamp, timestamp::millis_of};

#[cfg(test)]
mod tests;

/// Which clock windows and timers go by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimeDomain {
    /// The timestamps of records, and watermarks.
    EventTime,
    /// The clock of the machine.
    ProcessingTime,
}

/// Puts records into windows.
pub trait WindowAssigner<T>: Clone + Send + 'static {
    /// The kind of its windows.
    type Window: Window;

    /// Adds the windows of a record to `windows`, latest first. `timestamp` is the record's, or the
    /// clock's for processing time.
    fn assign(&self, record: &T, timestamp: Timestamp, windows: &mut Vec<Self::Window>);

    /// By which clock.
    fn domain(&self) -> TimeDomain;

    /// Whether windows that touch become one.
    fn is_merging(&self) -> bool {
        false
    }
}

/// Windows of one size, one slide apart; tumbling if both are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeriodicWindows {
    domain: TimeDomain,
    grid: SliceGrid,
}

impl PeriodicWindows {
    /// Windows of a grid by a clock.
    pub fn new(domain: TimeDomain, grid: SliceGrid) -> Self {
        Self { domain, grid }
    }

    /// Their grid.
    pub fn grid(&self) -> SliceGrid {
        self.grid
    }

    /// By which clock.
    pub fn domain(&self) -> TimeDomain {
        self.domain
    }
}

impl<T> WindowAssigner<T> for PeriodicWindows {
    type Window = TimeWindow;

    fn assign(&self, _record: &T, timestamp: Timestamp, windows: &mut Vec<TimeWindow>) {
        if let Some((first, last)) = self.grid.windows_of(self.grid.slice_of(timestamp)) {
            let numbers = (first.0..=last.0).rev().map(WindowNumber);
            windows.extend(numbers.map(|number| self.grid.window(number)));
        }
    }

    fn domain(&self) -> TimeDomain {
        self.domain
    }
}

macro_rules! tumbling {
    ($name:ident, $domain:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $name {
            /// Windows of `size`, one after the other.
            ///
            /// # Panics
            /// If `size` is zero.
            pub fn of(size: Duration) -> PeriodicWindows {
                Self::with_offset(size, 0)
            }

            /// The same, moved by `offset_ms` milliseconds, less than a size: with -8 hours, windows
            /// of a day begin at midnight in China.
            ///
            /// # Panics
            /// If `size` is zero, or the offset not shorter.
            pub fn with_offset(size: Duration, offset_ms: i64) -> PeriodicWindows {
                PeriodicWindows::new(TimeDomain::$domain, SliceGrid::new(size, size, offset_ms))
            }
        }
    };
}

macro_rules! sliding {
    ($name:ident, $domain:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $name {
            /// Windows of `size`, `slide` apart.
            ///
            /// # Panics
            /// If one of them is zero.
            pub fn of(size: Duration, slide: Duration) -> PeriodicWindows {
                Self::with_offset(size, slide, 0)
            }

            /// The same, moved by `offset_ms` milliseconds, less than a slide.
            ///
            /// # Panics
            /// If size or slide is zero, or the offset not shorter than the slide.
            pub fn with_offset(size: Duration, slide: Duration, offset_ms: i64) -> PeriodicWindows {
                PeriodicWindows::new(TimeDomain::$domain, SliceGrid::new(size, slide, offset_ms))
            }
        }
    };
}

tumbling!(TumblingEventTimeWindows, EventTime, "Windows by timestamps that don't overlap.");
tumbling!(
    TumblingProcessingTimeWindows,
    ProcessingTime,
    "Windows by the clock that don't overlap."
);
sliding!(SlidingEventTimeWindows, EventTime, "Windows by timestamps that may overlap.");
sliding!(SlidingProcessingTimeWindows, ProcessingTime, "Windows by the clock that may overlap.");

/// How long a session goes on after a record.
pub trait SessionGap<T>: Clone + Send + 'static {
    /// Milliseconds, more than zero.
    fn gap_ms(&self, record: &T) -> i64;
}

/// The same gap after every record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedGap {
    millis: i64,
}

impl<T> SessionGap<T> for FixedGap {
    #[inline(always)]
    fn gap_ms(&self, _record: &T) -> i64 {
        self.millis
    }
}

/// A gap that depends on the record.
#[derive(Clone, Copy, Debug)]
pub struct DynamicGap<F>(F);

impl<T, F> SessionGap<T> for DynamicGap<F>
where
    F: Fn(&T) -> Duration + Clone + Send + 'static,
{
    #[inline(always)]
    fn gap_ms(&self, record: &T) -> i64 {
        let millis = millis_of((self.0)(record));
        assert!(millis > 0, "the gap of a session must be at least 1 ms");
        millis
    }
}

/// Sessions: windows that end when nothing came for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionWindowsAssigner<G> {
    domain: TimeDomain,
    gap: G,
}

impl<G> SessionWindowsAssigner<G> {
    /// The gap.
    pub fn gap(&self) -> &G {
        &self.gap
    }

    /// By which clock.
    pub fn domain(&self) -> TimeDomain {
        self.domain
    }
}

impl<T, G: SessionGap<T>> WindowAssigner<T> for SessionWindowsAssigner<G> {
    type Window = TimeWindow;

    fn assign(&self, record: &T, timestamp: Timestamp, windows: &mut Vec<TimeWindow>) {
        let end = timestamp.plus_millis(self.gap.gap_ms(record));
        windows.push(TimeWindow::new(timestamp, end));
    }

    fn domain(&self) -> TimeDomain {
        self.domain
    }

    fn is_merging(&self) -> bool {
        true
    }
}

macro_rules! session {
    ($name:ident, $domain:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $name {
            /// Sessions that end `gap` after their last record.
            ///
            /// # Panics
            /// If `gap` is zero.
            pub fn with_gap(gap: Duration) -> SessionWindowsAssigner<FixedGap> {
                let millis = millis_of(gap);
                assert!(millis > 0, "the gap of a session must be at least 1 ms");
                let (domain, gap) = (TimeDomain::$domain, FixedGap { millis });
                SessionWindowsAssigner { domain, gap }
            }

            /// Sessions whose gap is that of each record.
            pub fn with_dynamic_gap<T, F>(gap: F) -> SessionWindowsAssigner<DynamicGap<F>>
            where
                F: Fn(&T) -> Duration + Clone + Send + 'static,
            {
                let (domain, gap) = (TimeDomain::$domain, DynamicGap(gap));
                SessionWindowsAssigner { domain, gap }
            }
        }
    };
}

session!(EventTimeSessionWindows, EventTime, "Sessions by timestamps.");
session!(ProcessingTimeSessionWindows, ProcessingTime, "Sessions by the clock.");

/// All records of a key in one window, which fires when a trigger says so. Needs no timestamps, so
/// it goes by the clock; neither is ever late.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GlobalWindows;

impl<T> WindowAssigner<T> for GlobalWindows {
    type Window = GlobalWindow;

    fn assign(&self, _record: &T, _timestamp: Timestamp, windows: &mut Vec<GlobalWindow>) {
        windows.push(GlobalWindow);
    }

    fn domain(&self) -> TimeDomain {
        TimeDomain::ProcessingTime
    }
}

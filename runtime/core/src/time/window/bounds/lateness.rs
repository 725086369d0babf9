//! Allowed lateness: how long a window is kept, and what comes too late for it.

use std::time::Duration;

use crate::time::{Timestamp, Watermark, timestamp::millis_of};

/// How long after its end a window still takes records. Only event time knows lateness.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AllowedLateness {
    millis: i64,
}

impl AllowedLateness {
    /// None at all: a window is gone when the watermark passes its end.
    pub const ZERO: AllowedLateness = AllowedLateness { millis: 0 };

    /// So much.
    pub fn new(lateness: Duration) -> Self {
        Self { millis: millis_of(lateness) }
    }

    /// Whether it is none.
    pub fn is_zero(self) -> bool {
        self.millis == 0
    }

    /// When a window whose last time is `max_timestamp` is forgotten.
    #[inline(always)]
    pub fn cleanup_time(self, max_timestamp: Timestamp) -> Timestamp {
        max_timestamp.plus_millis(self.millis)
    }

    /// Whether a window takes no more records.
    #[inline(always)]
    pub fn is_window_late(self, max_timestamp: Timestamp, watermark: Watermark) -> bool {
        self.cleanup_time(max_timestamp) <= watermark.timestamp()
    }

    /// Whether a record that no window took was late, rather than meant for no window.
    #[inline(always)]
    pub fn is_record_late(self, timestamp: Timestamp, watermark: Watermark) -> bool {
        timestamp.plus_millis(self.millis) <= watermark.timestamp()
    }
}

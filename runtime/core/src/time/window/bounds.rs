//! Windows themselves: what a record is assigned to.

mod lateness;

pub use lateness::AllowedLateness;

use std::{fmt::Debug, hash::Hash};

use crate::{Record, time::Timestamp};

/// A bucket of records. A record itself, so that snapshots name it.
pub trait Window: Record + Clone + Eq + Hash + Debug {
    /// The last time that belongs to it; its results have this timestamp.
    fn max_timestamp(&self) -> Timestamp;

    /// The window that covers both, if they are of a kind that merges and touch.
    fn merged(&self, other: &Self) -> Option<Self>;

    /// Whether it is a window at all, when it was read from bytes that may be damaged.
    fn is_valid(&self) -> bool {
        true
    }
}

/// The records from `start` to before `end`.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct TimeWindow {
    start: Timestamp,
    end: Timestamp,
}

impl TimeWindow {
    /// The window from `start` to before `end`.
    ///
    /// # Panics
    /// If `end` lies before `start`.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        assert!(start <= end, "a window ends at {end:?} before it begins at {start:?}");
        Self { start, end }
    }

    /// Its first time.
    #[inline]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first time after it.
    #[inline]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Whether the two overlap or touch: one may begin where the other ends.
    pub fn intersects(&self, other: &Self) -> bool {
        self.start <= other.end && self.end >= other.start
    }

    /// The least window that holds both.
    #[must_use]
    pub fn cover(&self, other: &Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl Window for TimeWindow {
    #[inline]
    fn max_timestamp(&self) -> Timestamp {
        self.end.plus_millis(-1)
    }

    fn merged(&self, other: &Self) -> Option<Self> {
        self.intersects(other).then(|| self.cover(other))
    }

    fn is_valid(&self) -> bool {
        self.start <= self.end
    }
}

/// The one window of all records.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct GlobalWindow;

impl Window for GlobalWindow {
    fn max_timestamp(&self) -> Timestamp {
        Timestamp::MAX
    }

    fn merged(&self, _other: &Self) -> Option<Self> {
        None
    }
}

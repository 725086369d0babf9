//! Numbers and times of checkpoints.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// The number of a checkpoint of its job, from 1. A number is never used twice, whatever becomes of
/// its checkpoint; savepoints are numbered along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckpointId(pub u64);

impl CheckpointId {
    /// The number of a job's first checkpoint.
    pub const FIRST: CheckpointId = CheckpointId(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> CheckpointId {
        CheckpointId(self.0.checked_add(1).expect("2^64 checkpoints take longer than any job runs"))
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since the Unix epoch, on a clock that never goes back: whoever carries out actions
/// reads the wall clock once and goes on from there by the driver's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Millis(pub u64);

impl Millis {
    /// From `earlier` to `self`; zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates at the end of time.
impl Add<Duration> for Millis {
    type Output = Millis;

    fn add(self, time: Duration) -> Millis {
        Millis(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Saturates at the epoch.
impl Sub<Duration> for Millis {
    type Output = Millis;

    fn sub(self, time: Duration) -> Millis {
        Millis(self.0.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}

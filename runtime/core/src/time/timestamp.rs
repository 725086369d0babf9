//! [`Timestamp`]: a point in event time or in the wall clock's time.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

#[cfg(test)]
mod tests;

/// Milliseconds since 1970-01-01 00:00 UTC; negative before.
///
/// Arithmetic saturates: beyond [`Timestamp::MIN`] and [`Timestamp::MAX`] there is no time.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The beginning of time, before every event.
    pub const MIN: Timestamp = Timestamp(i64::MIN);

    /// The end of time, after every event.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// The timestamp `millis` milliseconds after the epoch.
    #[inline(always)]
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    #[inline(always)]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The timestamp `millis` later, or earlier if negative.
    #[inline(always)]
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis))
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        if earlier > self {
            Duration::ZERO
        } else {
            Duration::from_millis(self.0.abs_diff(earlier.0))
        }
    }
}

/// A duration in the unit of timestamps, rounded up so that no wait is cut short.
pub(crate) fn millis_of(duration: Duration) -> i64 {
    let rounded = duration.as_nanos().div_ceil(1_000_000);
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, time: Duration) -> Timestamp {
        self.plus_millis(millis_of(time))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, time: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(millis_of(time)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MIN => f.write_str("MIN"),
            Self::MAX => f.write_str("MAX"),
            Self(millis) => write!(f, "{millis}ms"),
        }
    }
}

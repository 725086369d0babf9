//! Times of records and watermarks.

/// When something happened: milliseconds since 1970-01-01T00:00:00Z, negative before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before everything; no record has it.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything.
    pub const MAX: Self = Self(i64::MAX);

    /// The time of this many milliseconds.
    #[inline]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[inline]
    pub const fn millis(self) -> i64 {
        self.0
    }
}

/// No record with this time or an earlier one is to be expected any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watermark(pub Timestamp);

impl Watermark {
    /// Nothing is known yet.
    pub const MIN: Self = Self(Timestamp::MIN);
    /// The stream has ended.
    pub const MAX: Self = Self(Timestamp::MAX);
}

/// Whether a stream takes part in event time now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamStatus {
    /// Records may come, and the watermark of this stream counts.
    #[default]
    Active,
    /// Nothing is to be expected for now; others need not wait for this stream.
    Idle,
}

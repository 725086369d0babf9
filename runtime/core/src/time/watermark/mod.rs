//! Watermarks, what makes them, and how a program asks for them.
//!
//! ```text
//! WatermarkStrategy --build--> WatermarkMaker: record -> timestamp
//!   timestamp assigner                         record -> generator -+
//!   generator                                  period -> generator -+-> WatermarkOutput -> signals
//!   idleness, alignment                                 idleness ---+
//! ```
//!
//! A checkpoint holds the last watermark of each stream and what its generator remembers, so that
//! what is late after a failure is what was late without it.
//!
//! Invariant: the watermarks that leave a [`WatermarkOutput`] rise strictly, and the first thing
//! after [`StreamStatus::Idle`] is [`StreamStatus::Active`].

mod generator;
mod idleness;
mod maker;
mod output;
mod strategy;

pub use generator::{BoundedOutOfOrderness, NoWatermarks, Punctuated, WatermarkGenerator};
pub use idleness::IdlenessTimer;
pub use maker::{WatermarkImage, WatermarkMaker};
pub use output::WatermarkOutput;
pub use strategy::{KeepTimestamps, TimestampAssigner, WatermarkStrategy};

use super::Timestamp;
use std::fmt;

/// A promise: no record with this timestamp or an earlier one comes any more. Those that come
/// nevertheless are late.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watermark(pub Timestamp);

impl Watermark {
    /// Promises nothing; what holds before the first watermark.
    pub const MIN: Watermark = Watermark(Timestamp::MIN);

    /// Nothing comes any more: the last watermark of bounded input.
    pub const MAX: Watermark = Watermark(Timestamp::MAX);

    /// The watermark at `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Watermark {
        Watermark(Timestamp::from_millis(millis))
    }

    /// What it promises to be complete.
    #[inline(always)]
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watermark({:?})", self.0)
    }
}

/// Whether a stream takes part in the progress of event time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum StreamStatus {
    /// Its watermarks count.
    #[default]
    Active,
    /// It has nothing to say for a while and must hold nobody up.
    Idle,
}

#[cfg(test)]
mod tests;

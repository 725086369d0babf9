//! [`WatermarkStrategy`]: how a program says where time comes from.

use std::time::Duration;

use super::{BoundedOutOfOrderness, NoWatermarks, Punctuated, Watermark, WatermarkGenerator};
use super::{IdlenessTimer, WatermarkMaker};
use crate::time::{Timestamp, alignment::Alignment};

/// Gives a record its timestamp.
pub trait TimestampAssigner<T>: Clone + Send + 'static {
    /// The record's timestamp; `previous` is the one it had, from its source or an earlier
    /// assigner. `None` leaves it without one.
    fn timestamp(&self, record: &T, previous: Option<Timestamp>) -> Option<Timestamp>;
}

/// Leaves the timestamps that the source gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepTimestamps;

impl<T> TimestampAssigner<T> for KeepTimestamps {
    #[inline(always)]
    fn timestamp(&self, _record: &T, previous: Option<Timestamp>) -> Option<Timestamp> {
        previous
    }
}

impl<T, F> TimestampAssigner<T> for F
where
    F: Fn(&T, Option<Timestamp>) -> Timestamp + Clone + Send + 'static,
{
    #[inline(always)]
    fn timestamp(&self, record: &T, previous: Option<Timestamp>) -> Option<Timestamp> {
        Some(self(record, previous))
    }
}

/// Where a stream's timestamps and watermarks come from.
///
/// ```
/// # use brisk_core::time::{Timestamp, WatermarkStrategy};
/// # use std::time::Duration;
/// struct Bid { at_ms: i64 }
/// let strategy = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(4))
///     .with_timestamp_assigner(|bid: &Bid, _| Timestamp::from_millis(bid.at_ms))
///     .with_idleness(Duration::from_secs(60));
/// # let _ = strategy.build::<Bid>();
/// ```
#[derive(Clone, Debug)]
pub struct WatermarkStrategy<G, A = KeepTimestamps> {
    generator: G,
    assigner: A,
    idleness: Option<Duration>,
    alignment: Option<Alignment>,
}

impl WatermarkStrategy<NoWatermarks> {
    /// For timestamps that never fall.
    pub fn for_monotonous_timestamps() -> WatermarkStrategy<BoundedOutOfOrderness> {
        WatermarkStrategy::of(BoundedOutOfOrderness::monotonous())
    }

    /// For records that come at most `bound` after later ones.
    pub fn for_bounded_out_of_orderness(
        bound: Duration,
    ) -> WatermarkStrategy<BoundedOutOfOrderness> {
        WatermarkStrategy::of(BoundedOutOfOrderness::new(bound))
    }

    /// For streams whose records carry watermarks.
    pub fn for_punctuated<T, F>(watermark: F) -> WatermarkStrategy<Punctuated<F>>
    where
        F: Fn(&T, Timestamp) -> Option<Watermark> + Clone + Send + 'static,
    {
        WatermarkStrategy::of(Punctuated(watermark))
    }

    /// For a generator of one's own; each subtask gets a clone.
    pub fn for_generator<G>(generator: G) -> WatermarkStrategy<G> {
        WatermarkStrategy::of(generator)
    }

    /// Without event time.
    pub fn no_watermarks() -> WatermarkStrategy<NoWatermarks> {
        WatermarkStrategy::of(NoWatermarks)
    }
}

impl<G> WatermarkStrategy<G> {
    fn of(generator: G) -> Self {
        Self { generator, assigner: KeepTimestamps, idleness: None, alignment: None }
    }
}

impl<G, A> WatermarkStrategy<G, A> {
    /// Takes timestamps out of records: a function of the record and the timestamp it had.
    pub fn with_timestamp_assigner<T, B>(self, assigner: B) -> WatermarkStrategy<G, B>
    where
        B: Fn(&T, Option<Timestamp>) -> Timestamp + Clone + Send + 'static,
    {
        let Self { generator, assigner: _, idleness, alignment } = self;
        WatermarkStrategy { generator, assigner, idleness, alignment }
    }

    /// Declares the stream idle after `timeout` without a record, so that it holds nobody up.
    ///
    /// # Panics
    /// If `timeout` is zero.
    #[must_use]
    pub fn with_idleness(mut self, timeout: Duration) -> Self {
        assert!(!timeout.is_zero(), "an idleness timeout must be longer than zero");
        self.idleness = Some(timeout);
        self
    }

    /// Keeps sources of one group from running further than `max_drift` ahead of the slowest.
    /// Sources report their watermark, and hear how far they may go, each `update_interval`. One that
    /// is idle or has ended holds nobody up. To pause where records come from, assign timestamps right
    /// behind the source; elsewhere the operators before wait for room.
    ///
    /// # Panics
    /// If `update_interval` is zero.
    #[must_use]
    pub fn with_watermark_alignment(
        mut self,
        group: impl Into<String>,
        max_drift: Duration,
        update_interval: Duration,
    ) -> Self {
        self.alignment = Some(Alignment::new(group, max_drift, update_interval));
        self
    }

    /// The alignment that was asked for.
    pub fn alignment(&self) -> Option<&Alignment> {
        self.alignment.as_ref()
    }

    /// What makes the watermarks of one subtask, or of one split of a source.
    pub fn build<T>(&self) -> WatermarkMaker<G, A>
    where
        G: WatermarkGenerator<T>,
        A: TimestampAssigner<T>,
    {
        let idleness = self.idleness.map(IdlenessTimer::new);
        WatermarkMaker::new(self.generator.clone(), self.assigner.clone(), idleness)
    }
}

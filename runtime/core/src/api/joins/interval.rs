//! `interval_join`: pairs of records of two keyed streams whose timestamps are close.

use std::ops::{Bound, RangeBounds};

use crate::{
    Record,
    api::{CoTimedStream, ConnectedKeyedStreams, KeyedStream},
    chain::{
        OneOf, Template,
        joins::{ForPairs, Interval, IntervalJoin, ProcessJoinFunction},
    },
    record::selector::KeySelector,
    task::OutputTag,
};

/// Two keyed streams of which pairs with close timestamps are wanted.
#[derive(Debug)]
pub struct IntervalJoined<A, B, S, R> {
    both: ConnectedKeyedStreams<A, B, S, R>,
    interval: Result<Interval, String>,
    late: (Option<OutputTag<A>>, Option<OutputTag<B>>),
}

/// What a function makes of the pairs of an interval join.
pub type IntervalJoinedStream<A, B, S, R, F> = CoTimedStream<A, B, S, R, IntervalJoin<F, A, B>>;

impl<A: Record, C: Template<Out = A>, S: KeySelector<A>> KeyedStream<A, C, S> {
    /// Joins this stream (the left one) with another (the right one) over event time: each pair of one
    /// key goes to a function whose timestamps are as far apart as [`IntervalJoined::between_ms`]
    /// says. What has no partner is dropped.
    ///
    /// ```
    /// use brisk_core::{api::StreamExecutionEnvironment, time::{Timestamp, WatermarkStrategy}};
    ///
    /// # fn main() -> Result<(), brisk_core::Error> {
    /// let env = StreamExecutionEnvironment::new()?;
    /// let in_time = || {
    ///     WatermarkStrategy::for_monotonous_timestamps()
    ///         .with_timestamp_assigner(|(_, at): &(u32, i64), _| Timestamp::from_millis(*at))
    /// };
    /// let key = |record: &(u32, i64)| record.0;
    /// let orders = env.from_collection(vec![(7u32, 1_000i64), (8, 2_000)]);
    /// let payments = env.from_collection(vec![(7u32, 3_000i64), (8, 8_000)]);
    /// let paid = orders
    ///     .assign_timestamps_and_watermarks(in_time())
    ///     .key_by(key)
    ///     .interval_join(payments.assign_timestamps_and_watermarks(in_time()).key_by(key))
    ///     .between_ms(0..=5_000)
    ///     .apply(|order, payment| (order.0, payment.1 - order.1))
    ///     .collect();
    /// env.execute("paid within five seconds")?;
    /// assert_eq!(paid.take(), [(7, 2_000)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn interval_join<B, D, R>(self, other: KeyedStream<B, D, R>) -> IntervalJoined<A, B, S, R>
    where
        B: Record,
        D: Template<Out = B>,
        R: KeySelector<B, Key = S::Key>,
        OneOf<A, B>: Record,
    {
        let interval = Err("interval_join() without between_ms(): say how far apart".to_owned());
        IntervalJoined { both: self.connect(other), interval, late: (None, None) }
    }
}

impl<A, B, S, R> IntervalJoined<A, B, S, R>
where
    A: Record + Clone,
    B: Record + Clone,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
{
    /// How far after the left record the right one may be, in milliseconds; negative before it. Each
    /// bound belongs to the range or not as ranges have it: `-5_000..=5_000`, `0..1_000`, or a pair of
    /// [`Bound`]s. Both ends must be there, since records are kept as long as something may meet them.
    #[must_use]
    pub fn between_ms(mut self, range: impl RangeBounds<i64>) -> Self {
        let lower = match range.start_bound() {
            Bound::Included(at) => Some(*at),
            Bound::Excluded(at) => at.checked_add(1),
            Bound::Unbounded => None,
        };
        let upper = match range.end_bound() {
            Bound::Included(at) => Some(*at),
            Bound::Excluded(at) => at.checked_sub(1),
            Bound::Unbounded => None,
        };
        let interval = lower.zip(upper).and_then(|(lower, upper)| Interval::new(lower, upper));
        self.interval = interval.ok_or_else(|| {
            let (start, end) = (range.start_bound(), range.end_bound());
            format!(
                "between_ms() from {start:?} to {end:?}: it needs two ends with something between"
            )
        });
        self
    }

    /// Sends records of the left stream that come behind the watermark to a side output; otherwise
    /// they are dropped and counted.
    #[must_use]
    pub fn side_output_left_late_data(mut self, tag: &OutputTag<A>) -> Self {
        self.late.0 = Some(tag.clone());
        self
    }

    /// The same for the right stream.
    #[must_use]
    pub fn side_output_right_late_data(mut self, tag: &OutputTag<B>) -> Self {
        self.late.1 = Some(tag.clone());
        self
    }

    /// Whatever a function makes of each pair.
    pub fn process<F>(self, function: F) -> IntervalJoinedStream<A, B, S, R, F>
    where
        F: ProcessJoinFunction<S::Key, A, B>,
    {
        let Self { both, interval, late } = self;
        let interval = interval.unwrap_or_else(|fault| {
            both.fault(fault);
            Interval::AT_ONCE
        });
        both.process(IntervalJoin::new(function, interval, late)).name("Interval Join")
    }

    /// One record for each pair.
    pub fn apply<U, F>(self, function: F) -> IntervalJoinedStream<A, B, S, R, ForPairs<F, U>>
    where
        U: Record,
        F: FnMut(&A, &B) -> U + Clone + Send + 'static,
    {
        self.process(ForPairs::new(function))
    }
}

//! Pairs of records whose timestamps are not too far apart.
//!
//! Each side keeps its records in a map from timestamps to lists, until the watermark says that
//! nothing can come to them any more:
//!
//! ```text
//!   left at t      meets right records in  [t + lower, t + upper],   kept until t + max(upper, 0)
//!   right at t     meets left records in   [t - upper, t - lower],   kept until t - min(lower, 0)
//! ```
//!
//! They go with the millisecond after that, since what has the very timestamp of the watermark is
//! not late here, as in Flink: so every pair of records is found of which neither was late. A pair is found when the later of its records comes, and so once.

use std::{marker::PhantomData, ops::RangeInclusive};

use crate::{
    Key, Record,
    chain::{Collector, KeyedCoProcessFunction, KeyedContext, KeyedOpenContext},
    error::BoxError,
    state::MapState,
    task::{OutputTag, RuntimeContext},
    time::{Timestamp, Watermark},
};

/// How far the timestamp of a right record may be from that of a left one, in milliseconds; both
/// bounds belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    lower: i64,
    upper: i64,
}

impl Interval {
    /// The same time only.
    pub(crate) const AT_ONCE: Self = Self { lower: 0, upper: 0 };

    /// The interval between two bounds; `None` if there is nothing between them.
    pub(crate) fn new(lower: i64, upper: i64) -> Option<Self> {
        (lower <= upper).then_some(Self { lower, upper })
    }

    /// Where what a left record meets may lie; the same of a right record is that
    /// of the mirrored interval.
    fn around(self, at: i64) -> RangeInclusive<i64> {
        at.saturating_add(self.lower)..=at.saturating_add(self.upper)
    }

    /// What a left record is to a right one.
    fn mirrored(self) -> Self {
        Self { lower: self.upper.saturating_neg(), upper: self.lower.saturating_neg() }
    }

    /// When a left record goes.
    fn gone(self, at: i64) -> i64 {
        at.saturating_add(self.upper.max(0)).saturating_add(1)
    }

    /// The timestamp of the left record that goes at `time`.
    fn going(self, time: i64) -> i64 {
        time.saturating_sub(1).saturating_sub(self.upper.max(0))
    }
}

/// What a function over pairs may know and do.
pub struct JoinContext<'a, 'b, 'c, K> {
    context: &'a mut KeyedContext<'b, 'c, K>,
    left: Timestamp,
    right: Timestamp,
}

impl<K: Key> JoinContext<'_, '_, '_, K> {
    /// The key of both records.
    pub fn current_key(&self) -> &K {
        self.context.current_key()
    }

    /// The timestamp of the left record.
    pub fn left_timestamp(&self) -> Timestamp {
        self.left
    }

    /// The timestamp of the right record.
    pub fn right_timestamp(&self) -> Timestamp {
        self.right
    }

    /// The timestamp of what is made of the pair: the later one of both.
    pub fn timestamp(&self) -> Timestamp {
        self.left.max(self.right)
    }

    /// Facts about the subtask.
    pub fn runtime(&self) -> &RuntimeContext {
        self.context.runtime()
    }

    /// Sends a record to a side output.
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T) {
        self.context.output(tag, record);
    }
}

impl<K> std::fmt::Debug for JoinContext<'_, '_, '_, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { left, right, .. } = self;
        f.debug_struct("JoinContext")
            .field("left", left)
            .field("right", right)
            .finish_non_exhaustive()
    }
}

/// A function over the pairs of an interval join.
pub trait ProcessJoinFunction<K, A, B>: Clone + Send + 'static {
    /// What it makes; has the later timestamp of both records.
    type Out: Record;

    /// Called before the first pair; the place to register accumulators.
    fn open(&mut self, _context: &RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a pair.
    fn process(
        &mut self,
        left: &A,
        right: &B,
        context: &mut JoinContext<'_, '_, '_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError>;

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

/// A closure over pairs.
pub struct ForPairs<F, U> {
    function: F,
    made: PhantomData<fn() -> U>,
}

impl<F, U> ForPairs<F, U> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, made: PhantomData }
    }
}

impl<F: Clone, U> Clone for ForPairs<F, U> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone())
    }
}

impl<F, U> std::fmt::Debug for ForPairs<F, U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ForPairs")
    }
}

impl<K, A, B, F, U> ProcessJoinFunction<K, A, B> for ForPairs<F, U>
where
    U: Record,
    F: FnMut(&A, &B) -> U + Clone + Send + 'static,
{
    type Out = U;

    fn process(
        &mut self,
        left: &A,
        right: &B,
        _context: &mut JoinContext<'_, '_, '_, K>,
        out: &mut Collector<U>,
    ) -> Result<(), BoxError> {
        out.collect((self.function)(left, right));
        Ok(())
    }
}

/// The records of one side, by their timestamps, and where late ones go.
#[derive(Clone, Debug)]
struct Side<T> {
    records: MapState<i64, Vec<T>>,
    late: Option<OutputTag<T>>,
}

impl<T: Record + Clone> Side<T> {
    fn new(name: &str, late: Option<OutputTag<T>>) -> Self {
        Self { records: MapState::new(name), late }
    }

    /// When the record in hand is of, unless it is late: then it goes where such records go.
    fn arrive<K: Key>(
        &self,
        record: T,
        context: &mut KeyedContext<'_, '_, K>,
    ) -> Result<Option<(T, i64)>, BoxError> {
        let at = context.timestamp().ok_or(NO_TIMESTAMP)?;
        let watermark = context.current_watermark();
        if watermark == Watermark::MIN || at >= watermark.0 {
            return Ok(Some((record, at.millis())));
        }
        match &self.late {
            Some(tag) => context.output(tag, record),
            None => context.count_late_dropped(),
        }
        Ok(None)
    }

    /// Keeps a record for as long as something may come that it meets.
    fn keep<K: Key>(
        &self,
        (record, at): (T, i64),
        interval: Interval,
        context: &mut KeyedContext<'_, '_, K>,
    ) -> Result<(), BoxError> {
        let mut kept = context.state(&self.records)?;
        let mut same_time = kept.get(&at)?.unwrap_or_default();
        same_time.push(record);
        kept.put(&at, &same_time)?;
        context.register_event_time_timer(Timestamp::from_millis(interval.gone(at)));
        Ok(())
    }

    /// The records that lie in `range`, earlier ones first.
    fn within<K: Key>(
        &self,
        range: &RangeInclusive<i64>,
        context: &mut KeyedContext<'_, '_, K>,
    ) -> Result<Vec<(i64, Vec<T>)>, BoxError> {
        let mut kept = context.state(&self.records)?;
        let mut found = kept.entries_where(|at| range.contains(at))?;
        found.sort_unstable_by_key(|(at, _)| *at);
        Ok(found)
    }

    /// Forgets what goes at `time`.
    fn forget<K: Key>(
        &self,
        time: Timestamp,
        interval: Interval,
        context: &mut KeyedContext<'_, '_, K>,
    ) -> Result<(), BoxError> {
        context.state(&self.records)?.remove(&interval.going(time.millis()))?;
        Ok(())
    }
}

const NO_TIMESTAMP: &str = "an interval join needs records with timestamps: call \
     assign_timestamps_and_watermarks() on both streams before it";

/// An interval join as a function over two keyed streams.
#[derive(Clone, Debug)]
pub struct IntervalJoin<F, A, B> {
    function: F,
    interval: Interval,
    left: Side<A>,
    right: Side<B>,
}

impl<F, A, B> IntervalJoin<F, A, B>
where
    A: Record + Clone,
    B: Record + Clone,
{
    pub(crate) fn new(
        function: F,
        interval: Interval,
        (left, right): (Option<OutputTag<A>>, Option<OutputTag<B>>),
    ) -> Self {
        let (left, right) = (Side::new("left", left), Side::new("right", right));
        Self { function, interval, left, right }
    }
}

impl<K, A, B, F> KeyedCoProcessFunction<K, A, B> for IntervalJoin<F, A, B>
where
    K: Key,
    A: Record + Clone,
    B: Record + Clone,
    F: ProcessJoinFunction<K, A, B>,
{
    type Out = F::Out;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, K>) -> Result<(), BoxError> {
        context.register(&mut self.left.records)?;
        context.register(&mut self.right.records)?;
        self.function.open(context.runtime())
    }

    fn process_first(
        &mut self,
        item: A,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        let Self { function, interval, left, right } = self;
        let Some((item, at)) = left.arrive(item, context)? else { return Ok(()) };
        let mine = Timestamp::from_millis(at);
        for (other, records) in right.within(&interval.around(at), context)? {
            let other = Timestamp::from_millis(other);
            for record in &records {
                let mut pair = JoinContext { context, left: mine, right: other };
                function.process(&item, record, &mut pair, out)?;
                out.stamp(mine.max(other));
            }
        }
        left.keep((item, at), *interval, context)
    }

    fn process_second(
        &mut self,
        item: B,
        context: &mut KeyedContext<'_, '_, K>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        let Self { function, interval, left, right } = self;
        let Some((item, at)) = right.arrive(item, context)? else { return Ok(()) };
        let mine = Timestamp::from_millis(at);
        let interval = interval.mirrored();
        for (other, records) in left.within(&interval.around(at), context)? {
            let other = Timestamp::from_millis(other);
            for record in &records {
                let mut pair = JoinContext { context, left: other, right: mine };
                function.process(record, &item, &mut pair, out)?;
                out.stamp(mine.max(other));
            }
        }
        right.keep((item, at), interval, context)
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, K>,
        _out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        // Whichever side it was registered for: what the other one has kept until then may go too.
        self.left.forget(time, self.interval, context)?;
        self.right.forget(time, self.interval.mirrored(), context)
    }

    fn close(&mut self) {
        self.function.close();
    }
}

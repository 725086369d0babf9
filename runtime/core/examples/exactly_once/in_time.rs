//! The parts of the job that go by event time: windows, timers, and what is told to all.

use std::{collections::BTreeMap, time::Duration};

use brisk_core::{
    BoxError,
    chain::{
        Collector, KeyedBroadcastProcessFunction, KeyedContext, KeyedOpenContext,
        KeyedProcessFunction, window::ProcessWindowFunction,
    },
    state::{BroadcastState, MapState, ValueState},
    task::Context,
    time::{
        Timestamp,
        window::{Fired, TimeWindow},
    },
};

/// A row: a key and its count.
pub(crate) type Row = (i64, u64);

pub(crate) const KEYS_IN_TIME: i64 = 11;
pub(crate) const WINDOW: Duration = Duration::from_millis(48);
pub(crate) const SLIDE: Duration = Duration::from_millis(16);
/// Numbers of so many milliseconds are counted together by timers.
const BUCKET_MS: i64 = 20;
/// When all has come.
const END: Timestamp = Timestamp::from_millis(i64::MAX - 1);

/// A key and the end of its window in one number.
pub(crate) fn row_key(end_ms: i64, key: i64) -> i64 {
    end_ms * KEYS_IN_TIME + key
}

/// The last millisecond of the bucket that a time is in.
pub(crate) fn bucket_of(at_ms: i64) -> i64 {
    at_ms - at_ms % BUCKET_MS + BUCKET_MS - 1
}

/// Makes rows of windows' counts.
#[derive(Clone)]
pub(crate) struct Rows;

impl ProcessWindowFunction<i64, TimeWindow, u64> for Rows {
    type Out = Row;

    fn process(
        &mut self,
        fired: Fired<i64, TimeWindow, u64>,
        _: &mut Context<'_>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        out.collect((row_key(fired.window.end().millis(), fired.key), fired.content));
        Ok(())
    }
}

/// Counts the numbers of a key by buckets of time, in a map, and tells a count when a timer says that
/// its bucket is over.
#[derive(Clone)]
pub(crate) struct Buckets {
    counts: MapState<i64, u64>,
    /// The planted fault: buckets and keys that wait, and their counts, where no checkpoint sees them.
    on_the_heap: Option<BTreeMap<(i64, i64), u64>>,
}

impl Buckets {
    pub(crate) fn new(forgets_timers: bool) -> Self {
        let on_the_heap = forgets_timers.then(BTreeMap::new);
        Self { counts: MapState::new("counts"), on_the_heap }
    }

    /// What is due of the timers that no checkpoint sees.
    fn fire_forgotten(&mut self, until_ms: i64, out: &mut Collector<Row>) {
        let Some(waiting) = &mut self.on_the_heap else { return };
        let later = waiting.split_off(&(until_ms.saturating_add(1), i64::MIN));
        let due = std::mem::replace(waiting, later);
        out.extend(due.into_iter().map(|((bucket, key), count)| (row_key(bucket, key), count)));
    }
}

impl KeyedProcessFunction<i64, i64> for Buckets {
    type Out = Row;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, i64>) -> Result<(), BoxError> {
        Ok(context.register(&mut self.counts)?)
    }

    fn process_element(
        &mut self,
        _: i64,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        let at = context.timestamp().ok_or("a number without a time")?;
        let (bucket, key) = (bucket_of(at.millis()), *context.current_key());
        let mut counts = context.state(&self.counts)?;
        let count = counts.get(&bucket)?.unwrap_or(0) + 1;
        counts.put(&bucket, &count)?;
        if let Some(waiting) = &mut self.on_the_heap {
            waiting.insert((bucket, key), count);
            context.register_event_time_timer(END);
            let watermark = context.current_watermark().timestamp();
            self.fire_forgotten(watermark.millis(), out);
        } else if count == 1 {
            context.register_event_time_timer(Timestamp::from_millis(bucket));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        let (bucket, key) = (time.millis(), *context.current_key());
        let mut counts = context.state(&self.counts)?;
        if let Some(count) = counts.get(&bucket)? {
            out.collect((row_key(bucket, key), count));
            counts.remove(&bucket)?;
        }
        self.fire_forgotten(bucket, out);
        Ok(())
    }
}

/// Counts the numbers of a key and notes the rules, and tells both when all has come.
#[derive(Clone)]
pub(crate) struct Ruled {
    pub(crate) seen: ValueState<u64>,
}

impl KeyedBroadcastProcessFunction<i64, i64, i64> for Ruled {
    type Out = Row;
    type Key = i64;
    type Value = u64;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, i64>) -> Result<(), BoxError> {
        Ok(context.register(&mut self.seen)?)
    }

    fn process_element(
        &mut self,
        _: i64,
        _: &BroadcastState<i64, u64>,
        context: &mut KeyedContext<'_, '_, i64>,
        _: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        let mut seen = context.state(&self.seen)?;
        let count = seen.value()?.unwrap_or(0) + 1;
        seen.update(&count)?;
        if count == 1 {
            context.register_event_time_timer(END);
        }
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        rule: i64,
        rules: &mut BroadcastState<i64, u64>,
        _: &mut Context<'_>,
        _: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        // A rule that comes twice shows.
        *rules.entry(rule).or_default() += rule as u64;
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        rules: &BroadcastState<i64, u64>,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        let count = context.state(&self.seen)?.value()?.unwrap_or(0);
        let sum: u64 = rules.values().sum();
        out.collect((*context.current_key(), count * 1000 + sum));
        Ok(())
    }
}

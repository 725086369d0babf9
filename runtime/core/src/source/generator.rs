//! Records that a function makes from their number, as fast as wanted.

use brisk_memory::driver::Instant64;
use std::time::Duration;

use super::{INTERRUPT_CHECK, share};
use crate::{
    Record,
    chain::{Source, SourceContext, SourceReader},
    error::Error,
    task::Cx,
    task::flow::{Drive, Push},
};

/// How fast a generator may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateLimit {
    /// As fast as there is room.
    Unlimited,
    /// So many records each second, over all subtasks.
    PerSecond(f64),
}

/// Makes record `n` by a function, for `n` from 0.
#[derive(Clone, Debug)]
pub struct GeneratorSource<F> {
    make: F,
    /// `None` for ever.
    count: Option<u64>,
    rate: RateLimit,
}

impl<F> GeneratorSource<F> {
    /// A generator of `count` records, or of records without end.
    ///
    /// # Panics
    /// If the rate is not a positive number.
    pub fn new(count: Option<u64>, rate: RateLimit, make: F) -> Self {
        if let RateLimit::PerSecond(rate) = rate {
            assert!(rate.is_finite() && rate > 0.0, "a rate of {rate} records per second");
        }
        Self { make, count, rate }
    }
}

impl<T, F> Source for GeneratorSource<F>
where
    T: Record,
    F: FnMut(u64) -> T + Clone + Send + 'static,
{
    type Out = T;
    type Reader = GeneratorReader<F>;

    /// Numbers, from the next one to behind the last.
    type Split = (u64, u64);

    fn open(
        &self,
        restored: Option<Vec<(u64, u64)>>,
        context: &SourceContext,
        cx: &mut Cx,
    ) -> Result<Self::Reader, Error> {
        let splits = restored.unwrap_or_else(|| {
            let all = self.count.unwrap_or(u64::MAX);
            let share = share(all, context.subtask, context.parallelism);
            vec![(share.start, share.end)]
        });
        let interval_ns = match self.rate {
            RateLimit::Unlimited => None,
            RateLimit::PerSecond(rate) => Some(1e9 * f64::from(context.parallelism) / rate),
        };
        let (make, began) = (self.make.clone(), cx.now());
        Ok(GeneratorReader { make, splits, sent: 0, interval_ns, began, woken_at: None })
    }

    fn is_bounded(&self) -> bool {
        self.count.is_some()
    }
}

/// A running [`GeneratorSource`].
#[derive(Debug)]
pub struct GeneratorReader<F> {
    make: F,
    /// What is left; the last one is in hand.
    splits: Vec<(u64, u64)>,
    /// Since it was opened.
    sent: u64,
    interval_ns: Option<f64>,
    began: Instant64,
    /// When it asked to be woken last: once for each time, however often it is driven before.
    woken_at: Option<Instant64>,
}

impl<F> GeneratorReader<F> {
    /// How many records are due now; with none due, when the next one is.
    fn due(&self, cx: &Cx) -> Result<u64, Instant64> {
        let Some(interval) = self.interval_ns else { return Ok(u64::MAX) };
        let sent = self.sent;
        let passed = cx.now().saturating_since(self.began).as_nanos() as f64;
        // Record 0 is due at once, record n after n intervals.
        let due = (passed / interval) as u64 + 1;
        if due > sent {
            return Ok(due - sent);
        }
        Err(self.began + Duration::from_nanos((sent as f64 * interval).ceil() as u64))
    }
}

impl<T, F: FnMut(u64) -> T> SourceReader<T> for GeneratorReader<F> {
    type Split = (u64, u64);

    fn snapshot(&mut self) -> Vec<(u64, u64)> {
        self.splits.clone()
    }

    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let due = match self.due(cx) {
            Ok(due) => due,
            Err(at) if self.splits.iter().any(|(next, end)| next < end) => {
                if self.woken_at.replace(at) != Some(at) {
                    cx.wake_at(at);
                }
                return Drive::Starved;
            }
            Err(_) => return Drive::Ended,
        };
        let mut budget = (cx.quantum() as u64).min(due);
        while budget > 0 {
            let Some((next, end)) = self.splits.last_mut() else { return Drive::Ended };
            let batch = budget.min(*end - *next).min(INTERRUPT_CHECK as u64);
            if batch == 0 {
                self.splits.pop();
                continue;
            }
            let (first, until) = (*next, *next + batch);
            let mut interrupted = None;
            while *next != until && interrupted.is_none() {
                let record = (self.make)(*next);
                *next += 1;
                interrupted = sink.push(record, cx).interrupts();
            }
            let sent = *next - first;
            self.sent += sent;
            cx.metrics.count_emitted(sent);
            if let Some(interrupted) = interrupted {
                return interrupted;
            }
            if cx.interrupted() {
                return Drive::More;
            }
            budget -= batch;
        }
        Drive::More
    }
}

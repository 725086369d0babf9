//! Records that a function makes from their number, as fast as wanted.

use brisk_memory::driver::{Instant64, Operation};
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

    fn open(&self, context: &SourceContext, cx: &mut Cx) -> Result<Self::Reader, Error> {
        let share = share(self.count.unwrap_or(u64::MAX), context.subtask, context.parallelism);
        let interval_ns = match self.rate {
            RateLimit::Unlimited => None,
            RateLimit::PerSecond(rate) => Some(1e9 * f64::from(context.parallelism) / rate),
        };
        let (first, began) = (share.start, cx.now());
        Ok(GeneratorReader {
            make: self.make.clone(),
            first,
            next: first,
            end: share.end,
            interval_ns,
            began,
        })
    }

    fn is_bounded(&self) -> bool {
        self.count.is_some()
    }
}

/// A running [`GeneratorSource`].
#[derive(Debug)]
pub struct GeneratorReader<F> {
    make: F,
    first: u64,
    next: u64,
    end: u64,
    interval_ns: Option<f64>,
    began: Instant64,
}

impl<F> GeneratorReader<F> {
    /// How many records are due now; with none due, when the next one is.
    fn due(&self, cx: &Cx) -> Result<u64, Instant64> {
        let Some(interval) = self.interval_ns else { return Ok(u64::MAX) };
        let sent = self.next - self.first;
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
    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        // Timers that rang are no news beyond having woken the task.
        while cx.next_completion().is_some() {}
        if self.next == self.end {
            return Drive::Ended;
        }
        let due = match self.due(cx) {
            Ok(due) => due,
            Err(at) => {
                cx.submit(Operation::Timer { at });
                return Drive::Starved;
            }
        };
        let mut budget = (cx.quantum() as u64).min(due);
        while budget > 0 {
            let batch = budget.min(self.end - self.next).min(INTERRUPT_CHECK as u64);
            if batch == 0 {
                return Drive::Ended;
            }
            let (first, end) = (self.next, self.next + batch);
            let mut interrupted = None;
            while self.next != end && interrupted.is_none() {
                let record = (self.make)(self.next);
                self.next += 1;
                interrupted = sink.push(record, cx).interrupts();
            }
            cx.metrics.count_emitted(self.next - first);
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

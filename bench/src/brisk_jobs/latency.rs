//! `latency`: sources that send each record when it is due, and a sink that looks at the clock.

use super::{environment, measure};
use crate::BenchError;
use crate::input::generator::{Keys, pace_ns, share};
use crate::run::measurement::{Measurement, Outcome};
use brisk::Error;
use brisk::chain::{Sink, SinkContext, SinkWriter, Source, SourceContext, SourceReader};
use brisk::memory::driver::Instant64;
use brisk::prelude::*;
use brisk::task::Cx;
use brisk::task::flow::{Drive, Flow, Push};
use hdrhistogram::Histogram;
use rkyv::{Archive, Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long after it was opened a source sends its first record.
const LEAD: Duration = Duration::from_millis(10);

/// The longest latency that is told apart from longer ones.
const LONGEST_NS: u64 = 60_000_000_000;

/// What the sinks saw.
struct Seen {
    outcome: Outcome,
    latencies: Histogram<u64>,
}

impl Seen {
    fn nothing() -> Self {
        let latencies = Histogram::new_with_max(LONGEST_NS, 3);
        let latencies = latencies.expect("a minute and three digits are in bounds");
        Seen { outcome: Outcome::NOTHING, latencies }
    }
}

/// `latency`: the check is of `KeySum`.
pub fn latency(records: u64) -> Result<Measurement, BenchError> {
    let environment = environment()?;
    let seen = Arc::new(Mutex::new(Seen::nothing()));
    environment
        .from_source(PacedRecords { total: records }, "paced")
        .key_by(viewed(|record: &Paced| record.key, |record| record.key.to_native()))
        .into_stream()
        .sink_to(LatencySink { seen: Arc::clone(&seen) });
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = measure(&environment, || lock().outcome)?;
    let all = lock();
    let quantile = |of| all.latencies.value_at_quantile(of) as f64 / 1e9;
    Ok(measured
        .with_figure("latency_seconds_p50", quantile(0.5))
        .with_figure("latency_seconds_p99", quantile(0.99))
        .with_figure("latency_seconds_p999", quantile(0.999)))
}

/// A key, and when the record was due by the driver's clock.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Paced {
    key: u64,
    due_ns: u64,
}

/// The source as the program describes it.
#[derive(Clone, Debug)]
struct PacedRecords {
    /// Of all subtasks together.
    total: u64,
}

/// The source of one subtask.
struct PacedReader {
    keys: Keys,
    first: Instant64,
    every: u64,
    sent: u64,
    total: u64,
}

impl Source for PacedRecords {
    type Out = Paced;
    type Reader = PacedReader;

    type Split = ();

    fn open(
        &self,
        _restored: Option<Vec<()>>,
        context: &SourceContext,
        cx: &mut Cx,
    ) -> Result<PacedReader, Error> {
        let (subtask, parallelism) = (context.subtask.into(), context.parallelism.into());
        Ok(PacedReader {
            keys: Keys::new(subtask),
            first: cx.now() + LEAD,
            every: pace_ns(parallelism),
            sent: 0,
            total: share(self.total, subtask, parallelism),
        })
    }
}

impl SourceReader<Paced> for PacedReader {
    type Split = ();

    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn drive<S: Push<Paced>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        for _ in 0..cx.quantum() {
            if self.sent == self.total {
                return Drive::Ended;
            }
            let due = self.first + Duration::from_nanos(self.sent * self.every);
            if due > cx.now() {
                cx.wake_at(due);
                return Drive::Starved;
            }
            self.sent += 1;
            cx.metrics.count_emitted(1);
            let record = Paced { key: self.keys.next_key(), due_ns: due.as_nanos() };
            if let Some(interrupted) = sink.push(record, cx).interrupts() {
                return interrupted;
            }
        }
        Drive::More
    }
}

/// The sink as the program describes it.
#[derive(Clone)]
struct LatencySink {
    seen: Arc<Mutex<Seen>>,
}

/// The sink of one subtask.
struct LatencyWriter {
    sink: LatencySink,
    own: Seen,
}

impl Sink<Paced> for LatencySink {
    type Writer = LatencyWriter;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<LatencyWriter, Error> {
        Ok(LatencyWriter { sink: self.clone(), own: Seen::nothing() })
    }
}

impl SinkWriter<Paced> for LatencyWriter {
    fn write(&mut self, record: Paced, cx: &mut Cx) -> Flow {
        let late = cx.now().saturating_since(Instant64::from_nanos(record.due_ns));
        self.own.latencies.saturating_record(late.as_nanos() as u64);
        self.own.outcome.add(Outcome::of_one(record.key));
        Flow::Continue
    }

    fn close(&mut self, _cx: &mut Cx) {
        let mut all = self.sink.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.outcome.add(self.own.outcome);
        all.latencies.add(&self.own.latencies).expect("both have three digits");
    }
}

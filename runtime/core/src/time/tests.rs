use super::{Timestamp, Watermark, WatermarkStrategy};
use crate::{
    BoxError, Error,
    api::StreamExecutionEnvironment,
    chain::{
        CoProcessFunction, Collector, ProcessFunction, Sink, SinkContext, SinkWriter, Source,
        SourceContext, SourceReader,
    },
    task::{
        Context, Cx,
        flow::{Drive, Flow, Push, Signal},
    },
};
use brisk_memory::config::Configuration;
use std::sync::{Arc, Mutex};

/// Sends the numbers from 0, each with ten times itself as its time, and after each
/// fifth a watermark; some too long for a segment.
#[derive(Clone)]
struct Timed {
    count: i64,
}

struct TimedReader {
    next: i64,
    count: i64,
}

fn text(n: i64) -> String {
    let length = if n % 50 == 7 { 40_000 } else { 3 };
    format!("{n} {}", "x".repeat(length))
}

fn number(text: &str) -> i64 {
    text.split(' ').next().expect("a number").parse().expect("a number")
}

impl Source for Timed {
    type Out = String;
    type Reader = TimedReader;

    type Split = (i64, i64);

    fn open(
        &self,
        _restored: Option<Vec<(i64, i64)>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<TimedReader, Error> {
        // Subtasks are apart in time, so that the watermark is really the least.
        Ok(TimedReader { next: 10_000 * i64::from(context.subtask), count: self.count })
    }
}

impl SourceReader<String> for TimedReader {
    type Split = (i64, i64);

    fn snapshot(&mut self) -> Vec<(i64, i64)> {
        vec![(self.next, self.count)]
    }

    fn drive<S: Push<String>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        while self.count > 0 {
            let n = self.next;
            (self.next, self.count) = (n + 1, self.count - 1);
            cx.set_timestamp(Some(Timestamp::from_millis(10 * n)));
            let flow = sink.push(text(n), cx);
            if n % 5 == 4 {
                let watermark = Watermark(Timestamp::from_millis(10 * n));
                cx.announce(Signal::Watermark(watermark));
                return flow.interrupts().unwrap_or(Drive::More);
            }
            if let Some(interrupted) = flow.interrupts() {
                return interrupted;
            }
        }
        Drive::Ended
    }
}

/// What the sinks saw: the numbers, and the watermarks of each subtask.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Vec<Element>>>>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Element {
    Record(i64, Option<Timestamp>),
    Watermark(Watermark),
}

struct Probe {
    seen: Seen,
    elements: Vec<Element>,
}

impl Sink<String> for Seen {
    type Writer = Probe;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Probe, Error> {
        Ok(Probe { seen: self.clone(), elements: Vec::new() })
    }
}

impl SinkWriter<String> for Probe {
    fn write(&mut self, item: String, cx: &mut Cx) -> Flow {
        self.elements.push(Element::Record(number(&item), cx.timestamp()));
        Flow::Continue
    }

    fn signal(&mut self, signal: Signal, _cx: &mut Cx) -> Flow {
        if let Signal::Watermark(watermark) = signal {
            self.elements.push(Element::Watermark(watermark));
        }
        Flow::Continue
    }

    fn finish(&mut self, _cx: &mut Cx) -> Drive {
        self.seen.0.lock().expect("no test panics here").push(std::mem::take(&mut self.elements));
        Drive::Ended
    }
}

/// Runs `job`; no record may be late, and time must come to its end everywhere.
fn check(parallelism: u32, chaining: bool, job: impl Fn(&StreamExecutionEnvironment, Seen)) {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    env.set_parallelism(parallelism);
    if !chaining {
        env.disable_operator_chaining();
    }
    let seen = Seen::default();
    job(&env, seen.clone());
    env.execute("a test").expect("the job runs");
    let seen = seen.0.lock().expect("the job is over");
    assert_eq!(seen.len(), parallelism as usize);
    let mut numbers = Vec::new();
    for elements in seen.iter() {
        assert_eq!(elements.last(), Some(&Element::Watermark(Watermark::MAX)));
        let mut now = Watermark::MIN;
        for element in elements {
            match *element {
                Element::Watermark(watermark) => {
                    assert!(watermark > now, "{watermark:?} after {now:?}");
                    now = watermark;
                }
                Element::Record(n, timestamp) => {
                    assert_eq!(timestamp, Some(Timestamp::from_millis(10 * n)));
                    assert!(timestamp > Some(now.0), "{n} is late at {now:?}");
                    numbers.push(n);
                }
            }
        }
    }
    numbers.sort_unstable();
    let of_subtask = |subtask: u32| (0..200).map(move |n| 10_000 * i64::from(subtask) + n);
    let expected: Vec<i64> = (0..parallelism).flat_map(of_subtask).collect();
    assert_eq!(numbers, expected);
}

#[derive(Clone)]
struct Same;

impl ProcessFunction<String> for Same {
    type Out = String;

    fn process(
        &mut self,
        record: String,
        context: &mut Context<'_>,
        out: &mut Collector<String>,
    ) -> Result<(), BoxError> {
        assert_eq!(context.timestamp(), Some(Timestamp::from_millis(10 * number(&record))));
        out.collect(record);
        Ok(())
    }
}

impl CoProcessFunction<String, String> for Same {
    type Out = String;

    fn process_first(
        &mut self,
        record: String,
        context: &mut Context<'_>,
        out: &mut Collector<String>,
    ) -> Result<(), BoxError> {
        self.process(record, context, out)
    }

    fn process_second(
        &mut self,
        record: String,
        context: &mut Context<'_>,
        out: &mut Collector<String>,
    ) -> Result<(), BoxError> {
        self.process(record, context, out)
    }
}

#[test]
fn times_and_watermarks_travel_with_records() {
    for parallelism in [1, 2, 3] {
        for chaining in [true, false] {
            check(parallelism, chaining, |env, seen| {
                let timed = env.from_source(Timed { count: 200 }, "timed");
                let mapped = timed.map(|text| text).filter(|_| true);
                let twice = mapped.flat_map(|text, out: &mut Collector<String>| out.collect(text));
                twice.rebalance().process(Same).sink_to(seen);
            });
        }
    }
}

#[test]
fn the_slower_of_two_inputs_holds_time_back() {
    for parallelism in [1, 2] {
        check(parallelism, true, |env, seen| {
            let all = env.from_source(Timed { count: 200 }, "timed").shared();
            let odd = all.clone().filter(|text| number(text) % 2 == 1).rebalance();
            let even = all.filter(|text| number(text) % 2 == 0).shuffle();
            odd.connect(even).process(Same).sink_to(seen);
        });
    }
}

#[test]
fn a_union_is_as_far_as_its_slowest_stream() {
    check(2, true, |env, seen| {
        let all = env.from_source(Timed { count: 200 }, "timed").shared();
        let odd = all.clone().filter(|text| number(text) % 2 == 1).rebalance();
        let even = all.filter(|text| number(text) % 2 == 0).shuffle();
        odd.union(even).sink_to(seen);
    });
}

/// What a flat map had no room for waits, and must keep the time of what it was made of,
/// though the stage that gave that time has long gone on.
#[test]
fn records_that_wait_for_room_keep_their_times() {
    const COPIES: usize = 40;
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    env.set_parallelism(1);
    let strategy = WatermarkStrategy::for_monotonous_timestamps()
        .with_timestamp_assigner(|text: &String, _| Timestamp::from_millis(10 * number(text)));
    let seen = Seen::default();
    env.from_sequence(0..=99)
        .map(|n| format!("{n} {}", "x".repeat(40_000)))
        .assign_timestamps_and_watermarks(strategy)
        .flat_map(|text: String, out: &mut Collector<String>| {
            out.extend(std::iter::repeat_n(text, COPIES));
        })
        .rebalance()
        .sink_to(seen.clone());
    env.execute("a test").expect("the job runs");
    let seen = seen.0.lock().expect("the job is over");
    let elements = seen.iter().flatten();
    let records = elements.filter(|element| matches!(element, Element::Record(..)));
    let expected = (0..100).flat_map(|n| std::iter::repeat_n(n, COPIES));
    let expected = expected.map(|n| Element::Record(n, Some(Timestamp::from_millis(10 * n))));
    assert!(records.copied().eq(expected), "a record lost its time or its place");
}

//! The job, and what it gives without faults.

use crate::{
    Planted,
    in_time::{Buckets, KEYS_IN_TIME, Row, Rows, Ruled, SLIDE, WINDOW, bucket_of, row_key},
    ledger::Ledger,
};
use brisk_core::{
    BoxError,
    api::{Count, StreamExecutionEnvironment},
    chain::{Collector, ProcessFunction},
    state::ValueState,
    task::{Context, OutputTag},
    time::{Timestamp, WatermarkStrategy, window::assigner::SlidingEventTimeWindows},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

const KEYS: i64 = 31;
const KEYS_ASIDE: i64 = 7;
const RULES: i64 = 9;

/// The places where the job commits its results.
#[derive(Clone)]
pub(crate) struct Ledgers {
    planted: Option<Planted>,
    main: Ledger,
    aside: Ledger,
    windows: Ledger,
    timers: Ledger,
    ruled: Ledger,
}

impl Ledgers {
    pub(crate) fn with(planted: Option<Planted>) -> Self {
        let ledger = || Ledger::with(planted);
        let [main, aside, windows, timers, ruled] = std::array::from_fn(|_| ledger());
        Self { planted, main, aside, windows, timers, ruled }
    }

    /// What was committed, in the order of [`expected`].
    pub(crate) fn rows(&self) -> [Vec<Row>; 5] {
        let Self { main, aside, windows, timers, ruled, .. } = self;
        [main, aside, windows, timers, ruled].map(Ledger::rows)
    }
}

/// When the operator fails: counted over all subtasks and runs.
#[derive(Clone, Default)]
pub(crate) struct Failures {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    seen: u64,
    at: BTreeSet<u64>,
    met: u64,
}

impl Failures {
    pub(crate) fn at(at: BTreeSet<u64>) -> Self {
        Self { plan: Arc::new(Mutex::new(Plan { at, ..Plan::default() })) }
    }

    fn is_due(&self) -> bool {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.seen += 1;
        let seen = plan.seen;
        let due = plan.at.remove(&seen);
        plan.met += u64::from(due);
        due
    }

    /// How often it failed.
    pub(crate) fn met(&self) -> u64 {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).met
    }
}

#[derive(Clone)]
struct Split {
    aside: OutputTag<i64>,
    failures: Failures,
}

fn is_aside(n: i64) -> bool {
    n % 3 == 0
}

impl ProcessFunction<i64> for Split {
    type Out = i64;

    fn process(
        &mut self,
        n: i64,
        context: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        if self.failures.is_due() {
            return Err("a planned failure".into());
        }
        if is_aside(n) {
            context.output(&self.aside, n);
        } else {
            out.collect(n);
        }
        Ok(())
    }
}

/// What a seed says about the job.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// How many numbers there are: a multiple of twice the parallelism.
    pub(crate) count: i64,
    pub(crate) parallelism: u32,
}

impl Size {
    /// When a number happens, in milliseconds: each subtask of a source begins at 0 and goes on by one
    /// with each number, so that all are at about the same time.
    fn at_ms(self, n: i64) -> i64 {
        n % (self.count / 2 / i64::from(self.parallelism))
    }
}

/// Describes the job.
pub(crate) fn describe(
    env: &StreamExecutionEnvironment,
    size: Size,
    (failures, ledgers): (&Failures, &Ledgers),
) {
    let in_time = || {
        WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_assigner(move |n: &i64, _| Timestamp::from_millis(size.at_ms(*n)))
    };
    let aside = OutputTag::new("aside");
    let split = Split { aside: aside.clone(), failures: failures.clone() };
    let half = size.count / 2;
    let first = env.from_sequence(0..=half - 1).uid("first");
    let first = first.assign_timestamps_and_watermarks(in_time()).uid("first in time").rebalance();
    let second = env.from_sequence(half..=size.count - 1).uid("second");
    let second = second.assign_timestamps_and_watermarks(in_time()).uid("second in time");
    let all = first.union(second.map(|n| n)).process(split).uid("split");
    let few = all.side_output(&aside).map(|n| n).uid("few");
    let counts = few.key_by(|n: &i64| *n % KEYS_ASIDE).count().uid("counts aside");
    counts.sink_to(ledgers.aside.clone()).uid("aside");
    let all = all.shared();
    let counts = all.clone().key_by(|n: &i64| *n % KEYS).count().uid("counts");
    counts.rebalance().sink_to(ledgers.main.clone()).uid("main");
    let windows = all
        .clone()
        .key_by(|n: &i64| *n % KEYS_IN_TIME)
        .window(SlidingEventTimeWindows::of(WINDOW, SLIDE))
        .aggregate_with(Count, Rows)
        .uid("windows");
    windows.sink_to(ledgers.windows.clone()).uid("windows sink");
    let buckets = Buckets::new(ledgers.planted == Some(Planted::ForgottenTimer));
    let buckets = all.clone().key_by(|n: &i64| *n % KEYS_IN_TIME).process(buckets).uid("timers");
    buckets.sink_to(ledgers.timers.clone()).uid("timers sink");
    let rules = env.from_sequence(1..=RULES).uid("rules");
    let ruled = all
        .key_by(|n: &i64| *n % KEYS_ASIDE)
        .process_with_broadcast(rules, Ruled { seen: ValueState::new("seen") })
        .uid("ruled");
    ruled.sink_to(ledgers.ruled.clone()).uid("ruled sink");
}

fn millis(time: Duration) -> i64 {
    time.as_millis() as i64
}

/// What the ledgers have after a run without faults, by their names.
pub(crate) fn expected(size: Size) -> [(&'static str, Vec<Row>); 5] {
    let counts = |aside: bool, keys: i64| {
        let mut counts = BTreeMap::new();
        for n in (0..size.count).filter(|n| is_aside(*n) == aside) {
            *counts.entry(n % keys).or_insert(0) += 1;
        }
        counts
    };
    let each = |counts: BTreeMap<i64, u64>| {
        let each = counts.into_iter().flat_map(|(key, count)| (1..=count).map(move |n| (key, n)));
        each.collect::<Vec<Row>>()
    };
    let main = || (0..size.count).filter(|n| !is_aside(*n));
    let (mut windows, mut buckets) = (BTreeMap::new(), BTreeMap::new());
    for n in main() {
        let (key, at) = (n % KEYS_IN_TIME, size.at_ms(n));
        let (slide, length) = (millis(SLIDE), millis(WINDOW));
        let last = at - at % slide;
        for start in (0..).map(|n| last - n * slide).take_while(|start| start + length > at) {
            *windows.entry(row_key(start + length, key)).or_insert(0) += 1;
        }
        *buckets.entry(row_key(bucket_of(at), key)).or_insert(0) += 1;
    }
    let rules: u64 = (1..=RULES as u64).sum();
    let ruled = counts(false, KEYS_ASIDE).into_iter().map(|(key, n)| (key, n * 1000 + rules));
    let mut all = [
        ("main", each(counts(false, KEYS))),
        ("aside", each(counts(true, KEYS_ASIDE))),
        ("windows", windows.into_iter().collect()),
        ("timers", buckets.into_iter().collect()),
        ("ruled", ruled.collect()),
    ];
    all.iter_mut().for_each(|(_, rows)| rows.sort_unstable());
    all
}

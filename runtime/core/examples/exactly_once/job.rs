//! The job, and what it gives without faults.

use crate::{
    Planted,
    ledger::{Ledger, Row},
};
use brisk_core::{
    BoxError,
    api::StreamExecutionEnvironment,
    chain::{Collector, ProcessFunction},
    task::{Context, OutputTag},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

const KEYS: i64 = 31;
const KEYS_ASIDE: i64 = 7;

/// The places where the job commits its results.
#[derive(Clone)]
pub(crate) struct Ledgers {
    pub(crate) main: Ledger,
    pub(crate) aside: Ledger,
}

impl Ledgers {
    pub(crate) fn with(planted: Option<Planted>) -> Self {
        Self { main: Ledger::with(planted), aside: Ledger::with(planted) }
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

/// Describes the job over `count` numbers.
pub(crate) fn describe(
    env: &StreamExecutionEnvironment,
    count: i64,
    (failures, ledgers): (&Failures, &Ledgers),
) {
    let aside = OutputTag::new("aside");
    let split = Split { aside: aside.clone(), failures: failures.clone() };
    let first = env.from_sequence(0..=count / 2 - 1).uid("first").rebalance();
    let second = env.from_sequence(count / 2..=count - 1).uid("second").map(|n| n);
    let all = first.union(second).process(split).uid("split");
    let few = all.side_output(&aside).map(|n| n).uid("few");
    let counts = all.key_by(|n: &i64| *n % KEYS).count().uid("counts");
    counts.rebalance().sink_to(ledgers.main.clone()).uid("main");
    let counts = few.key_by(|n: &i64| *n % KEYS_ASIDE).count().uid("counts aside");
    counts.sink_to(ledgers.aside.clone()).uid("aside");
}

/// What both ledgers have after a run without faults.
pub(crate) fn expected(count: i64) -> [Vec<Row>; 2] {
    let rows = |aside: bool, keys: i64| {
        let mut counts = BTreeMap::new();
        for n in (0..count).filter(|n| is_aside(*n) == aside) {
            *counts.entry(n % keys).or_insert(0) += 1;
        }
        let each = counts.into_iter().flat_map(|(key, count)| (1..=count).map(move |n| (key, n)));
        each.collect::<Vec<Row>>()
    };
    [rows(false, KEYS), rows(true, KEYS_ASIDE)]
}

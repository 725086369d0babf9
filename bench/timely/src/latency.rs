//! `latency`: two sources that send each record when it is due, exchanged by the hash of the key;
//! workers park until the next record of theirs is due, or until another one wakes them.

use crate::generator::{Keys, fmix64, pace_ns, share};
use crate::report::{Outcome, measure_with};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::Config;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::{Scope, Stream};
use timely::worker::Worker;

/// How long after the start of its worker a source sends its first record.
const LEAD: Duration = Duration::from_millis(10);

/// A key, and when it was due, in nanoseconds since the start of the process.
type Paced = (u64, u64);

/// The longest latency that is told apart from longer ones.
const LONGEST_NS: u64 = 60_000_000_000;

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_NS, 3).expect("a minute and three digits are in bounds")
}

/// The workload: the check is the sum of the keys that arrived.
pub(crate) fn latency(config: Config, total: u64) -> String {
    let start = Instant::now();
    let seen = Arc::new(Mutex::new(histogram()));
    let all = Arc::clone(&seen);
    let build = move |worker: &mut Worker| run(worker, total, (start, &all));
    measure_with(config, build, || {
        let seen = seen.lock().expect("a worker that panics ends the process");
        let quantile = |of| seen.value_at_quantile(of) as f64 / 1e9;
        format!(
            r#""latency_seconds_p50":{},"latency_seconds_p99":{},"latency_seconds_p999":{}"#,
            quantile(0.5),
            quantile(0.99),
            quantile(0.999)
        )
    })
}

fn run(
    worker: &mut Worker,
    total: u64,
    (start, all): (Instant, &Mutex<Histogram<u64>>),
) -> Outcome {
    let subtask = worker.index() as u64;
    let records = share(total, subtask, worker.peers() as u64);
    let every = pace_ns(worker.peers() as u64);
    let check = Rc::new(Cell::new(0u64));
    let seen = Rc::new(RefCell::new(histogram()));
    let (sum, latencies) = (Rc::clone(&check), Rc::clone(&seen));
    worker.dataflow::<u64, _, _>(|scope| {
        let by_key = Exchange::new(|(key, _): &Paced| fmix64(*key) >> 32);
        let paced = paced(scope, Pace { subtask, records, every, start });
        paced.sink(by_key, "Latencies", move |(input, _frontier)| {
            input.for_each(|_time, data| {
                for (key, due) in data.iter() {
                    let now = start.elapsed().as_nanos() as u64;
                    latencies.borrow_mut().saturating_record(now.saturating_sub(*due));
                    sum.set(sum.get().wrapping_add(*key));
                }
            });
        });
    });
    while worker.step_or_park(None) {}
    let mut all = all.lock().expect("a worker that panics ends the process");
    all.add(&*seen.borrow()).expect("both have three digits");
    Outcome { records, check: check.get() }
}

/// What one source sends, and when.
struct Pace {
    subtask: u64,
    records: u64,
    every: u64,
    start: Instant,
}

fn paced<'scope>(scope: Scope<'scope, u64>, pace: Pace) -> Stream<'scope, u64, Vec<Paced>> {
    source::<_, CapacityContainerBuilder<Vec<Paced>>, _, _>(
        scope,
        "Paced",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability = Some(capability);
            let mut keys = Keys::new(pace.subtask);
            let first = (pace.start.elapsed() + LEAD).as_nanos() as u64;
            let mut sent = 0;
            move |output| {
                let Some(time) = capability.as_ref() else { return };
                let mut session = output.session(time);
                while sent < pace.records {
                    let due = first + sent * pace.every;
                    let now = pace.start.elapsed().as_nanos() as u64;
                    if due > now {
                        activator.activate_after(Duration::from_nanos(due - now));
                        return;
                    }
                    session.give((keys.next_key(), due));
                    sent += 1;
                }
                drop(session);
                capability = None;
            }
        },
    )
}

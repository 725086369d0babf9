//! Windows in managed memory, in jobs that fail, stop, and let their windows fire before they end.

use super::interrupted::{FailsSometimes, check_moved, check_restarted, checkpointed, rescaled};
use super::*;
use crate::{
    chain::{Aggregate, window::ProcessWindowFunction},
    job::Stop,
    time::{
        Timestamp, Watermark, WatermarkStrategy,
        window::{Fired, TimeWindow, assigner::SlidingEventTimeWindows},
    },
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const NUMBERS: i64 = 2_000;
const KEYS: i64 = 40;
/// Milliseconds of a window, and between two.
const SIZE: i64 = 500;
const SLIDE: i64 = 100;

/// Key, start of the window, count and sum.
type Found = (i64, i64, u64, i64);

/// Count and sum.
#[derive(Clone)]
struct CountAndSum;

impl Aggregate<i64, i64> for CountAndSum {
    type Accumulator = (u64, i64);
    type Out = (u64, i64);

    fn first(&self, number: i64) -> (u64, i64) {
        (1, number)
    }

    fn add(&self, (count, sum): &mut (u64, i64), number: i64) {
        (*count, *sum) = (*count + 1, *sum + number);
    }

    fn merge(&self, (count, sum): &mut (u64, i64), other: (u64, i64)) {
        (*count, *sum) = (*count + other.0, *sum + other.1);
    }

    fn result(&self, _key: i64, found: (u64, i64)) -> (u64, i64) {
        found
    }
}

/// Says which window it is, too.
#[derive(Clone)]
struct WithStart;

impl ProcessWindowFunction<i64, TimeWindow, (u64, i64)> for WithStart {
    type Out = Found;

    fn process(
        &mut self,
        fired: Fired<i64, TimeWindow, (u64, i64)>,
        _context: &mut Context<'_>,
        out: &mut Collector<Found>,
    ) -> Result<(), BoxError> {
        let (count, sum) = fired.content;
        out.collect((fired.key, fired.window.start().millis(), count, sum));
        Ok(())
    }
}

/// Numbers at times that rise with them.
fn windowed(env: &StreamExecutionEnvironment, fails: FailsSometimes) -> Collected<Found> {
    let strategy = WatermarkStrategy::for_punctuated(|number: &i64, _| {
        (number % 10 == 0).then_some(Watermark(Timestamp::from_millis(number - 20)))
    })
    .with_timestamp_assigner(|number: &i64, _| Timestamp::from_millis(*number));
    // One source, so that no number is late.
    let numbers = env.from_sequence(0..=NUMBERS - 1).uid("numbers").set_parallelism(1);
    let timed = numbers.assign_timestamps_and_watermarks(strategy).uid("times").set_parallelism(1);
    let timed = timed.process(fails);
    let millis = |millis: i64| Duration::from_millis(millis as u64);
    let windows = SlidingEventTimeWindows::of(millis(SIZE), millis(SLIDE));
    let keyed = timed.key_by(|number: &i64| number % KEYS).window(windows);
    keyed.aggregate_with(CountAndSum, WithStart).uid("windows").collect()
}

fn expected() -> BTreeMap<(i64, i64), (u64, i64)> {
    let mut windows = BTreeMap::new();
    for number in 0..NUMBERS {
        let mut start = number - number % SLIDE;
        while start > number - SIZE {
            let (count, sum) = windows.entry((number % KEYS, start)).or_insert((0, 0));
            (*count, *sum) = (*count + 1, *sum + number);
            start -= SLIDE;
        }
    }
    windows
}

/// What was found of each window; it may come again after a failure, but must be the same.
fn once(found: Vec<Found>) -> BTreeMap<(i64, i64), (u64, i64)> {
    let mut windows = BTreeMap::new();
    for (key, start, count, sum) in found {
        let before = windows.insert((key, start), (count, sum));
        assert!(before.is_none_or(|before| before == (count, sum)), "window {start} of key {key}");
    }
    windows
}

#[test]
fn simulated_windows_that_fail_hold_each_record_once() {
    check_restarted(windowed, |found| assert_eq!(once(found), expected()));
}

#[test]
fn simulated_windows_go_on_at_another_parallelism() {
    let check = |found, _: &SimulatedCluster, _: &str| assert_eq!(once(found), expected());
    check_moved(rescaled, windowed, check);
}

/// Windows that are open when a job is drained fire with what they hold: each record that the windows
/// were given is in five results.
#[test]
fn simulated_windows_that_are_open_fire_before_a_drained_job_ends() {
    let fired = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, env) = checkpointed(seed);
        let counted = FailsSometimes::at(Vec::new());
        let found = windowed(&env, counted.clone());
        let handle = env.submit_to(&mut cluster, "drained").expect("it starts");
        for _ in 0..cluster.world().below(600) {
            cluster.step();
        }
        let answer = handle.stop_with_savepoint(Some("/savepoints"), Stop::Drain);
        while !answer.is_ready() {
            assert!(cluster.step(), "deadlocked");
        }
        let is_drained = answer.wait().is_ok();
        while !handle.is_over() {
            assert!(cluster.step(), "deadlocked");
        }
        let restarts = handle.restarts();
        cluster.finish(handle).expect("it ends");
        let results = found.take();
        if restarts > 0 {
            // Without a savepoint it began anew, and numbers were counted twice.
            assert!(!is_drained);
            assert_eq!(once(results), expected());
            return;
        }
        let in_results: u64 = results.iter().map(|(_, _, count, _)| count).sum();
        assert_eq!(in_results, counted.seen() * (SIZE / SLIDE) as u64);
        if is_drained && counted.seen() < NUMBERS as u64 {
            fired.fetch_add(in_results, Ordering::Relaxed);
        }
    });
    assert!(fired.into_inner() > 0, "jobs are stopped in the midst of their numbers");
}

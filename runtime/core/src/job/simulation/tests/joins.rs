//! Joins in jobs that fail: each pair is made once.

use super::{
    interrupted::{FailsSometimes, checkpointed},
    *,
};
use crate::{
    api::DataStream,
    chain::Template,
    time::{Timestamp, WatermarkStrategy, window::assigner::TumblingEventTimeWindows},
};
use std::time::Duration;

const COUNT: i64 = 400;
const KEYS: i64 = 5;
const WINDOW_MS: i64 = 40;

/// The numbers, each of its own millisecond, those of one rest being one key.
fn numbers(
    env: &StreamExecutionEnvironment,
    fails: FailsSometimes,
) -> DataStream<i64, impl Template<Out = i64> + use<>> {
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_millis(5))
        .with_timestamp_assigner(|n: &i64, _| Timestamp::from_millis(*n));
    env.from_sequence(0..=COUNT - 1).process(fails).assign_timestamps_and_watermarks(strategy)
}

fn key(n: &i64) -> i64 {
    n % KEYS
}

fn is_pair_of_a_window(one: i64, other: i64) -> bool {
    one / WINDOW_MS == other / WINDOW_MS
}

fn is_pair_of_an_interval(one: i64, other: i64) -> bool {
    (-10..=25).contains(&(other - one))
}

/// How many pairs each key has.
fn expected(is_pair: fn(i64, i64) -> bool) -> BTreeMap<i64, u64> {
    let mut counts = BTreeMap::new();
    for one in 0..COUNT {
        let pairs = (0..COUNT).filter(|other| key(&one) == key(other) && is_pair(one, *other));
        *counts.entry(key(&one)).or_default() += pairs.count() as u64;
    }
    counts
}

/// Counts pairs of a job that fails at some of its records: what a restart repeats is below the
/// highest count of a key, and a pair made twice above what is expected.
fn check<T: Template<Out = (i64, i64)>>(
    join: impl Fn(&StreamExecutionEnvironment, FailsSometimes) -> DataStream<(i64, i64), T>,
    is_pair: fn(i64, i64) -> bool,
) {
    let expected = expected(is_pair);
    for_each_seed(|seed| {
        let (mut cluster, env) = checkpointed(seed);
        env.set_auto_watermark_interval(Duration::from_micros(200));
        let joined = join(&env, FailsSometimes::below(2 * 400, &cluster));
        let counted = joined.key_by(|(one, _): &(i64, i64)| key(one)).count().collect();
        env.execute_on(&mut cluster, "joins that fail").expect("it was restarted");
        let mut found = BTreeMap::new();
        for (key, count) in counted.take() {
            let highest = found.entry(key).or_insert(0);
            *highest = count.max(*highest);
        }
        assert_eq!(found, expected);
    });
}

#[test]
fn simulated_window_joins_that_fail_make_each_pair_once() {
    check(
        |env, fails| {
            let (one, other) = (numbers(env, fails.clone()), numbers(env, fails));
            let windows = TumblingEventTimeWindows::of(Duration::from_millis(WINDOW_MS as u64));
            let joined = one.join(other).where_(key).equal_to(key).window(windows);
            joined.apply(|one: &i64, other: &i64| (*one, *other))
        },
        is_pair_of_a_window,
    );
}

#[test]
fn simulated_interval_joins_that_fail_make_each_pair_once() {
    check(
        |env, fails| {
            let (one, other) = (numbers(env, fails.clone()), numbers(env, fails));
            let joined = one.key_by(key).interval_join(other.key_by(key)).between_ms(-10..=25);
            joined.apply(|one: &i64, other: &i64| (*one, *other))
        },
        is_pair_of_an_interval,
    );
}

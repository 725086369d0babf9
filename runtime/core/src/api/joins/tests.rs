//! Joins in whole jobs on simulated clusters, and what plain loops over the records say.

use std::{collections::BTreeMap, num::NonZeroU32, ops::Bound, time::Duration};

use brisk_memory::{SegmentCount, SegmentSize, config::Configuration};
use proptest::prelude::*;

use crate::{
    BoxError, Error, Record,
    api::{Collected, DataStream, StreamExecutionEnvironment},
    chain::{Collector, OneOf, ProcessFunction, Template},
    job::{SimulatedCluster, SimulationOptions},
    source::RateLimit,
    task::{BufferQuota, Context, OutputTag},
    time::{
        Timestamp, Watermark, WatermarkStrategy,
        window::{
            Fired, TimeWindow,
            assigner::{
                EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows,
            },
            trigger::{CountTrigger, PurgingTrigger},
        },
    },
    worker::TurnLimits,
};

/// Key, time, number.
type Event = (u32, i64, u32);

fn key(event: &Event) -> u32 {
    event.0
}

fn environment(parallelism: u32) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    env.set_parallelism(parallelism);
    env.set_auto_watermark_interval(Duration::from_micros(100));
    env
}

/// Runs `job` on a cluster of this seed and parallelism; gives its sorted results.
fn results<T: Record + Ord + Clone>(
    (seed, parallelism): (u64, u32),
    job: impl FnOnce(&StreamExecutionEnvironment) -> Collected<T>,
) -> Vec<T> {
    let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
    let env = environment(parallelism);
    let collected = job(&env);
    env.execute_on(&mut cluster, "joins").expect("the job runs");
    let mut found = collected.take();
    found.sort();
    found
}

/// The events in event time, watermarks being `bound_ms` behind.
fn in_time(
    env: &StreamExecutionEnvironment,
    events: &[Event],
    bound_ms: u64,
) -> DataStream<Event, impl Template<Out = Event> + use<>> {
    let bound = Duration::from_millis(bound_ms);
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(bound)
        .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.1));
    env.from_collection(events.to_vec()).assign_timestamps_and_watermarks(strategy)
}

/// Times go on by up to a second, back by up to `jitter` milliseconds.
fn events(jitter: i64) -> impl Strategy<Value = Vec<Event>> {
    let step = (0..4u32, 0..1_000i64, 0..=jitter);
    proptest::collection::vec(step, 0..60).prop_map(|steps| {
        let mut now = 0;
        let event = |(number, (key, step, back)): (usize, (u32, i64, i64))| {
            now += step;
            (key, now - back, number as u32)
        };
        steps.into_iter().enumerate().map(event).collect()
    })
}

fn cluster() -> impl Strategy<Value = (u64, u32)> {
    (0..1_000u64, 1..4u32)
}

/// Late by this much they are still in time.
const JITTER: i64 = 3_000;

const SIZE: i64 = 5_000;
const SLIDE: i64 = 2_000;
const GAP: i64 = 700;

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis as u64)
}

/// The starts of the windows that a time is in.
fn windows_of(time: i64, slide: i64) -> impl Iterator<Item = i64> {
    let last = time - time.rem_euclid(slide);
    (0..).map(move |n| last - n * slide).take_while(move |start| *start > time - SIZE)
}

/// Each pair of numbers of a key and window, with the window's start.
fn pairs_in_windows(first: &[Event], second: &[Event], slide: i64) -> Vec<(i64, u32, u32)> {
    let mut pairs = Vec::new();
    for one in first {
        for other in second.iter().filter(|other| other.0 == one.0) {
            let shared = windows_of(one.1, slide)
                .filter(|start| windows_of(other.1, slide).any(|own| own == *start));
            pairs.extend(shared.map(|start| (start, one.2, other.2)));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// The numbers of each side in the sessions of each key.
fn sessions(first: &[Event], second: &[Event]) -> Vec<(u32, i64, Vec<u32>, Vec<u32>)> {
    let mut by_key = BTreeMap::<u32, Vec<(i64, bool, u32)>>::new();
    for (events, is_first) in [(first, true), (second, false)] {
        for (key, at, number) in events {
            by_key.entry(*key).or_default().push((*at, is_first, *number));
        }
    }
    let mut found = Vec::new();
    for (key, mut events) in by_key {
        events.sort_unstable();
        for session in events.chunk_by(|one, next| next.0 - one.0 <= GAP) {
            let of = |side: bool| {
                let mine = session.iter().filter(|(_, is_first, _)| *is_first == side);
                let mut numbers: Vec<u32> = mine.map(|(_, _, number)| *number).collect();
                numbers.sort_unstable();
                numbers
            };
            found.push((key, session[0].0, of(true), of(false)));
        }
    }
    found.sort();
    found
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn window_joins_find_each_pair_of_a_window(
        (first, second, cluster) in (events(JITTER), events(JITTER), cluster()),
        slides in any::<bool>(),
    ) {
        let slide = if slides { SLIDE } else { SIZE };
        // The window's start tells the window; a pair's event time is the window's end.
        let found = results(cluster, |env| {
            let one = in_time(env, &first, JITTER as u64);
            let other = in_time(env, &second, JITTER as u64);
            let windows = SlidingEventTimeWindows::of(millis(SIZE), millis(slide));
            let joined = one.join(other).where_(key).equal_to(key).window(windows);
            let stamped = joined.apply(|one, other| (one.2, other.2)).process(Stamp);
            stamped.map(|(at, (one, other))| (at + 1 - SIZE, one, other)).collect()
        });
        prop_assert_eq!(found, pairs_in_windows(&first, &second, slide));
    }

    #[test]
    fn co_groups_have_all_of_a_session(
        (first, second, cluster) in (events(JITTER), events(JITTER), cluster()),
    ) {
        let found = results(cluster, |env| {
            let one = in_time(env, &first, JITTER as u64).key_by(key);
            let other = in_time(env, &second, JITTER as u64).key_by(key);
            let sessions = EventTimeSessionWindows::with_gap(millis(GAP));
            one.co_group(other).window(sessions).apply(
                |fired: Fired<u32, TimeWindow, (Vec<Event>, Vec<Event>)>, out| {
                    let (first, second) = fired.content;
                    let numbers = |events: Vec<Event>| {
                        sorted(events.into_iter().map(|event| event.2).collect())
                    };
                    let start = fired.window.start().millis();
                    out.collect((fired.key, start, numbers(first), numbers(second)));
                },
            ).collect()
        });
        prop_assert_eq!(found, sessions(&first, &second));
    }

    #[test]
    fn interval_joins_find_each_pair_of_records_that_are_in_time(
        (first, second, cluster) in (events(JITTER), events(JITTER), cluster()),
        (lower, width, bound_ms) in (-3_000..3_000i64, 2..3_000i64, 0..JITTER as u64),
        (excludes_lower, excludes_upper) in any::<(bool, bool)>(),
    ) {
        let upper = lower + width;
        let bounds = (
            if excludes_lower { Bound::Excluded(lower) } else { Bound::Included(lower) },
            if excludes_upper { Bound::Excluded(upper) } else { Bound::Included(upper) },
        );
        let (early, late) = (OutputTag::new("late left"), OutputTag::new("late right"));
        let mut late_events = (Vec::new(), Vec::new());
        let found = {
            let (seed, parallelism) = cluster;
            let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
            let env = environment(parallelism);
            let one = in_time(&env, &first, bound_ms).key_by(key);
            let other = in_time(&env, &second, bound_ms).key_by(key);
            let joined = one
                .interval_join(other)
                .between_ms(bounds)
                .side_output_left_late_data(&early)
                .side_output_right_late_data(&late)
                .apply(|one: &Event, other: &Event| (*one, *other));
            let late = (joined.side_output(&early).collect(), joined.side_output(&late).collect());
            let found = joined.process(Stamp).collect();
            env.execute_on(&mut cluster, "interval join").expect("the job runs");
            late_events.0.extend(late.0.take());
            late_events.1.extend(late.1.take());
            let mut found = found.take();
            found.sort_unstable();
            found
        };
        let mut expected = Vec::new();
        for one in first.iter().filter(|event| !late_events.0.contains(event)) {
            for other in second.iter().filter(|event| !late_events.1.contains(event)) {
                let apart = other.1 - one.1;
                let far = apart < lower || apart > upper;
                let on_bound =
                    (excludes_lower && apart == lower) || (excludes_upper && apart == upper);
                if one.0 == other.0 && !far && !on_bound {
                    expected.push((one.1.max(other.1), (*one, *other)));
                }
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

/// Adds the event time of each record.
#[derive(Clone)]
struct Stamp;

impl<T: Record> ProcessFunction<T> for Stamp
where
    (i64, T): Record,
{
    type Out = (i64, T);

    fn process(
        &mut self,
        item: T,
        context: &mut Context<'_>,
        out: &mut Collector<(i64, T)>,
    ) -> Result<(), BoxError> {
        let at = context.timestamp().ok_or("no timestamp")?;
        out.collect((at.millis(), item));
        Ok(())
    }
}

#[test]
fn late_records_of_windows_go_to_a_side_output_with_the_stream_they_are_of() {
    let late = OutputTag::new("late");
    let first = [(1, 1_000, 1), (1, 90_000, 2), (1, 1_000, 3)];
    let mut cluster = SimulatedCluster::from_seed(3).expect("memory for a test");
    let env = environment(1);
    // Each record says how far time has come, in ten milliseconds of ours: by then the other stream
    // has ended, and nobody waits for it.
    let strategy = WatermarkStrategy::for_punctuated(|_: &Event, at| Some(Watermark(at)))
        .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.1));
    let slowly = RateLimit::PerSecond(100.0);
    let one = env.from_generator(Some(3), slowly, move |n| first[n as usize]);
    let one = one.assign_timestamps_and_watermarks(strategy);
    let none = in_time(&env, &[], 0);
    let joined = one
        .join(none)
        .where_(key)
        .equal_to(key)
        .window(TumblingEventTimeWindows::of(millis(SIZE)))
        .side_output_late_data(&late)
        .apply(|one: &Event, _: &Event| *one);
    let late = joined.side_output(&late).collect();
    let pairs = joined.collect();
    env.execute_on(&mut cluster, "late").expect("the job runs");
    assert_eq!((pairs.take().len(), late.take()), (0, vec![OneOf::First((1, 1_000, 3))]));
}

#[test]
fn windows_of_joins_take_triggers() {
    let first: Vec<Event> = (0..10).map(|n| (n % 2, i64::from(n), n)).collect();
    let found = results((5, 2), |env| {
        let one = in_time(env, &first, 0);
        let other = in_time(env, &first, 0);
        let windows = crate::time::window::assigner::GlobalWindows;
        let joined = one.join(other).where_(key).equal_to(key).window(windows);
        // A key has five records of each side, so all of them meet at the tenth.
        let all = joined.trigger(PurgingTrigger::of(CountTrigger::of(10)));
        all.flat_apply(|one: &Event, other: &Event, out: &mut Collector<(u32, u32)>| {
            out.collect((one.2, other.2));
        })
        .collect()
    });
    let same_rest = (0..10u32).flat_map(|n| (0..10u32).map(move |m| (n, m)));
    assert!(found.into_iter().eq(same_rest.filter(|(n, m)| n % 2 == m % 2)));
}

/// An interval join of many records of few keys, in little memory.
fn long_interval_join(apart_ms: i64) -> Result<usize, Error> {
    let options = SimulationOptions {
        workers: NonZeroU32::MIN,
        segment_size: SegmentSize::new(4096).expect("a legal size"),
        segments: SegmentCount(256),
        managed: SegmentCount(400),
        quota: BufferQuota {
            per_channel: 2,
            floating: 2,
            per_channel_max: 4,
            overdraft: 2,
            debloat: None,
        },
        limits: TurnLimits { mailbox: 8, quantum_first: 16, quantum_max: 64 },
        buffer_timeout: None,
        scarce: false,
    };
    let mut cluster = SimulatedCluster::with_options(1, options)?;
    let mut env = environment(1);
    env.set("io.tmp.quota", "1 mb");
    let events: Vec<Event> = (0..20_000).map(|n| (n % 7, i64::from(n) * 10, n)).collect();
    let one = in_time(&env, &events, 0).key_by(key);
    let other = in_time(&env, &events, 0).key_by(key);
    let joined = one.interval_join(other).between_ms(0..=apart_ms);
    let pairs = joined.apply(|one: &Event, other: &Event| (one.2, other.2)).collect();
    env.execute_on(&mut cluster, "long")?;
    Ok(pairs.take().len())
}

#[test]
fn an_interval_join_keeps_no_more_than_may_meet_something() {
    // Each record meets itself; the last one of a key meets no next one.
    assert_eq!(long_interval_join(70).expect("there is room"), 2 * 20_000 - 7);
    let too_much = long_interval_join(1_000_000).expect_err("all would have to be kept");
    assert!(too_much.to_string().contains("io.tmp.quota"), "{too_much}");
}

#[test]
fn what_is_described_wrongly_is_said_at_the_start() {
    let refused = |range: (Bound<i64>, Bound<i64>), stamped: bool| {
        let mut cluster = SimulatedCluster::from_seed(1).expect("memory for a test");
        let env = environment(1);
        let events = [(1, 2, 3)];
        let bare = env.from_collection(events).key_by(key);
        let apply = |one: &Event, _: &Event| *one;
        if stamped {
            let one = in_time(&env, &events, 0).key_by(key);
            one.interval_join(bare).between_ms(range).apply(apply).discard();
        } else {
            let other = env.from_collection(events).key_by(key);
            other.interval_join(bare).between_ms(range).apply(apply).discard();
        }
        let error = env.execute_on(&mut cluster, "wrong").expect_err("it is wrong");
        error.to_string()
    };
    for range in [
        (Bound::Included(0), Bound::Unbounded),
        (Bound::Unbounded, Bound::Included(0)),
        (Bound::Included(5), Bound::Included(4)),
        (Bound::Excluded(5), Bound::Excluded(6)),
        (Bound::Excluded(i64::MAX), Bound::Included(i64::MAX)),
    ] {
        let text = refused(range, true);
        assert!(text.contains("between_ms"), "{range:?}: {text}");
    }
    let text = refused((Bound::Included(0), Bound::Included(4)), false);
    assert!(text.contains("assign_timestamps_and_watermarks"), "{text}");
}

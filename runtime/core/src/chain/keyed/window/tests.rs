//! Whole jobs on simulated clusters: little memory, tasks in any order, a clock that is stepped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    BoxError,
    api::{Count, DataStream, StreamExecutionEnvironment},
    chain::{Collector, KeyedContext, KeyedProcessFunction, ProcessFunction, Template},
    job::SimulatedCluster,
    source::RateLimit,
    task::{Context, OutputTag},
    time::{
        Timestamp, Watermark, WatermarkStrategy,
        window::{
            Fired, TimeWindow,
            assigner::{
                EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows,
                TumblingProcessingTimeWindows,
            },
            trigger::{EventTimeTrigger, PurgingTrigger},
        },
    },
};
use brisk_memory::config::Configuration;

const SEEDS: std::ops::Range<u64> = 0..12;

/// Key, time, number.
type Event = (u32, i64, u64);

/// Key, start and end of the window, sum of numbers.
type Sum = (u32, i64, i64, u64);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs `job` once per seed, each time on another cluster; gives its sorted results.
fn results<T: crate::Record + Ord + Clone>(
    parallelism: u32,
    job: impl Fn(&StreamExecutionEnvironment) -> crate::api::Collected<T>,
) -> impl Iterator<Item = Vec<T>> {
    SEEDS.map(move |seed| {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
        let env = env.expect("the default configuration is right");
        env.set_parallelism(parallelism);
        let collected = job(&env);
        env.execute_on(&mut cluster, "simulated").expect("the job runs");
        let mut found = collected.take();
        found.sort();
        found
    })
}

/// Events out of order by less than 300 ms.
fn events(count: u64) -> Vec<Event> {
    let event = |n: u64| {
        let hash = crate::record::key_hash(&n);
        (hash % 40, n as i64 * 5 + i64::from(hash >> 8) % 300, n)
    };
    (0..count).map(event).collect()
}

/// The stream of `events` with a watermark behind some of them.
fn stream(
    env: &StreamExecutionEnvironment,
    events: Vec<Event>,
) -> DataStream<Event, impl Template<Out = Event> + use<>> {
    let strategy = WatermarkStrategy::for_punctuated(|event: &Event, time: Timestamp| {
        event.2.is_multiple_of(9).then_some(Watermark(time - millis(301)))
    })
    .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.1));
    env.from_collection(events).assign_timestamps_and_watermarks(strategy)
}

fn sum(fired: Fired<u32, TimeWindow, Vec<Event>>, out: &mut Collector<Sum>) {
    let Fired { key, window, content } = fired;
    let sum = content.iter().map(|event| event.2).sum();
    out.collect((key, window.start().millis(), window.end().millis(), sum));
}

/// The sums of windows that start at multiples of `slide`.
fn sliding_sums(events: &[Event], size: i64, slide: i64) -> Vec<Sum> {
    let mut sums = BTreeMap::new();
    for (key, time, number) in events {
        let mut start = time - time.rem_euclid(slide);
        while start > time - size {
            *sums.entry((*key, start, start + size)).or_default() += number;
            start -= slide;
        }
    }
    sums.into_iter().map(|((key, start, end), sum)| (key, start, end, sum)).collect()
}

#[test]
fn tumbling_and_sliding_windows() {
    let all = events(3_000);
    for (parallelism, size, slide) in
        [(1, 100, 100), (3, 1_000, 1_000), (2, 1_000, 300), (3, 900, 60)]
    {
        let expected = sliding_sums(&all, size, slide);
        let found = results(parallelism, |env| {
            let windows = SlidingEventTimeWindows::of(millis(size as u64), millis(slide as u64));
            stream(env, all.clone())
                .key_by(|event: &Event| event.0)
                .window(windows)
                .apply(sum)
                .collect()
        });
        found.for_each(|found| assert_eq!(found, expected));
    }
}

#[test]
fn aggregated_like_listed() {
    let all = events(2_000);
    let mut expected = BTreeMap::<(u32, i64), u64>::new();
    all.iter().for_each(|(key, time, _)| *expected.entry((*key, time / 500)).or_default() += 1);
    let mut expected: Vec<_> = expected.into_iter().map(|((key, _), count)| (key, count)).collect();
    expected.sort_unstable();
    let found = results(2, |env| {
        let windows = TumblingEventTimeWindows::of(millis(500));
        let keyed = stream(env, all.clone()).key_by(|event: &Event| event.0);
        keyed.window(windows).aggregate(Count).collect()
    });
    found.for_each(|found| assert_eq!(found, expected));
}

#[test]
fn sessions_and_chosen_triggers() {
    let all = events(2_000);
    let mut by_key = BTreeMap::<u32, Vec<(i64, u64)>>::new();
    all.iter().for_each(|(key, time, n)| by_key.entry(*key).or_default().push((*time, *n)));
    let mut expected: Vec<Sum> = Vec::new();
    for (key, mut events) in by_key {
        events.sort_unstable();
        for (time, number) in events {
            match expected.last_mut() {
                Some((of, _, end, sum)) if *of == key && time <= *end => {
                    (*end, *sum) = (time + 120, *sum + number);
                }
                _ => expected.push((key, time, time + 120, number)),
            }
        }
    }
    expected.sort_unstable();
    let by_default = results(2, |env| {
        let keyed = stream(env, all.clone()).key_by(|event: &Event| event.0);
        keyed.window(EventTimeSessionWindows::with_gap(millis(120))).apply(sum).collect()
    });
    by_default.for_each(|found| assert_eq!(found, expected));
    let chosen = results(3, |env| {
        let keyed = stream(env, all.clone()).key_by(|event: &Event| event.0);
        let sessions = keyed.window(EventTimeSessionWindows::with_gap(millis(120)));
        sessions.trigger(PurgingTrigger::of(EventTimeTrigger)).apply(sum).collect()
    });
    chosen.for_each(|found| assert_eq!(found, expected));
}

#[test]
fn count_windows() {
    let all: Vec<Event> = (0..100).map(|n| ((n % 7) as u32, 0, n)).collect();
    let tumbling = results(2, |env| {
        let keyed =
            env.from_collection(all.clone()).set_parallelism(1).key_by(|event: &Event| event.0);
        keyed.count_window(5).aggregate(Count).collect()
    });
    // 100 records of 7 keys: 14 or 15 each, so two or three windows of 5.
    let expected: Vec<_> =
        (0..7_u32).flat_map(|key| vec![(key, 5); 2 + usize::from(key < 2)]).collect();
    tumbling.for_each(|found| assert_eq!(found, expected));
    let sliding = results(1, |env| {
        let keyed = env.from_collection(all.clone()).key_by(|event: &Event| event.0);
        let windows = keyed.sliding_count_window(3, 7);
        windows
            .apply(|fired, out: &mut Collector<Vec<u64>>| {
                let Fired { content, .. } = fired;
                out.collect(content.iter().map(|event: &Event| event.2 / 7).collect());
            })
            .collect()
    });
    let mut expected = [vec![[4, 5, 6]; 7], vec![[11, 12, 13]; 7]].concat();
    expected.sort_unstable();
    sliding.for_each(|found| assert_eq!(found, expected));
}

#[test]
fn late_records_fire_again_or_leave_aside() {
    // One source, and a watermark at each record's time: what is late is certain.
    let times = [100, 1_050, 90, 1_150, 95, 80, 1_350, 70, 1_360];
    let all: Vec<Event> = times.iter().zip(0..).map(|(time, n)| (1, *time, 1 << n)).collect();
    let all = &all;
    let run = |late: bool| {
        results(2, move |env| {
            let strategy =
                WatermarkStrategy::for_punctuated(|_: &Event, time| Some(Watermark(time)))
                    .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.1));
            let source = env.from_collection(all.clone()).set_parallelism(1);
            let timed = source.assign_timestamps_and_watermarks(strategy).set_parallelism(1);
            let tag = OutputTag::new("late");
            let windows = timed.key_by(|event: &Event| event.0);
            let windows = windows.window(TumblingEventTimeWindows::of(millis(1_000)));
            let windows = windows.allowed_lateness(millis(300)).side_output_late_data(&tag);
            let sums = windows.apply(sum);
            let aside = sums.side_output(&tag).map(|event| (event.0, event.1, 0, event.2));
            if late {
                sums.discard();
                aside.collect()
            } else {
                sums.collect()
            }
        })
    };
    let fired =
        [(1, 0, 1_000, 1), (1, 0, 1_000, 0b101), (1, 0, 1_000, 0b1_0101), (1, 0, 1_000, 0b11_0101)];
    let rest = (1, 1_000, 2_000, 0b1_0100_1010);
    let expected = [&fired[..], &[rest]].concat();
    run(false).for_each(|found| assert_eq!(found, expected));
    run(true).for_each(|found| assert_eq!(found, [(1, 70, 0, 128)]));
}

/// Checks that records come after no watermark that they are late for, and have their time.
#[derive(Clone)]
struct OnTime;

impl ProcessFunction<Sum> for OnTime {
    type Out = Sum;

    fn process(
        &mut self,
        record: Sum,
        context: &mut Context<'_>,
        out: &mut Collector<Sum>,
    ) -> Result<(), BoxError> {
        assert_eq!(context.timestamp(), Some(Timestamp::from_millis(record.2 - 1)));
        out.collect(record);
        Ok(())
    }
}

#[test]
fn results_have_the_time_of_their_window_and_come_before_its_watermark() {
    let all = events(3_000);
    let mut expected = BTreeMap::<i64, u64>::new();
    for (_, start, _, sum) in sliding_sums(&all, 100, 100) {
        *expected.entry(start / 500 * 500).or_default() += sum;
    }
    let large = expected.into_iter().map(|(start, sum)| (0, start, start + 500, sum));
    let expected: Vec<Sum> = large.collect();
    let found = results(3, |env| {
        let keyed = stream(env, all.clone()).key_by(|event: &Event| event.0);
        let small =
            keyed.window(TumblingEventTimeWindows::of(millis(100))).apply(sum).process(OnTime);
        // Windows of windows: none may be late.
        let all = small.key_by(|_: &Sum| 0_u32).window(TumblingEventTimeWindows::of(millis(500)));
        let large =
            all.apply(|fired: Fired<u32, TimeWindow, Vec<Sum>>, out: &mut Collector<Sum>| {
                let Fired { key, window, content } = fired;
                let sum = content.iter().map(|(_, _, _, sum)| sum).sum();
                out.collect((key, window.start().millis(), window.end().millis(), sum));
            });
        large.collect()
    });
    found.for_each(|found| assert_eq!(found, expected));
}

#[test]
fn by_the_clock() {
    let counted = results(2, |env| {
        let rate = RateLimit::PerSecond(1_000.0);
        let numbers = env.from_generator(Some(400), rate, |n| n).set_parallelism(1);
        let windows = TumblingProcessingTimeWindows::of(millis(50));
        let counted = numbers.key_by(|n: &u64| n % 3).window(windows);
        counted
            .apply(
                |fired: Fired<u64, TimeWindow, Vec<u64>>, out: &mut Collector<(u64, i64, u64)>| {
                    out.collect((
                        fired.key,
                        fired.window.start().millis(),
                        fired.content.len() as u64,
                    ));
                },
            )
            .collect()
    });
    for counted in counted {
        let windows: BTreeSet<_> = counted.iter().map(|(key, start, _)| (key, start)).collect();
        assert_eq!(windows.len(), counted.len(), "each window fires once");
        assert!(counted.iter().all(|(_, start, _)| start % 50 == 0));
        let total: u64 = counted.iter().map(|(_, _, count)| count).sum();
        // The last windows are still open at the end.
        assert!((100..=400).contains(&total), "{total} of 400");
    }
}

/// Gives, 100 ms of event time after the last record of a key, how many there were.
#[derive(Clone, Default)]
struct Quiet {
    counts: BTreeMap<u32, (i64, u64)>,
}

impl KeyedProcessFunction<u32, Event> for Quiet {
    type Out = (u32, i64, u64);

    fn process_element(
        &mut self,
        (key, time, _): Event,
        context: &mut KeyedContext<'_, '_, u32>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        assert_eq!(
            (*context.current_key(), context.timestamp()),
            (key, Some(Timestamp::from_millis(time)))
        );
        let (last, count) = self.counts.entry(key).or_insert((time, 0));
        *count += 1;
        context.delete_event_time_timer(Timestamp::from_millis(*last + 100));
        *last = time.max(*last);
        context.register_event_time_timer(Timestamp::from_millis(*last + 100));
        Ok(())
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, u32>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), BoxError> {
        assert!(context.current_watermark() >= Watermark(time));
        assert_eq!(context.timestamp(), Some(time));
        let (_, count) = self.counts.remove(context.current_key()).expect("a key with a timer");
        out.collect((*context.current_key(), time.millis(), count));
        Ok(())
    }
}

#[test]
fn functions_with_timers() {
    let all = events(500);
    let total = all.len() as u64;
    let found = results(2, |env| {
        stream(env, all.clone()).key_by(|event: &Event| event.0).process(Quiet::default()).collect()
    });
    for found in found {
        assert_eq!(found.iter().map(|(_, _, count)| count).sum::<u64>(), total);
        let last: BTreeMap<_, _> = found.iter().map(|(key, time, _)| (*key, *time)).collect();
        for (key, time) in last {
            let times = all.iter().filter(|event| event.0 == key).map(|event| event.1);
            assert_eq!(times.max(), Some(time - 100));
        }
    }
}

#[test]
fn records_without_a_timestamp_are_refused() {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    let keyed = env.from_collection(events(1)).key_by(|event: &Event| event.0);
    keyed.window(TumblingEventTimeWindows::of(millis(10))).aggregate(Count).discard();
    let mut cluster = SimulatedCluster::from_seed(1).expect("memory for a test");
    let error = env.execute_on(&mut cluster, "untimed").expect_err("there is no timestamp");
    assert!(error.to_string().contains("call assign_timestamps_and_watermarks()"), "{error}");
}

/// Fails at some of the records that it sees, counted over all subtasks and attempts.
#[derive(Clone)]
struct FailsSometimes {
    seen: Arc<AtomicU64>,
    at: Vec<u64>,
}

impl ProcessFunction<Event> for FailsSometimes {
    type Out = Event;

    fn process(
        &mut self,
        item: Event,
        _: &mut Context<'_>,
        out: &mut Collector<Event>,
    ) -> Result<(), BoxError> {
        let nth = self.seen.fetch_add(1, Ordering::Relaxed);
        if self.at.contains(&nth) {
            return Err(format!("record number {nth} is not liked").into());
        }
        out.collect(item);
        Ok(())
    }
}

/// Runs `job` without a failure, then once per seed with some, each with checkpoints of another
/// kind. What a restart repeats is the same, so the results as a set are.
fn check_recovery(
    job: impl Fn(&StreamExecutionEnvironment, FailsSometimes) -> Vec<crate::api::Collected<Sum>>,
) {
    let run = |seed: u64, failures: u64| {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
        let mut env = env.expect("the default configuration is right");
        env.set_parallelism(2);
        env.enable_checkpointing(millis(10));
        env.set("execution.checkpointing.unaligned.enabled", (seed % 2 == 1).to_string());
        env.set("restart-strategy.type", "fixed-delay");
        env.set("restart-strategy.fixed-delay.attempts", "10");
        env.set("restart-strategy.fixed-delay.delay", "3 ms");
        let at = (0..failures).map(|_| cluster.world().below(2_000)).collect();
        let collected = job(&env, FailsSometimes { seen: Arc::default(), at });
        let handle = env.submit_to(&mut cluster, "simulated").expect("it starts");
        while !handle.is_over() {
            assert!(cluster.step(), "deadlocked");
        }
        let restored = handle.checkpoint_statistics().counts.restored;
        cluster.finish(handle).expect("it was restarted");
        let taken = collected.into_iter().map(|all| all.take().into_iter().collect());
        (taken.collect::<Vec<BTreeSet<Sum>>>(), restored)
    };
    let (expected, _) = run(0, 0);
    assert!(expected.iter().all(|results| !results.is_empty()));
    let mut restored = 0;
    for seed in SEEDS {
        let (found, times) = run(seed, 1 + seed % 3);
        assert_eq!(found, expected, "with seed {seed}");
        restored += times;
    }
    assert!(restored > 0, "no job was restored");
}

/// One source with event time, so that what is late is certain, with failures behind it.
fn late_stream(
    env: &StreamExecutionEnvironment,
    fails: FailsSometimes,
) -> DataStream<Event, impl Template<Out = Event> + use<>> {
    let strategy = WatermarkStrategy::for_punctuated(|event: &Event, time: Timestamp| {
        event.2.is_multiple_of(9).then_some(Watermark(time - millis(150)))
    })
    .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.1));
    let source = env.from_collection(events(2_000)).set_parallelism(1);
    source
        .assign_timestamps_and_watermarks(strategy)
        .set_parallelism(1)
        .process(fails)
        .set_parallelism(1)
}

#[test]
fn windows_go_on_after_failures() {
    check_recovery(|env, fails| {
        let tag = OutputTag::new("late");
        let keyed = late_stream(env, fails).key_by(|event: &Event| event.0);
        let windows = keyed.window(SlidingEventTimeWindows::of(millis(100), millis(50)));
        let windows = windows.allowed_lateness(millis(20)).side_output_late_data(&tag);
        let sums = windows.apply(sum);
        let late = sums.side_output(&tag).map(|event: Event| (event.0, event.1, 0, event.2));
        vec![sums.collect(), late.collect()]
    });
}

#[test]
fn sessions_with_triggers_go_on_after_failures() {
    check_recovery(|env, fails| {
        let keyed = late_stream(env, fails).key_by(|event: &Event| event.0);
        let sessions = keyed.window(EventTimeSessionWindows::with_gap(millis(120)));
        vec![sessions.trigger(PurgingTrigger::of(EventTimeTrigger)).apply(sum).collect()]
    });
}

//! Jobs whose state is several times larger than managed memory.

use super::{
    interrupted::{FailsSometimes, checkpointed},
    *,
};
use crate::{
    chain::{KeyedContext, KeyedOpenContext, KeyedProcessFunction},
    job::Stop,
    state::{MapState, ValueState},
    time::Timestamp,
};
use brisk_memory::{SegmentSize, config::options::state::ClaimMode};
use std::time::Duration;

/// The cluster of a seed with so many segments of managed memory, of 4 KiB each.
fn small(seed: u64, managed: u32) -> (SimulatedCluster, StreamExecutionEnvironment) {
    let (drawn, env) = checkpointed(seed);
    let options = SimulationOptions {
        managed: SegmentCount(managed),
        segment_size: SegmentSize::MIN,
        ..drawn.options
    };
    (SimulatedCluster::with_options(seed, options).expect("memory for a test"), env)
}

/// Bytes that a job's state went to disk with, and its segments there at the end.
fn spilled(result: &JobExecutionResult) -> u64 {
    result.tasks.iter().map(|task| task.counts.state_bytes_spilled).sum()
}

const KEYS: i64 = 20_000;

/// Counts by number: some 350 KB of state in buckets.
fn counts(env: &StreamExecutionEnvironment, fails: FailsSometimes) -> Collected<(i64, u64)> {
    let numbers = env.from_sequence(0..=3 * KEYS - 1).rebalance().process(fails);
    numbers.map(|n| n * 7 % KEYS).key_by(|n: &i64| *n).count().collect()
}

/// What a key is found with at last: how often, and what was kept of it.
type Found = (i64, u64, usize);

/// Keeps a text of each number that a key had, and how many they are; says so with each, and once more at
/// the end of time.
#[derive(Clone)]
struct Keeps {
    count: ValueState<u64>,
    texts: MapState<u64, String>,
}

impl Keeps {
    fn new() -> Self {
        Self { count: ValueState::new("count"), texts: MapState::new("texts") }
    }

    fn found(&self, context: &mut KeyedContext<'_, '_, i64>) -> Result<Found, BoxError> {
        let key = *context.current_key();
        let count = context.state(&self.count)?.value()?.unwrap_or(0);
        let texts = context.state(&self.texts)?.entries()?;
        for (number, text) in &texts {
            assert_eq!(*text, text_of(key, *number));
        }
        Ok((key, count, texts.len()))
    }
}

fn text_of(key: i64, number: u64) -> String {
    format!("{key} {number} ").repeat(20 + key as usize % 20)
}

impl KeyedProcessFunction<i64, i64> for Keeps {
    type Out = Found;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, i64>) -> Result<(), BoxError> {
        context.register(&mut self.count)?;
        Ok(context.register(&mut self.texts)?)
    }

    fn process_element(
        &mut self,
        key: i64,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Found>,
    ) -> Result<(), BoxError> {
        let mut count = context.state(&self.count)?;
        let known = count.value()?.unwrap_or(0);
        count.update(&(known + 1))?;
        if known == 0 {
            context.register_event_time_timer(Timestamp::from_millis(i64::MAX - 7));
        }
        context.state(&self.texts)?.put(&(known % 3), &text_of(key, known % 3))?;
        if known % 4 == 3 {
            out.collect(self.found(context)?);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _time: Timestamp,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Found>,
    ) -> Result<(), BoxError> {
        out.collect(self.found(context)?);
        Ok(())
    }
}

/// 700 keys with three texts of some 300 bytes each: some 900 KB with their index, order and timers.
const KEPT_KEYS: i64 = 700;
const KEPT_RECORDS: i64 = 4 * KEPT_KEYS;

fn keeps(env: &StreamExecutionEnvironment, fails: FailsSometimes) -> Collected<Found> {
    let numbers = env.from_sequence(0..=KEPT_RECORDS - 1).rebalance().process(fails);
    let keyed = numbers.map(|n| n * 11 % KEPT_KEYS).key_by(|n: &i64| *n);
    keyed.process(Keeps::new()).collect()
}

fn check_kept(found: impl IntoIterator<Item = Found>) {
    let mut last = BTreeMap::new();
    for (key, count, texts) in found {
        assert_eq!(texts as u64, count.min(3), "of {key}");
        let known = last.entry(key).or_insert(0);
        *known = count.max(*known);
    }
    assert!(last.into_iter().eq((0..KEPT_KEYS).map(|key| (key, 4))), "each record counts once");
}

fn run<T: Record>(
    (cluster, env): (&mut SimulatedCluster, &StreamExecutionEnvironment),
    job: impl Fn(&StreamExecutionEnvironment, FailsSometimes) -> Collected<T>,
) -> (Vec<T>, u64) {
    let fails = FailsSometimes::below(2000, cluster);
    let found = job(env, fails);
    let handle = env.submit_to(cluster, "larger than memory").expect("it starts");
    while !handle.is_over() {
        assert!(cluster.step(), "deadlocked");
    }
    let result = cluster.finish(handle).expect("state goes to disk");
    (found.take(), spilled(&result))
}

#[test]
fn simulated_counts_four_times_as_large_as_memory_are_right() {
    for_one_seed_of(10, |seed| {
        let (mut cluster, env) = small(seed, 36);
        let (found, spilled) = run((&mut cluster, &env), counts);
        let mut last = BTreeMap::new();
        for (key, count) in found {
            let known = last.entry(key).or_insert(0);
            *known = count.max(*known);
        }
        assert!(last.into_iter().eq((0..KEYS).map(|key| (key, 3))), "each record counts once");
        assert!(spilled > 200 << 10, "{spilled} bytes went to disk");
    });
}

#[test]
fn simulated_states_and_timers_four_times_as_large_as_memory_are_right() {
    for_one_seed_of(10, |seed| {
        let (mut cluster, env) = small(seed, 64);
        let (found, spilled) = run((&mut cluster, &env), keeps);
        check_kept(found);
        assert!(spilled > 400 << 10, "{spilled} bytes went to disk");
    });
}

/// What is on disk is in savepoints, and comes back at another parallelism, into as little memory.
#[test]
fn simulated_savepoints_larger_than_memory_move_jobs() {
    for_one_seed_of(10, |seed| {
        let (mut cluster, mut env) = small(seed, 64);
        let first = keeps(&env, FailsSometimes::at(Vec::new()));
        let handle = env.submit_to(&mut cluster, "first").expect("it starts");
        for _ in 0..300 + cluster.world().below(600) {
            cluster.step();
        }
        let answer = handle.stop_with_savepoint(Some("/savepoints"), Stop::Suspend);
        while !answer.is_ready() {
            assert!(cluster.step(), "deadlocked");
        }
        let Ok(savepoint) = answer.wait() else {
            cluster.finish(handle).expect("it goes on");
            return;
        };
        cluster.finish(handle).expect("it stops");
        let mut found = first.take();
        env.restore_from(&savepoint.location, ClaimMode::NoClaim);
        env.set_parallelism(1 + cluster.world().below(3) as u32);
        found.extend(run((&mut cluster, &env), keeps).0);
        check_kept(found);
    });
}

/// A disk without room fails the job with an error that says where; the job goes on from its checkpoint
/// where there is.
#[test]
fn a_full_disk_fails_the_job_and_leaves_its_checkpoints() {
    let gone_on = (0..8).filter(|seed| fails_and_goes_on(*seed)).count();
    assert!(gone_on > 0, "none had a checkpoint before");
}

/// Whether there was a checkpoint to go on from.
fn fails_and_goes_on(seed: u64) -> bool {
    let (mut cluster, mut env) = small(seed, 64);
    env.set_parallelism(1);
    env.set("restart-strategy.type", "none");
    env.set("io.tmp.quota", "450 kb");
    env.set_checkpoint_directory("/checkpoints");
    env.enable_checkpointing(Duration::from_millis(10));
    let retention = "execution.checkpointing.externalized-checkpoint-retention";
    env.set(retention, "RETAIN_ON_CANCELLATION");
    keeps(&env, FailsSometimes::at(Vec::new()));
    let handle = env.submit_to(&mut cluster, "too large").expect("it starts");
    let mut last = None;
    while !handle.is_over() {
        assert!(cluster.step(), "deadlocked");
        let statistics = handle.checkpoint_statistics();
        last = statistics.latest.completed.and_then(|done| done.external_path).or(last);
    }
    let error = cluster.finish(handle).expect_err("there is no room").to_string();
    for part in ["io.tmp.quota", "/tmp", "state of operator"] {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
    env.set("io.tmp.quota", "100 mb");
    let Some(last) = last else { return false };
    env.set("restart-strategy.type", "fixed-delay");
    env.restore_from(&last, ClaimMode::NoClaim);
    let (found, _) = run((&mut cluster, &env), keeps);
    let most = found.iter().map(|(_, count, _)| *count).max();
    assert_eq!(most, Some(4));
    true
}

use super::*;
use crate::worker::TurnLimits;
use crate::{
    BoxError, Record, TaskError,
    api::{Collected, StreamExecutionEnvironment},
    chain::{Collector, ProcessFunction},
    record::selector,
    source::RateLimit,
    task::{Context, OutputTag},
};
use brisk_memory::{
    Taken,
    config::{Configuration, options::execution::RuntimeMode},
};
use std::{collections::BTreeMap, fmt::Debug, num::NonZeroU32};

mod alignment;
mod async_io;
mod debloating;
mod functions;
mod interrupted;
mod joins;
mod recovery;
mod spilling;
mod windows;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// Runs `test` with each seed; a failure names the seed.
fn for_each_seed(test: impl Fn(u64)) {
    for_one_seed_of(1, test);
}

/// Runs `test`, which takes long, with one of so many seeds.
fn for_one_seed_of(many: u64, test: impl Fn(u64)) {
    let first = number("BRISK_FIRST_SEED", 0);
    for seed in first..first + number("BRISK_SEEDS", 50).div_ceil(many) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            panic!("BRISK_FIRST_SEED={seed} BRISK_SEEDS=1 replays it: {}", panic_text(panic));
        }
    }
}

/// A cluster, an environment and the rest of what a seed decides.
fn from_seed(seed: u64) -> (SimulatedCluster, StreamExecutionEnvironment) {
    let cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    env.set_parallelism(1 + cluster.world().below(4) as u32);
    if cluster.world().below(2) == 0 {
        env.disable_operator_chaining();
    }
    (cluster, env)
}

/// Runs `job` with each seed; its sorted results must be `expected`.
fn check<T: Record + Ord + Debug + Clone>(
    job: impl Fn(&StreamExecutionEnvironment) -> Collected<T>,
    mut expected: Vec<T>,
) {
    expected.sort();
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let collected = job(&env);
        env.execute_on(&mut cluster, "simulated").expect("the job runs");
        let mut found = collected.take();
        found.sort();
        assert!(found == expected, "{} records, not {}", found.len(), expected.len());
    });
}

fn words(n: i64, out: &mut Collector<String>) {
    out.extend((0..n % 4).map(|word| format!("word{}", (n + word) % 23)));
}

fn word_counts(numbers: impl Iterator<Item = i64>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for n in numbers.map(|n| n * 3).filter(|n| n % 2 == 0) {
        for word in 0..n % 4 {
            *counts.entry(format!("word{}", (n + word) % 23)).or_insert(0) += 1;
        }
    }
    counts
}

fn counting(env: &StreamExecutionEnvironment) -> Collected<(String, u64)> {
    let numbers = env.from_sequence(0..=2999).map(|n| n * 3).filter(|n| n % 2 == 0);
    numbers.rebalance().flat_map(words).key_by(selector::text()).count().collect()
}

#[test]
fn simulated_counts_are_right_in_both_modes() {
    let expected = word_counts(0..3000);
    for_each_seed(|seed| {
        let (mut cluster, mut env) = from_seed(seed);
        env.set_runtime_mode(RuntimeMode::Batch);
        let counted = counting(&env);
        env.execute_on(&mut cluster, "batch").expect("the job runs");
        let counted = counted.take();
        assert_eq!(counted.len(), expected.len(), "each key once");
        assert_eq!(counted.into_iter().collect::<BTreeMap<_, _>>(), expected);
        env.set_runtime_mode(RuntimeMode::Streaming);
        let counted = counting(&env);
        env.execute_on(&mut cluster, "streaming").expect("the job runs");
        let mut updates: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (word, count) in counted.take() {
            updates.entry(word).or_default().push(count);
        }
        assert_eq!(updates.len(), expected.len());
        for (word, mut counts) in updates {
            counts.sort_unstable();
            assert!(counts.into_iter().eq(1..=expected[&word]), "each count of '{word}' once");
        }
    });
}

#[test]
fn simulated_exchanges_deliver_each_record() {
    check(
        |env| {
            let numbers = env.from_sequence(0..=999).shared();
            let other = env.from_sequence(1000..=1999).shuffle();
            let both = numbers.clone().map(|n| n).union(numbers.rescale()).union(other);
            both.global().map(|n| n).rebalance().map(|n| n).collect()
        },
        (0..1000).chain(0..2000).collect(),
    );
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let collected = env.from_sequence(0..=499).broadcast().map(|n| n).collect();
        env.execute_on(&mut cluster, "broadcast").expect("the job runs");
        let mut found = collected.take();
        found.sort_unstable();
        let copies = env.parallelism() as usize;
        let expected = (0..500).flat_map(|n| std::iter::repeat_n(n, copies));
        assert!(found.into_iter().eq(expected), "each record once for each of {copies} consumers");
    });
}

#[test]
fn simulated_records_may_be_larger_than_all_they_have() {
    let sizes = [10u64, 30_000, 3, 0, 4_080, 4_084, 4_088, 100_000, 4_096, 8_192, 65_536, 1];
    let bytes = |size: u64| vec![size as u8; size as usize];
    check(
        |env| {
            let large = env.from_collection(sizes).map(bytes).rebalance().map(|record| record);
            large
                .rebalance()
                .map(|record| (record.len(), record.iter().all(same(&record))))
                .map(|(length, same)| if same { length as u64 } else { u64::MAX })
                .collect()
        },
        sizes.to_vec(),
    );
}

fn same(record: &[u8]) -> impl Fn(&u8) -> bool {
    let expected = record.len() as u8;
    move |byte| *byte == expected
}

/// Puts negative numbers aside and does not like one of them all.
#[derive(Clone)]
struct Split {
    negative: OutputTag<i64>,
    fails_at: Option<i64>,
}

impl ProcessFunction<i64> for Split {
    type Out = i64;

    fn process(
        &mut self,
        item: i64,
        context: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        if self.fails_at == Some(item) {
            return Err(format!("{item} is not liked").into());
        }
        if item < 0 {
            context.output(&self.negative, item);
        } else {
            out.collect(item);
        }
        Ok(())
    }
}

#[test]
fn simulated_side_outputs_are_complete() {
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let negative = OutputTag::new("negative");
        let split = Split { negative: negative.clone(), fails_at: None };
        let main = env.from_sequence(-500..=499).rebalance().process(split);
        let aside = main.side_output(&negative).rebalance().map(|n| -n).collect();
        let main = main.rebalance().map(|n| n).collect();
        env.execute_on(&mut cluster, "split").expect("the job runs");
        let (mut aside, mut main) = (aside.take(), main.take());
        aside.sort_unstable();
        main.sort_unstable();
        assert!(aside.into_iter().eq(1..=500) && main.into_iter().eq(0..500));
    });
}

#[test]
fn simulated_runs_of_one_seed_are_the_same() {
    let run = |seed| {
        let (mut cluster, mut env) = from_seed(seed);
        env.set_runtime_mode(RuntimeMode::Streaming);
        let counted = counting(&env);
        env.execute_on(&mut cluster, "traced").expect("the job runs");
        (cluster.trace(), cluster.steps(), counted.take())
    };
    let mut traces = Vec::new();
    for_each_seed(|seed| {
        let (first, second) = (run(seed), run(seed));
        assert_eq!((first.0, first.1), (second.0, second.1), "traces and steps");
        assert!(first.2 == second.2, "the order of the results");
    });
    traces.extend([run(1).0, run(2).0]);
    assert_ne!(traces[0], traces[1], "another seed gives another run");
}

#[test]
fn simulated_cancellation_at_any_turn_leaves_nothing() {
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let endless = env.from_generator(None, RateLimit::Unlimited, |n| (n % 5000) as i64);
        endless.rebalance().flat_map(words).key_by(selector::text()).count().rebalance().discard();
        let handle = env.submit_to(&mut cluster, "endless").expect("it starts");
        for _ in 0..cluster.world().below(400) {
            cluster.step();
        }
        handle.cancel();
        let error = cluster.finish(handle).expect_err("it was canceled");
        assert!(matches!(error, Error::Canceled { .. }), "{error}");
        let after = env.from_sequence(1..=100).rebalance().map(|n| n).collect();
        env.execute_on(&mut cluster, "after").expect("the cluster goes on");
        assert_eq!(after.take().len(), 100);
    });
}

#[test]
fn simulated_failures_name_the_operator_and_leave_nothing() {
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let at = cluster.world().below(2000) as i64;
        let split = Split { negative: OutputTag::new("negative"), fails_at: Some(at) };
        let numbers = env.from_sequence(0..=1999).rebalance();
        numbers.process(split).name("picky").rebalance().map(|n| n).discard();
        let error = env.execute_on(&mut cluster, "failing").expect_err("it fails");
        assert!(matches!(error, Error::Task { cause: TaskError::Function(_), .. }), "{error}");
        let text = error.to_string();
        for part in ["job 'failing'", "operator 'picky'", &format!("{at} is not liked")] {
            assert!(text.contains(part), "{text}");
        }
        let after = env.from_sequence(1..=100).rebalance().map(|n| n).collect();
        env.execute_on(&mut cluster, "after").expect("the cluster goes on");
        assert_eq!(after.take().len(), 100);
    });
}

#[test]
fn simulated_jobs_share_a_cluster() {
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let first = env.from_sequence(0..=999).rebalance().map(|n| n).collect();
        let first_job = env.submit_to(&mut cluster, "first").expect("it starts");
        for _ in 0..cluster.world().below(50) {
            cluster.step();
        }
        let second = env.from_sequence(0..=499).rebalance().map(|n| n).collect();
        env.execute_on(&mut cluster, "second").expect("the job runs");
        cluster.finish(first_job).expect("the job runs");
        assert_eq!((first.take().len(), second.take().len()), (1000, 500));
    });
}

/// What becomes of a job of 1,000 records when the delivery at a seeded turn is lost:
/// an error text, or nothing if all looks well.
fn sabotaged(seed: u64) -> (bool, Option<String>) {
    let (mut cluster, env) = from_seed(seed);
    let collected = env.from_sequence(0..=999).rebalance().map(|n| n).collect();
    let handle = env.submit_to(&mut cluster, "sabotaged").expect("it starts");
    for _ in 0..cluster.world().below(150) {
        cluster.step();
    }
    let first = cluster.world().below(2) == 0;
    let mut lost = None;
    while lost.is_none() && !handle.is_over() {
        lost = cluster.lose_delivery(first);
        cluster.step();
    }
    let lost = lost.unwrap_or(false);
    let ended = catch_unwind(AssertUnwindSafe(|| cluster.finish(handle)));
    let found = match ended {
        Err(panic) => Some(panic_text(panic)),
        Ok(result) => {
            result.expect("a lost delivery fails no operator");
            let count = collected.take().len();
            (count != 1000).then(|| format!("seed {seed}: {count} records"))
        }
    };
    (lost, found)
}

#[test]
fn simulated_sabotage_is_noticed() {
    let (mut lost_count, mut deadlocks) = (0, 0);
    for seed in 0..80 {
        let (lost, found) = sabotaged(seed);
        assert_eq!(lost, found.is_some(), "seed {seed}: lost {lost}, found {found:?}");
        let Some(text) = found else { continue };
        assert!(text.contains(&format!("seed {seed}")), "{text}");
        lost_count += 1;
        if text.contains("deadlocked") {
            assert!(text.contains("task ") && text.contains("Idle"), "{text}");
            deadlocks += 1;
        }
    }
    assert!(lost_count > 5 && deadlocks > 0, "{lost_count} lost, {deadlocks} deadlocks");
}

#[test]
fn simulated_leaks_are_noticed() {
    let mut cluster = SimulatedCluster::from_seed(3).expect("memory for a test");
    let pool = cluster.arena().network().create_pool(PoolOptions {
        owner: "a leak".to_string(),
        required: SegmentCount(1),
        max: SegmentCount(1),
        overdraft: SegmentCount(0),
        waker: Waker::noop().clone(),
    });
    let mut pool = pool.expect("there is room");
    let Taken::Segment(segment) = pool.take() else { panic!("the pool has one") };
    let panic = catch_unwind(AssertUnwindSafe(|| cluster.verify_idle())).expect_err("a leak");
    let text = panic_text(panic);
    assert!(text.contains("seed 3") && text.contains("a leak"), "{text}");
    drop((segment, pool));
    cluster.verify_idle();
}

/// Mailboxes of two deliveries. Seed 937 of the test of large records found a worker that
/// went to sleep on what it had sent while it unblocked a task.
#[test]
fn simulated_workers_do_not_sleep_on_what_a_full_mailbox_refused() {
    for seed in [937].into_iter().chain(0..20) {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let options = SimulationOptions {
            limits: TurnLimits { mailbox: 2, quantum_first: 1, quantum_max: 2 },
            workers: NonZeroU32::new(3).expect("3 > 0"),
            ..SimulationOptions::drawn_from(cluster.world())
        };
        cluster = SimulatedCluster::with_options(seed, options).expect("memory for a test");
        let (_, env) = from_seed(seed);
        let large = env.from_sequence(0..=30).map(|n| vec![1u8; n as usize * 1000]).rebalance();
        let collected = large
            .map(|record| record)
            .rebalance()
            .map(|bytes| bytes.len())
            .map(|n| n as u64)
            .collect();
        env.execute_on(&mut cluster, "full mailboxes").expect("the job runs");
        assert_eq!(collected.take().len(), 31, "seed {seed}");
    }
}

#[test]
fn simulated_blocking_chains_have_workers_of_their_own() {
    for_each_seed(|seed| {
        let (mut cluster, env) = from_seed(seed);
        let before = cluster.workers.len();
        let numbers = env.from_sequence(0..=499).rebalance().map(|n| n).blocking();
        let collected = numbers.rebalance().map(|n| n).collect();
        let handle = env.submit_to(&mut cluster, "blocking").expect("it starts");
        let parallelism = env.parallelism() as usize;
        assert_eq!(cluster.workers.len(), before + parallelism, "one for each subtask");
        cluster.finish(handle).expect("the job runs");
        assert_eq!(collected.take().len(), 500);
        assert_eq!(cluster.workers.len(), before, "they end with their job");
        let endless = env.from_generator(None, RateLimit::Unlimited, |n| n as i64).rebalance();
        endless.map(|n| n).blocking().discard();
        let handle = env.submit_to(&mut cluster, "endless").expect("it starts");
        for _ in 0..cluster.world().below(200) {
            cluster.step();
        }
        handle.cancel();
        cluster.finish(handle).expect_err("it was canceled");
        assert_eq!(cluster.workers.len(), before, "they end with their job");
    });
}

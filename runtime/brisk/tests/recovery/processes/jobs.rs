//! What the processes of the tests run.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use brisk::prelude::*;

/// The variable that says what to run.
pub(crate) const JOB: &str = "BRISK_TEST_JOB";
/// Records of the bounded job.
pub(crate) const RECORDS: u64 = 200_000;
const KEYS: u64 = 1000;

/// Whether the one failure of this process has been.
static FAILED: AtomicBool = AtomicBool::new(false);

fn key_of(number: u64) -> u64 {
    number.wrapping_mul(number) % KEYS
}

/// What is counted of so many records.
pub(crate) fn expected(records: u64) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    (0..records).for_each(|number| *counts.entry(key_of(number)).or_default() += 1);
    counts
}

/// Runs a job; what it finds and how it fails is printed.
pub(crate) fn run(job: &str) {
    let result = match job {
        "count" => count(),
        "endless" => endless(),
        "recoverable" => recoverable(),
        "different" => different(),
        other => panic!("there is no job {other}"),
    };
    if let Err(error) = result {
        println!("\nerror: {error}");
    }
}

fn environment() -> Result<StreamExecutionEnvironment, Error> {
    let mut env = StreamExecutionEnvironment::new()?;
    if env.configuration().raw("parallelism.default").is_none() {
        env.set_parallelism(4);
    }
    if env.configuration().raw("restart-strategy.type").is_none() {
        env.set("restart-strategy.type", "none");
    }
    Ok(env)
}

/// Counts by key; each process prints the counts of its own keys.
fn count() -> Result<(), Error> {
    let mut env = environment()?;
    env.set_runtime_mode(RuntimeMode::Batch);
    let counts = env
        .from_generator(Some(RECORDS), RateLimit::Unlimited, |number| number)
        .rebalance()
        .map(key_of)
        .key_by(|key: &u64| *key)
        .count()
        .collect();
    let result = env.execute("count")?;
    let read: u64 = result.tasks.iter().map(|task| task.counts.records_emitted).sum();
    assert_eq!(read, RECORDS, "the result tells of all processes");
    println!();
    counts.take().iter().for_each(|(key, count)| println!("count: {key} {count}"));
    Ok(())
}

/// Goes on until something fails.
fn endless() -> Result<(), Error> {
    let env = environment()?;
    let begun = env.configuration().raw("test.begun").unwrap_or_default().to_owned();
    env.from_generator(None, RateLimit::Unlimited, |number| number)
        .key_by(|number: &u64| key_of(*number))
        .count()
        .for_each(move |(_, count): (u64, u64)| {
            if count == 1000 {
                fs::write(&begun, "").expect("the parent has made the folder");
            }
        });
    env.execute("endless").map(drop)
}

/// Counts by key, with checkpoints; at the end each process prints the counts of its own keys.
fn recoverable() -> Result<(), Error> {
    let env = environment()?;
    let setting = |key| env.configuration().raw(key).unwrap_or_default().to_owned();
    let limit = match setting("test.rate").parse() {
        Ok(rate) => RateLimit::PerSecond(rate),
        Err(_) => RateLimit::Unlimited,
    };
    let restarts = !setting("test.fails").is_empty();
    let fails = setting("taskmanager.process.index") == setting("test.fails");
    let counts = env
        .from_generator(Some(RECORDS), limit, |number| number)
        .rebalance()
        .map(move |number| {
            let fails = fails && number > RECORDS / 2 && !FAILED.swap(true, Ordering::Relaxed);
            assert!(!fails, "it fails once");
            key_of(number)
        })
        .key_by(|key: &u64| *key)
        .count()
        .collect();
    env.execute("recoverable")?;
    println!("\nfailed: {}", FAILED.load(Ordering::Relaxed));
    let mut last = BTreeMap::new();
    for (key, count) in counts.take() {
        // Counts of a key come in order, and again from the checkpoint on after a failure.
        let before = last.insert(key, count);
        let follows =
            before.is_none_or(|before| before + 1 == count || restarts && count <= before);
        assert!(follows, "{key}: {count}");
    }
    last.iter().for_each(|(key, count)| println!("count: {key} {count}"));
    Ok(())
}

/// Each process describes another graph.
fn different() -> Result<(), Error> {
    let env = environment()?;
    let index = env.configuration().raw("taskmanager.process.index").unwrap_or_default().to_owned();
    let numbers = env.from_sequence(1..=10).rebalance().map(|number| number).name(&index);
    let _collected = numbers.collect();
    env.execute("different").map(drop)
}

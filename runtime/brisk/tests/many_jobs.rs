//! Thousands of jobs on one cluster leave nothing behind: no segment, thread, file or memory.
//!
//! `BRISK_JOBS=10000 cargo test --release -p brisk --test many_jobs` runs ten thousand.

#[path = "support/mod.rs"]
mod support;

use brisk::prelude::*;
use std::{fs, sync::Arc, time::Instant};
use support::{assert_all_returned, cluster, environment};

const JOBS: u32 = 2000;
/// What fills tables and pools before anything is measured.
const WARM_UP: u32 = 200;
/// Heap that was freed may stay with the process in pieces.
const GROWTH_KIB_MAX: u64 = 8 * 1024;

/// What a process holds of the system.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    threads: usize,
    files: usize,
}

fn held() -> Held {
    let entries = |folder: &str| fs::read_dir(folder).expect("Linux has /proc").count();
    Held { threads: entries("/proc/self/task"), files: entries("/proc/self/fd") }
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident size");
    let number = line.split_whitespace().nth(1).expect("a number of KiB");
    number.parse().expect("a number")
}

fn finished(env: &StreamExecutionEnvironment) {
    let counts = env.from_sequence(0..=299).map(|n| n % 10).key_by(|n: &i64| *n).count().collect();
    env.execute("finished").expect("the job runs");
    assert_eq!(counts.take().len(), 300, "an update for each record");
}

/// Canceled while buffers are full everywhere.
fn canceled_under_pressure(env: &StreamExecutionEnvironment) {
    let (sink, receiver) = channel_sink(4);
    let endless = env.from_generator(None, RateLimit::Unlimited, |n| n);
    endless.rebalance().map(|n| n).rebalance().sink_to(sink);
    let handle = env.execute_async("canceled under pressure").expect("it starts");
    assert!(receiver.recv().is_some());
    handle.cancel();
    assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
}

fn canceled_at_once(env: &StreamExecutionEnvironment) {
    let endless = env.from_generator(None, RateLimit::Unlimited, |n| n);
    endless.rebalance().map(|n| n + 1).discard();
    let handle = env.execute_async("canceled at once").expect("it starts");
    handle.cancel();
    assert!(matches!(handle.wait(), Err(Error::Canceled { .. })));
}

fn failed(env: &StreamExecutionEnvironment) {
    let endless = env.from_generator(None, RateLimit::Unlimited, |n| n);
    let picky = |n: u64| if n == 5000 { Err(BoxError::from("no")) } else { Ok(n) };
    endless.rebalance().process(Fallible(picky)).discard();
    assert!(matches!(env.execute("failed"), Err(Error::Task { .. })));
}

/// Has a worker of its own for the time it runs.
fn blocking(env: &StreamExecutionEnvironment) {
    let squares = env.from_sequence(0..=99).rebalance().map(|n| n * n).blocking().collect();
    env.execute("blocking").expect("the job runs");
    assert_eq!(squares.take().len(), 100);
}

#[derive(Clone)]
struct Fallible<F>(F);

impl<F> ProcessFunction<u64> for Fallible<F>
where
    F: FnMut(u64) -> Result<u64, BoxError> + Clone + Send + 'static,
{
    type Out = u64;

    fn process(
        &mut self,
        n: u64,
        _: &mut Context<'_>,
        out: &mut Collector<u64>,
    ) -> Result<(), BoxError> {
        out.collect((self.0)(n)?);
        Ok(())
    }
}

fn run(cluster: &Arc<MiniCluster>, jobs: u32) {
    for job in 0..jobs {
        let env = environment(cluster, 1 + job % 3);
        match job % 16 {
            0 => blocking(&env),
            1..=3 => failed(&env),
            4..=7 => canceled_at_once(&env),
            8..=11 => canceled_under_pressure(&env),
            _ => finished(&env),
        }
        if job.is_multiple_of(100) {
            assert_all_returned(cluster);
        }
    }
    assert_all_returned(cluster);
}

#[test]
fn nothing_is_left_behind() {
    let jobs = std::env::var("BRISK_JOBS").ok();
    let jobs = jobs.map_or(JOBS, |jobs| jobs.parse().expect("BRISK_JOBS is a number"));
    // Small, so that all of it is touched before the measurement.
    let network = [
        ("taskmanager.memory.network.min", "2mb"),
        ("taskmanager.memory.network.max", "2mb"),
        ("taskmanager.memory.prefault", "true"),
    ];
    let cluster = cluster(&network, 3);
    run(&cluster, WARM_UP);
    let (before, resident_before) = (held(), resident_kib());
    let began = Instant::now();
    run(&cluster, jobs);
    let (after, resident_after) = (held(), resident_kib());
    eprintln!(
        "{jobs} jobs in {:?}; resident {resident_before} KiB before, {resident_after} KiB after; {after:?}",
        began.elapsed()
    );
    assert_eq!(before, after);
    assert!(resident_after < resident_before + GROWTH_KIB_MAX, "memory is flat");
}

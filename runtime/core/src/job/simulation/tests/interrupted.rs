//! What tests of jobs that are interrupted have in common: operators that fail, checkpoints, and going
//! on from a savepoint.

use super::*;
use crate::job::Stop;
use brisk_memory::config::options::state::ClaimMode;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Fails at some of the records that it sees, counted over all subtasks and attempts.
#[derive(Clone)]
pub(super) struct FailsSometimes {
    seen: Arc<AtomicU64>,
    at: Vec<u64>,
}

impl FailsSometimes {
    pub(super) fn at(at: Vec<u64>) -> Self {
        Self { seen: Arc::default(), at }
    }

    /// Up to three of so many records, as the cluster's world decides.
    pub(super) fn below(records: u64, cluster: &SimulatedCluster) -> Self {
        let world = cluster.world();
        Self::at((0..world.below(4)).map(|_| world.below(records)).collect())
    }

    /// Records seen so far.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

impl ProcessFunction<i64> for FailsSometimes {
    type Out = i64;

    fn process(
        &mut self,
        item: i64,
        _: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        let nth = self.seen.fetch_add(1, Ordering::Relaxed);
        if self.at.contains(&nth) {
            return Err(format!("record number {nth} is not liked").into());
        }
        out.collect(item);
        Ok(())
    }
}

/// As [`from_seed`], with checkpoints in files or not.
pub(super) fn checkpointed(seed: u64) -> (SimulatedCluster, StreamExecutionEnvironment) {
    let (cluster, mut env) = from_seed(seed);
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.enable_checkpointing(Duration::from_millis(10));
    if cluster.world().below(2) == 0 {
        env.set_checkpoint_directory("/checkpoints");
    }
    env.set("restart-strategy.type", "fixed-delay");
    env.set("restart-strategy.fixed-delay.attempts", "10");
    env.set("restart-strategy.fixed-delay.delay", "3 ms");
    (cluster, env)
}

/// Runs the job that `build` describes for each seed, failing now and then; `check` is given what it
/// found.
pub(super) fn check_restarted<T: Record>(
    build: impl Fn(&StreamExecutionEnvironment, FailsSometimes) -> Collected<T>,
    check: impl Fn(Vec<T>),
) {
    let restored = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, env) = checkpointed(seed);
        let found = build(&env, FailsSometimes::below(2000, &cluster));
        let handle = env.submit_to(&mut cluster, "failing").expect("it starts");
        while !handle.is_over() {
            assert!(cluster.step(), "deadlocked");
        }
        restored.fetch_add(handle.checkpoint_statistics().counts.restored, Ordering::Relaxed);
        cluster.finish(handle).expect("it was restarted");
        check(found.take());
    });
    assert!(restored.into_inner() > 0);
}

/// Stops the job that `build` describes with a savepoint, for each seed, and has it go on from there;
/// `check` is given what both found, and where the savepoint is.
pub(super) fn check_moved<T: Record>(
    to: impl Fn(&SimulatedCluster, &mut StreamExecutionEnvironment),
    build: impl Fn(&StreamExecutionEnvironment, FailsSometimes) -> Collected<T>,
    check: impl Fn(Vec<T>, &SimulatedCluster, &str),
) {
    let moved = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        let first = build(&env, FailsSometimes::at(Vec::new()));
        let handle = env.submit_to(&mut cluster, "first").expect("it starts");
        for _ in 0..cluster.world().below(600) {
            cluster.step();
        }
        let answer = handle.stop_with_savepoint(Some("/savepoints"), Stop::Suspend);
        while !answer.is_ready() {
            assert!(cluster.step(), "deadlocked");
        }
        let Ok(savepoint) = answer.wait() else {
            // Not all tasks were running.
            cluster.finish(handle).expect("it goes on");
            return;
        };
        moved.fetch_add(1, Ordering::Relaxed);
        cluster.finish(handle).expect("it stops");
        let mut found = first.take();
        env.restore_from(&savepoint.location, ClaimMode::NoClaim);
        to(&cluster, &mut env);
        let second = build(&env, FailsSometimes::at(vec![cluster.world().below(500)]));
        env.execute_on(&mut cluster, "second").expect("it goes on");
        found.extend(second.take());
        check(found, &cluster, &savepoint.location);
    });
    assert!(moved.into_inner() > 0);
}

/// Another parallelism.
pub(super) fn rescaled(cluster: &SimulatedCluster, env: &mut StreamExecutionEnvironment) {
    env.set_parallelism([1, 2, 3, 5, 7][cluster.world().below(5) as usize]);
}

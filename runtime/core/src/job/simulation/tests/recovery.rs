//! Jobs that fail and go on from their checkpoints.

use super::{
    interrupted::{FailsSometimes, check_moved, checkpointed},
    *,
};
use crate::checkpoint::{SavepointFormat, coordinator::SavepointRequest};
use brisk_memory::{
    config::options::state::ClaimMode,
    driver::{Driver, DriverKind, DriverOptions},
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Counts that fail on the way.
fn failing(env: &StreamExecutionEnvironment, fails: FailsSometimes) -> Collected<(String, u64)> {
    let numbers = env.from_sequence(0..=2999).map(|n| n * 3).filter(|n| n % 2 == 0);
    let numbers = numbers.rebalance().process(fails);
    numbers.flat_map(words).key_by(selector::text()).count().collect()
}

/// The highest count of each word: what a restart repeats is below it.
fn last_counts(counts: impl IntoIterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    let mut last = BTreeMap::new();
    for (word, count) in counts {
        let known = last.entry(word).or_insert(0);
        *known = count.max(*known);
    }
    last
}

fn files(cluster: &SimulatedCluster, folder: &Path) -> Vec<PathBuf> {
    let kind = DriverKind::Simulated(cluster.world().clone());
    let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
    driver.files().list(folder).unwrap_or_default()
}

#[test]
fn simulated_jobs_that_fail_count_each_record_once() {
    let expected = word_counts(0..3000);
    let checkpoints = AtomicU64::new(0);
    let restored = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, env) = checkpointed(seed);
        let at: Vec<u64> =
            (0..cluster.world().below(4)).map(|_| cluster.world().below(3000)).collect();
        let counted = failing(&env, FailsSometimes::at(at.clone()));
        let handle = env.submit_to(&mut cluster, "failing").expect("it starts");
        while !handle.is_over() {
            assert!(cluster.step(), "deadlocked");
        }
        let statistics = handle.checkpoint_statistics();
        checkpoints.fetch_add(statistics.counts.completed, Ordering::Relaxed);
        restored.fetch_add(statistics.counts.restored, Ordering::Relaxed);
        let (restarts, failures) = (handle.restarts(), handle.failures().len());
        assert_eq!(restarts as usize, failures);
        cluster.finish(handle).expect("it was restarted");
        let found = last_counts(counted.take());
        assert_eq!(found, expected, "after {restarts} restarts, failing at {at:?}");
        let left = files(&cluster, Path::new("/checkpoints"));
        for job in left {
            let names: Vec<_> = files(&cluster, &job);
            assert_eq!(names.len(), 2, "shared and taskowned stay: {names:?}");
        }
    });
    let (checkpoints, restored) = (checkpoints.into_inner(), restored.into_inner());
    assert!(checkpoints > 0 && restored > 0, "{checkpoints} checkpoints, {restored} restored");
}

#[test]
fn simulated_failures_that_come_again_end_the_job() {
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        env.set("restart-strategy.fixed-delay.attempts", "2");
        let split = Split { negative: OutputTag::new("negative"), fails_at: Some(700) };
        env.from_sequence(0..=1999).rebalance().process(split).name("picky").discard();
        let error = env.execute_on(&mut cluster, "hopeless").expect_err("it fails each time");
        let text = error.to_string();
        for part in ["after 2 restarts", "'picky'", "700 is not liked", "FixedDelay"] {
            assert!(text.contains(part), "{text}");
        }
    });
}

#[test]
fn simulated_cancellation_of_a_job_that_restarts_leaves_nothing() {
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        if cluster.world().below(2) == 0 {
            env.set(
                "execution.checkpointing.externalized-checkpoint-retention",
                "RETAIN_ON_CANCELLATION",
            );
        }
        let at = (0..8).map(|_| cluster.world().below(100_000)).collect();
        let endless = env.from_generator(None, RateLimit::Unlimited, |n| (n % 5000) as i64);
        let fails = endless.rebalance().process(FailsSometimes::at(at));
        fails.flat_map(words).key_by(selector::text()).count().rebalance().discard();
        let handle = env.submit_to(&mut cluster, "endless").expect("it starts");
        for _ in 0..cluster.world().below(4000) {
            assert!(cluster.step(), "deadlocked");
        }
        handle.cancel();
        let error = cluster.finish(handle).expect_err("it was canceled");
        assert!(matches!(error, Error::Canceled { .. }), "{error}");
    });
}

#[test]
fn simulated_savepoints_stop_a_job_and_begin_another() {
    let expected = word_counts(0..3000);
    let same = |_: &SimulatedCluster, _: &mut StreamExecutionEnvironment| ();
    check_moved(same, failing, |counts, cluster, location| {
        assert_eq!(last_counts(counts), expected);
        let names = files(cluster, Path::new(location));
        assert!(!names.is_empty(), "a savepoint is the user's");
    });
}

#[test]
fn a_job_says_what_is_wrong_with_its_savepoint() {
    let (mut cluster, mut env) = checkpointed(1);
    let endless =
        env.from_generator(None, RateLimit::Unlimited, |n| (n % 5000) as i64).uid("numbers");
    endless.key_by(|n: &i64| *n).count().uid("counts").discard();
    let handle = env.submit_to(&mut cluster, "first").expect("it starts");
    let answer = loop {
        for _ in 0..50 {
            cluster.step();
        }
        let answer = handle.trigger_savepoint(SavepointRequest {
            target: Some("/savepoints".to_owned()),
            format: SavepointFormat::Canonical,
            after: crate::checkpoint::AfterSavepoint::Continue,
        });
        while !answer.is_ready() {
            cluster.step();
        }
        if let Ok(answer) = answer.wait() {
            break answer;
        }
    };
    handle.cancel();
    cluster.finish(handle).expect_err("it was canceled");
    let mut check = |path: &str, expected: &[&str]| {
        env.restore_from(path, ClaimMode::NoClaim);
        env.from_sequence(0..=9).uid("others").rebalance().map(|n| n).discard();
        let error = env.submit_to(&mut cluster, "second").expect_err("it doesn't fit");
        let text = error.to_string();
        for part in expected {
            assert!(text.contains(part), "{text}");
        }
    };
    check("/nowhere", &["job 'second'", "/nowhere", "no _metadata"]);
    check(&answer.location, &["uid 'counts'", "--allowNonRestoredState"]);
    let metadata = format!("{}/_metadata", answer.location);
    check(&metadata, &["uid 'numbers'"]);
    env.set("execution.state-recovery.ignore-unclaimed-state", "true");
    env.restore_from(&metadata, ClaimMode::NoClaim);
    let found = env.from_sequence(0..=9).uid("others").rebalance().map(|n| n).collect();
    env.execute_on(&mut cluster, "third").expect("it begins without that state");
    assert_eq!(found.take().len(), 10);
}

fn endless(env: &StreamExecutionEnvironment) {
    let numbers = env.from_generator(None, RateLimit::Unlimited, |n| (n % 5000) as i64);
    numbers.rebalance().flat_map(words).key_by(selector::text()).count().rebalance().discard();
}

/// Runs an endless job until it has a checkpoint of its own, and cancels it.
fn until_checkpointed(cluster: &mut SimulatedCluster, env: &StreamExecutionEnvironment) -> JobId {
    endless(env);
    let handle = env.submit_to(cluster, "endless").expect("it starts");
    while handle.checkpoint_statistics().counts.completed == 0 {
        assert!(cluster.step(), "deadlocked");
    }
    let job = handle.job_id();
    handle.cancel();
    cluster.finish(handle).expect_err("it was canceled");
    job
}

/// The checkpoints that a job has left.
fn left(cluster: &SimulatedCluster, job: JobId) -> Vec<PathBuf> {
    let mut names = files(cluster, &Path::new("/checkpoints").join(job.to_string()));
    let places = |path: &PathBuf| path.ends_with("shared") || path.ends_with("taskowned");
    assert_eq!(names.iter().filter(|path| places(path)).count(), 2, "both stay: {names:?}");
    names.retain(|path| !places(path));
    names
}

#[test]
fn simulated_checkpoints_are_deleted_retained_and_claimed() {
    const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        env.set_checkpoint_directory("/checkpoints");
        for retention in ["NO_EXTERNALIZED_CHECKPOINTS", "DELETE_ON_CANCELLATION"] {
            env.set(RETENTION, retention);
            let job = until_checkpointed(&mut cluster, &env);
            assert_eq!(left(&cluster, job), [] as [PathBuf; 0], "{retention}");
        }
        env.set(RETENTION, "RETAIN_ON_CANCELLATION");
        let job = until_checkpointed(&mut cluster, &env);
        let [retained] = &left(&cluster, job)[..] else { panic!("one is retained") };
        env.restore_from(&retained.display().to_string(), ClaimMode::NoClaim);
        until_checkpointed(&mut cluster, &env);
        assert_eq!(left(&cluster, job), std::slice::from_ref(retained), "it is the first job's");
        env.restore_from(&retained.join("_metadata").display().to_string(), ClaimMode::Claim);
        until_checkpointed(&mut cluster, &env);
        assert_eq!(left(&cluster, job), [] as [PathBuf; 0], "it was claimed and is not needed");
    });
}

#[test]
fn simulated_jobs_without_an_interval_take_what_they_are_asked_for() {
    let expected = word_counts(0..3000);
    let taken = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        env.set("execution.checkpointing.interval", "0 ms");
        env.set("execution.checkpointing.savepoint-dir", "/savepoints");
        let at = vec![1000 + cluster.world().below(2000)];
        let counted = failing(&env, FailsSometimes::at(at));
        let handle = env.submit_to(&mut cluster, "asked").expect("it starts");
        for _ in 0..cluster.world().below(300) {
            cluster.step();
        }
        let answers = [
            handle.trigger_checkpoint(),
            handle.trigger_savepoint(SavepointRequest {
                target: None,
                format: SavepointFormat::Canonical,
                after: crate::checkpoint::AfterSavepoint::Continue,
            }),
        ];
        while !answers.iter().all(|answer| answer.is_ready()) {
            assert!(cluster.step(), "deadlocked");
        }
        for answer in answers {
            taken.fetch_add(u64::from(answer.wait().is_ok()), Ordering::Relaxed);
        }
        cluster.finish(handle).expect("it was restarted");
        assert_eq!(last_counts(counted.take()), expected);
    });
    assert!(taken.into_inner() > 0);
}

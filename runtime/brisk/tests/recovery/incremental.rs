//! Checkpoints that write only the segments that changed: what is in their folder, and what is done
//! with it.

use brisk::{
    checkpoint::storage::{CheckMode, Disk, check},
    prelude::*,
};
use brisk_memory::driver::{Driver, DriverOptions};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const KEYS: u64 = 20_000;
/// Checkpoints before the job is canceled.
const CHECKPOINTS: u64 = 30;
const LIMIT: Duration = Duration::from_secs(60);

fn environment(settings: &[(&str, &str)]) -> StreamExecutionEnvironment {
    let mut config = Configuration::new();
    let usual = [
        ("taskmanager.memory.segment-size", "4 kb"),
        ("execution.checkpointing.incremental", "true"),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
    ];
    for (key, value) in usual.iter().chain(settings) {
        config.set(*key, *value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let env = env.expect("the settings are right");
    env.set_parallelism(2);
    env
}

fn count(env: &StreamExecutionEnvironment) -> JobHandle {
    // Few keys change again and again, so that most of the state does not.
    let key = |n: u64| if n < KEYS { n } else { n % 7 };
    let numbers = env.from_generator(None, RateLimit::Unlimited, key).uid("numbers");
    numbers.key_by(|n: &u64| *n).count().uid("counts").discard();
    env.execute_async("incremental").expect("it starts")
}

/// Runs the job for a while and cancels it; its last checkpoint.
fn run(folder: &Path) -> PathBuf {
    let mut env = environment(&[("execution.checkpointing.dir", &folder.display().to_string())]);
    env.enable_checkpointing(Duration::from_millis(10));
    let job = count(&env);
    let start = Instant::now();
    while job.checkpoint_statistics().counts.completed < CHECKPOINTS {
        assert!(start.elapsed() < LIMIT && !job.is_over(), "{:?}", job.failures());
        std::thread::yield_now();
    }
    let last = job.trigger_checkpoint().wait().expect("it comes about");
    let statistics = job.checkpoint_statistics();
    assert!(statistics.counts.failed == 0, "{:?}", statistics.latest.failed);
    let latest = statistics.latest.completed.expect("there is one");
    let (written, all) = (latest.checkpointed_size, latest.state_size);
    assert!(written * 2 < all, "{written} of {all} bytes were written");
    assert!(job.snapshot_pauses().max > 0, "they are told");
    job.cancel();
    assert!(matches!(job.wait(), Err(Error::Canceled { .. })));
    last.location.into()
}

fn disk() -> Disk {
    Disk::new(Driver::new(DriverOptions::default()).expect("a driver"))
}

#[test]
fn shared_files_that_no_checkpoint_names_are_gone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let last = run(folder.path());
    let job_dir = last.parent().expect("it is in the job's folder");
    let mode = CheckMode { read_state: true, ..CheckMode::default() };
    // What was being written when the job was canceled is removed behind its back.
    let start = Instant::now();
    let report = loop {
        let report = check(&mut disk(), job_dir, &mode).expect("it can be read");
        if report.orphans.is_empty() || start.elapsed() > LIMIT {
            break report;
        }
        std::thread::yield_now();
    };
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(!report.complete.is_empty(), "the last one is kept");
    assert!(report.orphans.is_empty(), "{:?}", report.orphans);
    let shared = fs::read_dir(job_dir.join("shared")).expect("a folder").count();
    assert!((1..=130).contains(&shared), "{shared} files");
}

#[test]
fn a_damaged_segment_is_found_before_it_is_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let last = run(folder.path());
    let shared = last.parent().expect("it is in the job's folder").join("shared");
    for entry in fs::read_dir(shared).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mut bytes = fs::read(&path).expect("a file");
        // Every segment of every file, whichever of them is used.
        bytes[4096..].iter_mut().step_by(4096).for_each(|byte| *byte ^= 1);
        fs::write(&path, bytes).expect("it can be written");
    }
    let recovery = [
        ("execution.state-recovery.path", &*last.display().to_string()),
        ("restart-strategy.type", "none"),
    ]
    .map(|(key, value)| (key, value.to_owned()));
    let recovery: Vec<_> = recovery.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let refused = count(&environment(&recovery)).wait().expect_err("it can't be restored");
    let mut text = refused.to_string();
    let mut cause = std::error::Error::source(&refused);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    assert!(text.contains("/shared/chk-") && text.contains("damaged"), "{text}");
}

/// Checkpoints and savepoints of both formats, one after the other, while the state grows and is
/// compacted: none fails.
#[cfg(feature = "rocksdb")]
#[test]
fn checkpoints_of_rocksdb_come_about_one_after_the_other() {
    use brisk::checkpoint::{AfterSavepoint, SavepointFormat, coordinator::SavepointRequest};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (checkpoints, local) = (path("checkpoints"), path("local"));
    let mut env = environment(&[
        ("state.backend.type", "rocksdb"),
        ("state.backend.rocksdb.localdir", &local),
        ("state.backend.rocksdb.writebuffer.size", "64 kb"),
        ("execution.checkpointing.data-inline-threshold", "0 b"),
        ("execution.checkpointing.dir", &checkpoints),
    ]);
    env.enable_checkpointing(Duration::from_millis(10));
    let job = count(&env);
    let start = Instant::now();
    let failed = || job.checkpoint_statistics().latest.failed;
    for round in 0..10 {
        let wanted = job.checkpoint_statistics().counts.completed + 8;
        while job.checkpoint_statistics().counts.completed < wanted {
            let goes_on = start.elapsed() < 4 * LIMIT && !job.is_over();
            assert!(goes_on, "{:?} {:?}", job.failures(), failed());
            std::thread::yield_now();
        }
        let format = [SavepointFormat::Native, SavepointFormat::Canonical][round % 2];
        let (target, after) = (Some(path("savepoints")), AfterSavepoint::Continue);
        let savepoint = job.trigger_savepoint(SavepointRequest { target, format, after });
        savepoint.wait().unwrap_or_else(|error| panic!("{format:?}: {error}"));
    }
    assert_eq!(job.checkpoint_statistics().counts.failed, 0, "{:?}", failed());
    job.cancel();
    assert!(matches!(job.wait(), Err(Error::Canceled { .. })));
}

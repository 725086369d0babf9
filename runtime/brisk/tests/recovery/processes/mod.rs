//! Jobs of several processes: the same results as in one, and an end when one of them is gone.
//!
//! The processes are this test program itself, started with a variable that says what to run.
#![expect(clippy::unwrap_used, reason = "a test")]

mod jobs;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

use brisk::prelude::*;
use jobs::{JOB, RECORDS, expected};

/// Longer than any of this takes on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(120);

/// The processes of a test that runs `job` when it finds itself to be one of them.
fn launch(
    test: &str,
    job: &str,
    (processes, settings): (u32, &[(&str, &str)]),
) -> LaunchedProcesses {
    let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    let launcher = Launcher::new(LaunchOptions {
        executable: env::current_exe().unwrap(),
        arguments: ["--exact", &format!("processes::{test}"), "--nocapture"]
            .map(Into::into)
            .to_vec(),
        environment: vec![(JOB.into(), job.into())],
        settings: settings.collect(),
        processes,
    });
    launcher.unwrap().launch().unwrap()
}

/// Waits for all, but not for ever.
fn finish(mut launched: LaunchedProcesses, processes: u32) -> Vec<Output> {
    let until = Instant::now() + PATIENCE;
    for index in 0..processes {
        while launched.try_wait(index).unwrap().is_none() {
            assert!(Instant::now() < until, "process {index} has not ended");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    (0..processes).map(|index| launched.wait(index).unwrap()).collect()
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// The lines `count: key number` of all processes.
fn counts(outputs: &[Output]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for output in outputs {
        assert!(output.status.success(), "{}", text(output));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in printed.lines().filter_map(|line| line.strip_prefix("count: ")) {
            let (key, count) = line.split_once(' ').unwrap();
            let before = counts.insert(key.parse().unwrap(), count.parse().unwrap());
            assert_eq!(before, None, "key {key} was counted in two places");
        }
    }
    counts
}

/// Has `run` do what the parent says; true in the parent, which goes on.
fn is_parent() -> bool {
    let Ok(job) = env::var(JOB) else { return true };
    jobs::run(&job);
    false
}

#[test]
fn two_processes_count_what_one_counts() {
    if is_parent() {
        let launched = launch("two_processes_count_what_one_counts", "count", (2, &[]));
        assert_eq!(counts(&finish(launched, 2)), expected(RECORDS));
    }
}

#[test]
fn three_processes_on_every_driver() {
    if is_parent() {
        for driver in ["epoll", "uring"] {
            let settings = [("taskmanager.io.driver", driver), ("parallelism.default", "6")];
            let launched = launch("three_processes_on_every_driver", "count", (3, &settings));
            assert_eq!(counts(&finish(launched, 3)), expected(RECORDS), "{driver}");
        }
    }
}

#[test]
fn a_process_that_is_killed_fails_the_others() {
    const NAME: &str = "a_process_that_is_killed_fails_the_others";
    if is_parent() {
        for killed in [2, 0] {
            let folder = tempfile::tempdir().unwrap();
            let begun = folder.path().join("begun");
            let settings = [("test.begun", begun.to_str().unwrap())];
            let mut launched = launch(NAME, "endless", (3, &settings));
            let until = Instant::now() + PATIENCE;
            while !fs::exists(&begun).unwrap() {
                assert!(Instant::now() < until, "the job has not begun");
                std::thread::park_timeout(Duration::from_millis(20));
            }
            launched.kill(killed).unwrap();
            for (index, output) in (0..).zip(finish(launched, 3)) {
                if index != killed {
                    check_lost(&output, killed);
                }
            }
        }
    }
}

/// The last complete checkpoint in the folder of a job.
fn last_checkpoint(folder: &Path) -> Option<(u64, PathBuf)> {
    let jobs = fs::read_dir(folder).ok()?.flatten();
    let found = jobs.flat_map(|job| fs::read_dir(job.path()).into_iter().flatten().flatten());
    let complete = found.filter_map(|entry| {
        let number = entry.file_name().to_str()?.strip_prefix("chk-")?.parse().ok()?;
        entry.path().join("_metadata").exists().then(|| (number, entry.path()))
    });
    complete.max()
}

/// A job is killed in one of its processes and started again from its last checkpoint.
fn check_restore(name: &str, kind: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = vec![
        ("execution.checkpointing.interval", "50 ms"),
        ("execution.checkpointing.dir", folder.path().to_str().unwrap()),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
    ];
    settings.extend(kind);
    let mut slow = settings.clone();
    slow.push(("test.rate", "50000"));
    let mut launched = launch(name, "recoverable", (3, &slow));
    let until = Instant::now() + PATIENCE;
    while last_checkpoint(folder.path()).is_none_or(|(number, _)| number < 3) {
        assert!(Instant::now() < until, "no third checkpoint");
        for index in 0..3 {
            let ended = launched.try_wait(index).unwrap();
            assert!(ended.is_none(), "{}", text(&launched.wait(index).unwrap()));
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    launched.kill(1).unwrap();
    for (index, output) in (0..).zip(finish(launched, 3)) {
        if index != 1 {
            check_lost(&output, 1);
        }
    }
    let (_, checkpoint) = last_checkpoint(folder.path()).unwrap();
    settings.push(("execution.state-recovery.path", checkpoint.to_str().unwrap()));
    let launched = launch(name, "recoverable", (3, &settings));
    assert_eq!(counts(&finish(launched, 3)), expected(RECORDS), "{kind:?}");
}

#[test]
fn a_killed_job_goes_on_from_its_checkpoint() {
    const NAME: &str = "a_killed_job_goes_on_from_its_checkpoint";
    if is_parent() {
        check_restore(NAME, &[]);
        check_restore(NAME, &[("execution.checkpointing.unaligned.enabled", "true")]);
    }
}

#[test]
fn a_task_that_fails_restarts_the_job_in_all_processes() {
    const NAME: &str = "a_task_that_fails_restarts_the_job_in_all_processes";
    if is_parent() {
        let folder = tempfile::tempdir().unwrap();
        let settings = [
            ("execution.checkpointing.interval", "50 ms"),
            ("execution.checkpointing.dir", folder.path().to_str().unwrap()),
            ("restart-strategy.type", "fixed-delay"),
            ("restart-strategy.fixed-delay.attempts", "1"),
            ("restart-strategy.fixed-delay.delay", "50 ms"),
            ("test.rate", "200000"),
            ("test.fails", "1"),
        ];
        let outputs = finish(launch(NAME, "recoverable", (3, &settings)), 3);
        assert!(text(&outputs[1]).contains("failed: true"), "{}", text(&outputs[1]));
        assert_eq!(counts(&outputs), expected(RECORDS));
    }
}

/// One error that names the process that is gone and its address.
fn check_lost(output: &Output, killed: u32) {
    let printed = text(output);
    let errors: Vec<&str> =
        printed.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    let [error] = errors[..] else { panic!("not one error: {printed}") };
    let named = format!("process {killed} at 127.0.0.1:");
    assert!(error.contains(&named) && error.contains("is gone"), "{error}");
}

#[test]
fn processes_of_different_programs_are_told_apart() {
    const NAME: &str = "processes_of_different_programs_are_told_apart";
    if is_parent() {
        let launched = launch(NAME, "different", (2, &[]));
        for output in finish(launched, 2) {
            assert!(text(&output).contains("another graph"), "{}", text(&output));
        }
    }
}

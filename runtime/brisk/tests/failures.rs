//! What goes wrong is named, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/mod.rs"]
mod support;

use brisk::{
    connect::{TextSink, TextSource, WriteMode},
    prelude::*,
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};
use support::{assert_all_returned, cluster, environment, start};

/// Copies lines from `input` to `output` through `step`.
fn copy(
    cluster: &Arc<MiniCluster>,
    (input, output): (&Path, &Path),
    mode: WriteMode,
    step: fn(String) -> String,
) -> Result<JobExecutionResult, Error> {
    let env = environment(cluster, 2);
    let lines = env.from_source(TextSource::new([input]), "Lines").rebalance();
    lines.map(step).name("step").sink_to(TextSink::new(output).write_mode(mode)).name("Copy");
    env.execute("copy")
}

/// Everything in a folder, hidden things too; nothing if it is not there.
fn content(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The copying fails with all of `parts` in its message, and no output appears.
fn check(input: &Path, parts: &[&str]) {
    let (cluster, folder) = (cluster(&[], 2), tempfile::tempdir().unwrap());
    let output = folder.path().join("out");
    let error = copy(&cluster, (input, &output), WriteMode::default(), |line| line);
    let error = error.expect_err("it can't be read").to_string();
    for part in parts {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(content(&output), Vec::<String>::new());
    assert_all_returned(&cluster);
}

fn write_input(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("input.txt");
    let lines: String = (0..200_000).map(|line| format!("line {line} of the input\n")).collect();
    fs::write(&file, lines).unwrap();
    file
}

#[test]
fn missing_input() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.txt");
    check(&missing, &["job 'copy'", "Lines", missing.to_str().unwrap(), "no such file or folder"]);
    let pattern = folder.path().join("*.txt");
    check(&pattern, &[pattern.to_str().unwrap(), "matches no file"]);
}

#[test]
fn unreadable_input() {
    let folder = tempfile::tempdir().unwrap();
    // A link to itself can't be followed by anybody.
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    check(&circle, &["Lines", circle.to_str().unwrap()]);
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::write(locked.join("secret.txt"), "secret").unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator may read it all the same.
    if fs::read_dir(&locked).is_err() {
        check(folder.path(), &["Lines", locked.to_str().unwrap(), "Permission denied"]);
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn broken_compression() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.gz");
    fs::write(&file, "this is no gzip").unwrap();
    check(&file, &["Lines", file.to_str().unwrap(), "corrupt gzip data"]);
}

#[test]
fn existing_output_is_left_alone() {
    let (cluster, folder) = (cluster(&[], 2), tempfile::tempdir().unwrap());
    let input = write_input(folder.path());
    let output = folder.path().join("out");
    let run = |mode, step| copy(&cluster, (&input, &output), mode, step);
    run(WriteMode::NoOverwrite, |_| String::from("first")).unwrap();
    let before = content(&output);
    assert_eq!(before.len(), 2, "{before:?}");
    let error = run(WriteMode::NoOverwrite, |_| String::from("second")).unwrap_err().to_string();
    for part in ["Copy", output.to_str().unwrap(), "has part files of an earlier job"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // A failure in the middle of replacing it.
    let error = run(WriteMode::Overwrite, panic_late).unwrap_err().to_string();
    assert!(error.contains("operator 'step'") && error.contains("panicked: enough"), "{error}");
    assert_eq!(content(&output), before);
    for part in before {
        let text = fs::read_to_string(output.join(part)).unwrap();
        assert!(text.lines().all(|line| line == "first"));
    }
    assert_all_returned(&cluster);
}

fn panic_late(line: String) -> String {
    assert!(!line.starts_with("line 150000 "), "enough");
    line
}

#[test]
fn a_panic_leaves_no_output() {
    let (cluster, folder) = (cluster(&[], 2), tempfile::tempdir().unwrap());
    let input = write_input(folder.path());
    let output = folder.path().join("new/out");
    let error = copy(&cluster, (&input, &output), WriteMode::default(), panic_late).unwrap_err();
    let error = error.to_string();
    for part in ["job 'copy'", "operator 'step'", "of 2", "panicked: enough"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(content(&output), Vec::<String>::new());
    assert_all_returned(&cluster);
    // And the cluster goes on.
    copy(&cluster, (&input, &output), WriteMode::default(), |line| line).unwrap();
    assert_eq!(content(&output).len(), 2);
}

#[test]
fn output_that_is_a_file() {
    let (cluster, folder) = (cluster(&[], 2), tempfile::tempdir().unwrap());
    let input = write_input(folder.path());
    let error = copy(&cluster, (&input, &input), WriteMode::Overwrite, |line| line).unwrap_err();
    let error = error.to_string();
    for part in ["Copy", input.to_str().unwrap(), "is a file"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(fs::read_to_string(&input).unwrap().starts_with("line 0 "), "it is as it was");
}

#[test]
fn wrong_settings() {
    for (key, value) in [
        ("taskmanager.io.driver", "telepathy"),
        ("taskmanager.memory.network.max", "plenty"),
        ("taskmanager.memory.segment-size", "5kb"),
        ("taskmanager.network.memory.buffers-per-channel", "-1"),
    ] {
        let error = start(&[(key, value)], 1).expect_err("it is wrong").to_string();
        assert!(error.contains(key), "{key}={value}: {error}");
    }
    let error = start(&[("taskmanager.io.driver", "telepathy")], 1).unwrap_err().to_string();
    for name in ["telepathy", "auto", "uring", "epoll"] {
        assert!(error.to_lowercase().contains(name), "{name}: {error}");
    }
    for (argument, parts) in [
        ("-Dparallelism.default=many", ["parallelism.default", "many"]),
        ("-Dparallelism.default=0", ["parallelism.default", "0"]),
        ("--parallelism=some", ["parallelism", "some"]),
        ("--config=/nowhere/config.yaml", ["/nowhere/config.yaml", "No such file"]),
    ] {
        let error = Arguments::parse([argument.to_string()]).expect_err("it is wrong").to_string();
        for part in parts {
            assert!(error.contains(part), "{argument}: {part}: {error}");
        }
    }
}

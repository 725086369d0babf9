//! The campaign of exactly once finds faults that are planted for it, and nothing without them.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

/// The campaign's program, which cargo builds beside the tests.
fn campaign(arguments: &[&str]) -> Output {
    let test = env::current_exe().expect("a test has a file");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("it lies in target/*/deps");
    let program: PathBuf = folder.join("examples/exactly_once");
    let output = Command::new(&program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn check(arguments: &[&str], found: bool) {
    let output = campaign(arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(i32::from(found)), "{arguments:?}: {said}");
    assert_eq!(said.contains("replays it"), found, "{arguments:?}: {said}");
}

#[test]
fn none_without_a_planted_fault() {
    check(&["--seeds", "0..150"], false);
}

#[test]
fn barriers_that_do_not_block() {
    check(&["--seeds", "0..150", "--planted", "no-blocking"], true);
}

#[test]
fn commits_before_the_checkpoint_is_complete() {
    check(&["--seeds", "0..150", "--planted", "early-commit"], true);
}

#[test]
fn what_was_pre_committed_is_forgotten() {
    check(&["--seeds", "0..150", "--planted", "forgotten-pending"], true);
}

#[test]
fn timers_that_no_checkpoint_knows() {
    check(&["--seeds", "0..150", "--planted", "forgotten-timer"], true);
}

#[test]
fn wrong_arguments_say_what_is_right() {
    let output = campaign(&["--planted", "nothing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--planted no-blocking"));
}

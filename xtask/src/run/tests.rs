use super::{Run, shown};
use crate::failure::Failure;
use crate::progress::TestLimits;
use std::process::Command;
use std::time::Duration;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_command_that_fails_is_a_finding_and_its_tests_are_counted() {
    assert!(Run::new(sh("true"), LONG).quiet().finish().is_ok());
    let failed = Run::new(sh("exit 3"), LONG).quiet().finish().expect_err("it failed");
    assert_eq!(failed.exit_code(), 1);
    let script = "echo '     Running a' >&2; echo 'test result: ok. 2 passed; 0 failed'";
    let totals = Run::new(sh(script), LONG).quiet().finish().expect("it passes");
    assert_eq!(totals.passed, 2);
}

#[test]
fn a_program_that_is_not_there_is_a_fault_of_the_machine() {
    let missing = Command::new("no-such-program-of-brisk");
    let failed = Run::new(missing, LONG).quiet().finish().expect_err("it cannot start");
    assert_eq!(failed.exit_code(), 3);
}

#[test]
fn a_hung_test_binary_is_named_and_ended_with_its_children() {
    let limits = TestLimits { test: LONG, silence: Duration::from_secs(1) };
    let hang = sh("echo '     Running tests/hangs.rs (x)' >&2; sleep 600 & sleep 600");
    let failed =
        Run::new(hang, LONG).quiet().watching_tests(limits).finish().expect_err("it hangs");
    let Failure::TimeLimit(what) = &failed else { panic!("{failed:?}") };
    assert!(what.contains("tests/hangs.rs"), "{what}");
    assert_eq!(failed.exit_code(), 4);
}

#[test]
fn a_process_left_behind_is_a_finding() {
    let failed =
        Run::new(sh("sleep 8 & true"), LONG).quiet().finish().expect_err("it left a process");
    assert!(failed.to_string().contains("left a process behind"), "{failed}");
    assert_eq!(failed.exit_code(), 1);
}

#[test]
fn the_whole_has_a_limit_too() {
    let failed = Run::new(sh("exec sleep 600"), Duration::from_secs(1)).quiet().finish();
    assert_eq!(failed.expect_err("it hangs").exit_code(), 4);
}

#[test]
fn a_command_is_shown_as_one_would_type_it() {
    let mut command = Command::new("/usr/bin/cargo");
    command.arg("test").arg("a b").env("RUSTFLAGS", "--cfg loom");
    assert_eq!(shown(&command), "RUSTFLAGS='--cfg loom' cargo test 'a b'");
}

use super::{Progress, TestLimits, Totals, without_colours};
use std::time::{Duration, Instant};

const LIMITS: TestLimits =
    TestLimits { test: Duration::from_secs(300), silence: Duration::from_secs(360) };

/// Feeds lines at their second, and asks at `ask` what is overdue.
fn overdue(lines: &[(u64, &str)], ask: u64) -> Option<String> {
    let start = Instant::now();
    let mut progress = Progress::new(start);
    for (second, line) in lines {
        progress.line(line, start + Duration::from_secs(*second));
    }
    progress.overdue(LIMITS, start + Duration::from_secs(ask))
}

#[test]
fn totals_are_summed_over_binaries() {
    let now = Instant::now();
    let mut progress = Progress::new(now);
    for line in [
        "     Running unittests src/lib.rs (target/debug/deps/a-1)",
        "test a::b ... ok",
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        "   Doc-tests a",
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out",
    ] {
        progress.line(line, now);
    }
    let totals = Totals { binaries: 2, passed: 4, failed: 2, ignored: 1 };
    assert_eq!(progress.totals(), totals);
    assert_eq!(progress.binary(), None);
}

#[test]
fn a_slow_test_is_named_with_its_binary_once_over_the_limit() {
    let lines = [
        (0, "     Running unittests src/lib.rs (target/debug/deps/a-1)"),
        (60, "test pool::waits has been running for over 60 seconds"),
        (250, "test pool::other ... ok"),
    ];
    assert_eq!(overdue(&lines, 299), None);
    let said = overdue(&lines, 301).expect("over the limit");
    assert!(said.contains("pool::waits") && said.contains("src/lib.rs"), "{said}");
    assert!(!said.contains("pool::other"), "{said}");
}

#[test]
fn a_slow_test_that_ends_is_not_overdue() {
    let lines = [
        (0, "     Running unittests src/lib.rs (target/debug/deps/a-1)"),
        (60, "test pool::waits has been running for over 60 seconds"),
        (250, "test pool::waits ... ok"),
    ];
    assert_eq!(overdue(&lines, 500), None);
}

#[test]
fn silence_counts_only_while_a_test_binary_runs() {
    assert_eq!(overdue(&[(0, "   Compiling brisk-memory v0.1.0")], 2_000), None);
    let running = [(0, "     Running tests/big.rs (target/debug/deps/big-1)")];
    assert_eq!(overdue(&running, 360), None);
    assert!(overdue(&running, 361).expect("silent").contains("tests/big.rs"));
    let ended = [running[0], (5, "test result: ok. 1 passed; 0 failed; 0 ignored")];
    assert_eq!(overdue(&ended, 2_000), None);
}

#[test]
fn colours_do_not_hide_a_line() {
    assert_eq!(without_colours("\u{1b}[1m\u{1b}[32mRunning\u{1b}[0m x"), "Running x");
}

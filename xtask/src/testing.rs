//! `cargo xtask test`: every test of the workspace under time limits.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::progress::{TestLimits, Totals};
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::setup::{self, Purpose};
use crate::steps::Steps;
use std::time::Duration;

/// What `cargo xtask test --help` prints.
pub(crate) const HELP: &str = "\
Runs every test of the workspace: unit tests, integration tests, examples, doctests.

Usage: cargo xtask test [--test-seconds N] [--limit-minutes N] [-- ARGUMENTS OF cargo test]

  --test-seconds N    limit for one test (300; at least 61)
  --limit-minutes N   limit for the whole, compiling included (70)

It first installs what the tests need, as `cargo xtask setup` does. A run over a limit is ended,
the test or its binary named, and what its threads wait for printed.

Exit codes: 0 passed, 1 a test failed, 2 usage, 3 something could not be installed, 4 time limit.

Examples:
  cargo xtask test
  cargo xtask test -- -p brisk-memory
  cargo xtask test -- -p brisk-core key_groups -- --nocapture";

/// A test is given up after this long, unless told otherwise: a shared machine may be many times
/// slower than a quiet one.
const TEST_SECONDS: u64 = 300;

/// The whole is given up after this long: within the 90 minutes that CI allows. The first run compiles
/// RocksDB, which takes ten to twenty of them.
const LIMIT_MINUTES: u64 = 70;

/// What is off by default in the crate for programs, since it takes long to compile, and on wherever
/// the whole workspace is looked at: the same for tests, lints and documents, so that they share it.
pub(crate) const FEATURES: [&str; 2] = ["--features", "brisk/rocksdb,brisk/tls"];

/// The limits of one test and of the whole run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    test: Duration,
    whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            test: Duration::from_secs(TEST_SECONDS),
            whole: Duration::from_secs(LIMIT_MINUTES * 60),
        }
    }
}

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let mut limits = Limits::default();
    if let Some(seconds) = arguments.number("--test-seconds")? {
        limits.test = Duration::from_secs(seconds);
    }
    if let Some(minutes) = arguments.number("--limit-minutes")? {
        limits.whole = Duration::from_secs(minutes * 60);
    }
    let passed_on = arguments.passed_on();
    arguments.finish()?;
    if limits.test <= Duration::from_secs(60) {
        return Err(Failure::Usage("test: --test-seconds has to be above 60".into()));
    }

    let mut steps = Steps::default();
    steps.step("setup", || setup::meet(workspace, &[Purpose::Tests]));
    steps.step("test", || all(workspace, &passed_on, limits));
    steps.finish()
}

/// Runs all tests, or those that `passed_on`, arguments of `cargo test`, choose.
pub(crate) fn all(
    workspace: &Workspace,
    passed_on: &[String],
    limits: Limits,
) -> Result<String, Failure> {
    let mut command = workspace.cargo();
    command.args(["test", "--no-fail-fast"]);
    let mut chosen = passed_on.iter().take_while(|word| *word != "--");
    if !chosen.any(|word| word.starts_with("-p") || word.starts_with("--package")) {
        command.arg("--workspace").args(FEATURES);
    }
    command.args(passed_on);
    let silence = limits.test + Duration::from_secs(60);
    let tests = TestLimits { test: limits.test, silence };
    Run::new(command, limits.whole).watching_tests(tests).finish().map(words)
}

/// The totals as a few words.
pub(crate) fn words(totals: Totals) -> String {
    let Totals { binaries, passed, failed, ignored } = totals;
    format!("{passed} passed, {failed} failed, {ignored} ignored in {binaries} test binaries")
}

//! `cargo xtask ci`: everything that CI checks, in the order in which it is quickest to know.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::setup::{self, Purpose};
use crate::steps::Steps;
use crate::{fuzzing, loom, simulation, testing, tidy};
use std::process::Command;
use std::time::Duration;

/// What `cargo xtask ci --help` prints.
pub(crate) const HELP: &str = "\
Checks everything that CI checks.

Usage: cargo xtask ci [--without-test] [--fuzz-seconds N]

  --without-test     leave out the tests, for a script that ran `cargo xtask test` already
  --fuzz-seconds N   time for each fuzz target (10)

Steps: setup, format, tidy, test, clippy, docs, loom, simulate, fuzz. A failed step does not
stop the others.

Exit codes: that of the first failed step, see `cargo xtask --help`.

Examples:
  cargo xtask ci
  cargo xtask ci --without-test --fuzz-seconds 60";

/// Packages that are no members of the workspace.
const OUTSIDE: &[&str] = &["bench/timely", "fuzz"];

const FUZZ_SECONDS: u64 = 10;

/// What CI says of a commit depends on the commit alone.
const FUZZ_SEED: u32 = 1;

/// A step of compiling and checking ends well before this on two cores.
const CHECK_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let without_test = arguments.flag("--without-test");
    let seconds = arguments.number("--fuzz-seconds")?.unwrap_or(FUZZ_SECONDS);
    arguments.finish()?;

    let mut steps = Steps::default();
    let needs = [Purpose::Tests, Purpose::Checks, Purpose::Fuzz];
    steps.step("setup", || setup::meet(workspace, &needs));
    steps.step("format", || format(workspace));
    steps.step("tidy", || tidy::check(workspace));
    if !without_test {
        steps.step("test", || testing::all(workspace, &[], testing::Limits::default()));
    }
    steps.step("clippy", || check(clippy(workspace)));
    steps.step("docs", || check(docs(workspace)));
    steps.step("loom", || loom::all(workspace));
    steps.step("simulate", || simulation::all(workspace, simulation::Seeds::default()));
    let budget = fuzzing::Budget { seconds, seed: Some(FUZZ_SEED) };
    steps.step("fuzz", || fuzzing::all(workspace, &[], budget));
    steps.finish()
}

fn check(command: Command) -> Result<String, Failure> {
    Run::new(command, CHECK_LIMIT).finish().map(|_| String::new())
}

fn format(workspace: &Workspace) -> Result<String, Failure> {
    let mut command = workspace.cargo();
    command.args(["fmt", "--all", "--check"]);
    check(command)?;
    for package in OUTSIDE {
        let manifest = workspace.root().join(package).join("Cargo.toml");
        if manifest.is_file() {
            let mut command = workspace.cargo();
            command.args(["fmt", "--check", "--manifest-path"]).arg(manifest);
            check(command)?;
        }
    }
    Ok(String::new())
}

fn clippy(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--keep-going"]);
    command.args(testing::FEATURES);
    command.args(["--", "-D", "warnings"]);
    command
}

fn docs(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--keep-going"])
        .args(testing::FEATURES)
        .env("RUSTDOCFLAGS", "-D warnings");
    command
}

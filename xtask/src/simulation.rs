//! `cargo xtask simulate`: the simulator's tests over a batch of seeds.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::progress::TestLimits;
use crate::repository::tree::Tree;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::steps::Steps;
use crate::testing;
use std::time::Duration;

/// What `cargo xtask simulate --help` prints.
pub(crate) const HELP: &str = "\
Runs the simulator's tests, those named simulated_..., over a batch of seeds.

Usage: cargo xtask simulate [--seeds N] [--first N]

  --seeds N   how many seeds each test tries (200)
  --first N   the first of them (1)

A test reads both from BRISK_SEEDS and BRISK_FIRST_SEED, tries a few seeds without them, and names
the seed it failed with: that seed and the commit replay it.

Examples:
  cargo xtask simulate
  cargo xtask simulate --first 4711 --seeds 1";

/// The seeds of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Default for Seeds {
    fn default() -> Self {
        Seeds { first: 1, count: 200 }
    }
}

/// How tests of the simulator begin.
const PREFIX: &str = "simulated_";

/// One test tries all seeds of the batch.
const TEST_LIMIT: Duration = Duration::from_secs(15 * 60);

const LIMIT: Duration = Duration::from_secs(25 * 60);

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let mut seeds = Seeds::default();
    seeds.count = arguments.number("--seeds")?.unwrap_or(seeds.count);
    seeds.first = arguments.number("--first")?.unwrap_or(seeds.first);
    arguments.finish()?;
    let mut steps = Steps::default();
    steps.step("simulate", || all(workspace, seeds));
    steps.finish()
}

/// Runs every test of the simulator over `seeds`.
pub(crate) fn all(workspace: &Workspace, seeds: Seeds) -> Result<String, Failure> {
    let tree = Tree::read(workspace.root())?;
    let function = format!("fn {PREFIX}");
    let is_there = |line: &str| line.contains(&function);
    if !tree.rust().any(|(_, source)| source.code().any(|(_, line)| is_there(line))) {
        return Ok(format!("there is no test named {PREFIX}... yet"));
    }
    let mut command = workspace.cargo();
    // The selection of `cargo xtask test`, so that nothing is compiled again.
    command.args(["test", "--workspace", "--no-fail-fast", PREFIX]);
    command
        .env("BRISK_SEEDS", seeds.count.to_string())
        .env("BRISK_FIRST_SEED", seeds.first.to_string());
    let limits = TestLimits { test: TEST_LIMIT, silence: TEST_LIMIT + Duration::from_secs(60) };
    let totals = Run::new(command, LIMIT).watching_tests(limits).finish()?;
    let last = seeds.first + seeds.count - 1;
    Ok(format!("{}, seeds {} to {last}", testing::words(totals), seeds.first))
}

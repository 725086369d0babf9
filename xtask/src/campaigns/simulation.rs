//! `cargo xtask simulate`: the simulator's tests over a batch of seeds, and the campaign of exactly
//! once.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::progress::TestLimits;
use crate::repository::tree::Tree;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::steps::Steps;
use crate::testing;
use std::ops::Range;
use std::time::Duration;

/// What `cargo xtask simulate --help` prints.
pub(crate) const HELP: &str = "\
Runs the simulator's tests, those named simulated_..., over a batch of seeds.

Usage: cargo xtask simulate [--seeds N] [--first N]
       cargo xtask simulate --seeds A..B [--json]

  --seeds N     how many seeds each test tries (200)
  --first N     the first of them (1)
  --seeds A..B  instead of the tests: the campaign of exactly once over the seeds from A to B - 1
  --json        its report as one line of JSON, the last line of the output

A test reads both from BRISK_SEEDS and BRISK_FIRST_SEED, tries a few seeds without them, and names
the seed it failed with: that seed and the commit replay it.

The campaign runs one job with checkpoints, kills it at random points on a disk that may fail, and
compares what it has committed with a run without faults. It reports seeds, faults by kind, and each
violation with the seed that replays it; the exit code is 1 if there is any.

Examples:
  cargo xtask simulate
  cargo xtask simulate --seeds 0..2000 --json
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
    if let Some(range) = arguments.range("--seeds")? {
        let json = arguments.flag("--json");
        arguments.finish()?;
        return campaign(workspace, range, json);
    }
    let mut seeds = Seeds::default();
    seeds.count = arguments.number("--seeds")?.unwrap_or(seeds.count);
    seeds.first = arguments.number("--first")?.unwrap_or(seeds.first);
    arguments.finish()?;
    let mut steps = Steps::default();
    steps.step("simulate", || all(workspace, seeds));
    steps.finish()
}

/// How long a campaign may take, building included.
const CAMPAIGN_LIMIT: Duration = Duration::from_secs(4 * 60 * 60);

/// Runs the campaign of exactly once; what it prints is the report.
fn campaign(workspace: &Workspace, seeds: Range<u64>, json: bool) -> Result<(), Failure> {
    let mut command = workspace.cargo();
    let seeds = format!("{}..{}", seeds.start, seeds.end);
    command.args(["run", "--quiet", "-p", "brisk-core", "--example", "exactly_once", "--"]);
    command.args(["--seeds", &seeds]).args(json.then_some("--json"));
    Run::new(command, CAMPAIGN_LIMIT).finish().map(|_| ())
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

//! `cargo xtask fuzz`: each fuzz target for some seconds.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::repository::manifest;
use crate::repository::tree::Tree;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::setup::{self, Purpose};
use crate::steps::Steps;
use std::time::Duration;

/// What `cargo xtask fuzz --help` prints.
pub(crate) const HELP: &str = "\
Runs each fuzz target for some seconds.

Usage: cargo xtask fuzz [--seconds N] [TARGET ...]

  --seconds N   time for each target (60)

It first installs cargo-fuzz where that is missing. What crashed a target is left in fuzz/artifacts,
and the command that runs it again is printed. New inputs that reach new code stay in fuzz/corpus.

Examples:
  cargo xtask fuzz --seconds 10
  cargo xtask fuzz --seconds 600 config";

const SECONDS: u64 = 60;

/// Time to build all targets, added to the time they run.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let seconds = arguments.number("--seconds")?.unwrap_or(SECONDS);
    let names = arguments.names();
    arguments.finish()?;
    let mut steps = Steps::default();
    steps.step("setup", || setup::meet(workspace, &[Purpose::Tests, Purpose::Fuzz]));
    steps.step("fuzz", || all(workspace, &names, Budget { seconds, seed: None }));
    steps.finish()
}

/// What each target gets.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) seconds: u64,
    /// Where its inputs begin; with none, elsewhere each time.
    pub(crate) seed: Option<u32>,
}

/// Runs the targets of these names, or all when there is none.
pub(crate) fn all(
    workspace: &Workspace,
    names: &[String],
    budget: Budget,
) -> Result<String, Failure> {
    let Budget { seconds, seed } = budget;
    let manifests = manifest::all(&Tree::read(workspace.root())?).into_iter();
    let fuzz = manifests.filter(|manifest| manifest.folder == "fuzz");
    let known: Vec<String> = fuzz.flat_map(|manifest| manifest.programs).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(*name)) {
        let known = known.join(", ");
        return Err(Failure::Usage(format!("fuzz: no target `{name}`; there are: {known}")));
    }
    let chosen = if names.is_empty() { &known } else { names };
    let mut failures = Vec::new();
    for name in chosen {
        let mut command = workspace.cargo();
        // The first folder takes new inputs, the second holds those that are checked in.
        let (corpus, seeds) = (format!("fuzz/corpus/{name}"), format!("fuzz/seeds/{name}"));
        std::fs::create_dir_all(workspace.root().join(&corpus))
            .map_err(|e| Failure::Environment(format!("cannot create {corpus}: {e}")))?;
        command.args(["fuzz", "run", name, &corpus, &seeds]);
        command
            .args(["--", &format!("-max_total_time={seconds}")])
            .args(seed.map(|seed| format!("-seed={seed}")))
            // Else a line for each input that reaches new code.
            .args(["-verbosity=0", "-print_final_stats=1"])
            .env("RUSTC_BOOTSTRAP", "1")
            // Its flags differ from all other builds.
            .env("CARGO_TARGET_DIR", workspace.target().join("fuzz"));
        let limit = BUILD_LIMIT + Duration::from_secs(seconds);
        if let Err(failure) = Run::new(command, limit).finish() {
            eprintln!("xtask: fuzz target {name}: {failure}");
            failures.push(failure);
        }
    }
    match failures.pop() {
        None => Ok(format!("{} targets, {seconds} s each", chosen.len())),
        Some(failure) => Err(failure),
    }
}

//! Set-up, tests and checks of the Brisk workspace: `cargo xtask COMMAND`.
//!
//! Owns the order in which checks run, their time limits, and the rules that the compiler and
//! clippy do not know. Deliberately absent: any dependency, since the README's commands wait for
//! this crate to compile. It runs on one thread, and on two more while it copies a command's
//! output.

mod arguments;
mod campaigns;
mod ci;
mod failure;
mod fuzzing;
mod loom;
mod processes;
mod progress;
mod repository;
mod run;
mod setup;
mod steps;
mod testing;
mod tidy;

use arguments::Arguments;
use campaigns::{chaos, simulation};
use failure::Failure;
use repository::workspace::Workspace;
use setup::Purpose;
use std::process::ExitCode;
use steps::Steps;

const HELP: &str = "\
Set-up, tests and checks of the Brisk workspace.

Usage: cargo xtask COMMAND [OPTIONS]

  setup     install what the tests need, once
  test      run every test, under time limits
  tidy      check the rules that neither the compiler nor clippy knows
  fuzz      run each fuzz target for some seconds
  simulate  run the simulator's tests over a batch of seeds
  chaos     kill a real job again and again
  ci        check everything that CI checks

`cargo xtask COMMAND --help` tells more.

Exit codes: 0 passed, 1 something was found, 2 usage, 3 the machine lacks something, 4 time limit.";

const SETUP_HELP: &str = "\
Installs what the tests need from the system, and nothing twice.

Usage: cargo xtask setup [--all]

  --all   also what the other checks and the fuzz targets need

Examples:
  cargo xtask setup
  cargo xtask setup --all";

fn main() -> ExitCode {
    match command(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

type Command = fn(&Workspace, Arguments) -> Result<(), Failure>;

fn command(mut words: Vec<String>) -> Result<(), Failure> {
    if words.is_empty() {
        println!("{HELP}");
        return Err(Failure::Usage("a command is missing".into()));
    }
    let name = words.remove(0);
    let (name, help, run): (&'static str, &str, Command) = match name.as_str() {
        "setup" => ("setup", SETUP_HELP, set_up),
        "test" => ("test", testing::HELP, testing::run),
        "tidy" => ("tidy", tidy::HELP, tidy::run),
        "fuzz" => ("fuzz", fuzzing::HELP, fuzzing::run),
        "simulate" => ("simulate", simulation::HELP, simulation::run),
        "chaos" => ("chaos", chaos::HELP, chaos::run),
        "ci" => ("ci", ci::HELP, ci::run),
        "--help" | "-h" | "help" => {
            println!("{HELP}");
            return Ok(());
        }
        _ => return Err(Failure::Usage(format!("no command `{name}`; see `cargo xtask --help`"))),
    };
    let asked = words.iter().take_while(|word| *word != "--").any(|w| w == "--help" || w == "-h");
    if asked {
        println!("{help}");
        return Ok(());
    }
    run(&Workspace::find()?, Arguments::new(name, words))
}

fn set_up(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let all = arguments.flag("--all");
    arguments.finish()?;
    let purposes: &[Purpose] =
        if all { &[Purpose::Tests, Purpose::Checks, Purpose::Fuzz] } else { &[Purpose::Tests] };
    let mut steps = Steps::default();
    steps.step("setup", || setup::meet(workspace, purposes));
    steps.finish()
}

//! `brisk-bench`: runs workloads on Brisk and its peers. `bench/README.md` is its manual.

use brisk_bench::report::results;
use brisk_bench::report::table::{json_lines, table};
use brisk_bench::run::exec;
use brisk_bench::run::rounds::{self, Plan};
use brisk_bench::setup::Step;
use brisk_bench::setup::cache::Cache;
use brisk_bench::workload::contender::{Breadth, Peer, System};
use brisk_bench::workload::{self, Input, Scale, Workload};
use brisk_bench::{BenchError, floor};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Runs Brisk and its peers on the same work, in turn")]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Run a workload (or `all`) and print figures, ratios, goals and floors
    Run(RunArguments),
    /// List the workloads and their goals
    List,
    /// Install what runs need: the text, Flink, timely
    Setup {
        /// Only these
        #[arg(value_enum)]
        steps: Vec<StepName>,
    },
    /// Run one job of brisk or the floor in this process and print one line of JSON
    #[command(hide = true)]
    Exec {
        #[arg(value_enum)]
        system: OwnSystem,
        job: String,
        size: String,
        #[arg(long)]
        tiny: bool,
    },
}

#[derive(Args)]
struct RunArguments {
    /// A workload of `list`, or `all`
    workload: String,
    /// With `chain`: every chain is cut
    #[arg(long)]
    cut: bool,
    /// Systems to hold Brisk against: flink, timely
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Also run what no goal is about: other allocators, serialized exchange, batch mode
    #[arg(long)]
    variants: bool,
    /// Print one line of JSON for each system and metric instead of a table
    #[arg(long)]
    json: bool,
    /// Next to no work: shows that everything runs
    #[arg(long)]
    tiny: bool,
    /// Rounds; medians are taken over them [default: 5, with --tiny 1]
    #[arg(long)]
    runs: Option<usize>,
    /// Keep the results in bench/results/
    #[arg(long)]
    record: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum StepName {
    Text,
    Flink,
    Timely,
}

#[derive(Clone, Copy, ValueEnum)]
enum OwnSystem {
    Brisk,
    Floor,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Action::Run(arguments) => run(&arguments),
        Action::List => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        Action::Setup { steps } => setup(&steps),
        Action::Exec { system, job, size, tiny } => exec_job(system, (&job, &size), scale(tiny)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{}", error.with_causes());
        ExitCode::FAILURE
    })
}

fn run(arguments: &RunArguments) -> Result<ExitCode, BenchError> {
    let cache = Cache::open()?;
    let scale = scale(arguments.tiny);
    let default_rounds = if arguments.tiny { 1 } else { 5 };
    let mut failed = false;
    for workload in chosen(arguments)? {
        let plan = Plan {
            workload,
            peers: arguments.peers.clone(),
            breadth: if arguments.variants { Breadth::Everything } else { Breadth::Goals },
            scale,
            rounds: arguments.runs.unwrap_or(default_rounds).max(1),
        };
        let found = rounds::run(&plan, &cache)?;
        print!("{}", if arguments.json { json_lines(&found) } else { table(&found) });
        if arguments.record {
            eprintln!("kept in {}", results::record(&found)?.display());
        }
        failed |= !found.failures.is_empty();
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn chosen(arguments: &RunArguments) -> Result<Vec<&'static Workload>, BenchError> {
    match (arguments.workload.as_str(), arguments.cut) {
        ("all", false) => Ok(workload::ALL.to_vec()),
        ("chain", true) => Ok(vec![Workload::of_name("chain-cut")?]),
        (name, false) => Ok(vec![Workload::of_name(name)?]),
        (_, true) => Err(BenchError::Usage("--cut goes with the workload chain".to_owned())),
    }
}

fn scale(tiny: bool) -> Scale {
    if tiny { Scale::Tiny } else { Scale::Full }
}

fn list() {
    for workload in workload::ALL {
        println!("{workload}: {}", workload.description);
        for goal in workload.goals {
            println!("  {goal}");
        }
    }
}

fn setup(names: &[StepName]) -> Result<ExitCode, BenchError> {
    let cache = Cache::open()?;
    let named = names.iter().map(|name| match name {
        StepName::Text => Step::Text,
        StepName::Flink => Step::Flink,
        StepName::Timely => Step::Timely,
    });
    let steps: Vec<Step> = if names.is_empty() { Step::ALL.to_vec() } else { named.collect() };
    steps.into_iter().try_for_each(|step| step.ensure(&cache))?;
    Ok(ExitCode::SUCCESS)
}

/// `exec floor machine FOLDER` measures the machine; everything else is a job and its input.
fn exec_job(
    system: OwnSystem,
    (job, size): (&str, &str),
    scale: Scale,
) -> Result<ExitCode, BenchError> {
    let system = match system {
        OwnSystem::Brisk => System::Brisk,
        OwnSystem::Floor => System::Floor,
    };
    let line = if job == "machine" {
        serde_json::to_string(&floor::machine(Path::new(size), scale)?)
    } else {
        let input = size.parse().map_or_else(|_| Input::Text(PathBuf::from(size)), Input::Records);
        serde_json::to_string(&exec::run(system, job, &input)?)
    };
    println!("{}", line.expect("names and numbers can be written"));
    Ok(ExitCode::SUCCESS)
}

//! The rounds of a run: every contender once, in turn, again and again.

use crate::BenchError;
use crate::floor::Values;
use crate::input::reference::{CheckKind, expected};
use crate::run::measurement::{Measurement, Outcome, Summary};
use crate::run::process::json_of;
use crate::setup::cache::Cache;
use crate::setup::{self, Step};
use crate::workload::contender::{Breadth, Contender, Peer, System};
use crate::workload::{Input, InputKind, Scale, Workload};
use std::path::PathBuf;
use std::process::Command;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The work.
    pub workload: &'static Workload,
    /// Whom Brisk is held against.
    pub peers: Vec<Peer>,
    /// Which ways of each system.
    pub breadth: Breadth,
    /// How much work.
    pub scale: Scale,
    /// How many rounds.
    pub rounds: usize,
}

/// All values of one metric of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Whose.
    pub system: System,
    /// Of what.
    pub metric: String,
    /// One per round.
    pub values: Vec<f64>,
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Results {
    /// The work.
    pub workload: &'static Workload,
    /// In the order in which they were first seen.
    pub series: Vec<Series>,
    /// Contenders that had no figure, and why.
    pub failures: Vec<String>,
}

impl Results {
    /// The summary of a metric, if there are values.
    pub fn summary(&self, system: System, metric: &str) -> Option<Summary> {
        let of = |series: &&Series| series.system == system && series.metric == metric;
        self.series.iter().find(of).and_then(|series| Summary::of(&series.values))
    }

    fn add(&mut self, system: System, metric: String, value: f64) {
        let of = |series: &&mut Series| series.system == system && series.metric == metric;
        match self.series.iter_mut().find(of) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series { system, metric, values: vec![value] }),
        }
    }
}

/// What one contender works on and must find.
struct Prepared {
    contender: Contender,
    input: Input,
    warm_up: Input,
    /// `None` when its job checks itself.
    expected: Option<Outcome>,
}

/// Installs what is missing and runs the plan. A contender that fails is left out of the further
/// rounds and named in the results.
pub fn run(plan: &Plan, cache: &Cache) -> Result<Results, BenchError> {
    install(plan, cache)?;
    let mut running = prepare(plan, cache)?;
    let mut results = Results { workload: plan.workload, series: Vec::new(), failures: Vec::new() };
    for round in 1..=plan.rounds {
        eprintln!("{}: round {round} of {}", plan.workload, plan.rounds);
        for (metric, value) in machine_floors(plan, cache)? {
            results.add(System::Floor, metric, value);
        }
        running.retain(|prepared| match run_once(plan, cache, prepared) {
            Ok(measurement) => {
                report_one(prepared.contender, &measurement);
                add_measurement(&mut results, plan, (prepared, &measurement));
                true
            }
            Err(error) => {
                let failure = format!("{}: {}", prepared.contender, error.with_causes());
                eprintln!("  {failure}");
                results.failures.push(failure);
                false
            }
        });
    }
    Ok(results)
}

fn install(plan: &Plan, cache: &Cache) -> Result<(), BenchError> {
    for peer in &plan.peers {
        match peer {
            Peer::Flink => Step::Flink.ensure(cache)?,
            Peer::Timely => Step::Timely.ensure(cache)?,
        }
    }
    Ok(())
}

fn prepare(plan: &Plan, cache: &Cache) -> Result<Vec<Prepared>, BenchError> {
    let mut known: Vec<(CheckKind, Input, Outcome)> = Vec::new();
    let mut prepared = Vec::new();
    for contender in plan.workload.taking_part(&plan.peers, plan.breadth) {
        let (input, warm_up) = inputs(plan, cache, contender)?;
        let Some(kind) = contender.check else {
            prepared.push(Prepared { contender, input, warm_up, expected: None });
            continue;
        };
        let found = known.iter().find(|(k, i, _)| *k == kind && *i == input);
        let expected = match found {
            Some((_, _, outcome)) => *outcome,
            None => expected(kind, &input)?,
        };
        known.push((kind, input.clone(), expected));
        prepared.push(Prepared { contender, input, warm_up, expected: Some(expected) });
    }
    Ok(prepared)
}

/// The input of a measured run and that of the run before it that warms a JVM up.
fn inputs(plan: &Plan, cache: &Cache, contender: Contender) -> Result<(Input, Input), BenchError> {
    if plan.workload.kind != InputKind::Text {
        let records = contender.records(plan.scale);
        return Ok((Input::Records(records), Input::Records(records / 4)));
    }
    if plan.scale == Scale::Tiny {
        let text = setup::text::ensure_tiny(cache)?;
        return Ok((Input::Text(text.clone()), Input::Text(text)));
    }
    let text = setup::text::ensure(cache)?;
    let warm_up = setup::text::ensure_warm_up(cache, &text)?;
    Ok((Input::Text(text), Input::Text(warm_up)))
}

fn machine_floors(plan: &Plan, cache: &Cache) -> Result<Values, BenchError> {
    let mut command = this_program()?;
    command.args(["exec", "floor", "machine"]).arg(cache.root());
    if plan.scale == Scale::Tiny {
        command.arg("--tiny");
    }
    json_of(&mut command, &cache.path("run.stderr"))
}

fn run_once(plan: &Plan, cache: &Cache, prepared: &Prepared) -> Result<Measurement, BenchError> {
    let contender = prepared.contender;
    let mut command = match contender.system {
        System::Floor | System::Brisk => {
            let mut command = this_program()?;
            command.args(["exec", contender.system.name()]);
            command
        }
        System::Timely => Command::new(setup::timely::program(cache, contender.variant)),
        System::Flink => setup::flink::java(cache),
    };
    command.arg(contender.job).arg(size(&prepared.input));
    if contender.system == System::Flink {
        command.arg(size(&prepared.warm_up));
    }
    let measurement: Measurement = json_of(&mut command, &cache.path("run.stderr"))?;
    let Some(expected) = prepared.expected else { return Ok(measurement) };
    let actual = (measurement.records, measurement.check.as_str());
    let check = format!("{:016x}", expected.check);
    if actual == (expected.records, check.as_str()) {
        return Ok(measurement);
    }
    Err(BenchError::WrongResult {
        system: format!("{contender} on {}", plan.workload),
        actual: format!("{} from {} records", measurement.check, measurement.records),
        expected: format!("{check} from {} records", expected.records),
    })
}

fn this_program() -> Result<Command, BenchError> {
    std::env::current_exe().map(Command::new).map_err(BenchError::system("find this program"))
}

fn size(input: &Input) -> PathBuf {
    match input {
        Input::Records(records) => PathBuf::from(records.to_string()),
        Input::Text(path) => path.clone(),
    }
}

fn report_one(contender: Contender, measurement: &Measurement) {
    let rate = crate::report::table::si(measurement.rate());
    eprintln!("  {contender}: {rate}/s in {:.2} s", measurement.seconds);
}

fn add_measurement(results: &mut Results, plan: &Plan, run: (&Prepared, &Measurement)) {
    let (prepared, measurement) = run;
    let contender = prepared.contender;
    let mut add = |name: &str, value: f64| {
        results.add(contender.system, contender.metric(name), value);
    };
    add(plan.workload.rate_metric, measurement.rate());
    let bytes = match (&prepared.input, plan.workload.kind) {
        (Input::Text(path), _) => path.metadata().map_or(0, |metadata| metadata.len()),
        (Input::Records(_), InputKind::Records { bytes }) => measurement.records * bytes,
        (Input::Records(_), InputKind::Text) => 0,
    };
    add("bytes_per_second", bytes as f64 / measurement.seconds);
    // Systems work on different shares: CPU time is given for the workload's full size.
    let share = match prepared.input {
        Input::Text(_) => 1.0,
        Input::Records(records) => plan.workload.full_records(plan.scale) as f64 / records as f64,
    };
    add("cpu_seconds", measurement.cpu_seconds * share);
    add("peak_rss_bytes", measurement.peak_rss_bytes as f64);
    for (metric, value) in &measurement.figures {
        results.add(contender.system, metric.clone(), *value);
    }
}

#[cfg(test)]
mod tests;

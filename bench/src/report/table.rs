//! Shows results: a table for people, lines of JSON for programs.

use crate::run::measurement::Summary;
use crate::run::rounds::Results;
use crate::workload::contender::System;
use crate::workload::goal::Goal;
use serde::Serialize;
use std::fmt::Write;

/// One line of JSON: a metric of a system.
#[derive(Debug, Serialize)]
struct Line<'a> {
    workload: &'static str,
    system: System,
    metric: &'a str,
    median: f64,
    min: f64,
    max: f64,
    runs: usize,
}

/// All metrics, one line of JSON each.
pub fn json_lines(results: &Results) -> String {
    let mut text = String::new();
    for (system, metric, summary) in summaries(results) {
        let line = Line {
            workload: results.workload.name,
            system,
            metric,
            median: summary.median,
            min: summary.min,
            max: summary.max,
            runs: summary.runs,
        };
        text.push_str(&serde_json::to_string(&line).expect("names and numbers can be written"));
        text.push('\n');
    }
    text
}

/// The table: figures, what Brisk is compared with each, goals, failures.
pub fn table(results: &Results) -> String {
    let mut text = format!("{}: {}\n", results.workload, results.workload.description);
    row(&mut text, ["system", "metric", "median", "min", "max", "brisk is"]);
    for (system, metric, summary) in summaries(results) {
        let ratio = ratio_of_brisk(results, system, metric).unwrap_or_default();
        let [median, min, max] = [summary.median, summary.min, summary.max].map(si);
        row(&mut text, [system.name(), metric, &median, &min, &max, &ratio]);
    }
    for verdict in verdicts(results) {
        writeln!(text, "goal: {verdict}").expect("a string takes everything");
    }
    for failure in &results.failures {
        writeln!(text, "failed: {failure}").expect("a string takes everything");
    }
    text
}

fn row(text: &mut String, cells: [&str; 6]) {
    let [system, metric, median, min, max, ratio] = cells;
    let line = format!("{system:7} {metric:42} {median:>9} {min:>9} {max:>9} {ratio:>9}");
    text.push_str(line.trim_end());
    text.push('\n');
}

fn summaries(results: &Results) -> impl Iterator<Item = (System, &str, Summary)> {
    results.series.iter().filter_map(|series| {
        Summary::of(&series.values).map(|summary| (series.system, series.metric.as_str(), summary))
    })
}

/// How many times another system's rate, or CPU time, Brisk's is. On a busy machine CPU time tells
/// more than the rate.
fn ratio_of_brisk(results: &Results, system: System, metric: &str) -> Option<String> {
    if system == System::Brisk {
        return None;
    }
    let compared = [results.workload.rate_metric, "cpu_seconds"];
    let own = compared.into_iter().find(|own| metric.starts_with(own))?;
    let brisk = results.summary(System::Brisk, own)?.median;
    let other = results.summary(system, metric)?.median;
    Some(format!("{:.2}x", brisk / other))
}

/// One line for each goal: what is asked, what was reached.
fn verdicts(results: &Results) -> Vec<String> {
    let median = |system, metric: &str| results.summary(system, metric).map(|found| found.median);
    let verdict = |goal: &Goal| {
        let reached = goal.verdict(median).unwrap_or_else(|| "not measured".to_owned());
        format!("{goal}: {reached}")
    };
    results.workload.goals.iter().map(verdict).collect()
}

/// A number with three or four digits and a decimal prefix.
pub fn si(value: f64) -> String {
    const STEPS: [(f64, &str); 7] = [
        (1e9, " G"),
        (1e6, " M"),
        (1e3, " k"),
        (1.0, ""),
        (1e-3, " m"),
        (1e-6, " u"),
        (1e-9, " n"),
    ];
    let step = STEPS.iter().find(|(step, _)| value.abs() >= *step);
    step.map_or_else(
        || "0".to_owned(),
        |(step, prefix)| {
            let scaled = value / step;
            let decimals = if scaled.abs() >= 100.0 { 1 } else { 2 };
            format!("{scaled:.decimals$}{prefix}")
        },
    )
}

#[cfg(test)]
mod tests;

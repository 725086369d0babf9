//! Keeps results with what one must know to read them: the command, the machine, the sources.

use crate::BenchError;
use crate::report::table::json_lines;
use crate::run::rounds::Results;
use crate::setup::sources;
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, thread};

/// The first line of a results file.
#[derive(Debug, Serialize)]
struct Origin {
    command: String,
    commit: String,
    processor: String,
    cores: usize,
    memory: String,
    kernel: String,
}

/// Writes `bench/results/WORKLOAD.jsonl`: a line about the origin, then the lines of `--json`.
pub fn record(results: &Results) -> Result<PathBuf, BenchError> {
    let folder = sources().join("results");
    fs::create_dir_all(&folder).map_err(BenchError::file("create", &folder))?;
    let path = folder.join(format!("{}.jsonl", results.workload));
    let origin = serde_json::to_string(&origin()).expect("strings can be written");
    let text = format!("{origin}\n{}", json_lines(results));
    fs::write(&path, text).map_err(BenchError::file("write", &path))?;
    Ok(path)
}

fn origin() -> Origin {
    let arguments: Vec<String> = env::args().skip(1).collect();
    Origin {
        command: format!("cargo run --release -p brisk-bench -- {}", arguments.join(" ")),
        commit: commit(),
        processor: field("/proc/cpuinfo", "model name"),
        cores: thread::available_parallelism().map_or(0, usize::from),
        memory: field("/proc/meminfo", "MemTotal"),
        kernel: first_line("/proc/sys/kernel/osrelease"),
    }
}

/// The commit of the sources, with a mark when there are changes on top.
fn commit() -> String {
    let mut describe = Command::new("git");
    describe.args(["describe", "--always", "--dirty"]).current_dir(sources());
    let described = describe.output().ok().filter(|output| output.status.success());
    described.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// What follows the colon in the first line of `file` that starts with `name`.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("", |(_, value)| value).trim().to_owned()
}

fn first_line(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

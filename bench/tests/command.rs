//! The harness as a command: every workload on next to no input, peers where they are installed.
#![expect(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn harness(cache: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brisk-bench"));
    command.args(arguments).env("BRISK_BENCH_CACHE", cache).output().unwrap()
}

/// Runs all workloads and returns the lines of JSON.
fn run_all(cache: &Path, peers: &[&str]) -> Vec<Value> {
    let peers = format!("--peers={}", peers.join(","));
    let mut arguments = vec!["run", "all", "--tiny", "--variants", "--json"];
    if peers != "--peers=" {
        arguments.push(&peers);
    }
    let output = harness(cache, &arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check_has(lines: &[Value], workload: &str, system: &str, metric: &str) {
    let found = lines.iter().find(|line| {
        line["workload"] == workload && line["system"] == system && line["metric"] == metric
    });
    let line = found.unwrap_or_else(|| panic!("no {metric} of {system} on {workload}"));
    let median = line["median"].as_f64().unwrap();
    assert!(median > 0.0, "{line}");
    assert!(line["min"].as_f64().unwrap() <= median && median <= line["max"].as_f64().unwrap());
    assert_eq!(line["runs"], 1, "{line}");
}

#[test]
fn every_workload_runs_on_brisk_and_the_floor() {
    let cache = tempfile::tempdir().unwrap();
    let lines = run_all(cache.path(), &[]);
    check_has(&lines, "wordcount", "brisk", "words_per_second");
    check_has(&lines, "wordcount", "brisk", "words_per_second_updates");
    check_has(&lines, "wordcount", "floor", "bytes_per_second");
    for workload in ["keyed-count", "exchange", "chain", "chain-cut"] {
        check_has(&lines, workload, "brisk", "records_per_second");
        check_has(&lines, workload, "brisk", "peak_rss_bytes");
        check_has(&lines, workload, "floor", "copy_bytes_per_second_one_core");
    }
    check_has(&lines, "network", "brisk", "network_bytes_per_second");
    check_has(&lines, "network", "brisk", "records_per_second_keyed");
}

/// The cache that a user's runs fill, when a peer is in it.
fn filled_cache() -> Option<(PathBuf, Vec<&'static str>)> {
    let program = Path::new(env!("CARGO_BIN_EXE_brisk-bench"));
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let own = std::env::var_os("BRISK_BENCH_CACHE").map(PathBuf::from);
    let cache = own.or_else(|| target.map(|target| target.join("brisk-bench")))?;
    let installed = [("flink", "flink-classes"), ("timely", "timely/release/mimalloc")];
    let peers: Vec<_> = installed
        .iter()
        .filter(|(_, file)| cache.join(file).exists())
        .map(|(peer, _)| *peer)
        .collect();
    (!peers.is_empty()).then_some((cache, peers))
}

#[test]
fn peers_that_are_installed_agree_with_the_reference() {
    let Some((cache, peers)) = filled_cache() else { return };
    let lines = run_all(&cache, &peers);
    for peer in peers {
        check_has(&lines, "wordcount", peer, "words_per_second");
        for workload in ["keyed-count", "exchange", "chain"] {
            check_has(&lines, workload, peer, "records_per_second");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], part: &str| {
        let output = harness(cache.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(part), "{arguments:?}: {stderr}");
    };
    check(&["run", "sort"], "no workload \"sort\"; there are wordcount");
    check(&["run", "exchange", "--cut"], "--cut goes with the workload chain");
    check(&["run", "exchange", "--peers", "spark"], "no peer \"spark\"");
    check(&["exec", "floor", "chain-cut", "1"], "floor has no job \"chain-cut\"");
}

#[test]
fn workloads_are_listed_with_their_goals() {
    let cache = tempfile::tempdir().unwrap();
    let output = harness(cache.path(), &["list"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["wordcount: ", "chain-cut: ", "records_per_second at least 12x"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

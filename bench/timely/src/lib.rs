//! The workloads of Brisk's harness on timely dataflow, each written for timely's best case.
//!
//! One process runs one workload once and prints one line of JSON (`bench/README.md` has its
//! fields). Two binaries differ in nothing but the allocator.
//!
//! Arguments: `WORKLOAD SIZE`, where SIZE is a number of records, or a file for `wordcount`.
//! Workloads: `exchange`, `keyed-count` (typed: Rust values between threads), the same with
//! `-binary` (serialized, as any networked exchange must) and with `-tcp` (two processes of one worker,
//! this one and another that it starts), `chain`, `chain-fused`, `windows-tumbling`,
//! `windows-sliding`, `wordcount`, `wordcount-updates`, `latency` (workers park between
//! records).

mod chain;
#[path = "../../src/input/generator.rs"]
mod generator;
mod keyed;
mod latency;
mod processes;
mod report;
#[path = "../../src/input/text.rs"]
mod text;
mod windows;
mod words;

use std::path::Path;
use timely::{CommunicationConfig, Config, WorkerConfig};

/// Workers of every run, as many as the slots of the other systems.
pub(crate) const WORKERS: usize = 2;

/// Runs what the arguments say and prints the measurement.
pub fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, size] = arguments.as_slice() else {
        fail("usage: brisk-bench-timely WORKLOAD SIZE");
    };
    let records = || size.parse().unwrap_or_else(|_| fail(&format!("not a number: {size}")));
    let line = match workload.as_str() {
        "exchange" => keyed::exchange(typed(), records()),
        "exchange-binary" => keyed::exchange(binary(), records()),
        "keyed-count" => keyed::keyed_count(typed(), records()),
        "keyed-count-binary" => keyed::keyed_count(binary(), records()),
        "exchange-tcp" | "keyed-count-tcp" => processes::run(workload, records()),
        "latency" => latency::latency(typed(), records()),
        "chain" => chain::operators(typed(), records()),
        "chain-fused" => chain::fused(typed(), records()),
        "windows-tumbling" => windows::tumbling(typed(), records()),
        "windows-sliding" => windows::sliding(typed(), records()),
        "wordcount" => words::final_counts(typed(), Path::new(size)),
        "wordcount-updates" => words::updates(typed(), Path::new(size)),
        other => fail(&format!("no workload {other:?}")),
    };
    println!("{line}");
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2);
}

/// Rust values handed from thread to thread.
fn typed() -> Config {
    config(CommunicationConfig::Process(WORKERS))
}

/// Everything exchanged goes through bytes.
fn binary() -> Config {
    config(CommunicationConfig::ProcessBinary(WORKERS))
}

fn config(communication: CommunicationConfig) -> Config {
    Config { communication, worker: WorkerConfig::default() }
}

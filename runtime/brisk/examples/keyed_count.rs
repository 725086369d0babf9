//! Counts generated records by key and shows a live view of it.
//!
//! ```text
//! cargo run --release --example keyed_count -- --records 10000000 --keys 1000
//! ```

#[path = "support/heap.rs"]
mod heap;
#[path = "support/report.rs"]
mod report;
#[path = "support/run.rs"]
mod run;

use brisk::prelude::*;
use clap::Parser;
use std::{iter, process::ExitCode, time::Instant};

const EXAMPLES: &str = "\
Examples:
  keyed_count --records 10000000 --keys 1000
  keyed_count --records 100000000 --keys 1000000 --parallelism 2 --json";

/// Counts generated records by key; prints the ten keys with the highest counts.
#[derive(Parser)]
#[command(name = "keyed_count", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    /// How many records are made.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// How many different keys they have.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
}

#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize, Clone)]
struct Event {
    key: u64,
    value: [u8; 24],
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let name = iter::once("keyed_count".into());
    let options = Options::parse_from(name.chain(arguments.rest));
    env.set_runtime_mode(RuntimeMode::Batch);
    let began = Instant::now();
    let keys = options.keys;
    let make = move |n: u64| Event {
        key: n.wrapping_mul(n) % keys,
        value: n.to_le_bytes().repeat(3).try_into().expect("24 bytes"),
    };
    // The second function finds the key without decoding the record.
    let key = viewed(|event: &Event| event.key, |event: &ArchivedEvent| event.key.to_native());
    let counts = env
        .from_generator(Some(options.records), RateLimit::Unlimited, make)
        .key_by(key)
        .count()
        .collect();
    let signals = run::StopSignals::catch()?;
    let result = signals.wait(env.execute_async("Keyed Count")?, || ())?;
    let mut counts = counts.take();
    counts.sort_by_key(|(key, count)| (std::cmp::Reverse(*count), *key));
    if !arguments.json {
        counts.iter().take(10).try_for_each(|(key, count)| run::say(&format!("{key} {count}")))?;
    }
    let bytes = options.records * size_of::<Event>() as u64;
    report::Report { began, bytes, records: options.records, noun: "records" }
        .print(arguments.json, &result)
}

fn main() -> ExitCode {
    run::main(example)
}

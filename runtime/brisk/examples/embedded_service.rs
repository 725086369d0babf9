//! A service with a dataflow inside: requests are pushed into a running job, answers
//! are pulled out of it, and when the job is slow the pushing side waits.
//!
//! ```text
//! cargo run --release --example embedded_service -- --requests 100000
//! ```

#[path = "support/heap.rs"]
mod heap;
#[path = "support/report.rs"]
mod report;
#[path = "support/run.rs"]
mod run;

use brisk::prelude::*;
use clap::Parser;
use std::{iter, process::ExitCode, thread, time::Instant};

const EXAMPLES: &str = "\
Examples:
  embedded_service --requests 100000
  embedded_service --requests 1000000 --capacity 16 --parallelism 2 --json";

/// Pushes requests into a running job and pulls the answers out.
#[derive(Parser)]
#[command(name = "embedded_service", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    /// How many requests are made.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// How many may wait at each end.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    capacity: u64,
}

fn example() -> Result<(), BoxError> {
    let (env, arguments) = StreamExecutionEnvironment::from_args()?;
    let name = iter::once("embedded_service".into());
    let options = Options::parse_from(name.chain(arguments.rest));
    let began = Instant::now();
    let capacity = options.capacity as usize;
    let (requests, source) = channel_source::<(u64, u64)>(capacity);
    let (sink, answers) = channel_sink::<(u64, u64)>(capacity);
    // Each user's requests are summed up; every answer is the sum so far.
    env.from_source(source, "Requests")
        .key_by(|request: &(u64, u64)| request.0)
        .sum(|request: &mut (u64, u64)| &mut request.1)
        .sink_to(sink)
        .name("Answers");
    let signals = run::StopSignals::catch()?;
    let job = env.execute_async("Embedded Service")?;
    let count = options.requests;
    let pusher = thread::spawn(move || {
        for n in 0..count {
            // Blocks while the job is behind; fails only when the job is over.
            if requests.send((n % 100, 1)).is_err() {
                return n;
            }
        }
        count
    });
    let puller = thread::spawn(move || {
        // Ends when the job does.
        answers.fold((0u64, 0), |(received, greatest), (_, sum)| (received + 1, sum.max(greatest)))
    });
    let result = signals.wait(job, || ())?;
    let pushed = pusher.join().map_err(|_| "the pushing thread panicked")?;
    let (received, greatest) = puller.join().map_err(|_| "the pulling thread panicked")?;
    if !arguments.json {
        let line = format!("{pushed} requests, {received} answers, the greatest sum is {greatest}");
        run::say(&line)?;
    }
    report::Report { began, bytes: received * 16, records: received, noun: "answers" }
        .print(arguments.json, &result)
}

fn main() -> ExitCode {
    run::main(example)
}

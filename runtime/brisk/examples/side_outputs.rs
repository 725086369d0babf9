//! Splits a stream: what is late goes to a side output, and both are counted.
//!
//! ```text
//! cargo run --release --example side_outputs
//! ```

#[path = "support/heap.rs"]
mod heap;
#[path = "support/run.rs"]
mod run;

use brisk::prelude::*;
use clap::Parser;
use std::{iter, process::ExitCode};

const EXAMPLES: &str = "\
Examples:
  side_outputs
  side_outputs --parallelism 1 --json";

/// Splits a stream: what is late goes to a side output, and both are counted.
#[derive(Parser)]
#[command(name = "side_outputs", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {}

/// Passes on readings in order of their time, and sends those that come too late aside.
#[derive(Clone)]
struct SplitLate {
    late: OutputTag<(u64, i64)>,
    newest: u64,
    late_count: LongCounter,
}

impl ProcessFunction<(u64, i64)> for SplitLate {
    type Out = (u64, i64);

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.late_count = context.accumulators().long_counter("late readings")?;
        Ok(())
    }

    fn process(
        &mut self,
        reading: (u64, i64),
        context: &mut Context<'_>,
        out: &mut Collector<(u64, i64)>,
    ) -> Result<(), BoxError> {
        if reading.0 + 10 < self.newest {
            self.late_count.add(1);
            context.output(&self.late, reading);
        } else {
            self.newest = self.newest.max(reading.0);
            out.collect(reading);
        }
        Ok(())
    }
}

fn example() -> Result<(), BoxError> {
    let (env, arguments) = StreamExecutionEnvironment::from_args()?;
    Options::parse_from(iter::once("side_outputs".into()).chain(arguments.rest));
    let late = OutputTag::new("late");
    let split = SplitLate { late: late.clone(), newest: 0, late_count: LongCounter::default() };
    // Every hundredth reading is 50 time units old.
    let reading = |n: u64| (if n % 100 == 99 { n.saturating_sub(50) } else { n }, n as i64 % 7);
    let main = env.from_generator(Some(10_000), RateLimit::Unlimited, reading).process(split);
    let late = main.side_output(&late).collect();
    let in_time = main.collect();
    let signals = run::StopSignals::catch()?;
    let result = signals.wait(env.execute_async("Side Outputs")?, || ())?;
    let (in_time, late) = (in_time.take().len(), late.take().len());
    let counted = result.accumulators.long_counter("late readings")?;
    if arguments.json {
        run::say(&serde_json::json!({"in_time": in_time, "late": late, "counted": counted}))
    } else {
        let late = format!("{late} late (the accumulator says {counted})");
        run::say(&format!("{in_time} readings in time, {late}"))
    }
}

fn main() -> ExitCode {
    run::main(example)
}

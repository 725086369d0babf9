//! Nexmark: queries on the stream of events of an auction house.
//!
//! ```text
//! cargo run --release --example nexmark -- --query q5 --events 10000000 --seed 1 --output hot
//! ```
//!
//! The events are those of [`generator`], the meaning of a query is its SQL in `sql/`. With
//! `--events-csv DIR` the same events are written to files, so that another engine can tell what the
//! rows must be:
//!
//! ```text
//! nexmark --query q5 --events 100000 --output hot --events-csv events
//! cat hot/part-* | sort
//! ```

mod csv;
mod generator;
#[path = "../support/heap.rs"]
mod heap;
mod model;
mod queries;
#[path = "../support/run.rs"]
mod run;
mod source;

use brisk::{chain::Template, connect::FileSink, prelude::*, sink::PrintSink};
use clap::{Parser, ValueEnum};
use generator::Generator;
use model::Event;
use queries::Row;
use source::Events;
use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

const EXAMPLES: &str = "\
Queries:
  q0  all bids                            q5  the auctions with the most bids, sliding windows
  q1  all bids, another currency          q7  the highest bids, tumbling windows
  q2  the bids for some auctions          q8  people who sell as soon as they come, a window join
  q3  who sells in some states, a join    q11 the bids of a user's sessions
  q4  average price by category, a join   q12 the bids of a user in ten seconds by the clock

Examples:
  nexmark --query q1 --events 1000000 --output euros
  nexmark --query q8 --events 1000000 --parallelism 2 --json
  nexmark --query q5 --events 100000 --output hot --events-csv events
  nexmark --events 100000 --seed 7 --events-csv events

Rows are lines of values with commas between them, in no order: in DIR/part-* with --output DIR, else
on standard output, and nowhere with --json alone.";

/// Runs a query of Nexmark on generated events.
#[derive(Parser)]
#[command(name = "nexmark", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    /// Which query.
    #[arg(long, value_enum)]
    query: Option<Query>,
    /// How many events there are.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// What the events are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events of one second of event time, however fast they are made.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// The folder of the rows; it may not have any of an earlier run.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Also write the events, to person.csv, auction.csv and bid.csv in this folder.
    #[arg(long, value_name = "DIR")]
    events_csv: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Query {
    Q0,
    Q1,
    Q2,
    Q3,
    Q4,
    Q5,
    Q7,
    Q8,
    Q11,
    Q12,
}

/// Where rows go.
enum Output {
    Folder(PathBuf),
    Standard,
    Nowhere,
}

impl Output {
    fn take<T: Row, C: Template<Out = T>>(&self, rows: DataStream<T, C>) {
        let rows = rows.process(Tally::default()).name("Tally");
        match self {
            Output::Folder(folder) => {
                rows.sink_to(FileSink::lines(folder)).name("Rows");
            }
            Output::Standard => {
                rows.sink_to(PrintSink::Plain).name("Print");
            }
            Output::Nowhere => {
                rows.discard();
            }
        }
    }
}

/// The accumulators of how many rows there are and of their check value.
const ROWS: &str = "rows";
const CHECK: &str = "check";

/// Counts rows and adds their check values up.
#[derive(Clone, Default)]
struct Tally {
    rows: LongCounter,
    check: LongCounter,
}

impl<T: Row> ProcessFunction<T> for Tally {
    type Out = T;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.rows = context.accumulators().long_counter(ROWS)?;
        self.check = context.accumulators().long_counter(CHECK)?;
        Ok(())
    }

    fn process(
        &mut self,
        row: T,
        _: &mut Context<'_>,
        out: &mut Collector<T>,
    ) -> Result<(), BoxError> {
        self.rows.add(1);
        self.check.add(row.check() as i64);
        out.collect(row);
        Ok(())
    }
}

/// Rows of an earlier run would be taken for rows of this one.
fn check_is_new(folder: &Path) -> Result<(), BoxError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("part-") {
            let folder = folder.display();
            return Err(format!("{folder} has rows of an earlier run: name another folder").into());
        }
    }
    Ok(())
}

/// How far behind the newest event a watermark is. Events are in order here; others need not be.
const OUT_OF_ORDERNESS: Duration = Duration::from_secs(4);

fn describe(env: &StreamExecutionEnvironment, query: Query, (source, output): (Events, &Output)) {
    let in_time = WatermarkStrategy::for_bounded_out_of_orderness(OUT_OF_ORDERNESS)
        .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.date_time()));
    let events = env
        .from_source(source, "Nexmark Events")
        .uid("events")
        .assign_timestamps_and_watermarks(in_time)
        .uid("event time");
    match query {
        Query::Q0 => output.take(queries::q0(events)),
        Query::Q1 => output.take(queries::q1(events)),
        Query::Q2 => output.take(queries::q2(events)),
        Query::Q3 => output.take(queries::q3(events)),
        Query::Q4 => output.take(queries::q4(events)),
        Query::Q5 => output.take(queries::q5(events)),
        Query::Q7 => output.take(queries::q7(events)),
        Query::Q8 => output.take(queries::q8(events)),
        Query::Q11 => output.take(queries::q11(events)),
        Query::Q12 => output.take(queries::q12(events)),
    }
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let options = Options::parse_from(iter::once("nexmark".into()).chain(arguments.rest));
    let generator = Generator::new(options.seed, options.rate);
    let events = Events { generator, count: options.events };
    if let Some(folder) = &options.events_csv {
        csv::write_events(folder, generator, options.events)
            .map_err(|error| format!("events to {}: {error}", folder.display()))?;
    }
    let Some(query) = options.query else {
        return match options.events_csv {
            Some(_) => Ok(()),
            None => Err("nothing to do: name a --query, or a folder with --events-csv".into()),
        };
    };
    let output = match options.output {
        Some(folder) => {
            check_is_new(&folder)?;
            Output::Folder(folder)
        }
        None if arguments.json => Output::Nowhere,
        None => Output::Standard,
    };
    env.set_runtime_mode(RuntimeMode::Streaming);
    describe(&env, query, (events, &output));
    let began = Instant::now();
    let signals = run::StopSignals::catch()?;
    let result = signals.wait(env.execute_async(&format!("Nexmark {query:?}"))?, || ())?;
    let (events, seconds) = (options.events, began.elapsed().as_secs_f64());
    let (rate, busy) = (events as f64 / seconds, result.busy_ratio());
    let rows = result.accumulators.long_counter(ROWS)?;
    let check = result.accumulators.long_counter(CHECK)?;
    if arguments.json {
        return run::say(&serde_json::json!({
            "query": format!("{query:?}").to_lowercase(),
            "events": events,
            "seconds": seconds,
            "events_per_second": rate,
            "busy_ratio": busy,
            "rows": rows,
            "check": check,
        }));
    }
    let busy = busy * 100.0;
    run::tell(&format!(
        "{query:?}: {rows} rows of {events} events in {seconds:.3} s, {rate:.0} events/s, tasks busy \
         {busy:.0} %"
    ));
    Ok(())
}

fn main() -> ExitCode {
    run::main(example)
}

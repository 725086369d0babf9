//! Finds the visits in the access log of a web server: requests of one host between which not too
//! much time passes.
//!
//! ```text
//! cargo run --release --example sessions -- --input access.log --gap-seconds 1800
//! ```
//!
//! Lines are in the common log format, or begin as it does:
//!
//! ```text
//! 127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
//! ```
//!
//! A visit is a session window of the host by event time. Requests that come too late for theirs go to
//! a side output, which is counted.

#[path = "support/date.rs"]
mod date;
#[path = "support/heap.rs"]
mod heap;
#[path = "support/log.rs"]
mod log;
#[path = "support/run.rs"]
mod run;

use brisk::{chain::Aggregate, prelude::*};
use clap::Parser;
use log::Entry;
use rkyv::{Archive, Deserialize, Serialize};
use std::{fmt, iter, process::ExitCode, time::Duration};

const EXAMPLES: &str = "\
Examples:
  sessions --input access.log
  sessions --input 'logs/access.log.*.gz' --gap-seconds 600 --output visits

Rows are lines: host, first and last request in milliseconds since 1970, requests, errors, bytes,
first and last path. A visit ends when its host asks for nothing for the gap.";

/// Tells the visits of each host.
#[derive(Parser)]
#[command(name = "sessions", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    #[command(flatten)]
    files: log::Files,
    /// A visit has ended when nothing came for so long.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    gap_seconds: u64,
    /// How much later than others a request may be logged.
    #[arg(long, default_value_t = 60)]
    late_seconds: u64,
}

/// A request.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Request {
    host: String,
    at_ms: i64,
    path: String,
    status: u64,
    bytes: u64,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `10/Oct/2000:13:55:36 -0700`.
fn time_ms(text: &str) -> Option<i64> {
    let (day, rest) = text.split_once(':')?;
    let (clock, offset) = rest.split_once(' ')?;
    let mut parts = day.splitn(3, '/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as i64;
    let day = date::day_ms(year.parse().ok()?, month, day.parse().ok()?)?;
    Some(day + date::clock_ms(clock)? - date::offset_ms(offset)?)
}

impl log::Entry for Request {
    const NAME: &'static str = "Requests";
    const UNREADABLE: &'static str = "lines that are no requests";
    const LATE: &'static str = "requests that came too late";

    fn parse(line: &str) -> Option<Self> {
        let (host, rest) = line.split_once(' ')?;
        let (_, rest) = rest.split_once('[')?;
        let (time, rest) = rest.split_once("] \"")?;
        let (request, rest) = rest.split_once("\" ")?;
        let mut numbers = rest.split(' ');
        let status = numbers.next()?.parse().ok()?;
        // A dash when nothing was sent.
        let bytes = numbers.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let path = request.split(' ').nth(1).unwrap_or(request).to_owned();
        Some(Request { host: host.to_owned(), at_ms: time_ms(time)?, path, status, bytes })
    }

    fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// A visit so far.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Visit {
    first_ms: i64,
    last_ms: i64,
    requests: u64,
    errors: u64,
    bytes: u64,
    first_path: String,
    last_path: String,
}

/// Makes visits of requests, in whatever order they come.
#[derive(Clone, Copy)]
struct ToVisit;

impl Aggregate<Request, String> for ToVisit {
    type Accumulator = Visit;
    type Out = Visit;

    fn first(&self, request: Request) -> Visit {
        Visit {
            first_ms: request.at_ms,
            last_ms: request.at_ms,
            requests: 1,
            errors: u64::from(request.status >= 400),
            bytes: request.bytes,
            first_path: request.path.clone(),
            last_path: request.path,
        }
    }

    fn add(&self, visit: &mut Visit, request: Request) {
        let next = Aggregate::<Request, String>::first(self, request);
        Aggregate::<Request, String>::merge(self, visit, next);
    }

    fn merge(&self, visit: &mut Visit, other: Visit) {
        visit.requests += other.requests;
        visit.errors += other.errors;
        visit.bytes += other.bytes;
        if other.first_ms < visit.first_ms {
            (visit.first_ms, visit.first_path) = (other.first_ms, other.first_path);
        }
        if other.last_ms >= visit.last_ms {
            (visit.last_ms, visit.last_path) = (other.last_ms, other.last_path);
        }
    }

    fn result(&self, _: String, visit: Visit) -> Visit {
        visit
    }
}

/// A row.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Row {
    host: String,
    visit: Visit,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Visit { first_ms, last_ms, requests, errors, bytes, first_path, last_path } =
            &self.visit;
        write!(f, "{} {first_ms} {last_ms} {requests} {errors} {bytes} ", self.host)?;
        write!(f, "{first_path} {last_path}")
    }
}

/// Adds the host.
#[derive(Clone, Copy)]
struct Rows;

impl ProcessWindowFunction<String, TimeWindow, Visit> for Rows {
    type Out = Row;

    fn process(
        &mut self,
        fired: Fired<String, TimeWindow, Visit>,
        _: &mut Context<'_>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        out.collect(Row { host: fired.key, visit: fired.content });
        Ok(())
    }
}

/// Counts what comes too late.
#[derive(Clone, Default)]
struct Late {
    count: LongCounter,
}

impl ProcessFunction<Request> for Late {
    type Out = Request;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.count = context.accumulators().long_counter(Request::LATE)?;
        Ok(())
    }

    fn process(
        &mut self,
        _: Request,
        _: &mut Context<'_>,
        _: &mut Collector<Request>,
    ) -> Result<(), BoxError> {
        self.count.add(1);
        Ok(())
    }
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let options = Options::parse_from(iter::once("sessions".into()).chain(arguments.rest));
    env.set_runtime_mode(RuntimeMode::Streaming);
    let late = OutputTag::new("late");
    let rows = options
        .files
        .entries::<Request>(&env, options.late_seconds)
        .key_by(|request: &Request| request.host.clone())
        .window(EventTimeSessionWindows::with_gap(Duration::from_secs(options.gap_seconds)))
        .side_output_late_data(&late)
        .aggregate_with(ToVisit, Rows)
        .name("Visits")
        .uid("visits");
    rows.side_output(&late).process(Late::default()).name("Late").discard();
    options.files.write(rows, arguments.json);
    log::execute::<Request>(&env, ("Sessions", arguments.json), |result| {
        Ok(result.accumulators.long_counter(Request::LATE)? as u64)
    })
}

fn main() -> ExitCode {
    run::main(example)
}

//! Watches the slow query log of MySQL: who makes queries that take long, minute by minute.
//!
//! ```text
//! cargo run --release --example slow_query_log -- --input mysql-slow.log --window-seconds 60
//! ```
//!
//! An entry is a line, with `|` where the log has line ends, as log shippers send it:
//!
//! ```text
//! # Time: 2022-04-13T04:00:02.179540Z|# User@Host: root[root] @ localhost []  Id: 35408|# Query_time: \
//! 0.003405  Lock_time: 0.001458 Rows_sent: 0  Rows_examined: 159|SET timestamp=1649822402;|SELECT 1;
//! ```
//!
//! Event time is that of the entry, the key is who asked, and a window gives a row for each of them.

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
use rkyv::{Archive, Deserialize, Serialize};
use std::{fmt, iter, process::ExitCode, time::Duration};

const EXAMPLES: &str = "\
Examples:
  slow_query_log --input mysql-slow.log
  slow_query_log --input 'logs/*.log.gz' --window-seconds 3600 --output slow

Rows are lines: start and end of the window in milliseconds since 1970, user, host, queries, seconds
in all, seconds of the slowest, rows examined, the slowest query's statement.";

/// Tells who makes slow queries, window by window.
#[derive(Parser)]
#[command(name = "slow_query_log", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    #[command(flatten)]
    files: log::Files,
    /// How long a window is.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    window_seconds: u64,
    /// How much later than others an entry may come.
    #[arg(long, default_value_t = 10)]
    late_seconds: u64,
}

/// Who asked.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
struct Account {
    user: String,
    host: String,
}

/// An entry of the log.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct SlowQuery {
    at_ms: i64,
    account: Account,
    micros: u64,
    rows_examined: u64,
    statement: String,
}

/// What stands behind `name` up to the next blank.
fn field<'a>(section: &'a str, name: &str) -> Option<&'a str> {
    section.split_once(name)?.1.split_whitespace().next()
}

/// `2022-04-13T04:00:02.179540Z`, or with an offset from UTC in place of the `Z`.
fn time_ms(text: &str) -> Option<i64> {
    let (day, clock) = text.split_once('T')?;
    let mut numbers = day.splitn(3, '-').map(|number| number.parse().ok());
    let day = date::day_ms(numbers.next()??, numbers.next()??, numbers.next()??)?;
    let offset = clock.find(['Z', '+', '-'])?;
    Some(day + date::clock_ms(&clock[..offset])? - date::offset_ms(&clock[offset..])?)
}

impl log::Entry for SlowQuery {
    const NAME: &'static str = "Entries";
    const UNREADABLE: &'static str = "lines that are no entries";
    const LATE: &'static str = "entries that came too late";

    fn parse(line: &str) -> Option<Self> {
        let mut sections = line.split('|');
        let at_ms = time_ms(sections.next()?.strip_prefix("# Time:")?.trim())?;
        // `user[system user] @ host [address]`: the host is empty when there is an address only.
        let (user, host) = sections.next()?.strip_prefix("# User@Host:")?.split_once('@')?;
        let user = user.split('[').next()?.trim().to_owned();
        let (name, address) = host.split_once('[')?;
        let address = address.split(']').next()?;
        let host = if name.trim().is_empty() { address } else { name.trim() }.to_owned();
        let numbers = sections.next()?;
        let seconds: f64 = field(numbers, "Query_time:")?.parse().ok()?;
        let rows_examined = field(numbers, "Rows_examined:")?.parse().ok()?;
        let is_setting = |section: &&str| {
            let section = section.trim_start().to_ascii_lowercase();
            section.starts_with("set timestamp=") || section.starts_with("use ")
        };
        // A statement may have the separator in it.
        let statement = sections.skip_while(is_setting).collect::<Vec<_>>().join("|");
        let micros = (seconds * 1e6).round() as u64;
        let account = Account { user, host };
        Some(SlowQuery { at_ms, account, micros, rows_examined, statement })
    }

    fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// What an account did in a window.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Summary {
    queries: u64,
    micros: u64,
    micros_max: u64,
    rows_examined: u64,
    slowest: String,
}

/// Sums queries up.
#[derive(Clone, Copy)]
struct Summarize;

impl Aggregate<SlowQuery, Account> for Summarize {
    type Accumulator = Summary;
    type Out = Summary;

    fn first(&self, query: SlowQuery) -> Summary {
        let SlowQuery { micros, rows_examined, statement: slowest, .. } = query;
        Summary { queries: 1, micros, micros_max: micros, rows_examined, slowest }
    }

    fn add(&self, summary: &mut Summary, query: SlowQuery) {
        let next = Aggregate::<SlowQuery, Account>::first(self, query);
        Aggregate::<SlowQuery, Account>::merge(self, summary, next);
    }

    fn merge(&self, summary: &mut Summary, other: Summary) {
        summary.queries += other.queries;
        summary.micros += other.micros;
        summary.rows_examined += other.rows_examined;
        if other.micros_max > summary.micros_max {
            summary.micros_max = other.micros_max;
            summary.slowest = other.slowest;
        }
    }

    fn result(&self, _: Account, summary: Summary) -> Summary {
        summary
    }
}

/// A row.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Row {
    start_ms: i64,
    end_ms: i64,
    account: Account,
    summary: Summary,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start_ms, end_ms, account: Account { user, host }, summary } = self;
        let Summary { queries, micros, micros_max, rows_examined, slowest } = summary;
        let (all, longest) = (*micros as f64 / 1e6, *micros_max as f64 / 1e6);
        write!(f, "{start_ms} {end_ms} {user} {host} {queries} {all:.6} {longest:.6} ")?;
        write!(f, "{rows_examined} {slowest}")
    }
}

/// Adds the account and the window.
#[derive(Clone, Copy)]
struct Rows;

impl ProcessWindowFunction<Account, TimeWindow, Summary> for Rows {
    type Out = Row;

    fn process(
        &mut self,
        fired: Fired<Account, TimeWindow, Summary>,
        _: &mut Context<'_>,
        out: &mut Collector<Row>,
    ) -> Result<(), BoxError> {
        let Fired { key: account, window, content: summary } = fired;
        let (start_ms, end_ms) = (window.start().millis(), window.end().millis());
        out.collect(Row { start_ms, end_ms, account, summary });
        Ok(())
    }
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let options = Options::parse_from(iter::once("slow_query_log".into()).chain(arguments.rest));
    env.set_runtime_mode(RuntimeMode::Streaming);
    let rows = options
        .files
        .entries::<SlowQuery>(&env, options.late_seconds)
        .key_by(|query: &SlowQuery| query.account.clone())
        .window(TumblingEventTimeWindows::of(Duration::from_secs(options.window_seconds)))
        .aggregate_with(Summarize, Rows)
        .name("Accounts")
        .uid("accounts");
    options.files.write(rows, arguments.json);
    log::execute::<SlowQuery>(&env, ("Slow Query Log", arguments.json), |result| {
        Ok(result.tasks.iter().map(|task| task.counts.late_records_dropped).sum())
    })
}

fn main() -> ExitCode {
    run::main(example)
}

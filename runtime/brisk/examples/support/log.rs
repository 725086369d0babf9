//! Logs that are read line by line, and the rows that are made of them.

use brisk::{
    chain::Template,
    connect::{FileSink, TextSource, source::Records},
    prelude::*,
    sink::PrintSink,
};
use clap::Args;
use std::{fmt::Display, marker::PhantomData, path::PathBuf, time::Duration};

use crate::run;

/// What is read, and where rows go.
#[derive(Args)]
pub(crate) struct Files {
    /// A file, a folder or a pattern, in the order of time; may be repeated.
    #[arg(long, required = true, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// The folder of the rows; standard output without it.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What a line of a log says.
pub(crate) trait Entry: Record + Clone {
    /// What people call the operator that reads them.
    const NAME: &'static str;
    /// And the lines that are none.
    const UNREADABLE: &'static str;
    /// And those that come too late.
    const LATE: &'static str;

    /// Reads a line; `None` if it is no entry.
    fn parse(line: &str) -> Option<Self>;

    /// When it happened.
    fn at_ms(&self) -> i64;
}

/// Passes entries on and counts the lines that are none.
struct Entries<E> {
    unreadable: LongCounter,
    entry: PhantomData<fn() -> E>,
}

impl<E> Entries<E> {
    fn new() -> Self {
        Self { unreadable: LongCounter::default(), entry: PhantomData }
    }
}

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<E: Entry> ProcessFunction<String> for Entries<E> {
    type Out = E;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.unreadable = context.accumulators().long_counter(E::UNREADABLE)?;
        Ok(())
    }

    fn process(
        &mut self,
        line: String,
        _: &mut Context<'_>,
        out: &mut Collector<E>,
    ) -> Result<(), BoxError> {
        match E::parse(&line) {
            Some(entry) => out.collect(entry),
            None => self.unreadable.add(1),
        }
        Ok(())
    }
}

impl Files {
    /// The entries of the log, which may come so many seconds later than others.
    pub(crate) fn entries<E: Entry>(
        &self,
        env: &StreamExecutionEnvironment,
        late_seconds: u64,
    ) -> DataStream<E, impl Template<Out = E> + use<E>> {
        let lines = TextSource::new(self.input.clone())
            .flat_map_lines(|line: &str, out: &mut Records<String>| out.extend([line.to_owned()]));
        let late = Duration::from_secs(late_seconds);
        let in_time = WatermarkStrategy::for_bounded_out_of_orderness(late)
            .with_timestamp_assigner(|entry: &E, _| Timestamp::from_millis(entry.at_ms()));
        // One reader reads files one after the other, in the order of time.
        env.from_source(lines, "Log")
            .uid("log")
            .set_parallelism(1)
            .process(Entries::<E>::new())
            .name(E::NAME)
            .set_parallelism(1)
            .assign_timestamps_and_watermarks(in_time)
            .uid("event time")
            .set_parallelism(1)
    }

    /// Sends rows where they go; nowhere if the run is told as JSON.
    pub(crate) fn write<T, C>(&self, rows: DataStream<T, C>, json: bool)
    where
        T: Record + Display,
        C: Template<Out = T>,
    {
        match &self.output {
            Some(folder) => {
                rows.sink_to(FileSink::lines(folder)).name("Rows").uid("rows");
            }
            None if json => {
                rows.discard();
            }
            None => {
                rows.sink_to(PrintSink::Plain).name("Print");
            }
        }
    }
}

/// Runs the job and tells what was left out; `late` counts what came too late.
pub(crate) fn execute<E: Entry>(
    env: &StreamExecutionEnvironment,
    (name, json): (&str, bool),
    late: impl FnOnce(&JobExecutionResult) -> Result<u64, BoxError>,
) -> Result<(), BoxError> {
    let signals = run::StopSignals::catch()?;
    let result = signals.wait(env.execute_async(name)?, || ())?;
    let unreadable = result.accumulators.long_counter(E::UNREADABLE)? as u64;
    let late = late(&result)?;
    if json {
        return run::say(&serde_json::json!({"unreadable": unreadable, "late": late}));
    }
    for (count, what) in [(unreadable, E::UNREADABLE), (late, E::LATE)] {
        if count > 0 {
            run::tell(&format!("note: {count} {what}"));
        }
    }
    Ok(())
}

//! How the examples run: warnings on standard error, cancelled by a signal, ended with one error
//! that says why and an exit code that says that.

use brisk::prelude::*;
use signal_hook::{consts, iterator::Signals};
use std::{fmt, io::Write, process::ExitCode, time::Duration};

/// For the end of `--help`: what [`Arguments`] takes.
pub(crate) const OPTIONS: &str = "\
Options of every program on Brisk:
  -Dkey=value            Set a key of the configuration; docs/configuration.md lists them
      --config <FILE>    Read config.yaml or flink-conf.yaml
      --parallelism <N>  Subtasks of each operator [default: as many as there are cores]
      --json             Print one JSON object about the run, and no records";

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(100);

/// Runs an example.
pub(crate) fn main(run: impl FnOnce() -> Result<(), BoxError>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time()
        .init();
    let Err(error) = run() else { return ExitCode::SUCCESS };
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Most messages tell their cause already.
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text += &format!("\n  caused by: {inner_text}");
        }
        cause = inner.source();
    }
    tell(&text);
    match error.downcast_ref::<Stopped>() {
        // As shells tell that a signal ended a program.
        Some(stopped) => ExitCode::from(128 + stopped.signal as u8),
        None => ExitCode::FAILURE,
    }
}

/// Ctrl-C and the termination signal, while a job runs.
pub(crate) struct StopSignals(Signals);

impl StopSignals {
    /// From now on, signals no longer end the process but wait to be seen.
    pub(crate) fn catch() -> Result<Self, BoxError> {
        Ok(Self(Signals::new([consts::SIGINT, consts::SIGTERM])?))
    }

    /// Waits for a job and calls `tick` now and then; a signal cancels the job, a second one ends the
    /// process at once.
    pub(crate) fn wait(
        mut self,
        mut handle: JobHandle,
        mut tick: impl FnMut(),
    ) -> Result<JobExecutionResult, BoxError> {
        let mut stopped = None;
        loop {
            for signal in self.0.pending() {
                if stopped.replace(Stopped { signal, job: handle.name().to_string() }).is_some() {
                    std::process::exit(128 + signal);
                }
                handle.cancel();
            }
            match handle.wait_for(TICK) {
                Ok(result) => {
                    return match (result, stopped) {
                        (Err(Error::Canceled { .. }), Some(stopped)) => Err(stopped.into()),
                        (result, _) => Ok(result?),
                    };
                }
                Err(running) => handle = running,
            }
            tick();
        }
    }
}

/// A signal came before the job's end.
#[derive(Debug)]
struct Stopped {
    signal: i32,
    job: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = if self.signal == consts::SIGINT { "SIGINT" } else { "SIGTERM" };
        write!(f, "stopped by {signal}: job '{}' was canceled", self.job)
    }
}

impl std::error::Error for Stopped {}

/// Prints a line to standard output, which may be closed or full.
pub(crate) fn say(line: &dyn fmt::Display) -> Result<(), BoxError> {
    let mut stdout = std::io::stdout().lock();
    let said = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    said.map_err(|error| format!("cannot write to standard output: {error}").into())
}

/// Prints a line to standard error; where that is closed, nobody wants to know.
pub(crate) fn tell(line: &dyn fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

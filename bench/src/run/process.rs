//! Starts other programs, waits for them with a limit, and reads what they print.

use crate::BenchError;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No run or set-up step takes longer than this; Flink's batch word count comes closest.
pub const LIMIT: Duration = Duration::from_secs(30 * 60);

/// How often a child is looked at. Rare enough to cost the child nothing.
const POLL: Duration = Duration::from_millis(20);

/// Lines of a failed program's stderr that the error shows.
const STDERR_LINES: usize = 15;

/// Runs `command` and returns what it wrote to stdout. Its stderr goes to the file `stderr`, the
/// end of which an error shows.
pub fn output_of(command: &mut Command, stderr: &Path) -> Result<String, BenchError> {
    let line = command_line(command);
    let log = File::create(stderr).map_err(BenchError::file("create", stderr))?;
    let failed = |problem: String| BenchError::Command {
        command: line.clone(),
        problem,
        stderr: last_lines(stderr),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|error| failed(format!("can't be started: {error}")))?;
    let mut stdout = child.stdout.take().expect("stdout was asked for");
    let reader = thread::Builder::new()
        .name("stdout".into())
        .spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        })
        .map_err(BenchError::system("start a thread"))?;
    let status = wait(&mut child).map_err(&failed)?;
    let text = reader
        .join()
        .expect("reading a pipe doesn't panic")
        .map_err(|error| failed(format!("printed what is not text: {error}")))?;
    if status.success() { Ok(text) } else { Err(failed(format!("ended with {status}"))) }
}

/// The same for a program whose last line is JSON.
pub fn json_of<T: DeserializeOwned>(command: &mut Command, stderr: &Path) -> Result<T, BenchError> {
    let output = output_of(command, stderr)?;
    let last = output.lines().next_back().unwrap_or_default();
    serde_json::from_str(last).map_err(|source| BenchError::Output {
        command: command_line(command),
        output,
        source,
    })
}

/// The program and its arguments, as for a shell (without quoting).
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Waits for the end of `child`, which is killed at the limit.
fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < LIMIT => thread::sleep(POLL),
            Ok(None) => {
                let killed = child.kill().and_then(|()| child.wait());
                return Err(format!("took longer than {LIMIT:?} and was killed ({killed:?})"));
            }
            Err(error) => return Err(format!("can't be waited for: {error}")),
        }
    }
}

fn last_lines(stderr: &Path) -> String {
    let text = fs::read(stderr).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(STDERR_LINES)..];
    shown.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests;

//! Runs one command: its output is passed on as it comes, its time is limited.
//!
//! Two threads copy the child's output, one for each stream; the caller's thread watches lines
//! and time. When a limit is passed, the caller learns what hung and the whole tree of processes
//! is ended. Ctrl-C reaches the child as it does any program of the terminal's group.

use crate::failure::Failure;
use crate::processes;
use crate::progress::{Progress, TestLimits, Totals};
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(500);

/// A command's output has to end this long after the command itself.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(5);

/// One command with its limits.
pub(crate) struct Run {
    command: Command,
    limit: Duration,
    tests: Option<TestLimits>,
    quiet: bool,
}

impl Run {
    /// `command` with a limit on the time of the whole.
    pub(crate) fn new(command: Command, limit: Duration) -> Self {
        Run { command, limit, tests: None, quiet: false }
    }

    /// Also watches the output for tests, each with its limit.
    pub(crate) fn watching_tests(mut self, limits: TestLimits) -> Self {
        self.tests = Some(limits);
        self
    }

    /// Watches the output without passing it on: a test's fake output is not the run's.
    #[cfg(test)]
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs the command to its end or its limit.
    pub(crate) fn finish(mut self) -> Result<Totals, Failure> {
        let shown = shown(&self.command);
        println!("+ {shown}");
        if std::io::stderr().is_terminal() {
            self.command.env("CARGO_TERM_COLOR", "always");
        }
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|e| {
            Failure::Environment(format!("cannot start `{shown}`: {e}; is it installed?"))
        })?;
        let (sender, lines) = channel();
        let copies = copies(&mut child, self.quiet, &sender);
        drop(sender);
        let start = Instant::now();
        let mut progress = Progress::new(start);
        let mut exited = None;
        let hung = watch(&lines, &mut progress, |progress, now| {
            if exited.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
                exited = Some(now);
            }
            let left_behind = exited.is_some_and(|at| now.duration_since(at) > LEFT_BEHIND_AFTER);
            if left_behind {
                return Some(Hung::LeftBehind);
            }
            let overdue = self.tests.and_then(|limits| progress.overdue(limits, now));
            let over = || over_the_whole(progress, self.limit, now.duration_since(start));
            overdue.or_else(over).map(Hung::TimeLimit)
        });
        if let Some(Hung::TimeLimit(what)) = &hung {
            report(child.id(), what);
            processes::kill_tree(child.id());
        }
        let status = child
            .wait()
            .map_err(|e| Failure::Environment(format!("lost track of `{shown}`: {e}")))?;
        match hung {
            Some(Hung::TimeLimit(what)) => return Err(Failure::TimeLimit(what)),
            Some(Hung::LeftBehind) => {
                return Err(Failure::Found(format!(
                    "`{shown}` ended ({status}) and left a process behind that holds its output: \
                     stop what a test started before the test ends"
                )));
            }
            None => {}
        }
        for copy in copies {
            copy.join().expect("a thread that copies output does not panic");
        }
        if status.success() {
            return Ok(progress.totals());
        }
        Err(Failure::Found(format!("`{shown}` ended with {status}")))
    }
}

/// Why a command was given up.
enum Hung {
    /// This took longer than it may.
    TimeLimit(String),
    /// The command ended, but something it started keeps its output open.
    LeftBehind,
}

fn over_the_whole(progress: &Progress, limit: Duration, taken: Duration) -> Option<String> {
    if taken <= limit {
        return None;
    }
    let what = progress.binary().unwrap_or("the command (no test binary was running)");
    Some(format!("{what}: above the limit of {} s for the whole", limit.as_secs()))
}

/// Feeds lines to `progress` until the output ends or `look` finds something.
fn watch(
    lines: &Receiver<String>,
    progress: &mut Progress,
    mut look: impl FnMut(&Progress, Instant) -> Option<Hung>,
) -> Option<Hung> {
    let mut looked = Instant::now();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => progress.line(&line, Instant::now()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        let now = Instant::now();
        if now.duration_since(looked) >= TICK {
            looked = now;
            let found = look(progress, now);
            if found.is_some() {
                return found;
            }
        }
    }
}

fn copies(child: &mut Child, quiet: bool, sender: &Sender<String>) -> [JoinHandle<()>; 2] {
    let from_out = child.stdout.take().expect("stdout was asked for as a pipe");
    let from_err = child.stderr.take().expect("stderr was asked for as a pipe");
    let mut to_out: Box<dyn Write + Send> = Box::new(std::io::stdout());
    let mut to_err: Box<dyn Write + Send> = Box::new(std::io::stderr());
    if quiet {
        (to_out, to_err) = (Box::new(std::io::sink()), Box::new(std::io::sink()));
    }
    let (out_lines, err_lines) = (sender.clone(), sender.clone());
    [
        named("stdout", move || copy(from_out, to_out, &out_lines)),
        named("stderr", move || copy(from_err, to_err, &err_lines)),
    ]
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread can be started")
}

/// Passes bytes on as they come, and whole lines to `lines`.
fn copy(mut from: impl Read, mut to: impl Write, lines: &Sender<String>) {
    let mut chunk = [0_u8; 8192];
    let mut line = Vec::new();
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        // A reader of our output that went away must not stop the tests.
        let _ = to.write_all(&chunk[..read]).and_then(|()| to.flush());
        for byte in &chunk[..read] {
            if *byte == b'\n' {
                let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
                line.clear();
            } else {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
    }
}

/// Says what hangs, with the processes and what their threads wait for.
fn report(child: u32, what: &str) {
    eprintln!("\nxtask: time limit: {what}");
    for process in processes::tree(child) {
        eprintln!("xtask:   process {} {}", process.id, process.command);
        for thread in processes::threads(process.id) {
            eprintln!("xtask:     thread {thread}");
        }
    }
    eprintln!("xtask: ending them");
}

/// The command as one would type it, with the environment it adds.
fn shown(command: &Command) -> String {
    let mut words: Vec<String> = Vec::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", key.to_string_lossy(), quoted(&value.to_string_lossy())));
        }
    }
    // Cargo tells us its whole path; its name is what one types.
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned());
    words.extend(command.get_args().map(|argument| quoted(&argument.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"$".contains(c));
    if plain { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests;

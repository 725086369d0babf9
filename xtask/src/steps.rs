//! The steps of one command: each is announced and timed, and a failed one does not hide the next.

use crate::failure::Failure;
use std::time::{Duration, Instant};

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: String,
    taken: Duration,
    outcome: Result<String, Failure>,
}

impl Steps {
    /// Runs one step. Its success is a few words for the closing table.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String, Failure>) {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = work();
        let taken = start.elapsed();
        let reason = outcome.as_ref().err().map_or(String::new(), |failure| format!(": {failure}"));
        println!("== {name}: {} in {:.1} s{reason}", word(&outcome), taken.as_secs_f64());
        self.done.push(Done { name: name.to_owned(), taken, outcome });
    }

    /// Prints the table of all steps. The first failure is that of the whole.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!("\n{}", self.table());
        match self.done.into_iter().find_map(|done| done.outcome.err()) {
            None => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    fn table(&self) -> String {
        let mut lines = Vec::new();
        for Done { name, taken, outcome } in &self.done {
            let said = match outcome {
                Ok(words) => words.clone(),
                Err(failure) => failure.to_string(),
            };
            let said = said.lines().next().unwrap_or_default();
            let seconds = taken.as_secs_f64();
            lines.push(format!("{name:<12} {:<6} {seconds:>8.1} s  {said}", word(outcome)));
        }
        let total: Duration = self.done.iter().map(|done| done.taken).sum();
        lines.push(format!("{:<19} {:>8.1} s", "total", total.as_secs_f64()));
        lines.join("\n")
    }
}

fn word(outcome: &Result<String, Failure>) -> &'static str {
    if outcome.is_ok() { "ok" } else { "FAILED" }
}

#[cfg(test)]
mod tests;

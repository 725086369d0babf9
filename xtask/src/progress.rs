//! What a test run is doing, read from the lines that cargo and libtest print.
//!
//! A pure state: lines and times go in, totals and overdue tests come out. libtest itself names a
//! test that runs for more than 60 seconds; that line starts the clock of the limit for one test.
//! A test binary that says nothing at all is caught by the limit on silence, which is how a test
//! that hangs without other threads, or outside libtest, is found.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// libtest says that a test is slow after this long.
const SLOW_AFTER: Duration = Duration::from_secs(60);

/// How long tests may take before the run is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestLimits {
    /// For one test. At least the 60 seconds after which libtest names it.
    pub(crate) test: Duration,
    /// For a test binary without a line of output.
    pub(crate) silence: Duration,
}

/// Counts of all tests of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) binaries: u64,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

/// The state of a test run.
#[derive(Debug)]
pub(crate) struct Progress {
    binary: Option<String>,
    last_line: Instant,
    slow: BTreeMap<String, Instant>,
    totals: Totals,
}

impl Progress {
    /// A run that starts at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Progress { binary: None, last_line: now, slow: BTreeMap::new(), totals: Totals::default() }
    }

    /// Takes one line of output.
    pub(crate) fn line(&mut self, line: &str, now: Instant) {
        self.last_line = now;
        let line = without_colours(line);
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Running ").or(line.strip_prefix("Doc-tests ")) {
            self.binary = Some(rest.to_owned());
            self.slow.clear();
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.result(rest);
        } else if let Some(rest) = line.strip_prefix("test ") {
            self.test(rest, now);
        }
    }

    /// The counts so far.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// The test binary that runs now, if one does.
    pub(crate) fn binary(&self) -> Option<&str> {
        self.binary.as_deref()
    }

    /// What is over its limit at `now`, in words.
    pub(crate) fn overdue(&self, limits: TestLimits, now: Instant) -> Option<String> {
        let binary = self.binary.as_deref()?;
        let after = limits.test.saturating_sub(SLOW_AFTER);
        let hung: Vec<&str> = self
            .slow
            .iter()
            .filter(|(_, since)| now.duration_since(**since) > after)
            .map(|(name, _)| name.as_str())
            .collect();
        if !hung.is_empty() {
            let (names, limit) = (hung.join(", "), limits.test.as_secs());
            return Some(format!("{names} in {binary}: above the limit of {limit} s for one test"));
        }
        if now.duration_since(self.last_line) > limits.silence {
            let silence = limits.silence.as_secs();
            return Some(format!("{binary}: not a line of output for {silence} s"));
        }
        None
    }

    fn result(&mut self, rest: &str) {
        self.binary = None;
        self.slow.clear();
        self.totals.binaries += 1;
        self.totals.passed += count(rest, "passed");
        self.totals.failed += count(rest, "failed");
        self.totals.ignored += count(rest, "ignored");
    }

    fn test(&mut self, rest: &str, now: Instant) {
        if let Some((name, _)) = rest.split_once(" has been running for over ") {
            self.slow.entry(name.to_owned()).or_insert(now);
        } else if let Some((name, _)) = rest.split_once(" ... ") {
            self.slow.remove(name);
        }
    }
}

/// The number before `what` in `ok. 3 passed; 0 failed; ...`, 0 when there is none.
fn count(result: &str, what: &str) -> u64 {
    let words: Vec<&str> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// The line without terminal escape sequences.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut inside = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => inside = true,
            _ if inside => inside = !c.is_ascii_alphabetic(),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests;

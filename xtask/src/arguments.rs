//! The words behind a command's name, taken one by one; what is left over is an error.

use crate::failure::Failure;
use std::ops::Range;

/// The arguments of one command.
#[derive(Debug)]
pub(crate) struct Arguments {
    command: &'static str,
    own: Vec<String>,
    passed_on: Vec<String>,
}

impl Arguments {
    /// Splits `words` at the first `--`: what stands behind it is passed on untouched.
    pub(crate) fn new(command: &'static str, words: Vec<String>) -> Self {
        let at = words.iter().position(|word| word == "--");
        let (own, passed_on) = match at {
            Some(at) => (words[..at].to_vec(), words[at + 1..].to_vec()),
            None => (words, Vec::new()),
        };
        Arguments { command, own, passed_on }
    }

    /// Takes the flag `name`, and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.own.len();
        self.own.retain(|word| word != name);
        self.own.len() < before
    }

    /// Takes the option `name` with its number, which is at least 1.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(at) = self.own.iter().position(|word| word == name) else {
            return Ok(None);
        };
        let value = self.own.get(at + 1).and_then(|word| word.parse().ok()).filter(|n| *n > 0);
        let Some(value) = value else {
            return Err(self.usage(&format!("{name} needs a number of at least 1 behind it")));
        };
        self.own.drain(at..at + 2);
        Ok(Some(value))
    }

    /// Takes the option `name` with the word behind it, which is one of `known`.
    pub(crate) fn one_of(
        &mut self,
        name: &str,
        known: &[&'static str],
    ) -> Result<Option<&'static str>, Failure> {
        let Some(at) = self.own.iter().position(|word| word == name) else {
            return Ok(None);
        };
        let word = self.own.get(at + 1);
        let value = known.iter().find(|known| word.is_some_and(|word| word == *known));
        let Some(value) = value else {
            return Err(self.usage(&format!("{name} needs one of these: {}", known.join(", "))));
        };
        self.own.drain(at..at + 2);
        Ok(Some(value))
    }

    /// Takes the option `name` if a range `A..B` of numbers stands behind it; it is not empty.
    pub(crate) fn range(&mut self, name: &str) -> Result<Option<Range<u64>>, Failure> {
        let at = self.own.iter().position(|word| word == name);
        let value = at.and_then(|at| self.own.get(at + 1)).and_then(|word| word.split_once(".."));
        let (Some(at), Some((first, end))) = (at, value) else { return Ok(None) };
        let range = first.parse().ok().zip(end.parse().ok());
        let range = range.map(|(first, end)| first..end).filter(|range| !range.is_empty());
        let Some(range) = range else {
            return Err(self.usage(&format!("{name} needs two numbers A..B, A below B")));
        };
        self.own.drain(at..at + 2);
        Ok(Some(range))
    }

    /// Takes all words that are not options.
    pub(crate) fn names(&mut self) -> Vec<String> {
        let (names, options) = self.own.drain(..).partition(|word| !word.starts_with('-'));
        self.own = options;
        names
    }

    /// Takes what stands behind `--`.
    pub(crate) fn passed_on(&mut self) -> Vec<String> {
        std::mem::take(&mut self.passed_on)
    }

    /// Refuses what no one took.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.own.first().or(self.passed_on.first()) {
            None => Ok(()),
            Some(word) => Err(self.usage(&format!("`{word}` is not known here"))),
        }
    }

    fn usage(&self, what: &str) -> Failure {
        let command = self.command;
        Failure::Usage(format!("{command}: {what}; see `cargo xtask {command} --help`"))
    }
}

#[cfg(test)]
mod tests;

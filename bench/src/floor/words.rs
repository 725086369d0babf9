//! The floor of `wordcount`: the text is read, cut into words, lower-cased and hashed, by two
//! threads that exchange and count nothing.

use super::on_subtasks;
use crate::BenchError;
use crate::input::reference::quick_hash;
use crate::input::text::{TextRange, for_each_word};
use crate::run::measurement::Outcome;
use crate::workload::PARALLELISM;
use std::path::Path;

/// Reads the text at `path`.
pub fn run(path: &Path) -> Result<Outcome, BenchError> {
    on_subtasks(|subtask| {
        let mut outcome = Outcome::NOTHING;
        let mut range =
            TextRange::open(path, subtask, PARALLELISM).map_err(BenchError::file("open", path))?;
        while let Some(lines) = range.next_chunk().map_err(BenchError::file("read", path))? {
            lines.make_ascii_lowercase();
            for_each_word(lines, |word| outcome.add(Outcome::of_one(quick_hash(word))));
        }
        Ok(outcome)
    })
}

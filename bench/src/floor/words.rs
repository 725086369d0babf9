//! The floor of `wordcount`: the text is read, cut into words, lower-cased and hashed, by two
//! threads that exchange and count nothing.

use super::on_subtasks;
use crate::BenchError;
use crate::input::text::{TextRange, WORD_BYTE, fnv1a, for_each_word};
use crate::run::measurement::Outcome;
use crate::workload::PARALLELISM;
use std::path::Path;

/// Reads the text at `path`.
pub fn run(path: &Path) -> Result<Outcome, BenchError> {
    on_subtasks(|subtask| {
        let mut outcome = Outcome::NOTHING;
        let mut lower = Vec::new();
        let mut range =
            TextRange::open(path, subtask, PARALLELISM).map_err(BenchError::file("open", path))?;
        while let Some(lines) = range.next_chunk().map_err(BenchError::file("read", path))? {
            for_each_word(lines, |word| {
                lower.clear();
                lower.extend(word.iter().map(|&byte| WORD_BYTE[byte as usize]));
                outcome.add(Outcome::of_one(fnv1a(&lower)));
            });
        }
        Ok(outcome)
    })
}

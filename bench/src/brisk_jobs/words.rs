//! `wordcount`: a text file, read by Brisk's own source of text, cut into words, keyed by word.

use super::check::CheckSum;
use super::{environment, measure};
use crate::BenchError;
use crate::input::reference::word_check;
use crate::input::text::for_each_word_range;
use crate::run::measurement::{Measurement, Outcome};
use brisk::connect::TextSource;
use brisk::connect::source::{Handler, Output};
use brisk::prelude::*;
use compact_str::CompactString;
use std::path::Path;

/// What the word count shows of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Its count at the end of the text: batch mode.
    FinalCounts,
    /// Each new count: streaming mode.
    Updates,
}

/// `wordcount`: the check is of `FinalCounts` or `UpdateSum`.
pub fn word_count(text_file: &Path, emit: Emit) -> Result<Measurement, BenchError> {
    let mut environment = environment()?;
    environment.set_runtime_mode(match emit {
        Emit::FinalCounts => RuntimeMode::Batch,
        Emit::Updates => RuntimeMode::Streaming,
    });
    let check = CheckSum::new();
    let counts = environment
        .from_source(TextSource::new([text_file]).with_handler(Words::default()), "words")
        .key_by(text())
        .count();
    match emit {
        Emit::FinalCounts => {
            let whole = |(word, count): &(CompactString, u64)| Outcome {
                records: *count,
                check: word_check(word.as_bytes(), *count),
            };
            counts.sink_to(check.sink(whole));
        }
        Emit::Updates => {
            let update = |(_, count): &(CompactString, u64)| Outcome::of_one(*count);
            counts.sink_to(check.sink(update));
        }
    }
    measure(&environment, || check.total())
}

/// Cuts lines into words in lower case.
#[derive(Clone, Debug, Default)]
struct Words {
    /// The line in lower case: one pass over a line is cheaper than one over each word.
    lower: String,
}

impl Handler<str> for Words {
    type Out = CompactString;

    #[inline]
    fn handle<O: Output<CompactString>>(&mut self, line: &str, out: &mut O) {
        self.lower.clear();
        self.lower.push_str(line);
        self.lower.make_ascii_lowercase();
        for_each_word_range(self.lower.as_bytes(), |range| {
            out.push(CompactString::new(&self.lower[range]));
        });
    }
}

//! Counting words of text files, and what must come out of it.

use brisk::{
    connect::{TextSink, TextSource, source::Records},
    prelude::*,
};
use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

/// Words as the word count example splits them.
fn words(line: &str) -> impl Iterator<Item = String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.split(move |c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// Some text: long lines, short lines, empty ones, words of all sorts.
pub(crate) fn text_of(seed: u64, lines: u64) -> String {
    let line = |n: u64| {
        let n = n.wrapping_mul(7919).wrapping_add(seed * 31);
        match n % 11 {
            0 => String::from("\n"),
            1 => format!("{}\n", "Long_Word ".repeat((n % 200) as usize)),
            2 => format!("na\u{ef}ve caf\u{e9}; tab\tand-dash {}\r\n", n % 100),
            _ => format!("Word{} of line {}; THE same, the same?\n", n % 1013, n % 17),
        }
    };
    (0..lines).map(line).collect()
}

/// A plain count, as lines of output in order.
pub(crate) fn expected<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for text in texts {
        words(text).for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let mut lines: Vec<String> =
        counts.into_iter().map(|(word, count)| format!("{word} {count}")).collect();
    lines.sort();
    lines
}

/// The job: words of `inputs`, counted, into files of `output`.
pub(crate) fn count(
    mut env: StreamExecutionEnvironment,
    inputs: &[PathBuf],
    output: &Path,
) -> Result<JobExecutionResult, Error> {
    env.set_runtime_mode(RuntimeMode::Batch);
    let split = |line: &str, out: &mut Records<String>| out.extend(words(line));
    let source = TextSource::new(inputs).flat_map_lines(split);
    let sink = TextSink::new(output)
        .format_with(|pair: &(String, u64), line| write!(line, "{} {}", pair.0, pair.1));
    env.from_source(source, "Words").key_by(text()).count().sink_to(sink).name("Counts");
    env.execute("word count")
}

/// All lines of the part files in `folder`, which holds nothing else, in order.
pub(crate) fn lines_of(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).expect("the output is a folder") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        assert!(name.starts_with("part-"), "{path:?}");
        let content = fs::read_to_string(&path).expect("a part is text");
        lines.extend(content.lines().map(str::to_string));
    }
    lines.sort();
    lines
}

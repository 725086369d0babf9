//! Counts the words of text files.
//!
//! ```text
//! cargo run --release --example wordcount -- --input README.md
//! cargo run --release --example wordcount -- --input 'runtime/**/*.rs' --output counts --parallelism 4
//! ```

#[path = "support/heap.rs"]
mod heap;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/report.rs"]
mod report;
#[path = "support/run.rs"]
mod run;

use brisk::{
    connect::{
        ConnectError, TextSink, TextSource, WriteMode,
        files::HiddenNames,
        source::{Handler, Output},
    },
    prelude::*,
    sink::PrintSink,
};
use clap::Parser;
use compact_str::CompactString;
use std::{iter, path::PathBuf, process::ExitCode, time::Instant};

const EXAMPLES: &str = "\
Examples:
  wordcount --input README.md
  wordcount --input logs --input 'old/**/*.gz' --output counts
  wordcount --input big.txt --output counts --overwrite --parallelism 4 --json";

/// Counts the words of text files: runs of ASCII letters, digits and underscore, in lower case.
/// Prints one line `word count` for each word.
#[derive(Parser)]
#[command(name = "wordcount", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    /// A file, a folder (all files below it) or a pattern (`*`, `?`, `[...]`, `**`); may be repeated.
    /// `.gz` and `.zst` files are decompressed.
    #[arg(long, required = true, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// Write the lines to files in this folder, which appear when all are complete.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace the results of an earlier run in the output folder.
    #[arg(long, requires = "output")]
    overwrite: bool,
}

/// Whether a byte belongs to a word.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// Makes the words of a line.
#[derive(Clone, Default)]
struct Words {
    lower: String,
}

impl Handler<str> for Words {
    type Out = CompactString;

    #[inline]
    fn handle<O: Output<CompactString>>(&mut self, line: &str, words: &mut O) {
        self.lower.clear();
        self.lower.push_str(line);
        self.lower.make_ascii_lowercase();
        let bytes = self.lower.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !IS_WORD[bytes[at] as usize] {
                at += 1;
                continue;
            }
            let start = at;
            while at < bytes.len() && IS_WORD[bytes[at] as usize] {
                at += 1;
            }
            words.push(CompactString::new(&self.lower[start..at]));
        }
    }
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let name = iter::once("wordcount".into());
    let options = Options::parse_from(name.chain(arguments.rest));
    let began = Instant::now();
    if !env.configuration().contains(&brisk::memory::config::options::execution::RUNTIME_MODE) {
        env.set_runtime_mode(RuntimeMode::Batch);
    }
    let source = TextSource::new(options.input).hidden_names(HiddenNames::Read);
    let read = source.progress();
    let words = source.with_handler(Words::default());
    let counts = env.from_source(words, "Words").uid("words").key_by(text()).count().uid("counts");
    match options.output {
        Some(folder) => {
            let mode =
                if options.overwrite { WriteMode::Overwrite } else { WriteMode::NoOverwrite };
            let line = |(word, count): &(CompactString, u64), line: &mut dyn std::fmt::Write| {
                write!(line, "{word} {count}")
            };
            counts.sink_to(TextSink::new(folder).write_mode(mode).format_with(line)).name("Counts");
        }
        None if arguments.json => {
            counts.discard();
        }
        None => {
            counts
                .map(|(word, count)| format!("{word} {count}"))
                .sink_to(PrintSink::Plain)
                .name("Print");
        }
    }
    let (signals, bar) = (run::StopSignals::catch()?, progress::Bar::new());
    let result = env.execute_async("WordCount").map_err(BoxError::from);
    let result = result.and_then(|job| signals.wait(job, || bar.show(&read)));
    drop(bar);
    let result = result.map_err(with_advice)?;
    let records = result.tasks.iter().map(|task| task.counts.records_emitted).sum();
    let read = read.report();
    if read.bytes_total == 0 {
        run::tell(&"note: the input is empty");
    }
    if read.invalid_lines > 0 {
        run::tell(&format!(
            "note: {} lines were not valid UTF-8; what was wrong in them was replaced",
            read.invalid_lines
        ));
    }
    report::Report { began, bytes: read.bytes_read, records, noun: "words" }
        .print(arguments.json, &result)
}

/// The error, with what to do about it in terms of this program.
fn with_advice(error: BoxError) -> BoxError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(ConnectError::OutputExists { .. }) = inner.downcast_ref() {
            return format!("{error}; --overwrite does so").into();
        }
        cause = inner.source();
    }
    error
}

fn main() -> ExitCode {
    run::main(example)
}

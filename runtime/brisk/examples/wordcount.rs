//! Counts the words of text files.
//!
//! ```text
//! cargo run --release --example wordcount -- --input README.md
//! cargo run --release --example wordcount -- --input 'src/**/*.rs' --output counts --parallelism 4
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
        TextSink, TextSource, WriteMode,
        source::{Handler, Output},
    },
    prelude::*,
};
use clap::Parser;
use compact_str::CompactString;
use std::{ops::AddAssign, path::PathBuf, process::ExitCode, time::Instant};

/// Counts the words of text files: runs of ASCII letters, digits and underscore, in lower case.
///
/// Also understood: -Dkey=value, --config FILE, --parallelism N, --json.
#[derive(Parser)]
#[command(name = "wordcount")]
struct Options {
    /// A file, a folder or a pattern; may be repeated. `.gz` and `.zst` files are decompressed.
    #[arg(long, required = true, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// The folder for the results, one line `word count` for each word; standard output without it.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace the results of an earlier run in the output folder.
    #[arg(long)]
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
    let name = std::iter::once("wordcount".to_string());
    let options = Options::parse_from(name.chain(arguments.rest));
    let began = Instant::now();
    if !env.configuration().contains(&brisk::memory::config::options::execution::RUNTIME_MODE) {
        env.set_runtime_mode(RuntimeMode::Batch);
    }
    let source = TextSource::new(options.input);
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
                .for_each(|line| println!("{line}"));
        }
    }
    let result = progress::wait(env.execute_async("WordCount")?, &read)?;
    let mut records = 0;
    result.tasks.iter().for_each(|task| records.add_assign(task.counts.records_emitted));
    let read = read.report();
    if read.invalid_lines > 0 {
        eprintln!(
            "note: {} lines were not valid UTF-8; what was wrong in them was replaced",
            read.invalid_lines
        );
    }
    report::Report { began, bytes: read.bytes_read, records }.print(arguments.json, &result);
    Ok(())
}

fn main() -> ExitCode {
    run::main(example)
}

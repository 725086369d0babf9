//! Counts words as they come, from files to files, exactly once whatever happens meanwhile.
//!
//! ```text
//! cargo run --release --example exactly_once_files -- \
//!     --input README.md --output counts --checkpoint-dir checkpoints --interval 1s
//! ```

#[path = "support/heap.rs"]
mod heap;
#[path = "support/report.rs"]
mod report;
#[path = "support/run.rs"]
mod run;

use brisk::{
    connect::{FileSink, TextSource, source::Records},
    memory::config::options::state::ClaimMode,
    prelude::*,
};
use clap::Parser;
use std::{
    fmt::Write,
    fs, io, iter,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Instant, SystemTime},
};

const EXAMPLES: &str = "\
Examples:
  exactly_once_files --input logs --output counts --checkpoint-dir checkpoints
  exactly_once_files --input logs --output counts --checkpoint-dir checkpoints --interval 200ms
  exactly_once_files --input logs --output counts --checkpoint-dir checkpoints --resume

Kill it as you like (kill -9) and run it again with --resume: the lines in the finished parts of the
output (part-<subtask>-<number>) are those of a run without faults, each once:
  cat counts/part-* | sort | uniq -d      prints nothing";

/// Writes, for each word of text files, a line `word count` with the number of times it has been
/// seen so far. Lines appear with the checkpoint after them.
#[derive(Parser)]
#[command(name = "exactly_once_files", after_help = format!("{}\n\n{EXAMPLES}", run::OPTIONS))]
struct Options {
    /// A file, a folder (all files below it) or a pattern (`*`, `?`, `[...]`, `**`); may be repeated.
    #[arg(long, required = true, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// The folder of the output.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// The folder of checkpoints, which stay there when the program is killed or stopped.
    #[arg(long, value_name = "DIR")]
    checkpoint_dir: PathBuf,
    /// Time between two checkpoints, with a unit.
    #[arg(long, default_value = "1s", value_name = "TIME")]
    interval: String,
    /// Go on from the newest checkpoint there, if there is one.
    #[arg(long)]
    resume: bool,
}

fn split_words(line: &str, words: &mut Records<String>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let found = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    words.extend(found.map(str::to_ascii_lowercase));
}

/// The newest complete checkpoint in `folder`, which has one folder for each job: one without its
/// `_metadata` is not complete.
fn newest_checkpoint(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    if !folder.exists() {
        return Ok(None);
    }
    for job in fs::read_dir(folder)? {
        let job = job?.path();
        if !job.is_dir() {
            continue;
        }
        for checkpoint in fs::read_dir(job)? {
            let metadata = checkpoint?.path().join("_metadata");
            let Ok(made) = fs::metadata(&metadata).and_then(|found| found.modified()) else {
                continue;
            };
            if newest.as_ref().is_none_or(|(before, _)| *before < made) {
                newest = Some((made, metadata));
            }
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn example() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let name = iter::once("exactly_once_files".into());
    let options = Options::parse_from(name.chain(arguments.rest));
    let began = Instant::now();
    env.set_runtime_mode(RuntimeMode::Streaming);
    let folder = fs::canonicalize(&options.checkpoint_dir).or_else(|_| {
        fs::create_dir_all(&options.checkpoint_dir)
            .and_then(|()| fs::canonicalize(&options.checkpoint_dir))
    });
    let folder =
        folder.map_err(|error| format!("folder {}: {error}", options.checkpoint_dir.display()))?;
    env.set("execution.checkpointing.interval", options.interval);
    env.set("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    env.set_checkpoint_directory(&folder.display().to_string());
    if options.resume
        && let Some(checkpoint) = newest_checkpoint(&folder)?
    {
        run::tell(&format!("going on from {}", checkpoint.display()));
        env.restore_from(&checkpoint.display().to_string(), ClaimMode::NoClaim);
    }
    let source = TextSource::new(options.input).flat_map_lines(split_words);
    let read = source.progress();
    let line = |(word, count): &(String, u64), line: &mut dyn Write| write!(line, "{word} {count}");
    env.from_source(source, "Words")
        .uid("words")
        .key_by(text())
        .count()
        .uid("counts")
        .sink_to(FileSink::lines(options.output).format_with(line))
        .name("Counts")
        .uid("files");
    let signals = run::StopSignals::catch()?;
    let result = signals.wait(env.execute_async("Exactly Once Files")?, || ())?;
    let records = result.tasks.iter().map(|task| task.counts.records_emitted).sum();
    report::Report { began, bytes: read.report().bytes_read, records, noun: "records" }
        .print(arguments.json, &result)
}

fn main() -> ExitCode {
    run::main(example)
}

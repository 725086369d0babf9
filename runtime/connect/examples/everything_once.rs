//! One job with all that checkpoints are about, for `cargo xtask chaos`, which kills it.
//!
//! ```text
//!   generator --+                           +-- side --> key_by, count --> files
//!               +--> union --> process -----+
//!   generator --+             (may fail)    +-- main --+--> key_by, count --> files
//!                                                      +--> key_by, sliding windows --> files
//!                                                      +--> key_by, map state and timers --> files
//!   sequence -------------------------------- broadcast +--> key_by, both --> files
//! ```
//!
//! Usage: `everything_once --output DIR --checkpoint-dir DIR [--records N] [--failures N] [--seed N]
//! [--planted forgotten-timer]`, and whatever the environment understands. It goes on from the newest checkpoint there is, fails an
//! operator so many times and says so on standard error, and writes lines that are the same whatever
//! happens.

use brisk_connect::{FileSink, sink::CompactionStrategy};
use brisk_core::{
    BoxError,
    api::{Count, DataStream, StreamExecutionEnvironment},
    chain::{Collector, ProcessFunction, Template},
    source::RateLimit,
    state::ValueState,
    task::{Context, OutputTag},
    time::{Timestamp, WatermarkStrategy, window::assigner::SlidingEventTimeWindows},
};
use brisk_memory::config::options::{execution::RuntimeMode, state::ClaimMode};
use in_time::{Buckets, KEYS_IN_TIME, Row, Rows, Ruled, SLIDE, WINDOW};
use std::{
    ffi::OsString,
    fmt::Write,
    fs, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

#[path = "../../core/examples/exactly_once/in_time.rs"]
mod in_time;

const KEYS: i64 = 997;
const KEYS_ASIDE: i64 = 13;
const RULES: i64 = 50;
/// Checkpoints that some parts wait for others.
const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Numbers of a second, so that a run lasts and is killed somewhere in between.
const RATE: f64 = 400_000.0;

#[derive(Default)]
struct Options {
    output: PathBuf,
    checkpoints: PathBuf,
    records: u64,
    failures: i64,
    seed: u64,
    forgets_timers: bool,
}

fn parse(words: Vec<OsString>) -> Result<Options, BoxError> {
    let mut options = Options { records: 400_000, seed: 1, ..Options::default() };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let name = word.to_string_lossy().into_owned();
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.to_string_lossy().parse::<u64>();
        match name.as_str() {
            "--output" => options.output = value.into(),
            "--checkpoint-dir" => options.checkpoints = value.into(),
            "--records" => options.records = number()?,
            "--failures" => options.failures = number()? as i64,
            "--seed" => options.seed = number()?,
            "--planted" if value == "forgotten-timer" => options.forgets_timers = true,
            _ => return Err(format!("no option {name}").into()),
        }
    }
    Ok(options)
}

/// The newest complete checkpoint in `folder`, which has one folder for each job.
fn newest_checkpoint(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    for job in fs::read_dir(folder)? {
        let job = job?.path();
        let checkpoints = if job.is_dir() { Some(fs::read_dir(job)?) } else { None };
        for checkpoint in checkpoints.into_iter().flatten() {
            let metadata = checkpoint?.path().join("_metadata");
            let made = fs::metadata(&metadata).and_then(|found| found.modified());
            if let Ok(made) = made
                && newest.as_ref().is_none_or(|(before, _)| *before < made)
            {
                newest = Some((made, metadata));
            }
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Failures that are planned, over all subtasks.
struct Plan {
    failures: i64,
    /// Numbers until the next one.
    left: i64,
}

/// Sends a third of the numbers aside, and fails now and then.
#[derive(Clone)]
struct Split {
    aside: OutputTag<i64>,
    plan: Arc<Mutex<Plan>>,
    seed: u64,
}

impl Split {
    fn fail_sometimes(&self) -> Result<(), BoxError> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.left -= 1;
        if plan.left != 0 || plan.failures == 0 {
            return Ok(());
        }
        plan.left = distance(self.seed + plan.failures as u64);
        plan.failures -= 1;
        eprintln!("a planned failure");
        Err("a planned failure".into())
    }
}

/// Numbers between two failures.
fn distance(seed: u64) -> i64 {
    5_000 + (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 47) as i64
}

impl ProcessFunction<i64> for Split {
    type Out = i64;

    fn process(
        &mut self,
        n: i64,
        context: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        self.fail_sometimes()?;
        if n % 3 == 0 {
            context.output(&self.aside, n);
        } else {
            out.collect(n);
        }
        Ok(())
    }
}

fn describe(env: &StreamExecutionEnvironment, options: &Options) {
    let half = options.records / 2;
    let share = (half / u64::from(env.parallelism())).max(1) as i64;
    // Each subtask begins at 0 and goes on, so that all are at about the same time.
    let in_time = || {
        WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_assigner(move |n: &i64, _| Timestamp::from_millis(*n % share))
    };
    let aside = OutputTag::new("aside");
    let plan = Plan { failures: options.failures, left: distance(options.seed) };
    let plan = Arc::new(Mutex::new(plan));
    let split = Split { aside: aside.clone(), plan, seed: options.seed };
    let rate = RateLimit::PerSecond(RATE / 2.0);
    let numbers = |name: &str, first: u64| {
        let numbers = env.from_generator(Some(half), rate, move |n| (n + first) as i64).uid(name);
        numbers.assign_timestamps_and_watermarks(in_time()).uid(&format!("{name} in time"))
    };
    let all = numbers("first", 0).rebalance().union(numbers("second", half).map(|n| n));
    let all = all.process(split).uid("split");
    let few = all.side_output(&aside).map(|n| n).uid("few");
    let folder = &options.output;
    write(few.key_by(|n: &i64| *n % KEYS_ASIDE).count().uid("counts aside"), folder, "aside");
    let all = all.shared();
    write(all.clone().key_by(|n: &i64| *n % KEYS).count().uid("counts"), folder, "main");
    let in_windows = all.clone().key_by(|n: &i64| *n % KEYS_IN_TIME);
    let windows = in_windows.window(SlidingEventTimeWindows::of(WINDOW, SLIDE));
    write(windows.aggregate_with(Count, Rows).uid("windows"), folder, "windows");
    let in_buckets = all.clone().key_by(|n: &i64| *n % KEYS_IN_TIME);
    write(in_buckets.process(Buckets::new(options.forgets_timers)).uid("timers"), folder, "timers");
    let rules = env.from_sequence(1..=RULES).uid("rules");
    let ruled = Ruled { seen: ValueState::new("seen") };
    let by_rules = all.key_by(|n: &i64| *n % KEYS_ASIDE);
    write(by_rules.process_with_broadcast(rules, ruled).uid("ruled"), folder, "ruled");
}

fn write<C: Template<Out = Row>>(rows: DataStream<Row, C>, folder: &Path, name: &'static str) {
    let line = move |(key, count): &Row, line: &mut dyn Write| write!(line, "{name} {key} {count}");
    let sink = FileSink::lines(folder.join(name)).format_with(line);
    let sink = match name {
        // Parts of these wait to be merged.
        "aside" => sink.compaction(CompactionStrategy::at_bytes(100_000)),
        "timers" => sink.compaction(CompactionStrategy::at_checkpoints(THREE)),
        _ => sink,
    };
    rows.sink_to(sink).uid(&format!("{name} files"));
}

/// The program.
pub(crate) fn main() -> Result<(), BoxError> {
    let (mut env, arguments) = StreamExecutionEnvironment::from_args()?;
    let options = parse(arguments.rest)?;
    env.set_runtime_mode(RuntimeMode::Streaming);
    fs::create_dir_all(&options.checkpoints)?;
    let folder = fs::canonicalize(&options.checkpoints)?;
    env.set("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    env.set_checkpoint_directory(&folder.display().to_string());
    if let Some(checkpoint) = newest_checkpoint(&folder)? {
        env.restore_from(&checkpoint.display().to_string(), ClaimMode::NoClaim);
    }
    describe(&env, &options);
    env.execute("everything once")?;
    Ok(())
}

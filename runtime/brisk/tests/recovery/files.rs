//! Jobs from files to files that fail again and again: each line is written once.

use brisk::{
    connect::{
        FileSink, TextSource,
        sink::{BucketBy, BucketContext, CompactionStrategy, RollingPolicy},
    },
    prelude::*,
};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

const FILES: u32 = 9;
const LINES: u32 = 60_000;
const FAILURES: i64 = 12;

/// Lines of all lengths in files of all kinds; their numbers, sorted.
fn write_input(folder: &Path) -> Vec<u32> {
    for file in 0..FILES {
        let line = |at: u32| format!("{} {}\n", file * LINES + at, "x".repeat(at as usize % 40));
        let content: String = (0..LINES).map(line).collect();
        let path = folder.join(file.to_string());
        let written = match file % 3 {
            0 => fs::write(path.with_extension("txt"), content),
            1 => {
                let target = File::create(path.with_extension("gz")).expect("a new file");
                let fast = flate2::Compression::fast();
                let mut encoder = flate2::write::GzEncoder::new(target, fast);
                let written = encoder.write_all(content.as_bytes());
                written.and_then(|()| encoder.finish().map(drop))
            }
            _ => {
                let packed = zstd::encode_all(content.as_bytes(), 1).expect("it can be packed");
                fs::write(path.with_extension("zst"), packed)
            }
        };
        written.expect("a disk with room");
    }
    (0..FILES * LINES).collect()
}

/// The numbers in all finished parts, sorted, and the parts' sizes; nothing else may be there.
fn read_output(folder: &Path) -> (Vec<u32>, Vec<usize>) {
    let (mut numbers, mut parts) = (Vec::new(), Vec::new());
    for bucket in ["even", "odd"] {
        for entry in fs::read_dir(folder.join(bucket)).expect("a bucket") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            assert!(name.starts_with("part-"), "{name} is left over");
            let text = fs::read_to_string(entry.path()).expect("text");
            assert!(text.ends_with('\n'), "{name} is cut off");
            let number = |line: &str| {
                let number = line.split(' ').next().and_then(|number| number.parse::<u32>().ok());
                number.unwrap_or_else(|| panic!("{name}: '{line}'"))
            };
            numbers.extend(text.lines().map(number));
            parts.push(text.len());
        }
    }
    numbers.sort_unstable();
    (numbers, parts)
}

/// The sizes of the parts that appeared.
fn check(
    parallelism: u32,
    settings: &[(&str, &str)],
    compaction: Option<CompactionStrategy>,
) -> Vec<usize> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("in")).expect("a new folder");
    let expected = write_input(&path("in"));
    let checkpoints = path("checkpoints").display().to_string();
    let mut config = Configuration::new();
    let all = [
        ("execution.checkpointing.interval", "10 ms"),
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "1000"),
        ("restart-strategy.fixed-delay.delay", "1 ms"),
        ("execution.checkpointing.dir", checkpoints.as_str()),
    ];
    for (key, value) in all.into_iter().chain(settings.iter().copied()) {
        config.set(key, value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let mut env = env.expect("the settings are right");
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.set_parallelism(parallelism);
    let (left, failures) = (Arc::new(AtomicI64::new(40_000)), Arc::new(AtomicI64::new(FAILURES)));
    let failed = Arc::clone(&failures);
    let by_parity = |line: &String, _: &BucketContext, bucket: &mut String| {
        let number = line.split(' ').next().unwrap_or_default();
        bucket.push_str(if number.ends_with(['0', '2', '4', '6', '8']) { "even" } else { "odd" });
    };
    let policy = RollingPolicy { max_bytes: 50_000, ..RollingPolicy::default() };
    let sink = FileSink::lines(path("out")).buckets(BucketBy(by_parity)).rolling(policy);
    // Merged parts are few.
    let least = if compaction.is_some() { 2 } else { 10 };
    let sink = match compaction {
        Some(strategy) => sink.compaction(strategy),
        None => sink,
    };
    env.from_source(TextSource::new([path("in")]), "Files")
        .map(move |line| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                let failures = failures.fetch_sub(1, Ordering::Relaxed);
                if failures > 0 {
                    left.store(30_000 + 17_000 * (failures % 5), Ordering::Relaxed);
                    panic!("a planned failure");
                }
            }
            line
        })
        .rebalance()
        .sink_to(sink);
    env.execute("files, exactly once").expect("it ends in spite of its failures");
    assert!(failed.load(Ordering::Relaxed) <= 0, "it failed often enough");
    let (found, parts) = read_output(&path("out"));
    assert!(parts.len() > least, "{} parts", parts.len());
    assert_eq!(found.len(), expected.len(), "lines");
    assert!(found == expected);
    parts
}

const UNALIGNED: (&str, &str) = ("execution.checkpointing.unaligned.enabled", "true");

#[test]
fn aligned() {
    check(2, &[], None);
}

#[test]
fn unaligned() {
    check(3, &[UNALIGNED], None);
}

#[test]
fn merged_by_size() {
    let parts = check(2, &[], Some(CompactionStrategy::at_bytes(200_000)));
    let small = parts.iter().filter(|bytes| **bytes < 200_000).count();
    // What each subtask has left of each bucket at its end.
    assert!(small <= 4, "{small} of {} parts are small", parts.len());
}

#[test]
fn merged_by_checkpoints() {
    let three = std::num::NonZeroU32::new(3).expect("not zero");
    check(3, &[UNALIGNED], Some(CompactionStrategy::at_checkpoints(three)));
}

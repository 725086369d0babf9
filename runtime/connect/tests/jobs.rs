//! Files in and out of whole jobs.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use brisk_connect::files::Compression;
use brisk_connect::format::InvalidUtf8;
use brisk_connect::sink::{BucketBy, BucketContext, RollingPolicy};
use brisk_connect::source::{BinaryFormat, INVALID_UTF8, Records, TextOptions};
use brisk_connect::{BinarySource, FileSink, TextSink, TextSource, WriteMode};
use brisk_core::api::StreamExecutionEnvironment;
use brisk_core::job::MiniCluster;
use brisk_core::record::selector::text;
use brisk_memory::config::Configuration;
use brisk_memory::config::options::execution::RuntimeMode;

/// One cluster for each kind of driver, for all tests.
fn cluster(driver: &'static str) -> Arc<MiniCluster> {
    static CLUSTERS: [OnceLock<Arc<MiniCluster>>; 2] = [OnceLock::new(), OnceLock::new()];
    let start = || {
        let mut config = Configuration::new();
        config.set("taskmanager.io.driver", driver);
        MiniCluster::start(&config, NonZeroU32::new(4).unwrap()).unwrap()
    };
    Arc::clone(CLUSTERS[usize::from(driver == "epoll")].get_or_init(start))
}

fn environment(driver: &'static str, parallelism: u32) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new()).unwrap();
    let mut env = env.on_cluster(cluster(driver));
    env.set_parallelism(parallelism);
    env.set_runtime_mode(RuntimeMode::Batch);
    env
}

/// Runs `job` on each driver at several parallelisms, chained and not.
fn check(job: impl Fn(StreamExecutionEnvironment)) {
    for driver in ["auto", "epoll"] {
        for parallelism in [1, 2, 4, 7] {
            job(environment(driver, parallelism));
        }
        let env = environment(driver, 3);
        env.disable_operator_chaining();
        job(env);
    }
}

fn split_words(line: &str, out: &mut Records<String>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    out.extend(words.map(str::to_ascii_lowercase));
}

/// About 3 MB in files of all sizes, plain and packed, and the counts of their words.
fn tree() -> (tempfile::TempDir, BTreeMap<String, u64>) {
    let dir = tempfile::tempdir().unwrap();
    let mut counts = BTreeMap::new();
    for file in 0..60u32 {
        let lines = if file % 20 == 0 { 20_000 } else { file % 7 };
        let content: String = (0..lines)
            .map(|line| format!("Word{} line of file_{file};w{}\n", line * 7919 % 1013, line % 10))
            .collect();
        for word in content.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if !word.is_empty() {
                *counts.entry(word.to_ascii_lowercase()).or_insert(0) += 1;
            }
        }
        let folder = dir.path().join(format!("{}", file % 3));
        std::fs::create_dir_all(&folder).unwrap();
        match file % 10 {
            3 => {
                let target = std::fs::File::create(folder.join(format!("{file}.gz"))).unwrap();
                let mut encoder = flate2::write::GzEncoder::new(target, Default::default());
                encoder.write_all(content.as_bytes()).unwrap();
                encoder.finish().unwrap();
            }
            5 => {
                let packed = zstd::encode_all(content.as_bytes(), 1).unwrap();
                std::fs::write(folder.join(format!("{file}.zst")), packed).unwrap();
            }
            _ => std::fs::write(folder.join(format!("{file}.txt")), content).unwrap(),
        }
    }
    (dir, counts)
}

/// The lines of all parts in a folder, which holds nothing else.
fn output(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert!(entry.file_name().to_str().unwrap().starts_with("part-"), "{entry:?}");
        let content = std::fs::read_to_string(entry.path()).unwrap();
        lines.extend(content.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

#[test]
fn words_are_counted_from_files_to_files() {
    let (input, counts) = tree();
    let mut expected: Vec<String> =
        counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    expected.sort();
    check(|env| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/out");
        let source = TextSource::new([input.path()]).flat_map_lines(split_words);
        let progress = source.progress();
        let sink = TextSink::new(&folder)
            .format_with(|pair: &(String, u64), line| write!(line, "{} {}", pair.0, pair.1));
        env.from_source(source, "Files").key_by(text()).count().sink_to(sink);
        env.execute("words").unwrap();
        assert!(output(&folder) == expected);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), env.parallelism() as usize);
        let report = progress.report();
        assert_eq!(report.bytes_read, report.bytes_total);
        assert!(report.bytes_total > 1_000_000);
    });
}

#[test]
fn a_source_and_a_sink_in_one_chain() {
    let (input, _) = tree();
    let set = TextSource::new([input.path()]).input().files().unwrap();
    assert_eq!(set.files().len(), 60);
    check(|env| {
        let dir = tempfile::tempdir().unwrap();
        let lines = env.from_source(TextSource::new([input.path()]), "Files");
        lines.sink_to(TextSink::new(dir.path()));
        env.execute("copy").unwrap();
        let found = output(dir.path());
        assert!(found.len() > 60_000);
        // A first run tells what the others must give.
        static FIRST: OnceLock<Vec<String>> = OnceLock::new();
        assert!(found == *FIRST.get_or_init(|| found.clone()));
    });
}

#[test]
fn binary_records() {
    let dir = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (0..200_000).collect();
    let fixed: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(dir.path().join("fixed"), fixed).unwrap();
    let delimited = |n: &u64| {
        let text = n.to_string().into_bytes();
        [(text.len() as u32).to_le_bytes().to_vec(), text].concat()
    };
    let delimited: Vec<u8> = numbers.iter().flat_map(delimited).collect();
    std::fs::write(dir.path().join("delimited"), delimited).unwrap();
    check(|env| {
        let source = BinarySource::new([dir.path().join("fixed")], BinaryFormat::Fixed(8));
        let source =
            source.map_records(|bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes")));
        let fixed = env.from_source(source, "Fixed").collect();
        let format = BinaryFormat::LengthDelimited { max_record_length: 10 };
        let source = BinarySource::new([dir.path().join("delimited")], format);
        let source = source.map_records(|bytes| {
            std::str::from_utf8(bytes).expect("digits").parse::<u64>().expect("a number")
        });
        let delimited = env.from_source(source, "Delimited").collect();
        env.execute("binary").unwrap();
        for collected in [fixed, delimited] {
            let mut found = collected.take();
            found.sort_unstable();
            assert!(found == numbers);
        }
    });
}

/// Runs a job that fails; the message must have all these parts.
fn check_failure(source: TextSource, parts: &[&str]) {
    for driver in ["auto", "epoll"] {
        let dir = tempfile::tempdir().unwrap();
        let env = environment(driver, 2);
        let lines = env.from_source(source.clone(), "Files");
        lines.sink_to(TextSink::new(dir.path().join("out")));
        let message = env.execute("fails").unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "'{part}' is not in: {message}");
        }
        let out = dir.path().join("out");
        let left = std::fs::read_dir(out).map_or(0, Iterator::count);
        assert_eq!(left, 0, "no output of a failed job");
    }
}

#[test]
fn failures_name_operator_and_file_and_leave_no_output() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    check_failure(
        TextSource::new([path("missing")]),
        &["fails", "'Source: Files'", "missing", "there is no such file"],
    );
    std::fs::write(path("cut.zst"), &zstd::encode_all(&[b'a'; 1000][..], 1).unwrap()[..10])
        .unwrap();
    check_failure(
        TextSource::new([path("cut.zst")]),
        &["'Source: Files'", "cut.zst: ends at byte 10 in the middle of compressed data"],
    );
    std::fs::write(path("bad.txt"), b"good\nb\xffd\n").unwrap();
    let options = TextOptions { invalid_utf8: InvalidUtf8::Fail, ..TextOptions::default() };
    check_failure(
        TextSource::new([path("bad.txt")]).options(options),
        &["'Source: Files'", "bad.txt: invalid UTF-8 at byte 6"],
    );
    let mut options = TextOptions::default();
    options.lines.max_line_length = 3;
    std::fs::write(path("long.txt"), b"abc\nabcd").unwrap();
    check_failure(
        TextSource::new([path("long.txt")]).options(options),
        &["long.txt: the record at byte 4 is longer than 3 bytes", "max_line_length"],
    );
}

#[test]
fn a_panic_of_a_handler_is_the_sources() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("numbers"), "1\n2\nthree\n").unwrap();
    let env = environment("auto", 1);
    let source = TextSource::new([dir.path().join("numbers")]);
    let source = source.map_lines(|line| line.parse::<u64>().expect("a number"));
    env.from_source(source, "Numbers").sink_to(TextSink::new(dir.path().join("out")));
    let message = env.execute("panics").unwrap_err().to_string();
    assert!(message.contains("'Source: Numbers'") && message.contains("a number"), "{message}");
    assert_eq!(std::fs::read_dir(dir.path().join("out")).unwrap().count(), 0);
}

#[test]
fn invalid_text_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), b"x\xffy\nfine\n").unwrap();
    std::fs::write(dir.path().join("b.gz"), b"not\xffpacked").unwrap();
    for (policy, expected) in [
        (InvalidUtf8::Replace, vec!["fine", "not\u{fffd}packed", "x\u{fffd}y"]),
        (InvalidUtf8::Skip, vec!["fine"]),
    ] {
        check(|env| {
            let options = TextOptions { invalid_utf8: policy, ..TextOptions::default() };
            let source = TextSource::new([dir.path()]).options(options);
            let source = source.compression(Compression::None);
            let progress = source.progress();
            let collected = env.from_source(source, "Files").collect();
            let result = env.execute("invalid").unwrap();
            let name = format!("{INVALID_UTF8}.Source: Files");
            assert_eq!(result.accumulators.long_counter(&name).unwrap(), 2);
            let mut found = collected.take();
            found.sort();
            assert_eq!(found, expected);
            assert_eq!(progress.report().invalid_lines, 2);
        });
    }
}

#[test]
fn output_is_replaced_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let write = |parallelism, mode| {
        let env = environment("auto", parallelism);
        let numbers = env.from_sequence(1..=100);
        numbers.sink_to(TextSink::new(dir.path()).write_mode(mode));
        env.execute("numbers").map_err(|error| error.to_string())
    };
    write(3, WriteMode::NoOverwrite).unwrap();
    let message = write(2, WriteMode::NoOverwrite).unwrap_err();
    assert!(message.contains("has part files of an earlier job"), "{message}");
    assert_eq!(output(dir.path()).len(), 100);
    write(2, WriteMode::Overwrite).unwrap();
    assert_eq!(output(dir.path()).len(), 100);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_canceled_job_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let env = environment("auto", 2);
    let (sender, source) = brisk_core::source::channel_source::<String>(16);
    env.from_source(source, "Channel").rebalance().sink_to(TextSink::new(dir.path()));
    let job = env.execute_async("canceled").unwrap();
    for line in 0..10_000 {
        sender.send(format!("line {line}")).unwrap();
    }
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 0, "files in progress");
    job.cancel();
    assert!(job.wait().is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_job_is_canceled_while_it_lists_its_input() {
    let shared_memory = Path::new("/dev/shm");
    let dir = match shared_memory.is_dir() {
        true => tempfile::tempdir_in(shared_memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    for file in 0..20_000 {
        std::fs::File::create(dir.path().join(file.to_string())).unwrap();
    }
    // The same folder again and again: seconds of listing.
    let source = TextSource::new(vec![dir.path(); 400]);
    for moment in [Duration::ZERO, Duration::from_millis(30), Duration::from_millis(200)] {
        let env = environment("auto", 2);
        env.from_source(source.clone(), "Files").sink_to(brisk_core::sink::DiscardSink);
        let job = env.execute_async("lists").unwrap();
        let began = Instant::now();
        while began.elapsed() < moment {
            std::thread::yield_now();
        }
        job.cancel();
        let canceled = Instant::now();
        let message = job.wait().unwrap_err().to_string();
        let took = canceled.elapsed();
        println!("canceled in {took:?}: {message}");
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert!(message.contains("cancel"), "{message}");
    }
}

/// All files below a folder, with their content.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let set = brisk_connect::files::list(
        &brisk_memory::driver::Files::system(),
        &[folder.to_path_buf()],
        brisk_connect::files::ListOptions::default(),
    );
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    let set = set.unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    set.files().iter().map(|file| (name(&file.path), read(&file.path))).collect()
}

#[test]
fn rolling_files_of_a_job_without_checkpoints() {
    check(|env| {
        let dir = tempfile::tempdir().unwrap();
        let policy = RollingPolicy { max_bytes: 100_000, ..RollingPolicy::default() };
        let by_digit = |number: &i64, _: &BucketContext, bucket: &mut String| {
            bucket.push_str(["even", "odd/ones"][(*number % 2) as usize]);
        };
        let sink = FileSink::lines(dir.path()).buckets(BucketBy(by_digit)).rolling(policy);
        env.from_sequence(0..=200_000).sink_to(sink);
        env.execute("rolls").unwrap();
        let files = files_below(dir.path());
        assert!(files.len() > 10);
        let mut found = Vec::new();
        for (name, content) in files {
            let numbers = std::str::from_utf8(&content).unwrap().lines();
            let numbers: Vec<i64> = numbers.map(|line| line.parse().unwrap()).collect();
            let parity = i64::from(name.starts_with("odd/ones/part-"));
            assert!(parity == 1 || name.starts_with("even/part-"), "{name}");
            assert!(numbers.iter().all(|number| number % 2 == parity));
            assert!(content.len() < 100_100);
            found.extend(numbers);
        }
        found.sort_unstable();
        assert!(found == (0..=200_000).collect::<Vec<i64>>());
        let left = std::fs::read_dir(dir.path().join("even")).unwrap();
        assert!(
            left.into_iter().all(|e| !e.unwrap().file_name().to_str().unwrap().starts_with('.'))
        );
    });
}

#[test]
fn rolling_files_of_binary_records_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    for run in 1..=2usize {
        let env = environment("auto", 3);
        let records = env.from_sequence(0..=9_999).map(|number| number.to_string().into_bytes());
        records.sink_to(FileSink::records(dir.path()));
        env.execute("writes").unwrap();
        assert_eq!(files_below(dir.path()).len(), 3 * run, "parts beside those of the run before");
        let env = environment("auto", 2);
        let format = BinaryFormat::LengthDelimited { max_record_length: 10 };
        let read = env.from_source(BinarySource::new([dir.path()], format), "Files").collect();
        env.execute("reads").unwrap();
        assert_eq!(read.take().len(), 10_000 * run);
    }
}

#[test]
fn a_canceled_job_leaves_no_rolling_files() {
    let dir = tempfile::tempdir().unwrap();
    let env = environment("auto", 2);
    let (sender, source) = brisk_core::source::channel_source::<String>(16);
    env.from_source(source, "Channel").rebalance().sink_to(FileSink::lines(dir.path()));
    let job = env.execute_async("canceled").unwrap();
    for line in 0..10_000 {
        sender.send(format!("line {line}")).unwrap();
    }
    let other = environment("auto", 1);
    other.from_sequence(1..=3).sink_to(FileSink::lines(dir.path()));
    let message = other.execute("second").unwrap_err().to_string();
    assert!(message.contains("another job is writing to this folder"), "{message}");
    job.cancel();
    assert!(job.wait().is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

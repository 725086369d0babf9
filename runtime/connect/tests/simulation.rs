//! Files in whole jobs on a simulated disk that fails by seed.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use brisk_connect::TextSource;
use brisk_connect::source::Records;
use brisk_core::api::StreamExecutionEnvironment;
use brisk_core::job::SimulatedCluster;
use brisk_core::record::selector::text;
use brisk_memory::config::Configuration;
use brisk_memory::config::options::execution::RuntimeMode;
use brisk_memory::driver::{
    AlignedBytes, Driver, DriverKind, DriverOptions, Faults, IoBuffer, OpenOptions, Operation,
    PerMillion, SimulatedWorld,
};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs `test` with each seed; a failure names the seed.
fn for_each_seed(mut test: impl FnMut(u64)) {
    let first = number("BRISK_FIRST_SEED", 0);
    for seed in first..first + number("BRISK_SEEDS", 50) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            eprintln!("BRISK_FIRST_SEED={seed} BRISK_SEEDS=1 replays this failure");
            resume_unwind(panic);
        }
    }
}

/// Puts files on the disk of `world`.
fn write_files(world: &SimulatedWorld, files: &[(PathBuf, String)]) {
    let kind = DriverKind::Simulated(world.clone());
    let mut driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
    driver.files().create_dir_all(Path::new("/in")).unwrap();
    for (path, content) in files.iter().filter(|(_, content)| !content.is_empty()) {
        let file = driver.files().open(path, OpenOptions::CREATE_NEW).unwrap();
        let buffer = IoBuffer::Heap(AlignedBytes::copy_of(content.as_bytes()));
        driver.submit(Operation::Write { file, offset: 0, buffer, len: content.len() });
    }
    // Dropping the driver ends what is under way.
}

fn split_words(line: &str, out: &mut Records<String>) {
    out.extend(line.split_whitespace().map(str::to_owned));
}

#[test]
fn simulated_disks_give_the_right_counts_or_an_error() {
    let (mut right, mut failed) = (0, 0);
    for_each_seed(|seed| {
        let mut cluster = SimulatedCluster::from_seed(seed).unwrap();
        let world = cluster.world().clone();
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        let mut files = Vec::new();
        for file in 0..1 + world.below(6) {
            let lines = if file == 0 { 20_000 } else { world.below(3000) };
            let content: String =
                (0..lines).map(|line| format!("w{} of{file} w{}\n", line % 97, line % 7)).collect();
            for word in content.split_whitespace() {
                *expected.entry(word.to_owned()).or_insert(0) += 1;
            }
            files.push((PathBuf::from(format!("/in/{file}.txt")), content));
        }
        write_files(&world, &files);
        let rates = [0, 0, 2_000, 200_000].map(PerMillion);
        let rate = |most: u64| rates[world.below(most) as usize];
        world.set_faults(Faults {
            short_transfer: rate(4),
            read_error: rate(4),
            metadata_error: rate(3),
            slow: rate(4),
            ..Faults::default()
        });
        let mut env = StreamExecutionEnvironment::with_configuration(Configuration::new()).unwrap();
        env.set_parallelism(1 + world.below(4) as u32);
        env.set_runtime_mode(RuntimeMode::Batch);
        let source = TextSource::new(["/in"]).flat_map_lines(split_words);
        let counts = env.from_source(source, "Files").key_by(text()).count().collect();
        match env.execute_on(&mut cluster, "words") {
            Ok(_) => {
                right += 1;
                let found: BTreeMap<String, u64> = counts.take().into_iter().collect();
                assert!(found == expected, "seed {seed}: wrong counts");
            }
            Err(error) => {
                failed += 1;
                let text = error.to_string();
                let is_clear = text.contains("/in") && text.contains("operator 'Source: Files'");
                assert!(is_clear && text.contains("os error 5"), "seed {seed}: {text}");
            }
        }
    });
    println!("{right} right, {failed} failed");
    assert!(number("BRISK_SEEDS", 50) < 50 || (right > 0 && failed > 0), "{right}, {failed}");
}

//! Jobs with copies of their state at hand: they go on when the durable files or the copies are damaged,
//! as long as the other ones are not.

use brisk::prelude::*;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

const RECORDS: u64 = 200_000;
const KEYS: u64 = 997;

/// What is damaged before the job fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damaged {
    Nothing,
    /// So that a restore that does not read copies fails.
    Durable,
    Copies,
    /// The copies are removed.
    NoCopies,
}

/// The files of state in a folder, sorted.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| !path.ends_with("_metadata"));
    files.sort_unstable();
    files
}

/// The folder called `name` in the only folder in another.
fn within(folder: &Path, name: &str) -> PathBuf {
    let only = fs::read_dir(folder).into_iter().flatten().flatten().next();
    only.map_or_else(PathBuf::new, |only| only.path().join(name))
}

/// All durable files and all copies, if those of the last checkpoint are whole.
fn last(durable: &Path, local: &Path) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
    let checkpoints = files_of(&within(durable, ""));
    let is_whole = |path: &&PathBuf| path.join("_metadata").exists();
    let name = checkpoints.iter().rfind(is_whole)?.file_name()?.to_str()?;
    let number = name.strip_prefix("chk-")?;
    if matches!(number, "0" | "1") {
        // Names have numbers of subtasks too.
        return None;
    }
    // Shared files bear the number of the checkpoint that they were made for.
    let mark = format!("-{number}-");
    let all = |folder: &Path| {
        let (own, shared) = (files_of(&within(folder, name)), files_of(&within(folder, "shared")));
        let file_name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
        let new = shared.iter().filter_map(file_name).filter(|name| name.contains(&mark));
        let names: Vec<String> = own.iter().filter_map(file_name).chain(new).collect();
        ([own, shared].concat(), names)
    };
    let ((files, wanted), (copies, found)) = (all(durable), all(local));
    (!wanted.is_empty() && wanted == found).then_some((files, copies))
}

/// Changes a file, unless a newer checkpoint has removed it a moment ago.
fn damage(path: &Path) {
    let Ok(mut bytes) = fs::read(path) else { return };
    let half = bytes.len() / 2;
    bytes[half..].iter_mut().for_each(|byte| *byte ^= 0x55);
    let _ = fs::write(path, bytes);
}

fn check(damaged: Damaged, settings: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (durable, local) = (folder.path().join("durable"), folder.path().join("local"));
    let [durable_path, local_path] = [&durable, &local].map(|path| path.display().to_string());
    let mut config = Configuration::new();
    let all = [
        ("execution.checkpointing.interval", "10 ms"),
        ("execution.checkpointing.dir", durable_path.as_str()),
        ("execution.checkpointing.data-inline-threshold", "0 b"),
        ("execution.checkpointing.local-backup.dirs", local_path.as_str()),
        ("state.backend.local-recovery", "true"),
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.delay", "1 ms"),
    ];
    for (key, value) in all.iter().chain(settings) {
        config.set(*key, *value);
    }
    let env = StreamExecutionEnvironment::with_configuration(config);
    let mut env = env.expect("the settings are right");
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.set_parallelism(2);
    let (failed, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let fails = Arc::clone(&failed);
    let counts = Arc::new(Mutex::new(HashMap::<u64, u64>::new()));
    let counted = Arc::clone(&counts);
    let numbers = env.from_generator(Some(RECORDS), RateLimit::PerSecond(200_000.0), |n| n % KEYS);
    let numbers = numbers.uid("numbers").map(move |n: u64| {
        if !seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(500)
            || fails.load(Ordering::Relaxed)
        {
            return n;
        }
        // No checkpoint comes about meanwhile but those that this task is done with.
        if let Some((files, copies)) = last(&durable, &local) {
            match damaged {
                Damaged::Nothing => {}
                Damaged::Durable => files.iter().for_each(|path| damage(path)),
                Damaged::Copies => copies.iter().for_each(|path| damage(path)),
                Damaged::NoCopies => {
                    copies.iter().for_each(|path| drop(fs::remove_file(path)));
                }
            }
            fails.store(true, Ordering::Relaxed);
            panic!("a planned failure");
        }
        n
    });
    numbers.key_by(|n: &u64| *n).count().uid("counts").for_each(move |(key, count): (u64, u64)| {
        let mut counts = counted.lock().expect("nobody panics with it");
        let highest = counts.entry(key).or_default();
        *highest = count.max(*highest);
    });
    let job = env.execute_async("local").expect("it starts");
    job.wait().unwrap_or_else(|error| panic!("{damaged:?} {settings:?}: {error}"));
    assert!(failed.load(Ordering::Relaxed), "{damaged:?}: it failed");
    let counts = counts.lock().expect("nobody panics with it");
    let wrong = (0..KEYS).find(|key| counts.get(key) != Some(&(RECORDS - key).div_ceil(KEYS)));
    assert_eq!(wrong, None, "{damaged:?} {settings:?}: a key's records");
    let left = fs::read_dir(folder.path().join("local")).expect("a folder").count();
    assert_eq!(left, 0, "copies go with their job");
}

const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");

#[test]
fn memory() {
    for damaged in [Damaged::Nothing, Damaged::Durable, Damaged::Copies, Damaged::NoCopies] {
        check(damaged, &[]);
        check(damaged, &[INCREMENTAL]);
    }
}

#[test]
fn unaligned() {
    for damaged in [Damaged::Durable, Damaged::Copies] {
        check(damaged, &[("execution.checkpointing.unaligned.enabled", "true")]);
    }
}

#[cfg(feature = "rocksdb")]
#[test]
fn rocksdb() {
    for damaged in [Damaged::Durable, Damaged::Copies, Damaged::NoCopies] {
        check(damaged, &[("state.backend.type", "rocksdb"), INCREMENTAL]);
    }
}

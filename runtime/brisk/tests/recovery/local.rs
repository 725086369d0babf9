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

/// The durable files that were made for the last checkpoint and their copies, if these are whole. Files of
/// one that is under way are not among them: their copies would be made of what was damaged.
fn last(durable: &Path, local: &Path) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
    let checkpoints = files_of(&within(durable, ""));
    let is_whole = |path: &&PathBuf| path.join("_metadata").exists();
    let name = checkpoints.iter().rfind(is_whole)?.file_name()?.to_str()?;
    let number = name.strip_prefix("chk-")?;
    if matches!(number, "0" | "1") {
        // Names have numbers of subtasks too.
        return None;
    }
    let mark = format!("-{number}-");
    let file_name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
    let made = |folder: &Path| {
        let shared = files_of(&within(folder, "shared")).into_iter();
        let shared = shared.filter(|path| file_name(path).is_some_and(|it| it.contains(&mark)));
        files_of(&within(folder, name)).into_iter().chain(shared).collect::<Vec<_>>()
    };
    let (files, copies) = (made(durable), made(local));
    let names = |paths: &[PathBuf]| paths.iter().filter_map(file_name).collect::<Vec<_>>();
    (!files.is_empty() && names(&files) == names(&copies)).then_some((files, copies))
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

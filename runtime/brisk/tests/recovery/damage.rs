//! Checkpoints and savepoints of real jobs whose files were changed, cut, swapped or lost: a job that is to
//! start from them fails with an error that names the file, or has right counts, and never panics.

use super::rescale::{COMPRESSED, INCREMENTAL, NO_RESTART, SEGMENTS, Stopped, stop, try_to_go_on};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Changes of each file, and cuts.
const PLACES: usize = 6;

/// All files below a folder, sorted.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
    found.sort_unstable();
}

/// A checkpoint to be damaged.
struct Victim<'a> {
    left: String,
    settings: &'a [(&'a str, &'a str)],
    refused: usize,
}

impl Victim<'_> {
    /// Starts the job from it; files that were damaged may be of no use to it.
    fn restore(&mut self, damaged: &[&Path], how: &str) {
        let settings = [self.settings, &[NO_RESTART]].concat();
        let Err(error) = try_to_go_on(&self.left, &settings, 3) else { return };
        self.refused += 1;
        let is_named = damaged.iter().any(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            error.contains(name)
        });
        assert!(is_named, "{how} {damaged:?}: {error}");
        assert!(!error.contains("panicked"), "{how} {damaged:?}: {error}");
    }
}

fn check(stopped: Stopped, settings: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let left = stop(stopped, folder.path(), settings, 2);
    let mut victim = Victim { left, settings, refused: 0 };
    try_to_go_on(&victim.left, settings, 3).expect("it is whole");
    let mut files = Vec::new();
    files_below(folder.path(), &mut files);
    assert!(files.len() > 1, "{files:?}");
    for path in &files {
        let whole = fs::read(path).expect("a file");
        for at in (0..PLACES).map(|part| part * whole.len() / PLACES + part % 5) {
            let mut changed = whole.clone();
            let Some(byte) = changed.get_mut(at) else { continue };
            *byte ^= 1 << (at % 8);
            fs::write(path, changed).expect("it can be written");
            victim.restore(&[path], &format!("byte {at} of {} of", whole.len()));
            fs::write(path, &whole[..at]).expect("it can be written");
            victim.restore(&[path], &format!("cut after {at} of {} bytes", whole.len()));
        }
        fs::remove_file(path).expect("it is there");
        if path.ends_with("_metadata") {
            victim.restore(&[path.parent().expect("a folder")], "without");
        } else {
            victim.restore(&[path], "without");
        }
        fs::write(path, whole).expect("it can be written");
    }
    for pair in files.windows(2) {
        let swap = || {
            let aside = folder.path().join("aside");
            fs::rename(&pair[0], &aside).expect("it is there");
            fs::rename(&pair[1], &pair[0]).expect("it is there");
            fs::rename(&aside, &pair[1]).expect("it is there");
        };
        swap();
        victim.restore(&[&pair[0], &pair[1]], "swapped");
        swap();
    }
    try_to_go_on(&victim.left, settings, 3).expect("it is whole again");
    assert!(victim.refused > files.len(), "{} were refused", victim.refused);
}

#[test]
fn checkpoints_of_memory() {
    check(Stopped::Aligned, &[SEGMENTS]);
}

#[test]
fn incremental_checkpoints_of_memory() {
    check(Stopped::Aligned, &[INCREMENTAL, SEGMENTS]);
}

#[test]
fn unaligned_checkpoints() {
    check(Stopped::Unaligned, &[SEGMENTS, COMPRESSED]);
}

#[test]
fn savepoints() {
    check(Stopped::Savepoint, &[SEGMENTS]);
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::*;

    const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");

    #[test]
    fn incremental_checkpoints() {
        check(Stopped::Aligned, &[ROCKSDB, INCREMENTAL, SEGMENTS]);
    }

    #[test]
    fn native_savepoints() {
        check(Stopped::Native, &[ROCKSDB, SEGMENTS, COMPRESSED]);
    }
}

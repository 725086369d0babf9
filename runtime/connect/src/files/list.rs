//! The files an input names, with their sizes, in a fixed order.
//!
//! An input is a file, a folder (all files below it, but for hidden ones if so wished), or a pattern. Inputs keep the order in
//! which they were given; within one input files are sorted by the bytes of their paths, and each is
//! read once. Naming a file twice reads it twice, as `cat a a` does. A path that exists is taken as it
//! is even if it looks like a pattern.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brisk_memory::driver::Files;

use super::pattern;
use super::split::{Compression, FileIndex};
use super::tree::Tree;
use super::walk::{HiddenNames, Skipped, Walk};
use crate::constants::MAX_FILES;
use crate::error::{ConnectError, is_absent};

/// How skipped entries are reported before the rest is only counted.
const SKIPPED_LOGGED: usize = 10;

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its path, as reached from the input.
    pub path: Arc<Path>,
    /// Its size when it was listed; what is appended later is not read.
    pub size: u64,
    /// How its bytes are to be understood.
    pub compression: Compression,
}

/// How to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListOptions {
    /// Read all files with this compression instead of going by their extension.
    pub compression: Option<Compression>,
    /// What to do with hidden names in folders and patterns.
    pub hidden: HiddenNames,
}

/// All files of an input.
#[derive(Debug, Clone, Default)]
pub struct FileSet {
    files: Vec<InputFile>,
    skipped: Vec<Skipped>,
    total_bytes: u64,
}

impl FileSet {
    /// A set of files that are known already.
    pub fn of(files: Vec<InputFile>) -> FileSet {
        let total_bytes = files.iter().map(|file| file.size).sum();
        FileSet { files, skipped: Vec::new(), total_bytes }
    }

    /// The files in reading order.
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// One file.
    ///
    /// # Panics
    /// If the index is not of this set.
    pub fn file(&self, index: FileIndex) -> &InputFile {
        &self.files[index.0 as usize]
    }

    /// What folders contain beside files: links to nothing, devices, pipes.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Bytes of all files together, as stored.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    fn add(&mut self, walk: Walk<'_>, options: ListOptions) -> Result<(), ConnectError> {
        let mut found = walk.files;
        found.sort_by(|a, b| a.path.as_os_str().as_bytes().cmp(b.path.as_os_str().as_bytes()));
        found.dedup_by(|a, b| a.path == b.path);
        if self.files.len() + found.len() > MAX_FILES {
            return Err(ConnectError::TooManyFiles { limit: MAX_FILES });
        }
        self.files.reserve(found.len());
        for file in found {
            let compression = match options.compression {
                Some(compression) => compression,
                None => Compression::of_path(&file.path)?,
            };
            self.total_bytes += file.size;
            self.files.push(InputFile { path: file.path.into(), size: file.size, compression });
        }
        self.skipped.extend(walk.skipped);
        Ok(())
    }

    fn log_skipped(&self) {
        for entry in self.skipped.iter().take(SKIPPED_LOGGED) {
            tracing::warn!(path = %entry.path.display(), reason = ?entry.reason, "not read");
        }
        if self.skipped.len() > SKIPPED_LOGGED {
            tracing::warn!(entries = self.skipped.len(), "entries of input folders are not read");
        }
    }
}

/// Lists the files that `inputs` name on the filesystem behind `files`.
///
/// # Errors
/// A path that does not exist, a pattern without a match, a folder that cannot be read, a device or
/// pipe named directly, a compression that is not supported. The message names the path.
pub fn list(
    files: &Files,
    inputs: &[PathBuf],
    options: ListOptions,
) -> Result<FileSet, ConnectError> {
    list_while(&|| true, files, inputs, options)
}

/// The same for as long as `is_wanted`, which is asked before each file.
///
/// # Errors
/// As [`list`], and when it is no longer wanted.
pub fn list_while(
    is_wanted: &dyn Fn() -> bool,
    files: &Files,
    inputs: &[PathBuf],
    options: ListOptions,
) -> Result<FileSet, ConnectError> {
    let tree = Tree::new(files, is_wanted);
    let mut set = FileSet::default();
    for input in inputs {
        set.add(walk_input(&tree, input, options.hidden)?, options)?;
    }
    set.log_skipped();
    assert_eq!(set.total_bytes, set.files.iter().map(|file| file.size).sum::<u64>());
    Ok(set)
}

fn walk_input<'a>(
    tree: &'a Tree<'a>,
    input: &Path,
    hidden: HiddenNames,
) -> Result<Walk<'a>, ConnectError> {
    let mut walk = Walk::new(tree, hidden);
    match tree.metadata(input) {
        Ok(stat) => walk.add_named(input, stat)?,
        Err(error) if is_absent(&error) && pattern::is_pattern(input) => {
            walk.add_matches(pattern::expand(tree, input, hidden)?)?;
            if walk.files.is_empty() {
                return Err(ConnectError::NoMatch { pattern: input.to_path_buf() });
            }
        }
        Err(error) if is_absent(&error) => {
            return Err(ConnectError::NotFound { path: input.to_path_buf() });
        }
        Err(error) => return Err(error.into()),
    }
    Ok(walk)
}

#[cfg(test)]
mod tests;

//! All visible files below a folder.
//!
//! As in Flink, names that begin with `.` or `_` are hidden, unless the input says otherwise; what a
//! sink has in progress always is. Links are followed, but what they lead
//! to is read once: real entries come first, then links in the order of their names, and a link to a
//! file or folder that the walk has already met adds nothing. So loops end, a folder full of links
//! into itself (the Linux source tree has some) counts nothing twice, and the work is bounded by the
//! number of real folders.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, EntryKind, FileId, FileMetadata};

use super::tree::Tree;
use crate::error::{ConnectError, io_cause, is_absent};
use crate::sink::is_in_progress;

/// Which names folders and patterns leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HiddenNames {
    /// Names that begin with `.` or `_` are left out, as Flink does.
    #[default]
    Skip,
    /// Folders are read whole. Patterns leave out what those of a shell do: names that begin with `.`.
    Read,
}

impl HiddenNames {
    /// Whether a folder's entry of this name is left out.
    fn skips(self, name: &OsStr) -> bool {
        is_in_progress(name) || self == HiddenNames::Skip && self.mark_of(name).is_some()
    }

    /// The first character of a name, if a pattern has to begin with it too in order to match.
    pub(super) fn mark_of(self, name: &OsStr) -> Option<u8> {
        let first = name.as_bytes().first().copied();
        first.filter(|first| *first == b'.' || *first == b'_' && self == HiddenNames::Skip)
    }
}

/// Something below a folder that holds no data to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub path: PathBuf,
    /// Why it is not read.
    pub reason: SkipReason,
}

/// Why an entry of a folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A symbolic link that leads nowhere.
    DanglingLink,
    /// A device, pipe or socket.
    Special(&'static str),
}

/// A file found by a walk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// Everything below some folders.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    tree: &'a Tree<'a>,
    hidden: HiddenNames,
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    folders: Vec<PathBuf>,
    links: BinaryHeap<Reverse<PathBuf>>,
    seen_folders: HashSet<FileId>,
    seen_files: HashSet<FileId>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: &'a Tree<'a>, hidden: HiddenNames) -> Walk<'a> {
        Walk {
            tree,
            hidden,
            files: Vec::new(),
            skipped: Vec::new(),
            folders: Vec::new(),
            links: BinaryHeap::new(),
            seen_folders: HashSet::new(),
            seen_files: HashSet::new(),
        }
    }

    /// Takes an input the user named: a file as it is, a folder with all that is below it.
    pub(super) fn add_named(
        &mut self,
        path: &Path,
        stat: FileMetadata,
    ) -> Result<(), ConnectError> {
        if let EntryKind::Special(kind) = stat.kind {
            return Err(ConnectError::NotRegular { path: path.to_path_buf(), kind });
        }
        assert_ne!(stat.kind, EntryKind::Link, "the caller follows links");
        self.meet(path.to_path_buf(), stat);
        self.run()
    }

    /// Takes what a pattern matched, as if it were the contents of one folder.
    pub(super) fn add_matches(&mut self, matches: Vec<PathBuf>) -> Result<(), ConnectError> {
        for path in matches {
            self.tree.go_on()?;
            let stat = self.tree.entry_metadata(&path)?;
            self.meet(path, stat);
        }
        self.run()
    }

    fn meet(&mut self, path: PathBuf, stat: FileMetadata) {
        match stat.kind {
            EntryKind::File => self.add_file(path, stat),
            EntryKind::Directory => self.add_folder(path, stat),
            EntryKind::Link => self.links.push(Reverse(path)),
            EntryKind::Special(kind) => self.skip(path, SkipReason::Special(kind)),
        }
    }

    fn add_file(&mut self, path: PathBuf, stat: FileMetadata) {
        self.seen_files.insert(stat.id);
        self.files.push(Found { path, size: stat.len });
    }

    fn add_folder(&mut self, path: PathBuf, stat: FileMetadata) {
        if self.seen_folders.insert(stat.id) {
            self.folders.push(path);
        }
    }

    /// Until nothing is left: real folders first, then the link with the smallest name.
    fn run(&mut self) -> Result<(), ConnectError> {
        loop {
            self.tree.go_on()?;
            if let Some(folder) = self.folders.pop() {
                self.list_folder(&folder)?;
            } else if let Some(Reverse(link)) = self.links.pop() {
                self.follow(link)?;
            } else {
                assert!(self.folders.is_empty() && self.links.is_empty());
                return Ok(());
            }
        }
    }

    fn list_folder(&mut self, folder: &Path) -> Result<(), ConnectError> {
        for path in self.tree.list(folder)? {
            if !path.file_name().is_some_and(|name| self.hidden.skips(name)) {
                self.tree.go_on()?;
                let stat = self.tree.entry_metadata(&path)?;
                self.meet(path, stat);
            }
        }
        Ok(())
    }

    fn follow(&mut self, link: PathBuf) -> Result<(), ConnectError> {
        let stat = match self.tree.metadata(&link) {
            Ok(stat) => stat,
            Err(error) if leads_nowhere(&error) => {
                self.skip(link, SkipReason::DanglingLink);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        assert_ne!(stat.kind, EntryKind::Link, "metadata follows links");
        let is_met = stat.kind == EntryKind::File && self.seen_files.contains(&stat.id);
        if !is_met {
            self.meet(link, stat);
        }
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

/// A link to nothing, or one of a ring of links that lead to each other.
fn leads_nowhere(error: &DriverError) -> bool {
    let code = io_cause(error).and_then(std::io::Error::raw_os_error);
    is_absent(error) || code == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(test)]
mod tests;

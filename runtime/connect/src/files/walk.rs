//! All visible files below a folder.
//!
//! As in Flink, names that begin with `.` or `_` are hidden. Links are followed, but what they lead
//! to is read once: real entries come first, then links in the order of their names, and a link to a
//! file or folder that the walk has already met adds nothing. So loops end, a folder full of links
//! into itself (the Linux source tree has some) counts nothing twice, and the work is bounded by the
//! number of real folders.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::local::{FileId, Kind, Stat, Tree};
use crate::error::ConnectError;

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
    tree: Tree<'a>,
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    folders: Vec<PathBuf>,
    links: BinaryHeap<Reverse<PathBuf>>,
    seen_folders: HashSet<FileId>,
    seen_files: HashSet<FileId>,
}

/// Whether a name is hidden from folders and patterns.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_bytes().first(), Some(b'.' | b'_'))
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: Tree<'a>) -> Walk<'a> {
        Walk {
            tree,
            files: Vec::new(),
            skipped: Vec::new(),
            folders: Vec::new(),
            links: BinaryHeap::new(),
            seen_folders: HashSet::new(),
            seen_files: HashSet::new(),
        }
    }

    /// Takes an input the user named: a file as it is, a folder with all that is below it.
    pub(super) fn add_named(&mut self, path: &Path, stat: Stat) -> Result<(), ConnectError> {
        if let Kind::Special(kind) = stat.kind {
            return Err(ConnectError::NotRegular { path: path.to_path_buf(), kind });
        }
        assert_ne!(stat.kind, Kind::Link, "the caller follows links");
        self.meet(path.to_path_buf(), stat);
        self.run()
    }

    /// Takes what a pattern matched, as if it were the contents of one folder.
    pub(super) fn add_matches(&mut self, matches: Vec<PathBuf>) -> Result<(), ConnectError> {
        for path in matches {
            let stat = self
                .tree
                .stat_entry(&path)
                .map_err(|source| ConnectError::io("look at", &path, source))?;
            self.meet(path, stat);
        }
        self.run()
    }

    fn meet(&mut self, path: PathBuf, stat: Stat) {
        match stat.kind {
            Kind::File => self.add_file(path, stat),
            Kind::Folder => self.add_folder(path, stat),
            Kind::Link => self.links.push(Reverse(path)),
            Kind::Special(kind) => self.skip(path, SkipReason::Special(kind)),
        }
    }

    fn add_file(&mut self, path: PathBuf, stat: Stat) {
        self.seen_files.insert(stat.id);
        self.files.push(Found { path, size: stat.size });
    }

    fn add_folder(&mut self, path: PathBuf, stat: Stat) {
        if self.seen_folders.insert(stat.id) {
            self.folders.push(path);
        }
    }

    /// Until nothing is left: real folders first, then the link with the smallest name.
    fn run(&mut self) -> Result<(), ConnectError> {
        loop {
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
        let entries = self
            .tree
            .entries(folder)
            .map_err(|source| ConnectError::io("list the folder", folder, source))?;
        for (path, stat) in entries {
            if !path.file_name().is_some_and(is_hidden) {
                self.meet(path, stat);
            }
        }
        Ok(())
    }

    fn follow(&mut self, link: PathBuf) -> Result<(), ConnectError> {
        let stat = match self.tree.stat(&link) {
            Ok(stat) => stat,
            Err(error) if leads_nowhere(&error) => {
                self.skip(link, SkipReason::DanglingLink);
                return Ok(());
            }
            Err(source) => return Err(ConnectError::io("follow the link", &link, source)),
        };
        assert_ne!(stat.kind, Kind::Link, "stat follows links");
        let is_met = stat.kind == Kind::File && self.seen_files.contains(&stat.id);
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
fn leads_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(test)]
mod tests;

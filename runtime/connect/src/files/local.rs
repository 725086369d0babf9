//! The metadata calls that listing needs, in one place. Symbolic links are told apart from what
//! they point to; everything else about a file is its size and identity.
//!
//! On the system's files these calls go to the system directly, since the driver's side of them has
//! neither links nor identities; a simulated disk has no links, and there they go through the driver.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, EntryKind, FileMetadata, Files};

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// A device, pipe or socket; reading it would block or never end.
    Special(&'static str),
}

/// Which file it is, however many names lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FileId {
    Inode {
        device: u64,
        inode: u64,
    },
    /// On a disk without links a path is as good.
    Path(PathBuf),
}

/// What listing needs to know of a file.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) id: FileId,
}

/// The filesystem that is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'a> {
    files: &'a Files,
}

impl<'a> Tree<'a> {
    pub(super) fn new(files: &'a Files) -> Tree<'a> {
        Tree { files }
    }

    /// What `path` is after following links.
    pub(super) fn stat(self, path: &Path) -> io::Result<Stat> {
        match self.files.is_simulated() {
            true => self.stat_simulated(path),
            false => fs::metadata(path).map(|metadata| Stat::of(&metadata)),
        }
    }

    /// What the directory entry `path` is, which may be a link.
    pub(super) fn stat_entry(self, path: &Path) -> io::Result<Stat> {
        match self.files.is_simulated() {
            true => self.stat_simulated(path),
            false => fs::symlink_metadata(path).map(|metadata| Stat::of(&metadata)),
        }
    }

    /// The entries of a folder, in no particular order, links not followed.
    pub(super) fn entries(self, folder: &Path) -> io::Result<Vec<(PathBuf, Stat)>> {
        if self.files.is_simulated() {
            let paths = self.files.list(folder).map_err(cause)?;
            return paths.into_iter().map(|path| Ok((path.clone(), self.stat(&path)?))).collect();
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            entries.push((entry.path(), Stat::of(&entry.metadata()?)));
        }
        Ok(entries)
    }

    fn stat_simulated(self, path: &Path) -> io::Result<Stat> {
        let FileMetadata { kind, len } = self.files.metadata(path).map_err(cause)?;
        let kind = match kind {
            EntryKind::File => Kind::File,
            EntryKind::Directory => Kind::Folder,
            EntryKind::Other => Kind::Special("device"),
        };
        Ok(Stat { kind, size: len, id: FileId::Path(path.to_path_buf()) })
    }
}

impl Stat {
    fn of(metadata: &fs::Metadata) -> Stat {
        let file_type = metadata.file_type();
        let kind = if file_type.is_file() {
            Kind::File
        } else if file_type.is_dir() {
            Kind::Folder
        } else if file_type.is_symlink() {
            Kind::Link
        } else if file_type.is_fifo() {
            Kind::Special("pipe")
        } else if file_type.is_socket() {
            Kind::Special("socket")
        } else {
            Kind::Special("device")
        };
        let id = FileId::Inode { device: metadata.dev(), inode: metadata.ino() };
        Stat { kind, size: metadata.len(), id }
    }
}

/// What the system, or the simulation in its place, said; callers name the path themselves.
fn cause(error: DriverError) -> io::Error {
    match error {
        DriverError::File { source, .. } => source,
        other => io::Error::other(other),
    }
}

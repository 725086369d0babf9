//! The metadata calls that listing needs, in one place. Symbolic links are told apart from what
//! they point to; everything else about a file is its size and identity.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// What listing needs to know of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) id: FileId,
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
        let id = FileId { device: metadata.dev(), inode: metadata.ino() };
        Stat { kind, size: metadata.len(), id }
    }
}

/// What `path` is after following links.
pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    fs::metadata(path).map(|metadata| Stat::of(&metadata))
}

/// What the directory entry `path` is, which may be a link.
pub(super) fn stat_entry(path: &Path) -> io::Result<Stat> {
    fs::symlink_metadata(path).map(|metadata| Stat::of(&metadata))
}

/// The entries of a folder, in no particular order, links not followed.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<(OsString, Stat)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name(), Stat::of(&entry.metadata()?)));
    }
    Ok(entries)
}

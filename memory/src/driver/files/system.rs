//! The calls of [`super::Files`] to the operating system that take more than one line.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{EntryKind, File, FileId, FileMetadata, OpenOptions};

pub(super) fn open(path: &Path, options: OpenOptions) -> io::Result<File> {
    let flags = flags_of(options);
    let mode = Mode::from_raw_mode(0o644);
    if options.direct {
        match rustix::fs::open(path, flags | OFlags::DIRECT, mode) {
            Ok(descriptor) => return Ok(File::of_system(path.to_owned(), descriptor, true)),
            // What filesystems without direct transfers (older tmpfs, some network ones) answer.
            Err(Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A filesystem may refuse the flag after it made the file, which is then no longer new.
    let again = if options.direct { flags - OFlags::EXCL } else { flags };
    let descriptor = rustix::fs::open(path, again, mode)?;
    Ok(File::of_system(path.to_owned(), descriptor, false))
}

fn flags_of(options: OpenOptions) -> OFlags {
    let mut flags = match (options.read, options.write) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    flags |= OFlags::CLOEXEC;
    flags.set(OFlags::CREATE, options.create || options.create_new);
    flags.set(OFlags::EXCL, options.create_new);
    flags.set(OFlags::TRUNC, options.truncate);
    flags
}

pub(super) fn metadata(path: &Path) -> io::Result<FileMetadata> {
    fs::metadata(path).map(|metadata| described(&metadata))
}

pub(super) fn entry_metadata(path: &Path) -> io::Result<FileMetadata> {
    fs::symlink_metadata(path).map(|metadata| described(&metadata))
}

fn described(metadata: &fs::Metadata) -> FileMetadata {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        EntryKind::Link
    } else if file_type.is_fifo() {
        EntryKind::Special("pipe")
    } else if file_type.is_socket() {
        EntryKind::Special("socket")
    } else {
        EntryKind::Special("device")
    };
    let id = FileId { device: metadata.dev(), inode: metadata.ino() };
    FileMetadata { kind, len: metadata.len(), id }
}

pub(super) fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

pub(super) fn try_lock(path: &Path) -> io::Result<Option<OwnedFd>> {
    // Not blocking: a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty())?;
    match rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // The one that held it may have removed the name before it let go.
    let linked = rustix::fs::fstat(&opened)?.st_nlink > 0;
    Ok(linked.then_some(opened))
}

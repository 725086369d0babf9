//! The calls of [`super::Files`] to the operating system that take more than one line.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{EntryKind, File, FileMetadata, OpenOptions};

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
    let metadata = fs::metadata(path)?;
    let kind = if metadata.is_dir() {
        EntryKind::Directory
    } else if metadata.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
    };
    Ok(FileMetadata { kind, len: metadata.len() })
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

pub(super) fn try_lock_dir(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // The one that held it may have removed the folder before it let go.
    let linked = rustix::fs::fstat(&folder)?.st_nlink > 0;
    Ok(linked.then_some(folder))
}

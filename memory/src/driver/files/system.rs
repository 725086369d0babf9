//! [`super::Files`] on the operating system.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::{EntryKind, File, FileEntry, FileMetadata, OpenOptions};
use crate::driver::DriverError;

fn failed(action: &str, path: &Path, source: impl Into<io::Error>) -> DriverError {
    DriverError::File { action: action.to_owned(), path: path.to_owned(), source: source.into() }
}

pub(super) fn open(path: &Path, options: OpenOptions) -> Result<File, DriverError> {
    let flags = flags_of(options);
    let mode = Mode::from_raw_mode(0o644);
    if options.direct {
        match rustix::fs::open(path, flags | OFlags::DIRECT, mode) {
            Ok(descriptor) => return Ok(File::of_system(path.to_owned(), descriptor, true)),
            // What filesystems without direct transfers (older tmpfs, some network ones) answer.
            Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(failed("open", path, error)),
        }
    }
    // A filesystem may refuse the flag after it made the file, which is then no longer new.
    let again = if options.direct { flags - OFlags::EXCL } else { flags };
    let descriptor =
        rustix::fs::open(path, again, mode).map_err(|error| failed("open", path, error))?;
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

pub(super) fn create_dir_all(path: &Path) -> Result<(), DriverError> {
    fs::create_dir_all(path).map_err(|error| failed("create the folder", path, error))
}

pub(super) fn metadata(path: &Path) -> Result<FileMetadata, DriverError> {
    let metadata = fs::metadata(path).map_err(|error| failed("look at", path, error))?;
    let kind = if metadata.is_dir() {
        EntryKind::Directory
    } else if metadata.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
    };
    Ok(FileMetadata { kind, len: metadata.len() })
}

pub(super) fn list(path: &Path) -> Result<Vec<FileEntry>, DriverError> {
    let entries = fs::read_dir(path).map_err(|error| failed("list", path, error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", path, error))?;
        found.push(FileEntry { path: entry.path() });
    }
    found.sort();
    Ok(found)
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), DriverError> {
    let action = || format!("rename to {}", to.display());
    fs::rename(from, to).map_err(|error| failed(&action(), from, error))
}

pub(super) fn unlink(path: &Path) -> Result<(), DriverError> {
    fs::remove_file(path).map_err(|error| failed("remove", path, error))
}

pub(super) fn remove_dir(path: &Path) -> Result<(), DriverError> {
    fs::remove_dir(path).map_err(|error| failed("remove the folder", path, error))
}

pub(super) fn sync_dir(path: &Path) -> Result<(), DriverError> {
    let folder = fs::File::open(path).map_err(|error| failed("open", path, error))?;
    folder.sync_all().map_err(|error| failed("sync the folder", path, error))
}

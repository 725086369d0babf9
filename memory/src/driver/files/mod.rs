//! Files: the metadata side (synchronous, short calls) and the handles that operations work on.
//!
//! Opening, listing, renaming and removing go through [`Files`], so that a simulation can put its
//! own disks in their place; reading, writing and syncing are operations of the driver.
//!
//! Thread: any. Metadata calls can block for a disk's access; call them where a task starts or
//! ends, not per record.

mod handle;
mod system;

use std::path::{Path, PathBuf};

pub use handle::File;

use super::DriverError;

/// How to open a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Make it when it isn't there.
    pub create: bool,
    /// Make it; an error when it is there.
    pub create_new: bool,
    /// Empty it.
    pub truncate: bool,
    /// Around the page cache (`O_DIRECT`), where the filesystem can; [`File::is_direct`] tells.
    /// Offsets, lengths and memory of operations must then be multiples of the block (4096).
    pub direct: bool,
}

impl OpenOptions {
    /// Reading only.
    pub const READ: OpenOptions = OpenOptions {
        read: true,
        write: false,
        create: false,
        create_new: false,
        truncate: false,
        direct: false,
    };

    /// A new file to write, or one that is there, emptied.
    pub const CREATE: OpenOptions =
        OpenOptions { write: true, create: true, truncate: true, ..OpenOptions::READ };

    /// A new file to write and read; an error when there is one.
    pub const CREATE_NEW: OpenOptions =
        OpenOptions { write: true, create_new: true, ..OpenOptions::READ };

    /// The same, direct.
    pub const fn direct(mut self) -> OpenOptions {
        self.direct = true;
        self
    }
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// An ordinary file.
    File,
    /// A folder.
    Directory,
    /// Neither, such as a socket.
    Other,
}

/// What the filesystem knows of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMetadata {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes.
    pub len: u64,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileEntry {
    /// The folder's path and the name.
    pub path: PathBuf,
}

/// The metadata side of a driver's files. A clone works on the same files.
#[derive(Clone, Debug)]
pub struct Files {
    disk: Disk,
}

#[derive(Clone, Debug)]
enum Disk {
    System,
}

impl Files {
    /// The files of the operating system, for code that has no driver at hand.
    pub fn system() -> Files {
        Files { disk: Disk::System }
    }

    /// Opens or makes a file. Relative paths are taken from the process's folder.
    pub fn open(&self, path: &Path, options: OpenOptions) -> Result<File, DriverError> {
        match &self.disk {
            Disk::System => system::open(path, options),
        }
    }

    /// Makes a folder and those above it; content with a folder that is there.
    pub fn create_dir_all(&self, path: &Path) -> Result<(), DriverError> {
        match &self.disk {
            Disk::System => system::create_dir_all(path),
        }
    }

    /// What a path names, through symbolic links.
    pub fn metadata(&self, path: &Path) -> Result<FileMetadata, DriverError> {
        match &self.disk {
            Disk::System => system::metadata(path),
        }
    }

    /// The entries of a folder, sorted by name.
    pub fn list(&self, path: &Path) -> Result<Vec<FileEntry>, DriverError> {
        match &self.disk {
            Disk::System => system::list(path),
        }
    }

    /// Renames a file or folder, replacing a file that is there, in one step.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), DriverError> {
        match &self.disk {
            Disk::System => system::rename(from, to),
        }
    }

    /// Removes a file's name; open handles keep working.
    pub fn unlink(&self, path: &Path) -> Result<(), DriverError> {
        match &self.disk {
            Disk::System => system::unlink(path),
        }
    }

    /// Removes an empty folder.
    pub fn remove_dir(&self, path: &Path) -> Result<(), DriverError> {
        match &self.disk {
            Disk::System => system::remove_dir(path),
        }
    }

    /// Brings a folder's entries (names made, renamed, removed) to stable storage.
    pub fn sync_dir(&self, path: &Path) -> Result<(), DriverError> {
        match &self.disk {
            Disk::System => system::sync_dir(path),
        }
    }
}

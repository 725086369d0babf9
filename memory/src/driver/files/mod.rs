//! Files: the metadata side (synchronous, short calls) and the handles that operations work on.
//!
//! Opening, listing, renaming and removing go through [`Files`], so that a simulation can put its
//! own disks in their place; reading, writing and syncing are operations of the driver.
//!
//! Thread: any. Metadata calls can block for a disk's access; call them where a task starts or
//! ends, not per record.

mod handle;
mod system;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use handle::LockHolder;
pub(crate) use handle::WeakFile;
pub use handle::{File, PathLock};

use super::{DriverError, SimulatedWorld};

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
    /// A symbolic link, where links are not followed.
    Link,
    /// A pipe, socket or device, in a word: reading it would block or never end.
    Special(&'static str),
}

/// What the filesystem knows of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMetadata {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes.
    pub len: u64,
    /// Which file it is, however many names lead to it.
    pub id: FileId,
}

/// A file apart from its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The filesystem.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// The metadata side of a driver's files. A clone works on the same files.
#[derive(Clone, Debug)]
pub struct Files {
    disk: Disk,
}

#[derive(Clone, Debug)]
enum Disk {
    System,
    Simulated(SimulatedWorld),
}

impl Files {
    /// The files of the operating system, for code that has no driver at hand.
    pub fn system() -> Files {
        Files { disk: Disk::System }
    }

    /// The files of a simulated machine.
    pub fn simulated(world: SimulatedWorld) -> Files {
        Files { disk: Disk::Simulated(world) }
    }

    /// Whether these are the files of a simulation.
    pub fn is_simulated(&self) -> bool {
        matches!(self.disk, Disk::Simulated(_))
    }

    /// Opens or makes a file. Relative paths are taken from the process's folder.
    pub fn open(&self, path: &Path, options: OpenOptions) -> Result<File, DriverError> {
        let opened = match &self.disk {
            Disk::System => system::open(path, options),
            Disk::Simulated(world) => world.open(path, options).map(|file| {
                File::of_simulation(path.to_owned(), file, world.clone(), options.direct)
            }),
        };
        opened.map_err(|error| failed("open", path, error))
    }

    /// Makes a folder and those above it; content with a folder that is there.
    pub fn create_dir_all(&self, path: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => fs::create_dir_all(path),
            Disk::Simulated(world) => world.create_dir_all(path),
        };
        done.map_err(|error| failed("create the folder", path, error))
    }

    /// Makes one folder; an error when there is anything of that name.
    pub fn create_dir(&self, path: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => fs::create_dir(path),
            Disk::Simulated(world) => world.create_dir(path),
        };
        done.map_err(|error| failed("create the folder", path, error))
    }

    /// What a path names, through symbolic links.
    pub fn metadata(&self, path: &Path) -> Result<FileMetadata, DriverError> {
        let found = match &self.disk {
            Disk::System => system::metadata(path),
            Disk::Simulated(world) => world.metadata(path),
        };
        found.map_err(|error| failed("look at", path, error))
    }

    /// What an entry of a folder is, which may be a link.
    pub fn entry_metadata(&self, path: &Path) -> Result<FileMetadata, DriverError> {
        let found = match &self.disk {
            Disk::System => system::entry_metadata(path),
            // A simulation has no links.
            Disk::Simulated(world) => world.metadata(path),
        };
        found.map_err(|error| failed("look at", path, error))
    }

    /// The paths of a folder's entries, sorted.
    pub fn list(&self, path: &Path) -> Result<Vec<PathBuf>, DriverError> {
        let found = match &self.disk {
            Disk::System => system::list(path),
            Disk::Simulated(world) => world.list(path),
        };
        found.map_err(|error| failed("list", path, error))
    }

    /// Renames a file or folder, replacing a file that is there, in one step.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => fs::rename(from, to),
            Disk::Simulated(world) => world.rename(from, to),
        };
        done.map_err(|error| failed(&format!("rename to {}", to.display()), from, error))
    }

    /// Removes a file's name; open handles keep working.
    pub fn unlink(&self, path: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => fs::remove_file(path),
            Disk::Simulated(world) => world.unlink(path),
        };
        done.map_err(|error| failed("remove", path, error))
    }

    /// Removes an empty folder.
    pub fn remove_dir(&self, path: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => fs::remove_dir(path),
            Disk::Simulated(world) => world.remove_dir(path),
        };
        done.map_err(|error| failed("remove the folder", path, error))
    }

    /// Brings a folder's entries (names made, renamed, removed) to stable storage.
    pub fn sync_dir(&self, path: &Path) -> Result<(), DriverError> {
        let done = match &self.disk {
            Disk::System => system::sync_dir(path),
            Disk::Simulated(world) => world.sync_dir(path),
        };
        done.map_err(|error| failed("sync the folder", path, error))
    }

    /// Takes the lock of a file or folder, which ends with its process at the latest. None while
    /// another holds it, in this process or another, or when its name was removed meanwhile.
    pub fn try_lock(&self, path: &Path) -> Result<Option<PathLock>, DriverError> {
        let holder = match &self.disk {
            Disk::System => system::try_lock(path).map(|held| held.map(LockHolder::System)),
            Disk::Simulated(world) => world.lock(path).map(|held| held.map(LockHolder::Simulated)),
        };
        let holder = holder.map_err(|error| failed("lock", path, error))?;
        Ok(holder.map(PathLock::new))
    }
}

fn failed(action: &str, path: &Path, source: io::Error) -> DriverError {
    DriverError::File { action: action.to_owned(), path: path.to_owned(), source }
}

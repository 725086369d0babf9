//! [`File`]: an open file that operations work on, and [`PathLock`].

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use crate::driver::DriverError;
use crate::driver::simulated::{SimulatedFile, SimulatedLock, SimulatedWorld};

use super::failed;

/// An open file. Clones share it; it is closed when the last clone and the last operation on it
/// are gone.
#[derive(Clone, Debug)]
pub struct File {
    open: Arc<OpenFile>,
}

/// Knows a file without keeping it open.
#[derive(Debug)]
pub(crate) struct WeakFile(Weak<OpenFile>);

impl WeakFile {
    pub(crate) fn is(&self, file: &File) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&file.open))
    }

    /// No handle is left, so no transfer either.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.strong_count() == 0
    }
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    direct: bool,
    source: Source,
    /// Why a sync failed. Data that the system dropped then is lost though later syncs succeed, so
    /// nothing on this handle may succeed any more.
    poison: OnceLock<String>,
}

#[derive(Debug)]
enum Source {
    System(OwnedFd),
    Simulated(SimulatedFile, SimulatedWorld),
}

impl File {
    pub(super) fn of_system(path: PathBuf, descriptor: OwnedFd, direct: bool) -> File {
        File::new(path, Source::System(descriptor), direct)
    }

    pub(super) fn of_simulation(
        path: PathBuf,
        file: SimulatedFile,
        world: SimulatedWorld,
        direct: bool,
    ) -> File {
        File::new(path, Source::Simulated(file, world), direct)
    }

    fn new(path: PathBuf, source: Source, direct: bool) -> File {
        File { open: Arc::new(OpenFile { path, direct, source, poison: OnceLock::new() }) }
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.open.path
    }

    /// Whether operations go around the page cache, so that offsets, lengths and memory must be
    /// multiples of the block (4096).
    pub fn is_direct(&self) -> bool {
        self.open.direct
    }

    /// Bytes in the file now.
    pub fn len(&self) -> Result<u64, DriverError> {
        let len = match &self.open.source {
            Source::System(descriptor) => rustix::fs::fstat(descriptor)
                .map(|stat| u64::try_from(stat.st_size).expect("a length is not negative"))
                .map_err(io::Error::from),
            Source::Simulated(file, world) => world.len(file),
        };
        len.map_err(|error| failed("look at", self.path(), error))
    }

    /// Whether the file has no bytes now.
    pub fn is_empty(&self) -> Result<bool, DriverError> {
        self.len().map(|len| len == 0)
    }

    /// Cuts the file or extends it with zeros.
    pub fn set_len(&self, len: u64) -> Result<(), DriverError> {
        let done = match &self.open.source {
            Source::System(descriptor) => {
                rustix::fs::ftruncate(descriptor, len).map_err(io::Error::from)
            }
            Source::Simulated(file, world) => world.set_len(file, len),
        };
        done.map_err(|error| failed("set the length of", self.path(), error))
    }

    /// # Panics
    /// When the file is simulated: files of one world don't go into drivers of another.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.open.source {
            Source::System(descriptor) => descriptor.as_fd(),
            Source::Simulated(..) => panic!("{} is a simulated file", self.path().display()),
        }
    }

    pub(crate) fn raw_descriptor(&self) -> RawFd {
        self.descriptor().as_raw_fd()
    }

    pub(crate) fn downgrade(&self) -> WeakFile {
        WeakFile(Arc::downgrade(&self.open))
    }

    /// # Panics
    /// When the file is real.
    pub(crate) fn simulated(&self) -> &SimulatedFile {
        match &self.open.source {
            Source::Simulated(file, _) => file,
            Source::System(_) => panic!("{} is not a simulated file", self.path().display()),
        }
    }

    /// After a failed sync: every later operation fails.
    pub(crate) fn poison(&self, cause: &io::Error) {
        // A second failure has nothing to add.
        let _ = self.open.poison.set(cause.to_string());
    }

    /// The error for an operation on a poisoned file.
    pub(crate) fn check_poison(&self) -> io::Result<()> {
        match self.open.poison.get() {
            None => Ok(()),
            Some(cause) => Err(io::Error::other(format!(
                "an earlier sync failed ({cause}), so what was written may be lost; write the \
                 file anew"
            ))),
        }
    }
}

/// The lock of a file or folder, held until it is dropped or its process ends.
#[derive(Debug)]
pub struct PathLock {
    #[expect(dead_code, reason = "the lock is held as long as this lives")]
    holder: LockHolder,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, never looked at")]
pub(super) enum LockHolder {
    System(OwnedFd),
    Simulated(SimulatedLock),
}

impl PathLock {
    pub(super) fn new(holder: LockHolder) -> PathLock {
        PathLock { holder }
    }
}

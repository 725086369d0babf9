//! [`File`]: an open file that operations work on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// An open file. Clones share it; it is closed when the last clone and the last operation on it
/// are gone.
#[derive(Clone, Debug)]
pub struct File {
    open: Arc<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    direct: bool,
    descriptor: OwnedFd,
    /// Why a sync failed. Data that the system dropped then is lost though later syncs succeed, so
    /// nothing on this handle may succeed any more.
    poison: OnceLock<String>,
}

impl File {
    pub(super) fn of_system(path: PathBuf, descriptor: OwnedFd, direct: bool) -> File {
        File { open: Arc::new(OpenFile { path, direct, descriptor, poison: OnceLock::new() }) }
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.open.path
    }

    /// Whether operations go around the page cache.
    pub fn is_direct(&self) -> bool {
        self.open.direct
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.open.descriptor.as_fd()
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

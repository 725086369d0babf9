//! A file that is being written under a hidden name, and the removal of such files that nobody
//! writes any more.
//!
//! Its writer holds a lock on it (`flock`). The system drops the lock when the process dies, however
//! it dies and in whatever container it ran, so whoever gets the lock may remove the file. A sweep can
//! come between making a file and locking it; the writer therefore looks after locking whether the
//! file still has its name, and else makes another one.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, File, Files, OpenOptions};

use super::folder::PartName;
use crate::constants::NAME_ATTEMPTS;
use crate::error::ConnectError;

/// A file in progress; removed when dropped, unless it was renamed.
#[derive(Debug)]
pub(super) struct InProgress {
    files: Files,
    folder: PathBuf,
    subtask: u32,
    path: PathBuf,
    file: File,
    /// None in a simulated filesystem, where no process dies.
    _lock: Option<fs::File>,
    is_renamed: bool,
}

/// What came of locking a file.
enum Locking {
    Locked(fs::File),
    /// Somebody swept it.
    Swept,
    /// The file is not in the system's filesystem, or that has no locks.
    Impossible,
}

impl InProgress {
    /// Makes the file for a subtask.
    pub(super) fn create(
        files: &Files,
        folder: &Path,
        subtask: u32,
    ) -> Result<InProgress, ConnectError> {
        for attempt in 0..NAME_ATTEMPTS {
            let name = PartName::in_progress(subtask, std::process::id(), attempt);
            let path = folder.join(name);
            let file = match files.open(&path, OpenOptions::CREATE_NEW) {
                Ok(file) => file,
                Err(DriverError::File { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists =>
                {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let lock = match lock(&path)? {
                Locking::Locked(lock) => Some(lock),
                Locking::Impossible if files.metadata(&path).is_ok() => None,
                Locking::Impossible | Locking::Swept => continue,
            };
            let (files, folder) = (files.clone(), folder.to_path_buf());
            let is_renamed = false;
            return Ok(InProgress { files, folder, subtask, path, file, _lock: lock, is_renamed });
        }
        let error = io::Error::other("too many files in progress; remove those of dead jobs");
        Err(ConnectError::io("make a file in", folder, error))
    }

    /// The filesystem it is in.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// The file, to write to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Where it is going to be.
    pub(super) fn target(&self) -> PathBuf {
        self.folder.join(PartName::finished(self.subtask))
    }

    /// Gives it its final name.
    pub(super) fn rename(mut self) -> Result<(), ConnectError> {
        self.files.rename(&self.path, &self.target())?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if self.is_renamed {
            return;
        }
        if let Err(error) = self.files.unlink(&self.path) {
            tracing::warn!(%error, "a file in progress is left over");
        }
    }
}

fn lock(path: &Path) -> Result<Locking, ConnectError> {
    let failed = |error| ConnectError::io("lock", path, error);
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Locking::Impossible);
        }
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) if file.metadata().map_err(failed)?.nlink() > 0 => Ok(Locking::Locked(file)),
        Ok(()) | Err(fs::TryLockError::WouldBlock) => Ok(Locking::Swept),
        Err(fs::TryLockError::Error(error)) => {
            tracing::debug!(%error, path = %path.display(), "no locks on this filesystem");
            Ok(Locking::Impossible)
        }
    }
}

/// Removes a file in progress if its writer is dead.
pub(super) fn sweep(files: &Files, folder: &Path, name: &OsStr) -> Result<(), ConnectError> {
    let path = folder.join(name);
    if let Ok(Locking::Locked(_lock)) = lock(&path) {
        tracing::info!(path = %path.display(), "removing what a dead job left over");
        files.unlink(&path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

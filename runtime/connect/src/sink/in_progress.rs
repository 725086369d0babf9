//! A file that is being written under a hidden name, and the removal of such files that nobody
//! writes any more.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, File, Files, OpenOptions};

use super::folder::PartName;
use super::publication::Share;
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
    is_renamed: bool,
}

impl InProgress {
    /// Makes the file for a subtask.
    pub(super) fn create(
        files: &Files,
        folder: &Path,
        share: &Share,
    ) -> Result<InProgress, ConnectError> {
        let subtask = share.subtask;
        for attempt in 0..NAME_ATTEMPTS {
            let name = PartName::in_progress(subtask, &share.writer, attempt);
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
            let (files, folder) = (files.clone(), folder.to_path_buf());
            return Ok(InProgress { files, folder, subtask, path, file, is_renamed: false });
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

/// Removes all files in progress of a folder. The caller holds the folder's lock, so their writers
/// are dead.
pub(super) fn sweep(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    for path in files.list(folder)? {
        let name = path.file_name().expect("an entry has a name");
        if PartName::parse(name) == Some(PartName::InProgress) {
            tracing::info!(path = %path.display(), "removing what a dead job left over");
            files.unlink(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

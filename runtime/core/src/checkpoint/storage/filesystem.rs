//! Storage `filesystem`: the folders of a job, its metadata, and removal.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, Files};

use super::disk::Disk;
use super::error::StorageError;
use crate::checkpoint::CheckpointId;
use crate::checkpoint::coordinator::{CheckpointTarget, Discarded};
use crate::checkpoint::handle::{CompletedCheckpoint, Place, StatePath};
use crate::checkpoint::metadata::{METADATA_FILE, encode};
use crate::graph::JobId;

/// The name under which metadata is written before it counts.
pub(super) const METADATA_IN_PROGRESS: &str = "_metadata.inprogress";

/// Begins the name of a checkpoint's folder; its number follows.
pub(super) const CHECKPOINT_FOLDER: &str = "chk-";

/// The folders of one job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSystemStorage {
    job_dir: PathBuf,
}

/// Metadata in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The checkpoint's folder.
    pub location: PathBuf,
    /// Bytes of the metadata.
    pub bytes: u64,
}

impl FileSystemStorage {
    /// Below `base` (`execution.checkpointing.dir`), in a folder called by the job's id.
    pub fn of_job(base: &Path, job: JobId) -> FileSystemStorage {
        FileSystemStorage { job_dir: base.join(job.to_string()) }
    }

    /// In this very folder (`execution.checkpointing.create-subdir` is false).
    pub fn in_folder(folder: PathBuf) -> FileSystemStorage {
        FileSystemStorage { job_dir: folder }
    }

    /// The job's folder.
    pub fn job_dir(&self) -> &Path {
        &self.job_dir
    }

    /// Where files of this place go, for a checkpoint or savepoint.
    pub fn folder(&self, id: CheckpointId, target: &CheckpointTarget, place: Place) -> PathBuf {
        match (place, target) {
            (Place::Checkpoint, CheckpointTarget::Checkpoint) => {
                self.job_dir.join(format!("{CHECKPOINT_FOLDER}{id}"))
            }
            (Place::Checkpoint, CheckpointTarget::Folder(folder)) => local_path(folder),
            (Place::Shared, _) => self.job_dir.join("shared"),
            (Place::TaskOwned, _) => self.job_dir.join("taskowned"),
        }
    }

    /// The file of a state, given the folder of the checkpoint that names it. Shared folders lie
    /// beside it, so a job's folder can be moved as a whole and a savepoint by itself.
    pub fn resolve(checkpoint_dir: &Path, path: &StatePath) -> PathBuf {
        let beside = |folder: &str| match checkpoint_dir.parent() {
            Some(job_dir) => job_dir.join(folder),
            None => checkpoint_dir.join(folder),
        };
        match path.place() {
            Place::Checkpoint => checkpoint_dir.join(path.name()),
            Place::Shared => beside("shared").join(path.name()),
            Place::TaskOwned => beside("taskowned").join(path.name()),
        }
    }

    /// Makes the job's folders, as Flink does at the start of a job.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn prepare(&self, files: &Files) -> Result<(), StorageError> {
        files.create_dir_all(&self.job_dir.join("shared"))?;
        files.create_dir_all(&self.job_dir.join("taskowned"))?;
        Ok(())
    }

    /// Writes the metadata of a checkpoint whose state files are all synced. When this returns a
    /// checkpoint, it survives any crash; when it fails, nothing of the metadata is left, as far as
    /// the disk still takes orders. The README says why.
    ///
    /// # Errors
    /// When there is one of this number, or the disk fails.
    pub fn write_metadata(
        &self,
        disk: &mut Disk,
        checkpoint: &CompletedCheckpoint,
        target: &CheckpointTarget,
    ) -> Result<Written, StorageError> {
        let folder = self.folder(checkpoint.id, target, Place::Checkpoint);
        let name = folder.join(METADATA_FILE);
        disk.files().create_dir_all(&folder)?;
        match disk.files().metadata(&name) {
            Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(StorageError::AlreadyThere { id: checkpoint.id, path: name }),
        }
        let bytes = encode(checkpoint);
        let written = self.commit(disk, checkpoint, &folder, &bytes);
        if let Err(error) = written {
            withdraw(disk.files(), &folder);
            return Err(error);
        }
        Ok(Written { location: folder, bytes: bytes.len() as u64 })
    }

    fn commit(
        &self,
        disk: &mut Disk,
        checkpoint: &CompletedCheckpoint,
        folder: &Path,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        let in_progress = folder.join(METADATA_IN_PROGRESS);
        disk.write_new(&in_progress, bytes)?;
        let files = disk.files();
        // The names of state files, and of the folders on the way to them.
        files.sync_dir(folder)?;
        for place in [Place::Shared, Place::TaskOwned] {
            if !checkpoint.files(place).is_empty() {
                files.sync_dir(&self.folder(
                    checkpoint.id,
                    &CheckpointTarget::Checkpoint,
                    place,
                ))?;
            }
        }
        sync_above(files, folder)?;
        files.rename(&in_progress, &folder.join(METADATA_FILE))?;
        files.sync_dir(folder)?;
        Ok(())
    }

    /// Removes a savepoint's folder with the files in it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn remove(files: &Files, folder: &Path) -> Result<(), StorageError> {
        remove_checkpoint(files, folder)
    }

    /// Removes what the coordinator says. Metadata goes first, so that what is left of a checkpoint
    /// is never taken for one.
    ///
    /// # Errors
    /// When the disk fails; what is left is found by [`super::check`].
    pub fn discard(&self, files: &Files, discarded: &Discarded) -> Result<(), StorageError> {
        let folder = self.folder(discarded.id, &discarded.target, Place::Checkpoint);
        if discarded.whole {
            remove_checkpoint(files, &folder)?;
        } else {
            for path in &discarded.own {
                gone_or(files.unlink(&folder.join(path.name())))?;
            }
        }
        for path in &discarded.shared {
            // Those of a checkpoint that was claimed lie beside it.
            let file = match &discarded.target {
                CheckpointTarget::Checkpoint => self.job_dir.join("shared").join(path.name()),
                CheckpointTarget::Folder(_) => FileSystemStorage::resolve(&folder, path),
            };
            gone_or(files.unlink(&file))?;
        }
        Ok(())
    }
}

/// Any folder on the way may be new: its name is in the one above. Only those that we made we can
/// surely open; one that belongs to another user was there before.
fn sync_above(files: &Files, folder: &Path) -> Result<(), StorageError> {
    for above in folder.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        match files.sync_dir(above) {
            Err(error) if error.kind() == Some(io::ErrorKind::PermissionDenied) => break,
            synced => synced?,
        }
    }
    Ok(())
}

/// A path as Flink's users write it: plain, or with the scheme of local files.
pub(crate) fn local_path(text: &str) -> PathBuf {
    let plain = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:"));
    PathBuf::from(plain.unwrap_or(text))
}

/// After a failure nothing may be left that looks like a checkpoint.
fn withdraw(files: &Files, folder: &Path) {
    for name in [METADATA_FILE, METADATA_IN_PROGRESS] {
        if let Err(error) = gone_or(files.unlink(&folder.join(name))) {
            tracing::warn!("after a failed checkpoint: {error}");
        }
    }
    if let Err(error) = files.sync_dir(folder) {
        tracing::warn!("after a failed checkpoint: {error}");
    }
}

/// Removes a checkpoint's folder with the files in it. Folders in it were not made by us: they stay.
pub(super) fn remove_checkpoint(files: &Files, folder: &Path) -> Result<(), StorageError> {
    gone_or(files.unlink(&folder.join(METADATA_FILE)))?;
    gone_or(files.sync_dir(folder))?;
    let entries = match files.list(folder) {
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        gone_or(files.unlink(&entry))?;
    }
    gone_or(files.remove_dir(folder))
}

/// What isn't there need not be removed.
pub(super) fn gone_or(result: Result<(), DriverError>) -> Result<(), StorageError> {
    match result {
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => Ok(()),
        result => Ok(result?),
    }
}

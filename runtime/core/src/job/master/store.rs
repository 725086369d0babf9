//! What a master does to the disk: metadata, and removal.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::local::LocalCopies;
use crate::{
    checkpoint::{
        CheckpointId, CompletedCheckpoint,
        coordinator::{CheckpointTarget, CoordinatorEvent, Discarded},
        storage::{Disk, FileSystemStorage, NOT_ADDRESSABLE, StorageError, Written},
    },
    task::OpenDisk,
};

/// Something to be done to the disk.
#[derive(Debug)]
enum Job {
    Prepare,
    Write { checkpoint: Arc<CompletedCheckpoint>, target: CheckpointTarget },
    Discard(Discarded),
}

/// Where a job's checkpoints are, and what is to be done there, in order.
#[derive(Debug)]
pub(super) struct Store {
    folders: FileSystemStorage,
    /// Else checkpoints are kept in memory; savepoints are files all the same.
    keeps_files: bool,
    waiting: VecDeque<Job>,
    local: Option<LocalCopies>,
}

impl Store {
    /// With the folders of checkpoints; `None` to keep those in memory. What is in files may be copied.
    pub(super) fn new(folders: Option<FileSystemStorage>, local: Option<LocalCopies>) -> Self {
        let keeps_files = folders.is_some();
        let local = local.filter(|_| keeps_files);
        let folders = folders.unwrap_or_else(|| FileSystemStorage::in_folder(PathBuf::new()));
        Self { folders, keeps_files, waiting: VecDeque::new(), local }
    }

    /// Makes the job's folders.
    pub(super) fn prepare(&mut self) {
        if self.keeps_files {
            self.waiting.push_back(Job::Prepare);
        }
    }

    pub(super) fn write(&mut self, checkpoint: Arc<CompletedCheckpoint>, target: CheckpointTarget) {
        self.waiting.push_back(Job::Write { checkpoint, target });
    }

    pub(super) fn discard(&mut self, discarded: Discarded) {
        if self.keeps_files || discarded.target != CheckpointTarget::Checkpoint {
            self.waiting.push_back(Job::Discard(discarded));
        }
    }

    /// Whether nothing is to be done.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether files are to be copied, which nobody waits for.
    pub(super) fn has_copies_to_make(&self) -> bool {
        self.local.as_ref().is_some_and(LocalCopies::has_work)
    }

    /// The folder of copies of a checkpoint's files.
    pub(super) fn copies_of(&self, id: CheckpointId) -> Option<PathBuf> {
        self.local.as_ref()?.folder_of(id)
    }

    /// Does the next thing, waiting for the disk; what the coordinator is to hear of it.
    pub(super) fn work(&mut self, open_disk: &OpenDisk) -> Option<CoordinatorEvent> {
        let Some(next) = self.waiting.pop_front() else {
            if let Some(local) = &mut self.local {
                local.work(open_disk);
            }
            return None;
        };
        match next {
            Job::Write { checkpoint, target } => {
                let id = checkpoint.id;
                Some(match self.write_now(&checkpoint, &target, open_disk) {
                    Ok((location, bytes)) => {
                        if let Some(local) = &mut self.local
                            && target == CheckpointTarget::Checkpoint
                        {
                            local.completed(&checkpoint, Path::new(&location), open_disk);
                        }
                        CoordinatorEvent::MetadataWritten { id, location, bytes }
                    }
                    Err(error) => CoordinatorEvent::MetadataFailed { id, cause: error.to_string() },
                })
            }
            Job::Prepare => {
                let made = open_disk()
                    .map_err(StorageError::from)
                    .and_then(|disk| self.folders.prepare(disk.files()));
                // The first checkpoint meets the same and says so.
                log("making the folders of checkpoints", made);
                None
            }
            Job::Discard(discarded) => {
                let gone = open_disk()
                    .map_err(StorageError::from)
                    .and_then(|disk| self.folders.discard(disk.files(), &discarded));
                log("removing what no checkpoint needs", gone);
                None
            }
        }
    }

    fn write_now(
        &self,
        checkpoint: &CompletedCheckpoint,
        target: &CheckpointTarget,
        open_disk: &OpenDisk,
    ) -> Result<(String, u64), StorageError> {
        if !self.keeps_files && *target == CheckpointTarget::Checkpoint {
            return Ok((NOT_ADDRESSABLE.to_owned(), 0));
        }
        let mut disk: Disk = open_disk()?;
        let Written { location, bytes } =
            self.folders.write_metadata(&mut disk, checkpoint, target)?;
        Ok((location.display().to_string(), bytes))
    }
}

fn log(what: &str, result: Result<(), StorageError>) {
    if let Err(error) = result {
        tracing::warn!("{what}: {error}");
    }
}

//! When the files of all subtasks appear.
//!
//! ```text
//!              begin (each subtask)      stage (all but the last)
//!   +---------+         +---------+  ------------------------------.
//!   |  empty  | ------> | writing | <-----------------------------'
//!   +---------+         +---------+  -- stage (the last) --> published: all renamed, folder synced
//!                            |
//!                            `-- leave (a writer goes without staging) --> aborted: all removed
//! ```
//!
//! One publication is shared by the clones of a sink, so by the subtasks of a job in one process. It is
//! locked when a subtask begins and ends, never while lines are written. A run that is over, or one in
//! which the same subtask begins again (the job was restarted), is followed by a new one; what comes
//! late from the old one finds its number gone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use brisk_memory::driver::{EntryKind, Files};

use super::folder::PartName;
use super::in_progress::{self, InProgress};
use crate::error::ConnectError;

/// What to do when the output folder has the output of an earlier job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// Fail; nothing is touched.
    #[default]
    NoOverwrite,
    /// Replace it when the new output is complete.
    Overwrite,
}

/// Where a sink writes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) folder: PathBuf,
    pub(super) mode: WriteMode,
}

/// Which subtask of how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) subtask: u32,
    pub(super) parallelism: u32,
}

/// One attempt to write all parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunNumber(u64);

/// Decides when parts appear.
#[derive(Debug)]
pub(super) struct Publication {
    target: Target,
    run: Mutex<Run>,
}

#[derive(Debug)]
struct Run {
    number: RunNumber,
    phase: Phase,
    begun: BTreeSet<u32>,
    staged: Vec<InProgress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Writing,
    Published,
    Aborted,
}

impl Publication {
    pub(super) fn new(target: Target) -> Publication {
        let run = Run {
            number: RunNumber(0),
            phase: Phase::Published,
            begun: BTreeSet::new(),
            staged: Vec::new(),
        };
        Publication { target, run: Mutex::new(run) }
    }

    /// A subtask begins to write.
    pub(super) fn begin(
        &self,
        files: &Files,
        share: Share,
    ) -> Result<(RunNumber, InProgress), ConnectError> {
        assert!(share.subtask < share.parallelism);
        let mut run = self.lock();
        let is_over = run.phase != Phase::Writing || run.begun.contains(&share.subtask);
        if is_over {
            run.begin_next();
            self.prepare(files)?;
        }
        // Until there is a file: a run that could not begin is over.
        run.phase = Phase::Aborted;
        let in_progress = InProgress::create(files, &self.target.folder, share.subtask)?;
        run.phase = Phase::Writing;
        run.begun.insert(share.subtask);
        Ok((run.number, in_progress))
    }

    /// A subtask has written and synced everything. The last one makes all parts visible.
    pub(super) fn stage(
        &self,
        number: RunNumber,
        part: InProgress,
        share: Share,
    ) -> Result<(), ConnectError> {
        let mut run = self.lock();
        if run.number != number || run.phase != Phase::Writing {
            // Another subtask has failed, and with it the job: this part is removed too.
            return Ok(());
        }
        let files = part.files().clone();
        run.staged.push(part);
        assert!(run.staged.len() <= share.parallelism as usize);
        if run.staged.len() < share.parallelism as usize {
            return Ok(());
        }
        run.phase = Phase::Aborted;
        let parts = std::mem::take(&mut run.staged);
        self.publish(&files, parts)?;
        run.phase = Phase::Published;
        Ok(())
    }

    /// A subtask goes without having staged its part.
    pub(super) fn leave(&self, number: RunNumber) {
        let mut run = self.lock();
        if run.number == number && run.phase == Phase::Writing {
            run.phase = Phase::Aborted;
            run.staged.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        // A panic while it was held left a run that is not published, which is what it then is.
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder ready: there, without leftovers, and without output that may not be touched.
    fn prepare(&self, files: &Files) -> Result<(), ConnectError> {
        let folder = &self.target.folder;
        if files.metadata(folder).is_ok_and(|metadata| metadata.kind != EntryKind::Directory) {
            return Err(ConnectError::OutputNotFolder { path: folder.clone() });
        }
        files.create_dir_all(folder)?;
        for entry in files.list(folder)? {
            let name = entry.path.file_name().expect("an entry has a name");
            match PartName::parse(name) {
                Some(PartName::InProgress) => in_progress::sweep(files, folder, name)?,
                Some(PartName::Finished(_)) | None => {}
            }
        }
        self.check_untouched(files)
    }

    /// Whether there is output of an earlier job that may not be replaced.
    fn check_untouched(&self, files: &Files) -> Result<(), ConnectError> {
        if self.target.mode == WriteMode::Overwrite {
            return Ok(());
        }
        let folder = &self.target.folder;
        let is_part = |name| matches!(PartName::parse(name), Some(PartName::Finished(_)));
        match files.list(folder)?.iter().any(|entry| entry.path.file_name().is_some_and(is_part)) {
            true => Err(ConnectError::OutputExists { path: folder.clone() }),
            false => Ok(()),
        }
    }

    /// Renames all parts and makes the names durable. When that fails in the middle, what was renamed
    /// is removed again.
    fn publish(&self, files: &Files, parts: Vec<InProgress>) -> Result<(), ConnectError> {
        // Another job may have been faster.
        self.check_untouched(files)?;
        let targets: BTreeSet<PathBuf> = parts.iter().map(InProgress::target).collect();
        let mut renamed = Vec::new();
        for part in parts {
            let target = part.target();
            if let Err(error) = part.rename() {
                for path in renamed {
                    // The first error is the one to tell.
                    let _ = files.unlink(path);
                }
                return Err(error);
            }
            renamed.push(targets.get(&target).expect("collected above"));
        }
        self.tidy(files, &targets)?;
        files.sync_dir(&self.target.folder)?;
        Ok(())
    }

    /// Removes the parts of an earlier job that had more of them, and what dead jobs left over since
    /// this one began.
    fn tidy(&self, files: &Files, ours: &BTreeSet<PathBuf>) -> Result<(), ConnectError> {
        for entry in files.list(&self.target.folder)? {
            let name = entry.path.file_name().expect("an entry has a name");
            match PartName::parse(name) {
                Some(PartName::Finished(_))
                    if self.target.mode == WriteMode::Overwrite && !ours.contains(&entry.path) =>
                {
                    files.unlink(&entry.path)?;
                }
                Some(PartName::InProgress) => {
                    in_progress::sweep(files, &self.target.folder, name)?;
                }
                Some(PartName::Finished(_)) | None => {}
            }
        }
        Ok(())
    }
}

impl Run {
    fn begin_next(&mut self) {
        self.number = RunNumber(self.number.0 + 1);
        self.phase = Phase::Aborted;
        self.begun.clear();
        self.staged.clear();
    }
}

#[cfg(test)]
mod tests;

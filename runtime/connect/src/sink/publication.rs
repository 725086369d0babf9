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
//! A run that writes holds the lock of the folder (`flock`), against other jobs and other processes.
//! The system lets go of it when the process dies, however that happens; whoever gets the lock then
//! knows that the files in progress he finds are dead, and removes them.
//!
//! One publication is shared by the clones of a sink, so by the subtasks of a job in one process. It is
//! locked when a subtask begins and ends, never while lines are written. A run that is over, or one in
//! which the same subtask begins again (the job was restarted), is followed by a new one; what comes
//! late from the old one finds its number gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use brisk_memory::driver::{DriverError, EntryKind, Files, PathLock};
use rustix::io::Errno;

use super::in_progress::{self, InProgress};
use super::switch;
use crate::error::{ConnectError, io_cause};

/// What to do when the output folder has the output of an earlier job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// Fail; nothing is touched.
    #[default]
    NoOverwrite,
    /// Replace it when the new output is complete. A reader of the folder may see some of the old parts,
    /// then none, then some of the new ones, all within the time of some renames; never old ones beside
    /// new ones, and after a crash in between the old ones are back with the next job.
    Overwrite,
}

/// Where a sink writes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) folder: PathBuf,
    pub(super) mode: WriteMode,
}

/// Which subtask of how many.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) subtask: u32,
    pub(super) parallelism: u32,
    /// The job and its attempt, for names of files in progress: a writer of a job that has failed may
    /// go late, and then must not remove what the next job has made meanwhile.
    pub(super) writer: String,
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
    /// See [`Share::writer`]; of the first subtask that began.
    writer: String,
    begun: BTreeSet<u32>,
    staged: Vec<InProgress>,
    /// Held while the phase is writing. None on filesystems that have no locks.
    lock: Option<PathLock>,
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
            writer: String::new(),
            begun: BTreeSet::new(),
            staged: Vec::new(),
            lock: None,
        };
        Publication { target, run: Mutex::new(run) }
    }

    /// A subtask begins to write.
    pub(super) fn begin(
        &self,
        files: &Files,
        share: &Share,
    ) -> Result<(RunNumber, InProgress), ConnectError> {
        assert!(share.subtask < share.parallelism);
        let mut run = self.lock();
        let is_over = run.phase != Phase::Writing || run.begun.contains(&share.subtask);
        // A second sink of the same job, by a clone of the first: their parts have the same names.
        if is_over && run.phase == Phase::Writing && run.writer == share.writer {
            return Err(ConnectError::OutputBusy { path: self.target.folder.clone() });
        }
        if is_over {
            run.begin_next();
            run.writer.clone_from(&share.writer);
            run.lock = self.prepare(files)?;
            run.phase = Phase::Writing;
        }
        match InProgress::create(files, &self.target.folder, share) {
            Ok(in_progress) => {
                run.begun.insert(share.subtask);
                Ok((run.number, in_progress))
            }
            Err(error) => {
                run.end(Phase::Aborted);
                Err(error)
            }
        }
    }

    /// A subtask has written and synced everything. The last one makes all parts visible.
    pub(super) fn stage(
        &self,
        number: RunNumber,
        part: InProgress,
        share: &Share,
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
        let parts = std::mem::take(&mut run.staged);
        let published = self.publish(&files, parts);
        run.end(if published.is_ok() { Phase::Published } else { Phase::Aborted });
        published
    }

    /// A subtask goes without having staged its part.
    pub(super) fn leave(&self, number: RunNumber) {
        let mut run = self.lock();
        if run.number == number && run.phase == Phase::Writing {
            run.end(Phase::Aborted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        // A panic while it was held left a run that is not published, which is what it then is.
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder ready: there, locked, without leftovers, and without output that may not be
    /// touched.
    fn prepare(&self, files: &Files) -> Result<Option<PathLock>, ConnectError> {
        let folder = &self.target.folder;
        if files.metadata(folder).is_ok_and(|metadata| metadata.kind != EntryKind::Directory) {
            return Err(ConnectError::OutputNotFolder { path: folder.clone() });
        }
        make_folder(files, folder)?;
        let lock = match files.try_lock(folder) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Err(ConnectError::OutputBusy { path: folder.clone() }),
            Err(error) if has_no_locks(&error) => None,
            Err(error) => return Err(error.into()),
        };
        if lock.is_some() {
            in_progress::sweep(files, folder)?;
            switch::recover(files, folder)?;
        }
        self.check_untouched(files)?;
        Ok(lock)
    }

    /// Whether there is output of an earlier job that may not be replaced.
    fn check_untouched(&self, files: &Files) -> Result<(), ConnectError> {
        if self.target.mode == WriteMode::Overwrite {
            return Ok(());
        }
        let folder = &self.target.folder;
        match switch::finished_parts(files, folder)?.is_empty() {
            true => Ok(()),
            false => Err(ConnectError::OutputExists { path: folder.clone() }),
        }
    }

    /// Renames all parts and makes the names durable. When that fails, what was renamed is removed
    /// again, and what was to be replaced is back: the job fails, and its output is not to be seen.
    fn publish(&self, files: &Files, parts: Vec<InProgress>) -> Result<(), ConnectError> {
        let folder = &self.target.folder;
        // On a filesystem without locks another job may have been faster.
        self.check_untouched(files)?;
        let replaces = !switch::finished_parts(files, folder)?.is_empty();
        let mut renamed = Vec::with_capacity(parts.len());
        let shown = self.show(files, parts, &mut renamed, replaces);
        match shown {
            Err(error) if replaces => {
                // The first error is the one to tell; what can't be done now, the next run does.
                let _ = switch::recover(files, folder);
                Err(error)
            }
            Err(error) => {
                for path in renamed {
                    let _ = files.unlink(&path);
                }
                Err(error)
            }
            Ok(()) => {
                if let Err(error) = switch::sweep(files, folder) {
                    tracing::warn!(%error, "output that was replaced is left over, hidden");
                }
                Ok(())
            }
        }
    }

    fn show(
        &self,
        files: &Files,
        parts: Vec<InProgress>,
        renamed: &mut Vec<PathBuf>,
        replaces: bool,
    ) -> Result<(), ConnectError> {
        let folder = &self.target.folder;
        if replaces {
            switch::begin(files, folder)?;
        }
        for part in parts {
            let target = part.target();
            part.rename()?;
            renamed.push(target);
        }
        if replaces {
            return switch::complete(files, folder);
        }
        Ok(files.sync_dir(folder)?)
    }
}

impl Run {
    fn begin_next(&mut self) {
        self.number = RunNumber(self.number.0 + 1);
        self.end(Phase::Aborted);
        self.begun.clear();
    }

    /// Nobody writes any more: what is staged but not published is removed, then the folder is free.
    fn end(&mut self, phase: Phase) {
        assert_ne!(phase, Phase::Writing);
        self.phase = phase;
        self.staged.clear();
        self.lock = None;
    }
}

/// Makes a folder and those above it that are missing, each durable in the one above.
pub(super) fn make_folder(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && files.metadata(path).is_err();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    files.create_dir_all(folder)?;
    for path in missing {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        files.sync_dir(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// As network and user-space filesystems answer.
pub(super) fn has_no_locks(error: &DriverError) -> bool {
    let codes = [Errno::NOTSUP, Errno::NOLCK, Errno::NOSYS].map(|code| code.raw_os_error());
    let code = io_cause(error).and_then(std::io::Error::raw_os_error);
    code.is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests;

//! What the subtasks of one run of a file sink share: the lock of the folder, the name of the run, and
//! who removes what earlier runs left.
//!
//! Parts that a checkpoint has are committed by whichever subtask is given them. Only when all subtasks
//! have done that it is known that what is still hidden, and not of this run, will never be committed;
//! the last one removes it. A job that starts from nothing removes what it left itself in earlier
//! attempts, and nothing of other jobs: somebody may yet start one from its checkpoint. Parts that wait to
//! be merged are hidden and of earlier runs too; whoever is given them says so before it has recovered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use brisk_core::chain::SinkContext;
use brisk_core::graph::JobId;
use brisk_core::task::Attempt;
use brisk_core::time::Timestamp;
use brisk_memory::driver::{EntryKind, Files, PathLock};

use super::name::RollingName;
use crate::error::ConnectError;
use crate::sink::publication::{has_no_locks, make_folder};

/// The runs of a sink, one after another; shared by its clones.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Run>);

#[derive(Debug, Default)]
struct Run {
    of: Option<(JobId, Attempt)>,
    name: String,
    lock: Weak<PathLock>,
    /// Subtasks that have entered.
    entered: BTreeSet<u32>,
    /// Subtasks that have recovered.
    recovered: BTreeSet<u32>,
    /// Parts of earlier runs that are to be merged in this one.
    held_back: BTreeSet<PathBuf>,
}

/// A subtask's part in a run.
#[derive(Debug)]
pub(super) struct RunShare {
    runs: Arc<Runs>,
    job: JobId,
    attempt: Attempt,
    subtask: u32,
    parallelism: u32,
    name: String,
    /// None on filesystems that have no locks.
    _lock: Option<Arc<PathLock>>,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, Run> {
        // What a panic can leave behind is a run that the next attempt begins anew.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A subtask begins: makes and locks the folder.
    pub(super) fn enter(
        self: &Arc<Self>,
        context: &SinkContext,
        (files, folder): (&Files, &Path),
        now: Timestamp,
    ) -> Result<RunShare, ConnectError> {
        let SinkContext { job_id, attempt, subtask, parallelism, .. } = *context;
        let mut run = self.lock();
        if files.metadata(folder).is_ok_and(|metadata| metadata.kind != EntryKind::Directory) {
            return Err(ConnectError::OutputNotFolder { path: folder.to_path_buf() });
        }
        make_folder(files, folder)?;
        let lock = match run.lock.upgrade() {
            Some(lock) => Some(lock),
            None => match files.try_lock(folder) {
                Ok(Some(lock)) => Some(Arc::new(lock)),
                Ok(None) => return Err(ConnectError::OutputBusy { path: folder.to_path_buf() }),
                Err(error) if has_no_locks(&error) => None,
                Err(error) => return Err(error.into()),
            },
        };
        run.lock = lock.as_ref().map_or_else(Weak::new, Arc::downgrade);
        if run.of != Some((job_id, attempt)) {
            run.of = Some((job_id, attempt));
            // The time too: a job may be submitted again under its old id.
            run.name = format!("{job_id}-{}-{:x}", attempt.0, now.millis());
            run.entered.clear();
            run.recovered.clear();
            run.held_back.clear();
        }
        // A second sink of the same job, by a clone of the first: their parts would have the same names.
        if !run.entered.insert(subtask) {
            return Err(ConnectError::OutputBusy { path: folder.to_path_buf() });
        }
        let (runs, job, name) = (Arc::clone(self), job_id, run.name.clone());
        Ok(RunShare { runs, job, attempt, subtask, parallelism, name, _lock: lock })
    }
}

impl RunShare {
    /// For names of files.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A hidden part of an earlier run is needed still.
    pub(super) fn hold_back(&self, part: PathBuf) {
        self.runs.lock().held_back.insert(part);
    }

    /// This subtask has committed what it was given; the last one removes what is left.
    pub(super) fn recovered(
        &self,
        (files, folder): (&Files, &Path),
        restored: bool,
    ) -> Result<(), ConnectError> {
        let mut run = self.runs.lock();
        if run.of != Some((self.job, self.attempt)) {
            return Ok(());
        }
        run.recovered.insert(self.subtask);
        let is_last = run.recovered.len() == self.parallelism as usize;
        if !is_last || !restored && self.attempt == Attempt(0) {
            return Ok(());
        }
        let job = format!("{}-", self.job);
        sweep(files, folder, |path, name| {
            let is_mine = name == self.name.as_bytes() || run.held_back.contains(path);
            !is_mine && (restored || name.starts_with(job.as_bytes()))
        })
    }
}

/// Removes all parts in progress below a folder that are dead, as their path and run say.
pub(super) fn sweep(
    files: &Files,
    folder: &Path,
    is_dead: impl Fn(&Path, &[u8]) -> bool,
) -> Result<(), ConnectError> {
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in files.list(&folder)? {
            match path.file_name().and_then(RollingName::parse) {
                Some(RollingName::InProgress { run, .. }) if is_dead(&path, run) => {
                    tracing::info!(path = %path.display(), "removing what a dead run left over");
                    files.unlink(&path)?;
                }
                Some(_) => {}
                None if files.entry_metadata(&path)?.kind == EntryKind::Directory => {
                    folders.push(path);
                }
                None => {}
            }
        }
    }
    Ok(())
}

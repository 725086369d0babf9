//! The input of a source, listed once for all its subtasks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use brisk_core::Record;
use brisk_core::chain::SourceContext;
use brisk_core::graph::JobId;
use brisk_core::task::{Attempt, Cx};
use brisk_memory::driver::Files;

use super::progress::Progress;
use super::split::{self, Resumed, SourceSplit};
use crate::error::ConnectError;
use crate::files::{
    Compression, FileSet, FileSplit, HiddenNames, ListOptions, SplitRule, assign, cut, list_while,
};
use crate::read::Work;

/// The files that a source reads. Clones share the listing.
#[derive(Debug, Clone)]
pub struct FileInput {
    paths: Vec<PathBuf>,
    options: ListOptions,
    listing: Arc<Mutex<Listing>>,
    progress: Progress,
}

#[derive(Debug)]
struct Listing {
    /// None until somebody asked. Errors are not kept: what was missing may be there by the next time.
    files: Option<Arc<FileSet>>,
    /// The job that reads it; none while only the program has asked.
    job: Option<JobId>,
    /// Who reads what, for each parallelism that was asked for.
    shares: BTreeMap<u32, Vec<Vec<FileSplit>>>,
    /// The run of the source whose bytes the progress counts.
    attempt: Attempt,
}

impl Default for Listing {
    fn default() -> Listing {
        Listing { files: None, job: None, shares: BTreeMap::new(), attempt: Attempt(0) }
    }
}

impl FileInput {
    /// Files, folders and patterns; see [`list_while`].
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> FileInput {
        FileInput {
            paths: paths.into_iter().map(Into::into).collect(),
            options: ListOptions::default(),
            listing: Arc::default(),
            progress: Progress::default(),
        }
    }

    /// Reads all files with this compression instead of going by their extensions.
    #[must_use]
    pub fn compression(self, compression: Compression) -> FileInput {
        let options = ListOptions { compression: Some(compression), ..self.options };
        FileInput { options, listing: Arc::default(), ..self }
    }

    /// What to do with hidden names in folders and patterns; [`HiddenNames::Skip`] unless set.
    #[must_use]
    pub fn hidden_names(self, hidden: HiddenNames) -> FileInput {
        let options = ListOptions { hidden, ..self.options };
        FileInput { options, listing: Arc::default(), ..self }
    }

    /// How far the source is that reads this input.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The files; lists them if that was not done yet. Subtasks do so when they open, on a worker; a
    /// program with a large input does better to ask first.
    ///
    /// # Errors
    /// As [`list_while`]. Files that were found are what the next job of this source reads.
    pub fn files(&self) -> Result<Arc<FileSet>, Arc<ConnectError>> {
        self.files_of(&mut self.lock(), &Files::system(), &|| true)
    }

    fn files_of(
        &self,
        listing: &mut Listing,
        disk: &Files,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Arc<FileSet>, Arc<ConnectError>> {
        if let Some(known) = &listing.files {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(list_while(is_wanted, disk, &self.paths, self.options)?);
        self.progress.set_total(found.total_bytes());
        listing.files = Some(Arc::clone(&found));
        Ok(found)
    }

    /// What one subtask reads.
    pub(super) fn share<T>(
        &self,
        rule: SplitRule,
        context: &SourceContext,
        cx: &Cx,
    ) -> Result<Resumed<T>, Arc<ConnectError>> {
        let SourceContext { subtask, parallelism, job_id, .. } = *context;
        assert!(subtask < parallelism);
        let mut listing = self.lock();
        if listing.job.replace(job_id).is_some_and(|before| before != job_id) {
            // Another job finds what is there now.
            *listing = Listing { job: Some(job_id), ..Listing::default() };
            self.progress.restart();
        }
        let files = self.files_of(&mut listing, &cx.files(), &|| !cx.is_canceling())?;
        let shares = listing
            .shares
            .entry(parallelism)
            .or_insert_with(|| assign(cut(&files, rule, parallelism), parallelism));
        let splits = shares[subtask as usize].clone();
        Ok(Resumed { work: Work { files, splits }, waiting: Vec::new() })
    }

    /// What one subtask goes on with.
    pub(super) fn resume<T: Record>(
        &self,
        splits: &[SourceSplit],
        context: &SourceContext,
    ) -> Result<Resumed<T>, Arc<ConnectError>> {
        let resumed = split::resume(splits)?;
        let mut listing = self.lock();
        if listing.attempt != context.attempt {
            // What is read again counts again.
            listing.attempt = context.attempt;
            self.progress.set_total(self.progress.report().bytes_read);
        }
        self.progress.add_total(resumed.work.splits.iter().map(FileSplit::bytes).sum());
        Ok(resumed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Listing> {
        // A panic while listing left nothing behind.
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

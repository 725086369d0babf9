//! The parts of one subtask: those that records go to, and those on their way to the disk.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use brisk_memory::driver::{Files, Instant64, OpenOptions};

use super::name::{PartFile, RollingName, bucket_folder};
use super::policy::RollingPolicy;
use crate::constants::{LISTED_BUCKETS_MAX, OPEN_PARTS_MAX};
use crate::error::{ConnectError, is_absent};
use crate::sink::output::OutputFile;
use crate::sink::publication::make_folder;
use crate::task_io::TaskIo;

/// Who writes.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) folder: PathBuf,
    pub(super) subtask: u32,
    /// Tells this run from all others.
    pub(super) run: String,
}

#[derive(Debug)]
struct OpenPart {
    part: PartFile,
    output: OutputFile,
    opened: Instant64,
    written: Instant64,
}

/// Parts in progress.
#[derive(Debug)]
pub(super) struct Parts {
    writer: Writer,
    policy: RollingPolicy,
    /// At most [`OPEN_PARTS_MAX`], one of a bucket.
    open: Vec<OpenPart>,
    /// The one that was written last, if it is open still.
    last: usize,
    closing: Vec<(PartFile, OutputFile)>,
    /// Folders with names of durable parts that may not be durable themselves.
    unsynced: BTreeSet<PathBuf>,
    next_number: u32,
    /// Buckets of which it is known that they have no part of `next_number` or above.
    listed: HashSet<String>,
}

/// Names a part that is open, until one is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenIndex(usize);

impl Parts {
    pub(super) fn new(writer: Writer, policy: RollingPolicy) -> Parts {
        Parts {
            writer,
            policy,
            open: Vec::new(),
            last: 0,
            closing: Vec::new(),
            unsynced: BTreeSet::new(),
            next_number: 0,
            listed: HashSet::new(),
        }
    }

    /// The part that the last record went to, if one that comes now goes there too.
    #[inline]
    pub(super) fn part_of_last(&mut self, bucket: &str, now: Instant64) -> Option<OpenIndex> {
        let open = self.open.get_mut(self.last).filter(|open| open.part.bucket == bucket)?;
        open.written = now;
        Some(OpenIndex(self.last))
    }

    /// The part for a record that comes now. One that is closed for it goes to `closed`.
    pub(super) fn part_for(
        &mut self,
        bucket: &str,
        now: Instant64,
        files: &Files,
        closed: &mut Vec<PartFile>,
    ) -> Result<OpenIndex, ConnectError> {
        self.last = match self.open.iter().position(|open| open.part.bucket == bucket) {
            Some(at) => at,
            None => self.begin(bucket, now, files, closed)?,
        };
        self.open[self.last].written = now;
        Ok(OpenIndex(self.last))
    }

    pub(super) fn output(&mut self, at: OpenIndex) -> &mut OutputFile {
        &mut self.open[at.0].output
    }

    #[cold]
    fn begin(
        &mut self,
        bucket: &str,
        now: Instant64,
        files: &Files,
        closed: &mut Vec<PartFile>,
    ) -> Result<usize, ConnectError> {
        if self.open.len() == OPEN_PARTS_MAX {
            let oldest = (0..self.open.len()).min_by_key(|at| self.open[*at].written);
            closed.push(self.close(oldest.expect("there are some")));
        }
        let (part, output) = self.create(bucket, files)?;
        self.open.push(OpenPart { part, output, opened: now, written: now });
        Ok(self.open.len() - 1)
    }

    /// Makes a part, which is none of those that records go to.
    pub(super) fn create(
        &mut self,
        bucket: &str,
        files: &Files,
    ) -> Result<(PartFile, OutputFile), ConnectError> {
        self.enter(bucket, files)?;
        let Writer { folder, subtask, run } = &self.writer;
        let (bucket, run, number) = (bucket.to_string(), run.clone(), self.next_number);
        let part = PartFile { bucket, subtask: *subtask, number, run, bytes: 0 };
        let file = files.open(&part.hidden(folder)?, OpenOptions::CREATE_NEW)?;
        self.next_number += 1;
        Ok((part, OutputFile::new(file)))
    }

    /// Makes a bucket's folder, and sees to it that the next number is above all that are in it: of
    /// earlier runs, of other jobs, finished or not.
    fn enter(&mut self, bucket: &str, files: &Files) -> Result<(), ConnectError> {
        if self.listed.contains(bucket) {
            return Ok(());
        }
        let folder = bucket_folder(&self.writer.folder, bucket)?;
        make_folder(files, &folder)?;
        for path in files.list(&folder)? {
            let name = path.file_name().and_then(RollingName::parse);
            let part = name.as_ref().map(RollingName::part);
            if let Some((subtask, number)) = part
                && subtask == self.writer.subtask
            {
                self.next_number = self.next_number.max(number.saturating_add(1));
            }
        }
        if self.listed.len() == LISTED_BUCKETS_MAX {
            self.listed.clear();
        }
        self.listed.insert(bucket.to_string());
        Ok(())
    }

    /// No more records go to this part.
    fn close(&mut self, at: usize) -> PartFile {
        let OpenPart { mut part, output, .. } = self.open.swap_remove(at);
        part.bytes = output.len();
        self.closing.push((part.clone(), output));
        part
    }

    /// Closes a part that is full.
    #[inline]
    pub(super) fn close_if_full(&mut self, at: OpenIndex, closed: &mut Vec<PartFile>) {
        if self.open[at.0].output.len() >= self.policy.max_bytes {
            closed.push(self.close(at.0));
        }
    }

    /// When the next part is due to be closed for its age.
    pub(super) fn next_due(&self) -> Option<Instant64> {
        self.open.iter().map(|open| self.due(open)).min()
    }

    fn due(&self, open: &OpenPart) -> Instant64 {
        (open.opened + self.policy.max_age).min(open.written + self.policy.max_idle)
    }

    /// Closes parts that are old or idle.
    pub(super) fn close_due(&mut self, now: Instant64, closed: &mut Vec<PartFile>) {
        while let Some(at) = self.open.iter().position(|open| self.due(open) <= now) {
            closed.push(self.close(at));
        }
    }

    /// Closes all parts.
    pub(super) fn close_all(&mut self, closed: &mut Vec<PartFile>) {
        while !self.open.is_empty() {
            closed.push(self.close(self.open.len() - 1));
        }
    }

    /// Goes on with what is under way; whether a record would be taken without waiting.
    pub(super) fn advance(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        let mut at = 0;
        while at < self.closing.len() {
            if self.closing[at].1.close(io)? {
                let (part, _) = self.closing.swap_remove(at);
                self.unsynced.insert(bucket_folder(&self.writer.folder, &part.bucket)?);
            } else {
                at += 1;
            }
        }
        let mut has_room = self.closing.len() < OPEN_PARTS_MAX;
        for open in &mut self.open {
            has_room &= open.output.has_room() || open.output.make_room(io)?;
        }
        Ok(has_room)
    }

    /// Whether a part is on its way to the disk.
    pub(super) fn is_closing(&self, part: &PartFile) -> bool {
        self.closing.iter().any(|(closing, _)| closing == part)
    }

    /// A part that [`Parts::create`] made is on the disk; its name may not be.
    pub(super) fn is_written(&mut self, part: &PartFile) -> Result<(), ConnectError> {
        self.unsynced.insert(bucket_folder(&self.writer.folder, &part.bucket)?);
        Ok(())
    }

    /// Whether these parts are on the disk, with their names; the task is woken to ask again.
    pub(super) fn are_durable<'a>(
        &mut self,
        mut parts: impl Iterator<Item = &'a PartFile>,
        io: &mut impl TaskIo,
    ) -> Result<bool, ConnectError> {
        self.advance(io)?;
        if !self.closing.is_empty() && parts.any(|part| self.is_closing(part)) {
            return Ok(false);
        }
        while let Some(folder) = self.unsynced.first() {
            io.files().sync_dir(folder)?;
            self.unsynced.pop_first();
        }
        Ok(true)
    }

    /// Gives up the parts that records go to; their files are removed.
    pub(super) fn discard_open(&mut self, files: &Files) -> Result<(), ConnectError> {
        let discarded: Vec<PartFile> = self.open.drain(..).map(|open| open.part).collect();
        remove(files, &self.writer.folder, &discarded)
    }
}

/// Makes durable parts visible; those that are already stay so.
pub(super) fn show(files: &Files, folder: &Path, parts: &[PartFile]) -> Result<(), ConnectError> {
    let mut folders = BTreeSet::new();
    for part in parts {
        let (hidden, finished) = (part.hidden(folder)?, part.finished(folder)?);
        let is_finished = match files.metadata(&finished) {
            Ok(_) => true,
            Err(error) if is_absent(&error) => false,
            Err(error) => return Err(error.into()),
        };
        match files.metadata(&hidden) {
            Ok(_) if is_finished => return Err(ConnectError::PartExists { path: finished }),
            Ok(_) => files.rename(&hidden, &finished)?,
            Err(error) if is_absent(&error) => {
                if !is_finished {
                    // Committed once, and since then taken away by whoever the output is for.
                    tracing::warn!(path = %finished.display(), "a part of the checkpoint is gone");
                }
            }
            Err(error) => return Err(error.into()),
        }
        folders.insert(bucket_folder(folder, &part.bucket)?);
    }
    for folder in folders {
        match files.sync_dir(&folder) {
            Err(error) if !is_absent(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Removes parts that were never committed.
pub(super) fn remove(files: &Files, folder: &Path, parts: &[PartFile]) -> Result<(), ConnectError> {
    for part in parts {
        match files.unlink(&part.hidden(folder)?) {
            Err(error) if !is_absent(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

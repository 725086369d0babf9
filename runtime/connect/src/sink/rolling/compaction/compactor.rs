//! What compaction does to the transactions of one subtask.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use brisk_memory::driver::Files;

use super::super::committer::PartFiles;
use super::super::name::PartFile;
use super::super::parts::{Parts, remove, show};
use super::merge::Merge;
use super::strategy::CompactionStrategy;
use super::waiting::{Due, Waiting, WaitingPart};
use crate::error::{ConnectError, is_absent};
use crate::task_io::TaskIo;

/// The parts that wait, and the merges under way.
#[derive(Debug)]
pub(in crate::sink::rolling) struct Compactor {
    folder: PathBuf,
    waiting: Waiting,
    delimiter: Vec<u8>,
    /// The first one is under way.
    merges: VecDeque<Merge>,
}

impl Compactor {
    /// Without a strategy parts appear as they are.
    pub(in crate::sink::rolling) fn new(
        folder: PathBuf,
        strategy: Option<CompactionStrategy>,
    ) -> Compactor {
        let delimiter = strategy.as_ref().map_or_else(Vec::new, |it| it.delimiter.clone());
        Compactor { folder, waiting: Waiting::new(strategy), delimiter, merges: VecDeque::new() }
    }

    /// A barrier: of the transaction's parts, and of those that wait, some appear, some are merged, and
    /// the others wait.
    pub(in crate::sink::rolling) fn barrier(
        &mut self,
        transaction: &mut PartFiles,
        parts: &mut Parts,
        files: &Files,
    ) -> Result<(), ConnectError> {
        for due in self.waiting.barrier(std::mem::take(&mut transaction.parts)) {
            match due {
                Due::Show(part) => transaction.parts.push(part),
                Due::Merge(sources) => {
                    transaction.parts.push(self.begin(&sources, parts, files)?);
                    transaction.merged.extend(sources);
                }
            }
        }
        Ok(())
    }

    /// Begins a merge; what comes of it.
    fn begin(
        &mut self,
        sources: &[PartFile],
        parts: &mut Parts,
        files: &Files,
    ) -> Result<PartFile, ConnectError> {
        let (mut target, output) = parts.create(&sources[0].bucket, files)?;
        let delimiters = self.delimiter.len() as u64 * (sources.len() as u64 - 1);
        target.bytes = sources.iter().map(|source| source.bytes).sum::<u64>() + delimiters;
        let found = |part: &PartFile| Ok((part.clone(), part.hidden(&self.folder)?));
        let sources: Result<_, ConnectError> = sources.iter().map(found).collect();
        let delimiter = self.delimiter.clone();
        self.merges.push_back(Merge::new((target.clone(), output), sources?, delimiter));
        Ok(target)
    }

    /// Whether all is on the disk that a checkpoint with this transaction needs; the task is woken to
    /// ask again.
    pub(in crate::sink::rolling) fn is_durable(
        &mut self,
        transaction: &PartFiles,
        parts: &mut Parts,
        io: &mut impl TaskIo,
    ) -> Result<bool, ConnectError> {
        parts.advance(io)?;
        while let Some(merge) = self.merges.front_mut() {
            if merge.sources().any(|source| parts.is_closing(source)) || !merge.advance(io)? {
                break;
            }
            parts.is_written(&merge.target)?;
            self.merges.pop_front();
        }
        if self.merges.iter().any(|merge| transaction.parts.contains(&merge.target)) {
            return Ok(false);
        }
        let waiting = self.waiting.parts().iter().map(|waiting| &waiting.part);
        parts.are_durable(transaction.parts.iter().chain(waiting), io)
    }

    /// Whether parts wait.
    pub(in crate::sink::rolling) fn is_waiting(&self) -> bool {
        !self.waiting.parts().is_empty()
    }

    /// What waits, an element for each bucket.
    pub(in crate::sink::rolling) fn held_back(&self) -> Vec<PartFiles> {
        let mut buckets = BTreeMap::<&str, Vec<WaitingPart>>::new();
        for waiting in self.waiting.parts() {
            buckets.entry(&waiting.part.bucket).or_default().push(waiting.clone());
        }
        let element = |waiting| PartFiles { waiting, ..PartFiles::default() };
        buckets.into_values().map(element).collect()
    }

    /// Takes over what waited in an earlier run; `is_needed` hears of each part, which must not be
    /// removed as left over.
    pub(in crate::sink::rolling) fn hold_back(
        &mut self,
        element: &PartFiles,
        files: &Files,
        is_needed: impl Fn(PathBuf),
    ) -> Result<(), ConnectError> {
        for waiting in &element.waiting {
            let path = waiting.part.hidden(&self.folder)?;
            match files.metadata(&path) {
                Ok(_) => {
                    is_needed(path);
                    self.waiting.push(waiting.clone());
                }
                Err(error) if is_absent(&error) => {
                    // Merged by a run that went on from this checkpoint before.
                    tracing::warn!(path = %path.display(), "a part of the checkpoint is gone");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next barrier is the last one.
    pub(in crate::sink::rolling) fn input_ended(&mut self) {
        self.waiting.input_ended();
    }
}

/// Makes the parts of a transaction visible, and removes those that were merged into them.
pub(in crate::sink::rolling) fn commit(
    files: &Files,
    folder: &Path,
    transaction: &PartFiles,
) -> Result<(), ConnectError> {
    show(files, folder, &transaction.parts)?;
    remove(files, folder, &transaction.merged)
}

#[cfg(test)]
mod tests;

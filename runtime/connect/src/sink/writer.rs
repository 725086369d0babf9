//! One subtask's file, from the first line until it is handed to the publication.
//!
//! ```text
//!   Writing -- close_file --> Flushing -- all written --> Syncing -- synced --> Staged
//!      `------------ drop: the file is removed, the run is given up -----------'
//! ```

use std::io;
use std::sync::Arc;

use brisk_memory::driver::{AlignedBytes, Completion, IoBuffer, Operation, OperationId};

use super::blocks::{BlockMemory, Blocks, WriteAsk};
use super::in_progress::InProgress;
use super::publication::{Publication, RunNumber, Share};
use crate::constants::WRITE_BLOCKS;
use crate::error::ConnectError;
use crate::task_io::TaskIo;

/// Writes one part.
#[derive(Debug)]
pub(super) struct PartWriter {
    publication: Arc<Publication>,
    run: RunNumber,
    share: Share,
    /// None once it is staged.
    part: Option<InProgress>,
    blocks: Blocks<AlignedBytes>,
    under_way: Vec<(OperationId, UnderWay)>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    Write(WriteAsk),
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Writing,
    Flushing,
    Syncing,
    Staged,
}

impl BlockMemory for AlignedBytes {
    fn zeroed(length: usize) -> AlignedBytes {
        AlignedBytes::zeroed(length)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

impl PartWriter {
    /// Begins the part of one subtask.
    pub(super) fn begin(
        publication: &Arc<Publication>,
        share: Share,
        io: &impl TaskIo,
    ) -> Result<PartWriter, ConnectError> {
        let (run, part) = publication.begin(&io.files(), share)?;
        Ok(PartWriter {
            publication: Arc::clone(publication),
            run,
            share,
            part: Some(part),
            blocks: Blocks::new(),
            under_way: Vec::with_capacity(WRITE_BLOCKS),
            stage: Stage::Writing,
        })
    }

    /// Where lines are put together.
    #[inline]
    pub(super) fn blocks(&mut self) -> &mut Blocks<AlignedBytes> {
        &mut self.blocks
    }

    /// Writes what is due; true if there is room for another line, else the task is woken when there
    /// is. Once the file is being closed no line comes, so nothing is in its way.
    pub(super) fn make_room(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        if self.stage != Stage::Writing {
            return Ok(true);
        }
        self.take_completions(io)?;
        self.submit_writes(io, false);
        Ok(self.blocks.has_room())
    }

    /// Brings everything to the disk and hands the file over; true when that is done, else the task
    /// is woken to go on.
    pub(super) fn close_file(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        if self.stage == Stage::Writing {
            self.stage = Stage::Flushing;
        }
        self.take_completions(io)?;
        if self.stage == Stage::Flushing {
            self.submit_writes(io, true);
            if self.blocks.is_written() {
                self.stage = Stage::Syncing;
                let file = self.part().file().clone();
                let id = io.submit(Operation::Sync { file });
                self.under_way.push((id, UnderWay::Sync));
            }
        }
        if self.stage == Stage::Syncing && self.under_way.is_empty() {
            let part = self.part.take().expect("it is staged once");
            self.stage = Stage::Staged;
            self.publication.stage(self.run, part, self.share)?;
        }
        Ok(self.stage == Stage::Staged)
    }

    fn submit_writes(&mut self, io: &mut impl TaskIo, end: bool) {
        while let Some((ask, memory)) = self.blocks.ask(end) {
            let file = self.part().file().clone();
            let buffer = IoBuffer::Heap(memory);
            let write = Operation::Write { file, offset: ask.offset, buffer, len: ask.length };
            let id = io.submit(write);
            self.under_way.push((id, UnderWay::Write(ask)));
        }
        assert!(self.under_way.len() <= WRITE_BLOCKS);
    }

    fn take_completions(&mut self, io: &mut impl TaskIo) -> Result<(), ConnectError> {
        while let Some(done) =
            io.take_completion(|id| self.under_way.iter().any(|(mine, _)| *mine == id))
        {
            let at = self.under_way.iter().position(|(mine, _)| *mine == done.id);
            let (_, what) = self.under_way.swap_remove(at.expect("only ours are taken"));
            self.complete(what, done)?;
        }
        Ok(())
    }

    fn complete(&mut self, what: UnderWay, done: Completion) -> Result<(), ConnectError> {
        let failed = |action, error| ConnectError::io(action, self.part().file().path(), error);
        match what {
            UnderWay::Sync => done.result.map(|_| ()).map_err(|error| failed("sync", error)),
            UnderWay::Write(ask) => {
                let written = done.result.map_err(|error| failed("write", error))?;
                if written != ask.length {
                    let error = io::Error::from(io::ErrorKind::WriteZero);
                    return Err(failed("write", error));
                }
                match done.buffer {
                    Some(IoBuffer::Heap(memory)) => self.blocks.complete(ask.block, memory),
                    _ => unreachable!("a write gives its buffer back"),
                }
                Ok(())
            }
        }
    }

    fn part(&self) -> &InProgress {
        self.part.as_ref().expect("the file is ours until it is staged")
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if self.stage != Stage::Staged {
            self.publication.leave(self.run);
        }
    }
}

#[cfg(test)]
mod tests;

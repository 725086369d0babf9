//! A file that is written in blocks and then made durable.
//!
//! ```text
//!   Writing -- close --> Flushing -- all written --> Syncing -- synced --> Durable
//! ```

use std::io;

use brisk_memory::driver::{AlignedBytes, Completion, File, IoBuffer, Operation, OperationId};

use super::blocks::{BlockMemory, Blocks, WriteAsk};
use crate::constants::WRITE_BLOCKS;
use crate::error::ConnectError;
use crate::task_io::TaskIo;

/// Writes one file from its start.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: File,
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
    Durable,
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

impl OutputFile {
    /// Writes to a file that is empty.
    pub(super) fn new(file: File) -> OutputFile {
        let under_way = Vec::with_capacity(WRITE_BLOCKS);
        OutputFile { file, blocks: Blocks::new(), under_way, stage: Stage::Writing }
    }

    /// Where its bytes are put together.
    #[inline]
    pub(super) fn blocks(&mut self) -> &mut Blocks<AlignedBytes> {
        &mut self.blocks
    }

    /// Bytes taken so far.
    #[inline]
    pub(super) fn len(&self) -> u64 {
        self.blocks.taken()
    }

    /// Whether more would be taken without waiting for a write.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.blocks.has_room()
    }

    /// Writes what is due; true if there is room for more, else the task is woken when there is. Once
    /// the file is being closed nothing comes, so nothing is in its way.
    pub(super) fn make_room(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        if self.stage != Stage::Writing {
            return Ok(true);
        }
        self.take_completions(io)?;
        self.submit_writes(io, false);
        Ok(self.blocks.has_room())
    }

    /// Brings everything to the disk; true when that is done, else the task is woken to go on.
    pub(super) fn close(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        if self.stage == Stage::Writing {
            self.stage = Stage::Flushing;
        }
        self.take_completions(io)?;
        if self.stage == Stage::Flushing {
            self.submit_writes(io, true);
            if self.blocks.is_written() {
                self.stage = Stage::Syncing;
                let id = io.submit(Operation::Sync { file: self.file.clone() });
                self.under_way.push((id, UnderWay::Sync));
            }
        }
        if self.stage == Stage::Syncing && self.under_way.is_empty() {
            self.stage = Stage::Durable;
        }
        Ok(self.stage == Stage::Durable)
    }

    fn submit_writes(&mut self, io: &mut impl TaskIo, end: bool) {
        while let Some((ask, memory)) = self.blocks.ask(end) {
            let (file, buffer) = (self.file.clone(), IoBuffer::Heap(memory));
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
        let failed = |action, error| ConnectError::io(action, self.file.path(), error);
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
}

//! Does the reads of a [`SplitFeed`] through the worker's driver.

use std::ops::ControlFlow;

use brisk_memory::driver::{
    AlignedBytes, Completion, File, IoBuffer, OpenOptions, Operation, OperationId,
};

use crate::constants::{READ_CHUNK, TAIL_SLACK};
use crate::error::ConnectError;
use crate::files::{FileIndex, FileSet, FileSplit};
use crate::format::Framing;
use crate::read::{FeedAsk, FeedNext, ReadSizes, SplitFeed, TICKETS, Ticket, Work};
use crate::task_io::TaskIo;

/// Small inputs get buffers of their own size, in steps of this.
const BUFFER_STEP: usize = 4096;

/// What parsing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A chunk is used up, there may be more.
    Chunk,
    /// A pause was asked for.
    Paused,
    /// A read is under way; the task is woken when it ends.
    Wait,
    /// Everything was read.
    Ended,
}

/// Reads the splits of one subtask.
#[derive(Debug)]
pub(super) struct FileReader<F> {
    feed: SplitFeed<F>,
    sizes: ReadSizes,
    buffers: [Option<AlignedBytes>; TICKETS],
    under_way: Vec<(OperationId, FeedAsk)>,
    open: Option<(FileIndex, File)>,
}

impl<F: Framing> FileReader<F> {
    pub(super) fn new(work: Work, framing: F) -> FileReader<F> {
        let sizes = sizes_for(&work.splits);
        FileReader {
            feed: SplitFeed::new(work, framing, sizes),
            sizes,
            buffers: std::array::from_fn(|_| None),
            under_way: Vec::with_capacity(TICKETS),
            open: None,
        }
    }

    pub(super) fn framing(&self) -> &F {
        self.feed.framing()
    }

    /// The files that are read.
    pub(super) fn files(&self) -> &FileSet {
        self.feed.files()
    }

    /// What is left to be read, without what was handed out.
    pub(super) fn rest(&self) -> impl Iterator<Item = FileSplit> + '_ {
        self.feed.rest()
    }

    /// Bytes read since the last call.
    pub(super) fn take_progress(&mut self) -> u64 {
        self.feed.take_progress()
    }

    /// Takes what has ended, and asks for what is to be read next.
    pub(super) fn pump(&mut self, io: &mut impl TaskIo) -> Result<(), ConnectError> {
        while let Some(done) =
            io.take_completion(|id| self.under_way.iter().any(|(mine, _)| *mine == id))
        {
            self.complete(done)?;
        }
        while let Some(ask) = self.feed.ask() {
            self.submit(ask, io)?;
        }
        Ok(())
    }

    fn submit(&mut self, ask: FeedAsk, io: &mut impl TaskIo) -> Result<(), ConnectError> {
        let file = match &self.open {
            Some((index, file)) if *index == ask.file => file.clone(),
            _ => {
                let path = &self.feed.files().file(ask.file).path;
                let file = io.files().open(path, OpenOptions::READ)?;
                self.open = Some((ask.file, file.clone()));
                file
            }
        };
        let buffer = self.buffers[ask.ticket.0].take();
        let buffer = buffer.unwrap_or_else(|| AlignedBytes::zeroed(self.sizes.buffer()));
        let id = io.submit(Operation::Read {
            file,
            offset: ask.request.offset,
            buffer: IoBuffer::Heap(buffer),
            len: ask.request.length,
        });
        self.under_way.push((id, ask));
        assert!(self.under_way.len() <= TICKETS);
        Ok(())
    }

    fn complete(&mut self, done: Completion) -> Result<(), ConnectError> {
        let at = self.under_way.iter().position(|(mine, _)| *mine == done.id);
        let (_, ask) = self.under_way.swap_remove(at.expect("only ours are taken"));
        match done.buffer {
            Some(IoBuffer::Heap(buffer)) => self.buffers[ask.ticket.0] = Some(buffer),
            _ => unreachable!("a read gives its buffer back"),
        }
        let path = &self.feed.files().file(ask.file).path;
        let got = done.result.map_err(|error| ConnectError::io("read", path, error))?;
        self.feed.complete(ask.ticket, got)
    }

    /// Parses the next chunk, as far as `emit` goes along.
    pub(super) fn parse<E>(&mut self, emit: &mut E) -> Result<Parsed, ConnectError>
    where
        E: FnMut(&F::Record) -> ControlFlow<()>,
    {
        let (ticket, range) = match self.feed.next_step() {
            FeedNext::Ended => return Ok(Parsed::Ended),
            FeedNext::Wait => {
                assert!(!self.under_way.is_empty(), "somebody wakes the task");
                return Ok(Parsed::Wait);
            }
            FeedNext::Parse(ticket, range) => (ticket, range),
        };
        let bytes = match ticket {
            Some(Ticket(ticket)) => {
                let buffer = self.buffers[ticket].as_ref().expect("it has arrived");
                &buffer.as_slice()[range]
            }
            None => &[],
        };
        match self.feed.parse(bytes, emit)? {
            true => Ok(Parsed::Paused),
            false => Ok(Parsed::Chunk),
        }
    }
}

/// Full chunks for large splits; for small ones no more memory than they need.
fn sizes_for(splits: &[FileSplit]) -> ReadSizes {
    let largest = splits.iter().map(FileSplit::bytes).max().unwrap_or(0);
    // One more byte for the newline before a split of text.
    let needed = usize::try_from(largest).map_or(READ_CHUNK, |largest| largest.saturating_add(1));
    let chunk = needed.next_multiple_of(BUFFER_STEP).min(READ_CHUNK);
    ReadSizes { chunk, tail: TAIL_SLACK }
}

#[cfg(test)]
mod tests;

//! Reads ahead over a list of splits, and parses what arrived in order.
//!
//! Buffers are named by tickets, a small fixed number of them, so that whoever does the reads keeps
//! one buffer for each. All but one serve to read ahead. The last one is kept for a split whose final
//! record is longer than what was read for it: its further chunks come before those of later splits,
//! which may hold all other tickets, so without it the feed could not go on.
//!
//! ```text
//!   ticket:   free -> asked -> arrived -> parsed -> free
//!                        `-> (split is done without it) given up -> free when it arrives
//! ```

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::plan::{ReadPlan, ReadRequest, ReadSizes};
use super::split_reader::SplitReader;
use crate::constants::READS_IN_FLIGHT;
use crate::error::ConnectError;
use crate::files::{FileIndex, FileSet, FileSplit};
use crate::format::{FedState, Framing};

/// Tickets of a feed: those that read ahead and the one for long records.
pub const TICKETS: usize = READS_IN_FLIGHT + 1;

/// Names a read and the buffer it goes to; below [`TICKETS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub usize);

/// A read to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedAsk {
    /// Its name and buffer.
    pub ticket: Ticket,
    /// The file.
    pub file: FileIndex,
    /// Which bytes of it.
    pub request: ReadRequest,
}

/// What to do next about parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedNext {
    /// Parse this part of the ticket's buffer (no bytes when there is no ticket).
    Parse(Option<Ticket>, Range<usize>),
    /// Wait for the reads that were asked for.
    Wait,
    /// All splits are read.
    Ended,
}

/// Reads and parses a list of splits.
#[derive(Debug)]
pub struct SplitFeed<F> {
    work: Work,
    sizes: ReadSizes,
    /// Splits that are read or parsed: the front one is parsed, the back one is read ahead.
    active: VecDeque<Active>,
    /// Ordinal of the next split to read.
    next_split: usize,
    /// Chunks in the order in which they are parsed.
    chunks: VecDeque<Chunk>,
    free: Vec<Ticket>,
    given_up: Vec<Ticket>,
    reader: SplitReader<F>,
    front_is_started: bool,
    front_goes_on: bool,
    /// Owned bytes of the front split that progress has counted.
    front_counted: u64,
    progress: u64,
}

/// Which parts of which files to read, in this order.
#[derive(Debug, Clone)]
pub struct Work {
    /// The files.
    pub files: Arc<FileSet>,
    /// Parts of them.
    pub splits: Vec<FileSplit>,
}

#[derive(Debug)]
struct Active {
    split: FileSplit,
    plan: ReadPlan,
    chunks: usize,
}

#[derive(Debug)]
struct Chunk {
    /// None for the stand-in of a split without bytes to read.
    ticket: Option<Ticket>,
    request: ReadRequest,
    has_arrived: bool,
    parsed: usize,
}

impl<F: Framing> SplitFeed<F> {
    /// A feed for some work.
    pub fn new(work: Work, framing: F, sizes: ReadSizes) -> SplitFeed<F> {
        SplitFeed {
            work,
            sizes,
            active: VecDeque::with_capacity(TICKETS + 1),
            next_split: 0,
            chunks: VecDeque::with_capacity(TICKETS + 1),
            free: (0..TICKETS).rev().map(Ticket).collect(),
            given_up: Vec::with_capacity(TICKETS),
            reader: SplitReader::new(framing),
            front_is_started: false,
            front_goes_on: false,
            front_counted: 0,
            progress: 0,
        }
    }

    /// The files that the splits are of.
    pub fn files(&self) -> &Arc<FileSet> {
        &self.work.files
    }

    /// The record format, for what it counts.
    pub fn framing(&self) -> &F {
        self.reader.framing()
    }

    /// The next read to be done, if there is one to do now.
    pub fn ask(&mut self) -> Option<FeedAsk> {
        if self.front_goes_on {
            return self.ask_for_more_of_front();
        }
        while self.free.len() > 1 && self.chunks.len() < READS_IN_FLIGHT {
            let Some(active) = self.active.back_mut() else {
                self.begin_next()?;
                continue;
            };
            if let Some(request) = active.plan.next_read() {
                active.chunks += 1;
                let file = active.split.file;
                let chunk = self.take_ticket(request);
                let ticket = chunk.ticket.expect("just taken");
                self.chunks.push_back(chunk);
                return Some(FeedAsk { ticket, file, request });
            }
            self.begin_next()?;
        }
        None
    }

    fn ask_for_more_of_front(&mut self) -> Option<FeedAsk> {
        // None free: given-up reads will return theirs.
        self.free.last()?;
        let front = self.active.front_mut().expect("the front split goes on");
        let request = front.plan.next_read().expect("the plan was extended");
        assert_eq!(front.chunks, 0);
        front.chunks = 1;
        let file = front.split.file;
        let chunk = self.take_ticket(request);
        let ticket = chunk.ticket.expect("just taken");
        self.chunks.push_front(chunk);
        self.front_goes_on = false;
        Some(FeedAsk { ticket, file, request })
    }

    fn take_ticket(&mut self, request: ReadRequest) -> Chunk {
        let ticket = self.free.pop().expect("the caller saw a free ticket");
        Chunk { ticket: Some(ticket), request, has_arrived: false, parsed: 0 }
    }

    /// Begins to read one more split; `None` if there is none.
    fn begin_next(&mut self) -> Option<()> {
        let split = *self.work.splits.get(self.next_split)?;
        self.next_split += 1;
        let file = self.work.files.file(split.file);
        let first = self.reader.first_byte(&split, file);
        let part = first.min(split.end)..split.end;
        let has_bytes = !part.is_empty();
        let sizes = if has_bytes { self.sizes } else { ReadSizes { tail: 0, ..self.sizes } };
        let mut active = Active { split, plan: ReadPlan::new(part, file.size, sizes), chunks: 0 };
        if !has_bytes {
            let request = ReadRequest { offset: split.end, length: 0 };
            self.chunks.push_back(Chunk { ticket: None, request, has_arrived: true, parsed: 0 });
            active.chunks = 1;
        }
        self.active.push_back(active);
        Some(())
    }

    /// A read has ended with `got` bytes in its buffer.
    ///
    /// # Errors
    /// If those are fewer than asked for: the file has shrunk.
    pub fn complete(&mut self, ticket: Ticket, got: usize) -> Result<(), ConnectError> {
        if let Some(at) = self.given_up.iter().position(|given_up| *given_up == ticket) {
            self.given_up.swap_remove(at);
            self.free.push(ticket);
            return Ok(());
        }
        let at = self.chunks.iter().position(|chunk| chunk.ticket == Some(ticket));
        let at = at.expect("only reads that were asked for complete");
        let chunk = &mut self.chunks[at];
        assert!(!chunk.has_arrived && got <= chunk.request.length);
        chunk.has_arrived = true;
        let request = chunk.request;
        if got == request.length {
            return Ok(());
        }
        let file = self.work.files.file(self.split_of_chunk(at).file);
        Err(ConnectError::Shrank {
            path: file.path.to_path_buf(),
            expected: file.size,
            actual: request.offset + got as u64,
        })
    }

    fn split_of_chunk(&self, at: usize) -> FileSplit {
        let mut before = 0;
        for active in &self.active {
            before += active.chunks;
            if at < before {
                return active.split;
            }
        }
        unreachable!("every chunk belongs to an active split")
    }

    /// What to parse next.
    pub fn next_step(&self) -> FeedNext {
        let Some(front) = self.active.front() else {
            let is_done = self.next_split == self.work.splits.len();
            return if is_done { FeedNext::Ended } else { FeedNext::Wait };
        };
        match self.chunks.front() {
            Some(chunk) if front.chunks > 0 && chunk.has_arrived => {
                FeedNext::Parse(chunk.ticket, chunk.parsed..chunk.request.length)
            }
            _ => FeedNext::Wait,
        }
    }

    /// Parses what [`SplitFeed::next_step`] named. True if a pause was asked for.
    ///
    /// # Errors
    /// If the bytes are not what the file should hold.
    pub fn parse<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<bool, ConnectError>
    where
        E: FnMut(&F::Record) -> ControlFlow<()>,
    {
        let split = self.active.front().expect("there is something to parse").split;
        if !self.front_is_started {
            self.reader.start(&split, self.work.files.file(split.file))?;
            self.front_is_started = true;
        }
        let fed = self.reader.parse(bytes, emit)?;
        let chunk = self.chunks.front_mut().expect("there is something to parse");
        assert!(chunk.has_arrived);
        chunk.parsed += fed.consumed;
        match fed.state {
            FedState::Paused => return Ok(true),
            FedState::NeedInput => self.end_chunk(),
            FedState::Done => self.end_split(),
        }
        self.verify_invariants();
        Ok(false)
    }

    fn end_chunk(&mut self) {
        let chunk = self.chunks.pop_front().expect("a chunk was parsed");
        assert_eq!(chunk.parsed, chunk.request.length);
        self.free.extend(chunk.ticket);
        let front = self.active.front_mut().expect("a split was parsed");
        front.chunks -= 1;
        let read_to = chunk.request.end().clamp(front.split.start, front.split.end);
        let counted = read_to - front.split.start;
        self.progress += counted - self.front_counted;
        self.front_counted = counted;
        if front.chunks == 0 {
            // Either the split is no longer read ahead, or its next chunk is about to be asked for.
            let is_only = self.active.len() == 1;
            let front = self.active.front_mut().expect("a split was parsed");
            let mut plan = front.plan.clone();
            if plan.next_read().is_none() {
                assert!(front.plan.extend(), "a reader that needs input is not at the end");
                self.front_goes_on = true;
            } else {
                assert!(is_only, "splits are read in order");
            }
        }
    }

    fn end_split(&mut self) {
        let front = self.active.pop_front().expect("a split was parsed");
        for chunk in self.chunks.drain(..front.chunks) {
            match chunk.ticket {
                Some(ticket) if chunk.has_arrived => self.free.push(ticket),
                Some(ticket) => self.given_up.push(ticket),
                None => {}
            }
        }
        self.progress += front.split.bytes() - self.front_counted;
        self.front_counted = 0;
        self.front_is_started = false;
        self.front_goes_on = false;
    }

    /// Bytes of the splits that were parsed since the last call, as stored.
    pub fn take_progress(&mut self) -> u64 {
        std::mem::take(&mut self.progress)
    }

    /// What is left to be read: all records that were not handed out, in the order of the splits.
    pub fn rest(&self) -> impl Iterator<Item = FileSplit> + '_ {
        let mut active = self.active.iter().map(|active| active.split);
        let begun = if self.front_is_started { active.next() } else { None };
        let front = begun.and_then(|split| self.reader.rest_of(split));
        front.into_iter().chain(active).chain(self.work.splits[self.next_split..].iter().copied())
    }

    fn verify_invariants(&self) {
        let asked = self.chunks.iter().filter(|chunk| chunk.ticket.is_some()).count();
        assert_eq!(asked + self.free.len() + self.given_up.len(), TICKETS);
        let chunks: usize = self.active.iter().map(|active| active.chunks).sum();
        assert_eq!(chunks, self.chunks.len());
    }
}

#[cfg(test)]
mod tests;

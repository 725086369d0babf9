//! Does the reads of a [`SplitFeed`] at once, on the calling thread: for tests, benches and tools,
//! not for workers.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use super::feed::{FeedAsk, FeedNext, SplitFeed, TICKETS, Work};
use super::plan::ReadSizes;
use crate::error::ConnectError;
use crate::files::FileIndex;
use crate::format::Framing;

/// What a reader did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadStats {
    /// Bytes of the splits, as stored.
    pub bytes: u64,
    /// Records handed out.
    pub records: u64,
}

/// Reads splits on the calling thread.
#[derive(Debug)]
pub struct BlockingReader<F> {
    feed: SplitFeed<F>,
    buffers: Vec<Vec<u8>>,
    open: Option<(FileIndex, File)>,
}

impl<F: Framing> BlockingReader<F> {
    /// A reader for some work.
    pub fn new(work: Work, framing: F, sizes: ReadSizes) -> BlockingReader<F> {
        let feed = SplitFeed::new(work, framing, sizes);
        BlockingReader { feed, buffers: vec![vec![0; sizes.buffer()]; TICKETS], open: None }
    }

    /// The record format, for what it counts.
    pub fn framing(&self) -> &F {
        self.feed.framing()
    }

    /// Hands out all records.
    ///
    /// # Errors
    /// If a file cannot be read or does not hold what it should.
    pub fn read_all(
        &mut self,
        mut emit: impl FnMut(&F::Record),
    ) -> Result<ReadStats, ConnectError> {
        let mut stats = ReadStats::default();
        loop {
            while let Some(ask) = self.feed.ask() {
                let got = self.read(ask)?;
                self.feed.complete(ask.ticket, got)?;
            }
            let (ticket, range) = match self.feed.next_step() {
                FeedNext::Parse(ticket, range) => (ticket, range),
                FeedNext::Ended => break,
                FeedNext::Wait => unreachable!("all reads are done"),
            };
            let bytes = ticket.map_or(&[][..], |ticket| &self.buffers[ticket.0][range]);
            self.feed.parse(bytes, &mut |record| {
                stats.records += 1;
                emit(record);
                ControlFlow::Continue(())
            })?;
        }
        stats.bytes = self.feed.take_progress();
        Ok(stats)
    }

    fn read(&mut self, ask: FeedAsk) -> Result<usize, ConnectError> {
        let path = &self.feed.files().file(ask.file).path;
        if self.open.as_ref().is_none_or(|(file, _)| *file != ask.file) {
            let file = File::open(path).map_err(|error| ConnectError::io("open", path, error))?;
            self.open = Some((ask.file, file));
        }
        let (_, file) = self.open.as_ref().expect("just opened");
        let buffer = &mut self.buffers[ask.ticket.0];
        let mut got = 0;
        while got < ask.request.length {
            let at = ask.request.offset + got as u64;
            match file.read_at(&mut buffer[got..ask.request.length], at) {
                Ok(0) => break,
                Ok(bytes) => got += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ConnectError::io("read", path, error)),
            }
        }
        Ok(got)
    }
}

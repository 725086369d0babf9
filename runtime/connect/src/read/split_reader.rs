//! One split at a time: decompresses if need be, finds the records, knows where the file ends.

use std::ops::{ControlFlow, Range};

use crate::constants::INFLATE_BLOCK;
use crate::error::ConnectError;
use crate::files::{Compression, FileSplit, InputFile};
use crate::format::{Fed, FedState, Framing};
use crate::inflate::Inflate;

/// Parses the bytes of one split after another.
#[derive(Debug)]
pub struct SplitReader<F> {
    framing: F,
    /// Bytes of the file, as stored, that have not been fed yet.
    unread: u64,
    inflate: Option<Inflate>,
    /// Decompressed bytes; empty until there is a compressed file.
    block: Vec<u8>,
    /// The part of `block` that has not been parsed.
    pending: Range<usize>,
    /// Decompressed bytes still to be passed over: their records were read before.
    skip: u64,
}

impl<F: Framing> SplitReader<F> {
    /// A reader that has no split yet.
    pub fn new(framing: F) -> SplitReader<F> {
        SplitReader { framing, unread: 0, inflate: None, block: Vec::new(), pending: 0..0, skip: 0 }
    }

    /// The record format, for what it counts.
    pub fn framing(&self) -> &F {
        &self.framing
    }

    /// The offset in the file, as stored, at which the bytes of a split begin.
    pub fn first_byte(&self, split: &FileSplit, file: &InputFile) -> u64 {
        match file.compression {
            Compression::None => self.framing.first_byte(split.start),
            Compression::Gzip | Compression::Zstd => 0,
        }
    }

    /// Begins a split; what was left of the one before is forgotten.
    ///
    /// # Errors
    /// If there is no memory for a decoder.
    pub fn start(&mut self, split: &FileSplit, file: &InputFile) -> Result<(), ConnectError> {
        self.unread = file.size.saturating_sub(self.first_byte(split, file));
        self.pending = 0..0;
        self.inflate = Inflate::new(file.compression, &file.path)?;
        if self.inflate.is_some() {
            assert_eq!((split.start, split.end), (0, file.size), "a compressed file is one split");
            self.block.resize(INFLATE_BLOCK, 0);
            self.skip = self.framing.first_byte(split.content);
            self.framing.start(&file.path, split.content..u64::MAX);
        } else {
            self.framing.start(&file.path, split.start..split.end);
        }
        Ok(())
    }

    /// What is left of the split that was begun: all records that were not handed out. `None` when
    /// that is none.
    pub fn rest_of(&self, split: FileSplit) -> Option<FileSplit> {
        let position = self.framing.position();
        if self.inflate.is_some() {
            return Some(FileSplit { content: position.max(split.content), ..split });
        }
        let start = position.max(split.start);
        (start < split.end).then_some(FileSplit { start, ..split })
    }

    /// Hands out the records of a chunk, which follows the bytes consumed before. When the answer is
    /// `NeedInput` the whole chunk is consumed.
    ///
    /// # Errors
    /// If the bytes are not what the file should hold.
    pub fn parse<E>(&mut self, chunk: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&F::Record) -> ControlFlow<()>,
    {
        assert!(chunk.len() as u64 <= self.unread, "a file is read up to its listed size");
        let fed = match self.inflate.is_some() {
            true => self.parse_packed(chunk, emit)?,
            false => self.framing.split(chunk, emit)?,
        };
        self.unread -= fed.consumed as u64;
        if fed.state != FedState::NeedInput || self.unread > 0 {
            return Ok(fed);
        }
        if let Some(inflate) = &self.inflate {
            inflate.finish()?;
        }
        self.framing.finish(emit)?;
        Ok(Fed { state: FedState::Done, ..fed })
    }

    fn parse_packed<E>(&mut self, chunk: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&F::Record) -> ControlFlow<()>,
    {
        let inflate = self.inflate.as_mut().expect("checked by the caller");
        let mut consumed = 0;
        loop {
            let fed = self.framing.split(&self.block[self.pending.clone()], emit)?;
            self.pending.start += fed.consumed;
            match fed.state {
                FedState::Paused => return Ok(Fed { consumed, state: FedState::Paused }),
                FedState::NeedInput => assert!(self.pending.is_empty()),
                FedState::Done => unreachable!("the content of a compressed file has no end"),
            }
            let step = inflate.step(&chunk[consumed..], &mut self.block)?;
            consumed += step.consumed;
            let skipped = self.skip.min(step.produced as u64);
            self.skip -= skipped;
            self.pending = skipped as usize..step.produced;
            if step.consumed == 0 && step.produced == 0 {
                assert_eq!(consumed, chunk.len());
                return Ok(Fed { consumed, state: FedState::NeedInput });
            }
        }
    }
}

#[cfg(test)]
mod tests;

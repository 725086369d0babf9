//! Binary records of one length. A split owns the records that start in it, so it begins at the
//! first multiple of the length.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::framing::{Fed, FedState, Framing};
use crate::constants::MAX_RECORD;
use crate::error::ConnectError;

/// Splits bytes into records of one length.
#[derive(Debug)]
pub struct FixedRecords {
    length: usize,
    file: Arc<Path>,
    end: u64,
    /// Offset of the next byte that is fed.
    offset: u64,
    /// The start of a record that spans chunks.
    carry: Vec<u8>,
}

impl FixedRecords {
    /// A splitter that has no file yet.
    ///
    /// # Errors
    /// If the length is zero or above [`MAX_RECORD`].
    pub fn new(length: usize) -> Result<FixedRecords, ConnectError> {
        if length == 0 || length > MAX_RECORD {
            return Err(ConnectError::BadOption {
                option: "record_length",
                reason: format!("{length} is not between 1 and {MAX_RECORD} bytes"),
            });
        }
        let file = Path::new("").into();
        Ok(FixedRecords { length, file, end: 0, offset: 0, carry: Vec::new() })
    }

    fn is_done(&self) -> bool {
        self.carry.is_empty() && self.offset >= self.end
    }

    /// Adds to the carried record; true when it is complete.
    fn fill(&mut self, bytes: &[u8]) -> (usize, bool) {
        let taken = bytes.len().min(self.length - self.carry.len());
        self.carry.extend_from_slice(&bytes[..taken]);
        self.offset += taken as u64;
        assert!(self.carry.len() <= self.length);
        (taken, self.carry.len() == self.length)
    }
}

impl Framing for FixedRecords {
    type Record = [u8];

    fn first_byte(&self, start: u64) -> u64 {
        start.next_multiple_of(self.length as u64)
    }

    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>) {
        self.file = Arc::clone(file);
        self.carry.clear();
        self.end = owned.end;
        self.offset = self.first_byte(owned.start);
    }

    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        let mut at = 0;
        loop {
            if self.is_done() {
                return Ok(Fed { consumed: at, state: FedState::Done });
            }
            let rest = &bytes[at..];
            if rest.is_empty() {
                return Ok(Fed { consumed: at, state: FedState::NeedInput });
            }
            let flow = if self.carry.is_empty() && rest.len() >= self.length {
                at += self.length;
                self.offset += self.length as u64;
                emit(&rest[..self.length])
            } else {
                let (taken, is_complete) = self.fill(rest);
                at += taken;
                if !is_complete {
                    continue;
                }
                let flow = emit(&self.carry);
                self.carry.clear();
                flow
            };
            if flow.is_break() {
                return Ok(Fed { consumed: at, state: FedState::Paused });
            }
        }
    }

    fn position(&self) -> u64 {
        self.offset - self.carry.len() as u64
    }

    fn finish<E>(&mut self, _emit: &mut E) -> Result<(), ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        if self.carry.is_empty() {
            return Ok(());
        }
        Err(ConnectError::Truncated {
            path: self.file.to_path_buf(),
            offset: self.offset,
            what: "a fixed-length record",
        })
    }
}

#[cfg(test)]
mod tests;

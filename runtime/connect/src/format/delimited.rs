//! Binary records that each begin with their length:
//!
//! ```text
//! | bytes      | what                              |
//! |------------|-----------------------------------|
//! | 0..4       | length n of the payload, u32, LE  |
//! | 4..4 + n   | payload, handed out as the record |
//! ```
//!
//! A record can only be found from the start of the file, or from behind another one, so a file is one
//! split. A length comes from
//! the disk: it is checked against the limit and the rest of the file before anything is kept.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::framing::{Fed, FedState, Framing};
use crate::constants::{CARRY_KEPT, MAX_RECORD};
use crate::error::ConnectError;

/// Bytes of the length before each record.
const PREFIX: usize = size_of::<u32>();

/// Splits bytes into length-delimited records.
#[derive(Debug)]
pub struct DelimitedRecords {
    max_record_length: usize,
    file: Arc<Path>,
    end: u64,
    /// Offset of the next byte that is fed.
    offset: u64,
    /// The start of a record that spans chunks, its length included.
    carry: Vec<u8>,
}

impl DelimitedRecords {
    /// A splitter that has no file yet.
    ///
    /// # Errors
    /// If the limit does not fit into the 32 bits of a length.
    pub fn new(max_record_length: usize) -> Result<DelimitedRecords, ConnectError> {
        if max_record_length > u32::MAX as usize - PREFIX {
            return Err(ConnectError::BadOption {
                option: "max_record_length",
                reason: format!("{max_record_length} does not fit into a 32-bit length"),
            });
        }
        let file = Path::new("").into();
        Ok(DelimitedRecords { max_record_length, file, end: 0, offset: 0, carry: Vec::new() })
    }

    /// Bytes of the record, prefix included, that starts with `bytes`; `None` if its prefix is not
    /// complete. `start` is where in the file it starts.
    fn whole_length(&self, bytes: &[u8], start: u64) -> Result<Option<usize>, ConnectError> {
        let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > self.max_record_length {
            return Err(ConnectError::RecordTooLong {
                path: self.file.to_path_buf(),
                offset: start,
                limit: self.max_record_length,
                option: "max_record_length",
            });
        }
        if (PREFIX + length) as u64 > self.end - start {
            return Err(self.truncated(self.end));
        }
        Ok(Some(PREFIX + length))
    }

    fn truncated(&self, offset: u64) -> ConnectError {
        let what = "a length-delimited record";
        ConnectError::Truncated { path: self.file.to_path_buf(), offset, what }
    }

    /// Adds to the carried record as much as it lacks; gives the bytes taken and whether it is
    /// complete.
    fn fill(&mut self, bytes: &[u8]) -> Result<(usize, bool), ConnectError> {
        let start = self.offset - self.carry.len() as u64;
        let mut taken = bytes.len().min(PREFIX.saturating_sub(self.carry.len()));
        self.carry.extend_from_slice(&bytes[..taken]);
        let whole = self.whole_length(&self.carry, start)?;
        if let Some(whole) = whole {
            let rest = &bytes[taken..];
            let more = rest.len().min(whole - self.carry.len());
            self.carry.extend_from_slice(&rest[..more]);
            taken += more;
        }
        self.offset += taken as u64;
        Ok((taken, whole == Some(self.carry.len())))
    }

    fn drop_carried(&mut self) {
        self.carry.clear();
        if self.carry.capacity() > CARRY_KEPT {
            self.carry = Vec::new();
        }
    }
}

impl Default for DelimitedRecords {
    fn default() -> DelimitedRecords {
        DelimitedRecords::new(MAX_RECORD).expect("the default limit fits")
    }
}

impl Framing for DelimitedRecords {
    type Record = [u8];

    fn first_byte(&self, start: u64) -> u64 {
        start
    }

    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>) {
        self.file = Arc::clone(file);
        self.carry.clear();
        self.end = owned.end;
        self.offset = owned.start;
    }

    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        let mut at = 0;
        loop {
            if self.carry.is_empty() && self.offset >= self.end {
                return Ok(Fed { consumed: at, state: FedState::Done });
            }
            let rest = &bytes[at..];
            if rest.is_empty() {
                return Ok(Fed { consumed: at, state: FedState::NeedInput });
            }
            let whole = match self.carry.is_empty() {
                true => self.whole_length(rest, self.offset)?,
                false => None,
            };
            let flow = match whole {
                Some(whole) if whole <= rest.len() => {
                    at += whole;
                    self.offset += whole as u64;
                    emit(&rest[PREFIX..whole])
                }
                _ => {
                    let (taken, is_complete) = self.fill(rest)?;
                    at += taken;
                    if !is_complete {
                        continue;
                    }
                    let flow = emit(&self.carry[PREFIX..]);
                    self.drop_carried();
                    flow
                }
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
        if self.carry.is_empty() { Ok(()) } else { Err(self.truncated(self.offset)) }
    }
}

#[cfg(test)]
mod tests;

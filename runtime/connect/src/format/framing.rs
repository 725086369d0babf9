//! What the reader and a record format agree on.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use crate::error::ConnectError;

/// A record format: finds records in bytes that arrive in chunks.
///
/// One instance serves all splits of a reader, one after another, so that its buffers are kept. The
/// order of calls is `start`, then `split` until it says [`FedState::Done`] or the file ends, then
/// `finish` if the file ended.
pub trait Framing {
    /// What a record is handed out as.
    type Record: ?Sized;

    /// The offset from which bytes must be fed for a part of a file that begins at `start`.
    fn first_byte(&self, start: u64) -> u64;

    /// Begins the part `owned` of `file`; bytes from [`Framing::first_byte`] on follow.
    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>);

    /// Hands out the records in `bytes`, which follow those consumed before. `emit` accepts every
    /// record it is given; with `Break` it asks for a pause before the next one.
    ///
    /// # Errors
    /// When the bytes are not of the format; the reader is of no use afterwards.
    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&Self::Record) -> ControlFlow<()>;

    /// The offset behind the last record handed out: a part of the file that begins there has all
    /// records that were not. Meaningful while the part is being read, between two calls.
    fn position(&self) -> u64;

    /// The file has ended: hands out what is left, at most one record.
    ///
    /// # Errors
    /// When the file ends in the middle of a record that needs an end.
    fn finish<E>(&mut self, emit: &mut E) -> Result<(), ConnectError>
    where
        E: FnMut(&Self::Record) -> ControlFlow<()>;
}

/// How far [`Framing::split`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Bytes that need not be fed again.
    pub consumed: usize,
    /// What comes next.
    pub state: FedState,
}

/// What [`Framing::split`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedState {
    /// All bytes are consumed; the next ones are needed.
    NeedInput,
    /// A pause was asked for; the rest of the bytes is to be fed again.
    Paused,
    /// All records of the split were handed out.
    Done,
}

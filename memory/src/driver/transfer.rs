//! A read, write or sync on its way, and what to do with each answer of the system.
//!
//! The same for every backend: a short transfer is continued, an interrupted one repeated, and the
//! result of the whole is one completion. So callers never see a short write, and a short read
//! only at the end of a file.

use std::io;

use super::{Completion, File, IoBuffer, OperationId};

/// The smallest part of a direct transfer. A shorter rest can only be the end of the file.
const DIRECT_UNIT: usize = 512;

/// An answer without progress (interrupted, try again) is repeated this often.
const RETRIES_MAX: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferKind {
    Read,
    Write,
    Sync,
}

#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) id: OperationId,
    pub(crate) kind: TransferKind,
    pub(crate) file: File,
    offset: u64,
    buffer: Option<IoBuffer>,
    len: usize,
    done: usize,
    retries: u32,
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ask for the rest.
    Again(Transfer),
    Done(Completion),
}

/// A buffer for a read or write.
pub(crate) struct TransferRange {
    pub(crate) offset: u64,
    pub(crate) buffer: IoBuffer,
    pub(crate) len: usize,
}

impl Transfer {
    pub(crate) fn sync(id: OperationId, file: File) -> Transfer {
        Transfer {
            id,
            kind: TransferKind::Sync,
            file,
            offset: 0,
            buffer: None,
            len: 0,
            done: 0,
            retries: 0,
        }
    }

    pub(crate) fn new(
        id: OperationId,
        kind: TransferKind,
        file: File,
        range: TransferRange,
    ) -> Transfer {
        let TransferRange { offset, buffer, len } = range;
        let available = buffer.as_slice().len();
        assert!(
            kind == TransferKind::Write || !matches!(buffer, IoBuffer::Buffer(_)),
            "a shared buffer can't be read into"
        );
        assert!(len <= available, "an operation of {len} bytes on a buffer of {available}");
        assert!(
            offset.checked_add(len as u64).is_some_and(|end| i64::try_from(end).is_ok()),
            "an operation of {len} bytes at {offset} goes past the end of any file"
        );
        Transfer { id, kind, file, offset, buffer: Some(buffer), len, done: 0, retries: 0 }
    }

    /// Where in the file the rest begins.
    pub(crate) fn rest_offset(&self) -> u64 {
        self.offset + self.done as u64
    }

    pub(crate) fn rest_len(&self) -> usize {
        self.len - self.done
    }

    /// Where in memory the rest begins, to check its alignment.
    pub(crate) fn rest_address(&self) -> usize {
        let buffer = self.buffer.as_ref().expect("a read or write has a buffer");
        buffer.as_slice()[self.done..].as_ptr().addr()
    }

    /// What is left to write.
    pub(crate) fn rest(&self) -> &[u8] {
        assert_eq!(self.kind, TransferKind::Write);
        let buffer = self.buffer.as_ref().expect("a write has a buffer");
        &buffer.as_slice()[self.done..self.len]
    }

    /// What is left to read.
    pub(crate) fn rest_mut(&mut self) -> &mut [u8] {
        assert_eq!(self.kind, TransferKind::Read);
        let buffer = self.buffer.as_mut().expect("a read has a buffer");
        &mut buffer.as_mut_slice()[self.done..self.len]
    }

    /// Takes in the system's answer to the request for the rest.
    pub(crate) fn answered(mut self, answer: io::Result<usize>) -> Step {
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(error) if may_repeat(&error) && self.retries < RETRIES_MAX => {
                self.retries += 1;
                return Step::Again(self);
            }
            Err(error) => return Step::Done(self.failed(error)),
        };
        let rest = self.len - self.done;
        assert!(bytes <= rest, "the system moved {bytes} bytes where {rest} were asked for");
        self.done += bytes;
        let at_end = match self.kind {
            TransferKind::Sync => true,
            TransferKind::Read => {
                bytes == 0 || self.file.is_direct() && !bytes.is_multiple_of(DIRECT_UNIT)
            }
            TransferKind::Write if bytes == 0 && rest > 0 => {
                return Step::Done(self.failed(io::ErrorKind::WriteZero.into()));
            }
            TransferKind::Write => false,
        };
        if at_end || self.done == self.len {
            return Step::Done(Completion {
                id: self.id,
                result: Ok(self.done),
                buffer: self.buffer,
            });
        }
        Step::Again(self)
    }

    /// Ends the transfer with an error that names action, file and offset; a failed sync poisons
    /// the file.
    pub(crate) fn failed(self, error: io::Error) -> Completion {
        let path = self.file.path().display();
        let message = match self.kind {
            TransferKind::Read => {
                format!("reading {} bytes at {} of {path}: {error}", self.len, self.offset)
            }
            TransferKind::Write => {
                format!("writing {} bytes at {} of {path}: {error}", self.len, self.offset)
            }
            TransferKind::Sync => format!("syncing {path}: {error}"),
        };
        if self.kind == TransferKind::Sync {
            self.file.poison(&error);
        }
        let result = Err(io::Error::new(error.kind(), FileFault { message, cause: error }));
        Completion { id: self.id, result, buffer: self.buffer }
    }
}

fn may_repeat(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// The system's error under a message that names the file.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct FileFault {
    message: String,
    #[source]
    cause: io::Error,
}

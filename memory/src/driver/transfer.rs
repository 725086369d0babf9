//! A read, write or sync on its way, and what to do with each answer of the system.
//!
//! The same for every backend: a short transfer is continued, an interrupted one repeated, and the
//! result of the whole is one completion. So callers never see a short write, and a short read
//! only at the end of a file.

use std::io;

use super::{Completion, File, IoBuffer, IoPart, Operation, OperationId};

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
    /// One for a read; none for a sync.
    parts: Parts,
    len: usize,
    done: usize,
    retries: u32,
}

#[derive(Debug)]
enum Parts {
    None,
    One(IoPart),
    Several(Vec<IoPart>),
}

impl Parts {
    fn several(parts: Vec<IoPart>) -> Parts {
        let count = parts.len();
        assert!(count > 0 && count <= Operation::PARTS_MAX, "an operation on {count} buffers");
        Parts::Several(parts)
    }

    fn as_mut_slice(&mut self) -> &mut [IoPart] {
        match self {
            Parts::None => &mut [],
            Parts::One(part) => std::slice::from_mut(part),
            Parts::Several(parts) => parts,
        }
    }

    fn as_slice(&self) -> &[IoPart] {
        match self {
            Parts::None => &[],
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Several(parts) => parts,
        }
    }
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ask for the rest.
    Again(Transfer),
    Done(Completion),
}

impl Transfer {
    /// The transfer that an operation on a file asks for.
    pub(crate) fn of(id: OperationId, operation: Operation) -> Transfer {
        let (kind, file, offset, parts) = match operation {
            Operation::Read { file, offset, buffer, len } => {
                (TransferKind::Read, file, offset, Parts::One(IoPart { buffer, len }))
            }
            Operation::Write { file, offset, buffer, len } => {
                (TransferKind::Write, file, offset, Parts::One(IoPart { buffer, len }))
            }
            Operation::ReadSeveral { file, offset, parts } => {
                (TransferKind::Read, file, offset, Parts::several(parts))
            }
            Operation::WriteSeveral { file, offset, parts } => {
                (TransferKind::Write, file, offset, Parts::several(parts))
            }
            Operation::Sync { file } => (TransferKind::Sync, file, 0, Parts::None),
            other => panic!("{other:?} is no operation on a file"),
        };
        let mut len = 0;
        for part in parts.as_slice() {
            assert!(
                kind == TransferKind::Write || !matches!(part.buffer, IoBuffer::Buffer(_)),
                "a shared buffer can't be read into"
            );
            let available = part.buffer.as_slice().len();
            assert!(
                part.len <= available,
                "an operation of {} bytes on a buffer of {available}",
                part.len
            );
            len += part.len;
        }
        assert!(
            offset.checked_add(len as u64).is_some_and(|end| i64::try_from(end).is_ok()),
            "an operation of {len} bytes at {offset} goes past the end of any file"
        );
        Transfer { id, kind, file, offset, parts, len, done: 0, retries: 0 }
    }

    /// A read or write of no bytes, which the system need not hear of.
    pub(crate) fn moves_nothing(&self) -> bool {
        self.kind != TransferKind::Sync && self.len == 0
    }

    pub(crate) fn moved_nothing(self) -> Completion {
        assert!(self.moves_nothing());
        self.completed(Ok(0))
    }

    /// Where in the file the rest begins.
    pub(crate) fn rest_offset(&self) -> u64 {
        self.offset + self.done as u64
    }

    pub(crate) fn rest_len(&self) -> usize {
        self.len - self.done
    }

    /// What is left of each part.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &[u8]> {
        let mut done = self.done;
        self.parts.as_slice().iter().filter_map(move |part| {
            let skipped = done.min(part.len);
            done -= skipped;
            (skipped < part.len).then(|| &part.buffer.as_slice()[skipped..part.len])
        })
    }

    /// Whether the operation is on several buffers.
    pub(crate) fn is_several(&self) -> bool {
        matches!(self.parts, Parts::Several(_))
    }

    /// What is left of each part, to read into.
    pub(crate) fn rest_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        assert_eq!(self.kind, TransferKind::Read);
        let mut done = self.done;
        self.parts.as_mut_slice().iter_mut().filter_map(move |part| {
            let skipped = done.min(part.len);
            done -= skipped;
            (skipped < part.len).then(|| &mut part.buffer.as_mut_slice()[skipped..part.len])
        })
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
            let done = self.done;
            return Step::Done(self.completed(Ok(done)));
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
        let error = io::Error::new(error.kind(), FileFault { message, cause: error });
        self.completed(Err(error))
    }

    fn completed(self, result: io::Result<usize>) -> Completion {
        let (buffer, buffers) = match self.parts {
            Parts::None => (None, Vec::new()),
            Parts::One(part) => (Some(part.buffer), Vec::new()),
            Parts::Several(parts) => (None, parts.into_iter().map(|part| part.buffer).collect()),
        };
        Completion { buffer, buffers, ..Completion::of(self.id, result) }
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

//! Operations and their completions.

use std::io;

use super::{File, Instant64, IoBuffer};

/// Names one operation of one driver; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub(crate) u64);

/// What a worker asks of its driver.
#[derive(Debug)]
pub enum Operation {
    /// Fill the first `len` bytes of `buffer` from `offset` of the file. Completes with the number
    /// of bytes read, which is less than `len` only at the end of the file.
    Read {
        /// Opened for reading.
        file: File,
        /// Where in the file, in bytes. A multiple of the block for direct files.
        offset: u64,
        /// Not a shared buffer: those are read-only.
        buffer: IoBuffer,
        /// At most the buffer's length.
        len: usize,
    },
    /// Write the first `len` bytes of `buffer` at `offset` of the file. Completes with `len`.
    Write {
        /// Opened for writing.
        file: File,
        /// Where in the file, in bytes. A multiple of the block for direct files.
        offset: u64,
        /// Comes back unchanged.
        buffer: IoBuffer,
        /// At most the buffer's length.
        len: usize,
    },
    /// Bring all that completed writes wrote to stable storage (`fdatasync`). A failure poisons
    /// the file.
    Sync {
        /// Opened for writing.
        file: File,
    },
    /// Completes with 0 when the driver's clock has reached `at`, never before.
    Timer {
        /// When.
        at: Instant64,
    },
}

/// The end of an operation.
#[derive(Debug)]
pub struct Completion {
    /// What [`super::Driver::submit`] returned.
    pub id: OperationId,
    /// Bytes transferred, or why not. An error of a file names it.
    pub result: io::Result<usize>,
    /// The buffer of a read or write, also after an error.
    pub buffer: Option<IoBuffer>,
}

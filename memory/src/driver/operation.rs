//! Operations and their completions.

use std::io;
use std::ops::Range;

use super::{CloseKind, ConnectOptions, File, Gather, Instant64, IoBuffer, Listener, Socket};

/// Names one operation of one driver; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub(crate) u64);

/// What a worker asks of its driver.
///
/// Lengths beyond a buffer's end are bugs of the caller: `submit` panics.
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
    /// Fill several buffers one after another, from `offset` of the file on. Completes with the
    /// bytes read into all of them together, fewer than asked only at the end of the file.
    ReadSeveral {
        /// Opened for reading.
        file: File,
        /// Where in the file, in bytes. A multiple of the block for direct files, as the length of
        /// each part must be.
        offset: u64,
        /// At least one, at most [`Operation::PARTS_MAX`], none of them shared.
        parts: Vec<IoPart>,
    },
    /// Write several buffers one after another, from `offset` of the file on. One such operation
    /// is much cheaper than one for each buffer. Completes with the bytes of all parts.
    WriteSeveral {
        /// Opened for writing.
        file: File,
        /// Where in the file, in bytes. A multiple of the block for direct files, as the length of
        /// each part must be.
        offset: u64,
        /// At least one, at most [`Operation::PARTS_MAX`].
        parts: Vec<IoPart>,
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
    /// Wait for a connection. The completion carries its socket. An error is that of one connection, or
    /// of the system that has no descriptor left, unless the listener is closed: accept again, and
    /// after a moment only, since the same may wait still.
    Accept {
        /// One operation at a time; `submit` panics on a second.
        listener: Listener,
    },
    /// Make a connection. The completion carries its socket.
    Connect {
        /// Where to and how.
        options: ConnectOptions,
    },
    /// Receive what is there, at least one byte, at the beginning of a range of `buffer`. Completes
    /// with the number of bytes, or with 0 when the peer has ended its half gracefully.
    Receive {
        /// One receive at a time; `submit` panics on a second.
        socket: Socket,
        /// Not a shared buffer: those are read-only.
        buffer: IoBuffer,
        /// Not empty.
        range: Range<usize>,
    },
    /// Receive what is there, at least one byte, into several buffers one after another; the next is
    /// begun when one is full. Completes as a receive into one. Pays where threads share cores (a
    /// quarter less CPU a byte); where they don't, one segment at a time is faster.
    ReceiveSeveral {
        /// One receive at a time; `submit` panics on a second.
        socket: Socket,
        /// At least one, at most [`Operation::PARTS_MAX`], none of them shared or empty.
        parts: Vec<IoPart>,
    },
    /// Send all of `gather`. Completes with its length, when the system has taken the last byte.
    Send {
        /// One send or shutdown at a time; `submit` panics on a second.
        socket: Socket,
        /// Not empty. Comes back unchanged, also after an error.
        gather: Gather,
    },
    /// End the sending half: the peer's receives end with 0 bytes after all that was sent.
    Shutdown {
        /// Without a send under way.
        socket: Socket,
    },
    /// Close both halves. What is pending on the socket completes with an error
    /// ([`io::ErrorKind::ConnectionAborted`]), as does whatever is submitted later.
    Close {
        /// Closing what is closed does nothing.
        socket: Socket,
        /// Whether the peer sees an end or a reset.
        how: CloseKind,
    },
    /// Stop listening; connections that were not accepted are reset.
    CloseListener {
        /// Closing what is closed does nothing.
        listener: Listener,
    },
}

impl Operation {
    /// The most parts of one operation.
    pub const PARTS_MAX: usize = 64;
}

/// One buffer of an operation on several.
#[derive(Debug)]
pub struct IoPart {
    /// Comes back in the completion.
    pub buffer: IoBuffer,
    /// So many of its first bytes, at most its length.
    pub len: usize,
}

/// The end of an operation.
#[derive(Debug)]
pub struct Completion {
    /// What [`super::Driver::submit`] returned.
    pub id: OperationId,
    /// Bytes transferred, or why not. An error of a file names it, one of a socket its peer.
    pub result: io::Result<usize>,
    /// The buffer of a read, write or receive, also after an error.
    pub buffer: Option<IoBuffer>,
    /// The buffers of an operation on several, in their order, also after an error.
    pub buffers: Vec<IoBuffer>,
    /// The connection that was made or accepted.
    pub socket: Option<Socket>,
    /// What a send was to send, also after an error.
    pub gather: Option<Gather>,
}

impl Completion {
    /// Of an operation that gives nothing back.
    pub(crate) fn of(id: OperationId, result: io::Result<usize>) -> Completion {
        Completion { id, result, buffer: None, buffers: Vec::new(), socket: None, gather: None }
    }
}

//! The I/O driver: clock, timers, files, sockets and wake-ups of one worker thread.
//!
//! A worker owns one [`Driver`]. Operations are submitted, their buffers move in, and both come
//! back in a [`Completion`]; nothing blocks except [`Driver::park`]. Other threads reach a worker
//! only through its [`Doorbell`].
//!
//! ```text
//!   worker thread                                     other threads
//!   +---------------------------------------------+   +-------------------+
//!   | loop {                                      |   | push into a queue |
//!   |   driver.poll(&mut done);   // a few ns     |   | doorbell.ring()   |
//!   |   look at every queue, run ready tasks      |   +---------+---------+
//!   |   if nothing was found {                    |             |
//!   |     driver.park(next_deadline, &mut done);  | <-----------+
//!   |   }                                         |   eventfd, only when parked
//!   | }                                           |
//!   +---------------------------------------------+
//! ```
//!
//! Invariants:
//! - A wake-up is never lost, if the worker looks at all its queues between two calls of `park`
//!   (see [`doorbell`] for the protocol and why the first call returns at once).
//! - Every operation submitted gives exactly one completion, which carries the buffer back. A
//!   dropped driver waits for the operations that the kernel still has, then drops their buffers.
//! - A read or write completes with fewer bytes than asked only at the end of the file: the rest
//!   of a short transfer is asked for again by the driver (see `transfer`).
//! - A file whose sync failed answers every later operation with an error.
//! - A receive completes with what is there, a send whole or with an error; a peer's graceful end, its
//!   reset, and silence are told apart (see [`Socket`] and `sockets`).
//!
//! Thread: a driver is bound to the thread that made it (it is not `Send`); [`Doorbell`], [`Files`],
//! [`File`], [`Sockets`] and [`Socket`] go anywhere.
//!
//! Deliberately absent: cancelling an operation. File operations can't be cancelled once the kernel
//! works on them; a timer that is no longer wanted is ignored by whoever asked for it; what waits for
//! a peer ends when its socket is closed.

mod buffer;
mod clock;
mod dispatch;
pub mod doorbell;
mod epoll;
mod error;
mod files;
mod operation;
mod options;
mod simulated;
mod sockets;
mod transfer;
mod uring;

#[cfg(test)]
mod tests;

pub use buffer::{AlignedBytes, IoBuffer};
pub use clock::Instant64;
pub use dispatch::Driver;
pub use doorbell::Doorbell;
pub use error::DriverError;
pub use files::{EntryKind, File, FileId, FileMetadata, Files, OpenOptions, PathLock};
pub use operation::{Completion, IoPart, Operation, OperationId};
pub use options::{DriverKind, DriverOptions, default_spin};
pub use simulated::{Faults, LinkOptions, NetworkFaults, PerMillion, PlannedFault, SimulatedWorld};
pub use sockets::{
    CloseKind, ConnectOptions, Gather, KeepAlive, Listener, Socket, SocketOptions, Sockets,
};

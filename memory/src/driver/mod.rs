//! The I/O driver: clock, timers, files and wake-ups of one worker thread.
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
//!
//! Thread: a driver is bound to the thread that made it (it is not `Send`); [`Doorbell`],
//! [`Files`] and [`File`] go anywhere.
//!
//! Deliberately absent: cancelling an operation (file operations can't be cancelled once the
//! kernel works on them; a timer that is no longer wanted is ignored by whoever asked for it), and
//! sockets. Accept, connect, send and receive will be further variants of [`Operation`]: in the
//! io_uring backend further submission entries beside read and write (receive with a ring of
//! provided segments, completions of one multishot entry having one `OperationId`), in the epoll
//! backend a table of non-blocking sockets registered with the mio poll that already waits for the
//! doorbell, and in the simulation a network beside the disks of a world.

mod buffer;
mod dispatch;
pub mod doorbell;
mod epoll;
mod error;
mod files;
mod instant;
mod operation;
mod options;
mod simulated;
mod timers;
mod transfer;
mod uring;

#[cfg(test)]
mod tests;

pub use buffer::{AlignedBytes, IoBuffer};
pub use dispatch::Driver;
pub use doorbell::Doorbell;
pub use error::DriverError;
pub use files::{EntryKind, File, FileId, FileMetadata, Files, OpenOptions, PathLock};
pub use instant::Instant64;
pub use operation::{Completion, IoPart, Operation, OperationId};
pub use options::{DriverKind, DriverOptions, default_spin};
pub use simulated::{Faults, PerMillion, PlannedFault, SimulatedWorld};

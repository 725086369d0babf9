//! The simulated backend: one world of clock, disks and network for all the drivers of a simulation.
//!
//! ```text
//!   SimulatedWorld (handle) --+
//!   Driver A  ----------------+--> World: clock, random numbers, faults
//!   Driver B  ----------------+      +-- machine "a": disk    (names, contents, what is durable)
//!   Files (of any driver) ----+      +-- machine "b": disk
//!   Sockets ------------------+      +-- network: links, ends of connections, what is under way
//! ```
//!
//! - **Clock.** Virtual. It stands still while any driver has something to do, and jumps to the
//!   next event (an operation's end, a timer, a `park`'s time) when all are parked. So a simulation
//!   steps its workers in turn; each `park` returns at once.
//! - **Order.** Every operation takes a seeded time, so completions come in a seeded order, and
//!   the same seed gives the same run.
//! - **Faults.** Seeded by rate ([`Faults`]), or planned for the n-th operation
//!   ([`SimulatedWorld::fail_operation`]), to make each one fail in turn.
//! - **Network.** Connections between the machines, over links with delay and faults (see `network`).
//! - **Crash.** A machine loses what was not synced: each unsynced sector and the tail of the
//!   unsynced changes of names may or may not have reached the disk.
//!
//! Invariants: the clock never goes back; an operation has its effect when it ends, not before;
//! what was synced without error survives every crash.
//!
//! Thread: all drivers of a world live on one thread (checked); doorbells may ring from any, but a
//! simulation that wants to be replayed rings from that thread only.
//!
//! Deliberately absent: the time that computing takes.

mod backend;
mod disk;
mod faults;
mod handle;
mod inode;
mod network;
mod random;
mod world;

pub(super) use backend::Simulated;
use disk::OpenedNode;
pub use faults::{Faults, PerMillion, PlannedFault};
pub use handle::SimulatedWorld;
pub(super) use inode::SimulatedLock;
pub(super) use network::SimulatedSocket;
pub use network::{LinkOptions, NetworkFaults};
pub(super) use world::SimulatedFile;

#[cfg(test)]
mod tests;

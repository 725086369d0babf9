//! The RocksDB state backend: keyed state that may be larger than memory, with checkpoints that write
//! only the files that are new.
//!
//! ```text
//!  job:       RocksDbBackend: settings, local folders, the memory of each slot
//!                 |  open
//!  operator:  RocksDbStore -- reads --------------> Pending (changes) --> Database
//!                 |        -- writes -> Pending -- 2 MB -- write batch -----^
//!                 |  at a barrier: Pending goes into the database, and what follows stays in
//!                 |  Pending until the files are linked
//!                 v
//!             Saver, a thread: flush, link the files, copy those that are new
//! ```
//!
//! A column family for each state; a key is the key group, the key, the namespace and the sub-key, in
//! an encoding that sorts as they do ([`key`]). There is no log: what is not in a checkpoint is lost with
//! the process, as state in memory is.
//!
//! Memory: the cache of blocks and the write buffers of all stores of a slot come out of the slot's
//! part of managed memory, which is taken from the region and left alone ([`memory`]).
//!
//! Invariants: what a snapshot has is what the store was at its barrier, since nothing is written to
//! the database before its files are linked; a local file is there as long as a snapshot needs it;
//! local folders are gone with their process, or swept by the next.
//!
//! Thread: a store is its task's; the saver and RocksDB have threads of their own. Deliberately absent:
//! timers, which stay on the heap, and reading state ahead of its use across buffers.

mod backend;
mod database;
mod directory;
mod error;
mod expiry;
mod ground;
pub mod key;
pub mod memory;
pub mod metrics;
mod pending;
mod settings;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

pub use backend::RocksDbBackend;
pub use error::RocksDbError;
pub use settings::{MemorySource, Settings};

//! Checkpoints and savepoints: when they are taken, what they consist of, where they are kept.
//!
//! ```text
//!  coordinator   (state, event) -> actions: trigger, complete, give up, retain, answer
//!  statistics    what the REST API shows of it
//!  restart       (state, failure) -> restart after, or give up
//!  handle        which state of which subtask lies where
//!  metadata      the same as the bytes of a file
//!  storage       where both are kept, in which order they are written, and what a crash leaves
//!  restore       which state goes to which subtask
//!  savepoint     the format that every backend reads; inspect, verify, compare, dispose
//! ```
//!
//! Invariants: nothing here knows workers, chains or threads, so that the coordinator can run beside
//! a job in one process or at the far end of an RPC. Decisions are pure step functions.
//!
//! Thread: any. Deliberately absent: barriers and their alignment (network), state backends, and who
//! carries the coordinator's actions out.

pub mod config;
pub mod id;
pub mod kind;
pub(crate) mod random;
pub(crate) mod wire;

pub mod handle;

pub mod coordinator;
pub mod statistics;

pub mod restart;

pub mod metadata;
pub mod storage;

pub mod restore;
pub mod savepoint;

pub use config::{CheckpointConfig, CheckpointConfigError, checkpoint_storage};
pub use handle::{CompletedCheckpoint, Place};
pub use id::{CheckpointId, Millis};
pub use kind::{AfterSavepoint, Alignment, CheckpointKind, SavepointFormat};

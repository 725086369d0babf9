//! Sinks that commit in two phases, so that each record has its effect exactly once.
//!
//! ```text
//!            records          barrier              checkpoint complete
//!   begin ------------> open ----------> pre-committed ----------------> committed
//!                         |  (begin)      | in the checkpoint's state
//!                         |               `-- restored: committed again, which changes nothing
//!                         `-- failure: aborted, and its records come again
//! ```
//!
//! What is pre-committed may also be held back, to be committed with a later transaction: a sink of
//! files does that to merge small ones.
//!
//! Owns: when a transaction begins, is pre-committed, committed and aborted ([`TwoPhaseCommitSink`] does
//! these), and what a checkpoint stores of it. Invariants: nothing is committed before a checkpoint that
//! stores it is complete; what such a checkpoint stores is committed, at the latest when a job starts from
//! it; a checkpoint is not acknowledged before what it stores is durable. The protocol follows the
//! `TwoPhaseCommitSinkFunction` that users of Flink know. Thread: of the task's worker.

mod contract;
mod protocol;
mod writer;

pub use contract::TwoPhaseCommitSink;
pub use writer::{TwoPhaseCommit, TwoPhaseCommitWriter};

//! Accumulators: numbers that operators count and a program reads from its job's result.
//!
//! ```text
//! operator: handle.add(1)      subtask: registry.snapshot()      job: AccumulatorResults::merge
//! (a cell, shared by handles)  (plain values, Send)              (by name over all subtasks)
//! ```
//!
//! Owns: the four kinds of Flink, their handles, the registry of a subtask, merging, and the text
//! forms of the REST API.
//!
//! Invariants: a job has one name space, so a name has one kind, in a subtask and over all of them;
//! a handle stays valid as long as anyone holds it.
//!
//! Thread: registry and handles belong to one worker thread (they aren't `Send`, and cost no
//! atomics); snapshots and results go anywhere. Data plane: `add` on a counter is one load and one
//! store, on a histogram one search of a tree with one entry for each distinct value.
//!
//! Deliberately absent: accumulators of user-defined types, and metrics, which don't merge.

mod error;
mod handle;
mod registry;
mod results;
mod value;

#[cfg(test)]
mod tests;

pub use error::AccumulatorError;
pub use handle::{DoubleCounter, Histogram, IntCounter, LongCounter};
pub use registry::{AccumulatorRegistry, AccumulatorSnapshot, OperatorAccumulators};
pub use results::{AccumulatorResults, UserAccumulator};
pub use value::{AccumulatorKind, AccumulatorValue};

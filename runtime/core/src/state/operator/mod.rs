//! State of operators that are not keyed: lists that a function hands over at a barrier and is given
//! back when its task starts.
//!
//! ```text
//! start     initialize_state: elements(name)                        then open, then records
//! barrier   snapshot_state: list, union_list or broadcast(name, elements)
//! ```
//!
//! How the elements of a list are dealt out at another parallelism is said when it is written: each to
//! one subtask ([`FunctionSnapshotContext::list`]), all to every subtask
//! ([`FunctionSnapshotContext::union_list`]), or, where all subtasks have the same, each copy whole to
//! some of them ([`FunctionSnapshotContext::broadcast`]).
//!
//! Thread: of the task. Elements lie on the heap, in whatever the function keeps them.

mod broadcast;
mod context;
#[cfg(test)]
mod tests;

pub use broadcast::{BroadcastState, Broadcasting};
pub use context::{FunctionInitializationContext, FunctionSnapshotContext};

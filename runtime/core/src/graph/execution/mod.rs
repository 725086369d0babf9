//! The execution graph: subtasks, the channels between them, their slots and regions.
//!
//! Owns: the expansion of a job graph by parallelism; which subtask feeds which
//! ([`Distribution`]); how many slots a job needs and which slot a subtask takes ([`SlotPlan`]);
//! what must run at the same time and restart together ([`PipelinedRegion`]).
//!
//! Invariants: tasks are numbered densely, vertex by vertex in topological order; both ends of a
//! channel agree on it; a slot holds at most one subtask of each vertex; every task is in exactly
//! one region, and regions come after the regions whose results they read.
//!
//! Thread: any (control plane). Deliberately absent: the state of tasks (see [`life`](super::life))
//! and a list of channels, whose number grows with the product of parallelisms: they are computed.

mod distribution;
mod execution_graph;
mod region;
mod slot;

#[cfg(test)]
mod tests;

pub use distribution::{
    Channel, Distribution, DistributionPattern, Ends, InputChannelIndex, SubpartitionIndex,
    SubtaskRange,
};
pub use execution_graph::{ExecutionEdge, ExecutionGraph, ExecutionVertex, Subtask, TaskId};
pub use region::{PipelinedRegion, RegionIndex};
pub use slot::{SlotIndex, SlotPlan, SlotSharingGroup};

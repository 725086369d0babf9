//! Tasks: one chain of operators, one subtask of it, on one worker.
//!
//! Owns what a running task is told and may ask for ([`Cx`], [`Context`],
//! [`RuntimeContext`]), how it is built ([`BuildContext`]), and its counts.
//!
//! Invariants: a task is built, opened, driven, closed and dropped on one worker
//! thread; whatever it counts is counted without atomics.

pub mod accumulator;
mod body;
mod build;
mod context;
mod cx;
pub mod flow;
pub(crate) mod inputs;
mod metrics;
mod plan;
pub mod snapshot;

pub use body::{ChainTask, TaskBody};
pub(crate) use build::Surroundings;
pub use build::{BufferQuota, BuildContext, OpenDisk};
pub use context::{Context, OutputTag, RuntimeContext};
pub use cx::{Cx, Owner, WorkerIo};
pub(crate) use cx::{CxParts, task_error};
pub use metrics::{TaskCounts, TaskMetrics, TaskTimes};
pub use plan::{
    Attempt, EdgeSpec, ErasedEdge, GatePlan, JobFactories, OperatorPlan, OutputPlan, PlannedTask,
    PortPlan, SubtaskPlan, TaskFactory, TaskKey, WorkerId,
};
pub use snapshot::CheckpointEnd;

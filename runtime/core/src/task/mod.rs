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
mod surroundings;

pub use body::{ChainTask, TaskBody};
pub use build::BuildContext;
pub use context::{Context, OutputTag, RuntimeContext};
pub use cx::{Cx, Owner, WorkerIo};
pub(crate) use cx::{CxParts, task_error};
pub use metrics::{TaskCounts, TaskMetrics, TaskTimes};
pub(crate) use plan::partition_address;
pub use plan::{
    Attempt, EdgeSpec, ErasedEdge, GatePlan, JobFactories, OperatorPlan, OutputPlan, PlannedTask,
    PortPlan, RemoteProducer, SubtaskPlan, TaskFactory, TaskKey, WorkerId,
};
pub use snapshot::CheckpointEnd;
pub(crate) use surroundings::Surroundings;
pub use surroundings::{BufferQuota, OpenDisk};

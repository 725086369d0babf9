//! From what a program describes to what the runtime carries out.
//!
//! ```text
//! StreamGraph  --resolve, chain-->  JobGraph  --expand-->  ExecutionGraph  --step-->  job's life
//! nodes, edges                      vertices (chains)      subtasks, channels,        status, actions
//!                                                          slots, regions
//! ```
//!
//! Owns: the three graphs and the pure functions between them, operator ids, key groups, the status
//! tables of jobs and tasks, the step function of a job that runs without a cluster, and the JSON plan.
//!
//! Invariants: a [`JobGraph`] exists only of a validated [`StreamGraph`]; each graph is immutable once
//! it is built; the same program gives the same graph, ids included, in every process.
//!
//! Thread: any. Control plane: plain data and pure functions, nothing here starts, waits or does I/O.
//!
//! Deliberately absent: record types and operators (they are attached outside, by [`NodeId`]),
//! restart strategies, checkpoints, and everything that knows of processes.

pub mod constants;
pub mod error;
pub mod key_group;

pub mod stream;

pub mod job;

pub mod execution;

pub mod life;

pub use constants::*;
pub use error::GraphError;
pub use execution::{
    Channel, Distribution, DistributionPattern, Ends, ExecutionEdge, ExecutionGraph,
    InputChannelIndex, PipelinedRegion, RegionIndex, SlotIndex, SubpartitionIndex, Subtask, TaskId,
};
pub use job::{JobEdge, JobGraph, JobId, JobVertex, OperatorId, Plan, VertexId, VertexIndex};
pub use key_group::{KeyGroup, KeyGroupRange, MaxParallelism, Parallelism, SubtaskIndex};
pub use life::{ExecutionState, JobAction, JobEvent, JobFailure, JobLife, JobStatus};
pub use stream::{
    ChainingStrategy, EdgeId, Exchange, GraphSettings, InputIndex, JobType, NewEdge, NodeId,
    NodeKind, ResultPartitionType, StreamEdge, StreamGraph, StreamNode,
};

//! Running jobs in this process: the mini cluster, a master per job, the handle.
//!
//! A job's life is decided by [`crate::graph::JobLife`], a pure step function;
//! the master feeds it what workers report and carries its actions out.
//!
//! Thread: the master has none. It is called by whoever submits or cancels and by
//! the workers that report, and never waits.
//!
//! Deliberately absent: other processes, restarts, and slots that are rented:
//! an embedded job gets the slots it needs.

mod cluster;
mod deployment;
mod handle;
mod master;
mod result;

pub use cluster::MiniCluster;
pub use handle::JobHandle;
pub use result::{JobExecutionResult, TaskResult};

pub(crate) use cluster::JobProgram;

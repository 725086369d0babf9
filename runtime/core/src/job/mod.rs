//! Running jobs in this process: the mini cluster, a master per job, the handle;
//! and the simulated cluster, which runs them on one thread from a seed.
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
mod dispatcher;
mod handle;
mod master;
mod result;
mod simulation;

pub use cluster::MiniCluster;
pub use handle::JobHandle;
pub use result::{JobExecutionResult, TaskResult};

pub use simulation::{SimulatedCluster, SimulationOptions};

pub(crate) use dispatcher::JobProgram;

//! Running jobs in this process: the mini cluster, a master per job, the handle;
//! and the simulated cluster, which runs them on one thread from a seed.
//!
//! ```text
//!   environment --> dispatcher --> control plane (a master for each job) <--> workers
//!   JobHandle ------------------------^                     |
//!                                                           +--> files of checkpoints
//! ```
//!
//! What becomes of a job is decided by pure step functions: [`crate::graph::JobLife`], the checkpoint
//! coordinator and a restart strategy. Its master feeds them what workers report and carries their
//! actions out, on the thread of the control plane.
//!
//! Deliberately absent: slots that are rented: an embedded job gets the slots it needs. Several
//! processes run jobs together as `processes/` says; there is no cluster that starts them.

mod settings;

mod deployment;
mod dispatcher;

mod control_plane;
mod master;

mod cluster;

mod handle;
mod outcome;
mod result;

mod processes;
mod randomness;

mod simulation;

pub use cluster::MiniCluster;
pub use handle::{JobHandle, Stop};
pub use master::{CheckpointAnswer, FailureRecord};
pub use processes::{LaunchOptions, LaunchedProcesses, Launcher};
pub use result::{JobExecutionResult, TaskResult};

pub use simulation::{SimulatedCluster, SimulationOptions};

pub(crate) use dispatcher::JobProgram;
use randomness::{fresh_nonce, random_word};
pub(crate) use settings::JobSettings;

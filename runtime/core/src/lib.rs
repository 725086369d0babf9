//! Records, the dataflow API, graphs, operators, workers and tasks.
//!
//! From top to bottom: a program uses [`api`] to describe a dataflow; [`graph`]
//! turns it into chains and subtasks; [`job`] runs those on [`worker`]s as
//! [`task`]s, each one [`chain`] of operators between [`exchange`]s of
//! [`record`]s.

pub mod api;

pub mod chain;
pub mod checkpoint;
pub mod error;
pub mod exchange;
pub mod graph;

pub mod job;
pub mod record;
pub mod sink;
pub mod source;
pub mod state;
pub mod task;
pub mod time;
pub mod worker;

pub use error::{BoxError, Error, TaskError};
pub use record::{Key, Record};

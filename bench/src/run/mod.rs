//! Runs: one job in this process, one system in a process of its own, all systems in turn.

pub mod exec;
pub mod measurement;
pub mod process;
pub mod rounds;

//! The harness that runs Brisk and its peers on the same work, in turn, in one call.
//!
//! What it owns: the workloads and their goals, the input generators, the peers' set-up, the
//! floors, the rounds and the report. `bench/README.md` defines the workloads for every system.
//!
//! Invariants: each system runs in a process of its own, so that its memory and CPU time are its
//! own; each result is checked against a plain reference before its time counts; systems take
//! turns, so that a slow minute of the machine meets all of them.
//!
//! Threads: the harness itself has one; floors start two named ones per run and join them.
//!
//! Deliberately absent: comparing figures with those of an earlier run. A claim is a ratio taken
//! in one run.

pub mod workload;

pub mod input;
pub mod nexmark;

pub mod brisk_jobs;
pub mod floor;

pub mod setup;

pub mod run;

pub mod report;

mod error;

pub use error::BenchError;

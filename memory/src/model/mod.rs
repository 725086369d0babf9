//! How much memory each part of a process gets: Flink's memory model, and how we spend it.
//!
//! Owns: [`TaskManagerMemory`] and [`JobManagerMemory`], derived from a
//! [`Configuration`](crate::config::Configuration), and [`HostMemory`], what machine and container
//! give. Control plane, once per process, any thread.
//!
//! Invariants: parts sum to their whole to the byte; sizes equal those of Flink 2.2 for the same
//! keys; a plan larger than the container is refused; a refusal names the keys, their sums, and what
//! to change. Products with fractions are taken as Flink takes them, since each way rounds
//! differently: see [`MemorySize::scale`](crate::config::MemorySize::scale).
//!
//! Deliberately absent: taking the memory. A plan is numbers; the arena maps its network and managed
//! parts, the counting allocator limits its unmanaged part.

mod derivation;
mod embedded;
mod error;
mod figure;
mod host;
mod job_manager;
mod process;
mod share;
mod task_manager;

pub use error::{ModelError, Part, Parts};
pub use host::{ContainerLimit, HostMemory};
pub use job_manager::JobManagerMemory;
pub use task_manager::{Regions, SlotShare, TaskManagerMemory};

#[cfg(test)]
mod tests;

//! The plan against Flink's own numbers, its refusals, and the limits of containers.

mod containers;
mod embedded;
mod flink;
mod refusals;
mod reports;

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::*;
use crate::config::tests::config;
use crate::config::{ConfigError, MemorySize};

/// A machine that limits nothing.
fn boundless() -> HostMemory {
    HostMemory::default()
}

/// A container with this limit.
fn container(size: MemorySize) -> HostMemory {
    let file = PathBuf::from("/sys/fs/cgroup/memory.max");
    HostMemory { machine: None, container: Some(ContainerLimit { size, file }) }
}

/// The plan for lines of the flat grammar, `;` between them.
fn task_manager(lines: &str) -> Result<TaskManagerMemory, ConfigError> {
    TaskManagerMemory::from_configuration(&config(&lines.replace("; ", "\n")), &boundless())
}

fn job_manager(lines: &str) -> Result<JobManagerMemory, ConfigError> {
    JobManagerMemory::from_configuration(&config(&lines.replace("; ", "\n")), &boundless())
}

fn slots(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn mib(count: u64) -> MemorySize {
    MemorySize::from_mib(count)
}

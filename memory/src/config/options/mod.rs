//! Every option we honour, by topic. Keys, defaults and older names are those of Flink 2.2, with the
//! 1.x keys that 2.2 dropped and our own additions marked as such.
//!
//! Invariants, each held by a test: a default follows its own grammar; no key or older key is
//! claimed twice; `docs/configuration.md` lists exactly this table.

pub mod checkpointing;
pub mod core;
pub mod execution;
pub mod history;
pub mod jobmanager;
pub mod memory;
pub mod network;
pub mod pipeline;
pub mod restart;
pub mod rocksdb;
pub mod security;
pub mod state;
pub mod worker;

use super::option::OptionDescription;

/// The options of one topic.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The heading.
    pub title: &'static str,
    /// Its options, in reading order.
    pub options: Vec<OptionDescription>,
}

/// All topics, in the order of the documentation.
pub fn topics() -> Vec<Topic> {
    vec![
        Topic { title: "Parallelism and folders", options: core::all() },
        Topic { title: "Pipeline", options: pipeline::all() },
        Topic { title: "Execution", options: execution::all() },
        Topic { title: "Checkpoints and savepoints", options: checkpointing::all() },
        Topic { title: "State and recovery", options: state::all() },
        Topic { title: "The RocksDB state backend", options: rocksdb::all() },
        Topic { title: "Restart after failures", options: restart::all() },
        Topic { title: "TaskManager memory", options: memory::all() },
        Topic { title: "JobManager memory", options: jobmanager::all() },
        Topic { title: "Messages and history of the JobManager", options: history::all() },
        Topic { title: "Network", options: network::all() },
        Topic { title: "Several processes", options: network::processes::all() },
        Topic { title: "Security", options: security::all() },
        Topic { title: "Workers and the I/O driver", options: worker::all() },
    ]
}

/// All options.
pub fn all() -> Vec<OptionDescription> {
    topics().into_iter().flat_map(|topic| topic.options).collect()
}

fn at_least_one(value: &u32) -> bool {
    *value >= 1
}

fn at_least_one_if_set(value: &Option<u32>) -> bool {
    *value != Some(0)
}

fn is_above_zero(value: &std::time::Duration) -> bool {
    !value.is_zero()
}

/// The words of the rules above.
const AT_LEAST_ONE: &str = "a whole number of at least 1";
const ABOVE_ZERO: &str = "a duration above zero, such as 10 s";

#[cfg(test)]
mod tests;

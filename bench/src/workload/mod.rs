//! The workloads of the comparison, each described by data in a file of its own: who takes part,
//! on how much work, what is counted, what Brisk must reach.

mod backpressure;
mod chain;
mod checkpoint;
pub mod contender;
mod exchange;
pub mod goal;
mod keyed_count;
mod latency;
mod network;
mod nexmark;
mod rocksdb;
mod windows;
mod wordcount;

use crate::BenchError;
use crate::workload::contender::{Breadth, Contender, Peer, System};
use crate::workload::goal::Goal;
use std::fmt;
use std::path::PathBuf;

/// Subtasks of every operator, slots of every system.
pub const PARALLELISM: u64 = 2;

const M: u64 = 1_000_000;

/// A workload; `bench/README.md` defines each for every system.
#[derive(Debug, PartialEq)]
pub struct Workload {
    /// The name on the command line and in results.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// The metric of how fast it went.
    pub rate_metric: &'static str,
    /// What it works on.
    pub kind: InputKind,
    /// All ways of all systems to do it, in the order in which they take turns.
    pub contenders: &'static [Contender],
    /// What Brisk must reach.
    pub goals: &'static [Goal],
}

/// What a workload works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Text; bytes are those of the file.
    Text,
    /// Generated records that stand for so many bytes each.
    Records {
        /// Bytes of one.
        bytes: u64,
    },
}

/// What one run of a system works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// So many generated records.
    Records(u64),
    /// A text file.
    Text(PathBuf),
}

/// How much a run works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Seconds per system: what figures are taken from.
    Full,
    /// Next to nothing: shows that everything still runs.
    Tiny,
}

/// All workloads, in the order in which `list` shows them.
pub const ALL: [&Workload; 13] = [
    &wordcount::WORD_COUNT,
    &keyed_count::KEYED_COUNT,
    &exchange::EXCHANGE,
    &network::NETWORK,
    &chain::CHAIN,
    &chain::CHAIN_CUT,
    &backpressure::BACKPRESSURE,
    &checkpoint::CHECKPOINT,
    &checkpoint::SPILL,
    &latency::LATENCY,
    &nexmark::NEXMARK,
    &rocksdb::ROCKSDB,
    &windows::WINDOWS,
];

impl Workload {
    /// The workload of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn of_name(name: &str) -> Result<&'static Workload, BenchError> {
        ALL.into_iter().find(|workload| workload.name == name).ok_or_else(|| {
            let known = ALL.map(|workload| workload.name).join(", ");
            BenchError::Usage(format!("no workload {name:?}; there are {known}"))
        })
    }

    /// Who takes part in a run, in the order in which they take turns.
    pub fn taking_part(&self, peers: &[Peer], breadth: Breadth) -> Vec<Contender> {
        let takes_part = |contender: &&Contender| {
            let is_asked = match contender.system {
                System::Floor | System::Brisk => true,
                System::Flink => peers.contains(&Peer::Flink),
                System::Timely => peers.contains(&Peer::Timely),
            };
            is_asked && (breadth == Breadth::Everything || contender.breadth == Breadth::Goals)
        };
        self.contenders.iter().filter(takes_part).copied().collect()
    }

    /// The records of Brisk's main way: those that CPU times of all systems are given for.
    pub fn full_records(&self, scale: Scale) -> u64 {
        let brisk = self.contenders.iter().find(|own| own.system == System::Brisk);
        brisk.map_or(0, |brisk| brisk.records(scale))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

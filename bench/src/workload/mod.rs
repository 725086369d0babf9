//! The workloads of the comparison: names, sizes, what is counted; who takes part in each, and
//! what Brisk must reach.

pub mod contender;
pub mod goal;

use crate::BenchError;
use crate::input::generator::PAYLOAD_BYTES;
use crate::workload::contender::System;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Subtasks of every operator, slots of every system.
pub const PARALLELISM: u64 = 2;

/// A workload; `bench/README.md` defines each for every system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Text cut into words, keyed by word, counted.
    WordCount,
    /// Records of 100 bytes, keyed, counted in keyed state.
    KeyedCount,
    /// Records of 100 bytes, keyed, discarded.
    Exchange,
    /// Longs through map, filter, map in one chain.
    Chain,
    /// The same with every chain cut.
    ChainCut,
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

impl Workload {
    /// All of them, in the order in which `list` shows them.
    pub const ALL: [Workload; 5] = [
        Workload::WordCount,
        Workload::KeyedCount,
        Workload::Exchange,
        Workload::Chain,
        Workload::ChainCut,
    ];

    /// The name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Workload::WordCount => "wordcount",
            Workload::KeyedCount => "keyed-count",
            Workload::Exchange => "exchange",
            Workload::Chain => "chain",
            Workload::ChainCut => "chain-cut",
        }
    }

    /// One line for people.
    pub const fn description(self) -> &'static str {
        match self {
            Workload::WordCount => "Linux source text cut into words, keyed by word, counted",
            Workload::KeyedCount => {
                "2 sources of 100-byte records, 1 M keys, counted per key in keyed state"
            }
            Workload::Exchange => "2 sources of 100-byte records, keyed by hash, discarded",
            Workload::Chain => "source of longs, map, filter, map, discard in one chain",
            Workload::ChainCut => "the same with chaining off: three local exchanges",
        }
    }

    /// The metric that the goals are about.
    pub const fn rate_metric(self) -> &'static str {
        match self {
            Workload::WordCount => "words_per_second",
            _ => "records_per_second",
        }
    }

    /// Bytes that a record of this workload stands for; text is measured by the file.
    pub const fn bytes_per_record(self) -> Option<u64> {
        match self {
            Workload::WordCount => None,
            Workload::KeyedCount | Workload::Exchange => Some(8 + PAYLOAD_BYTES as u64),
            Workload::Chain | Workload::ChainCut => Some(8),
        }
    }

    /// Whether it reads text and not a generator.
    pub const fn reads_text(self) -> bool {
        matches!(self, Workload::WordCount)
    }

    /// How many records `system` gets. Rates are compared, so a system that is ten times slower
    /// gets fewer: every run should last a few seconds, long enough for its start not to count.
    pub const fn records(self, system: System, scale: Scale) -> u64 {
        const M: u64 = 1_000_000;
        if matches!(scale, Scale::Tiny) {
            return 100_000;
        }
        match (self, system) {
            (Workload::WordCount, _) => 0,
            (Workload::KeyedCount, System::Flink) => 20 * M,
            (Workload::Exchange | Workload::ChainCut, System::Flink) => 40 * M,
            (Workload::Chain, System::Flink) => 200 * M,
            (Workload::KeyedCount | Workload::Exchange, _) => 100 * M,
            (Workload::ChainCut, _) => 200 * M,
            (Workload::Chain, _) => 2_000 * M,
        }
    }

    /// How many records the same JVM sees before those that are measured.
    pub const fn warm_up_records(self, scale: Scale) -> u64 {
        self.records(System::Flink, scale) / 4
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Workload {
    type Err = BenchError;

    fn from_str(name: &str) -> Result<Self, BenchError> {
        Workload::ALL.into_iter().find(|workload| workload.name() == name).ok_or_else(|| {
            let known = Workload::ALL.map(Workload::name).join(", ");
            BenchError::Usage(format!("no workload {name:?}; there are {known}"))
        })
    }
}

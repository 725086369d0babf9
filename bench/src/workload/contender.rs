//! Who takes part in a workload: a system, and which of its ways to do the work.

use crate::BenchError;
use crate::input::reference::CheckKind;
use crate::workload::Workload;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A system as it is named in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// The least that the work costs on this machine, without a framework.
    Floor,
    /// This project.
    Brisk,
    /// Apache Flink.
    Flink,
    /// timely dataflow.
    Timely,
}

impl System {
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            System::Floor => "floor",
            System::Brisk => "brisk",
            System::Flink => "flink",
            System::Timely => "timely",
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A system that Brisk is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Apache Flink.
    Flink,
    /// timely dataflow.
    Timely,
}

impl FromStr for Peer {
    type Err = BenchError;

    fn from_str(name: &str) -> Result<Self, BenchError> {
        match name {
            "flink" => Ok(Peer::Flink),
            "timely" => Ok(Peer::Timely),
            other => {
                Err(BenchError::Usage(format!("no peer {other:?}; there are flink and timely")))
            }
        }
    }
}

/// A way to do the work other than the system's main one. Its metrics carry its name as a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Word counts with each update emitted, not only the last one.
    Updates,
    /// timely with glibc's allocator; mimalloc is the main one.
    Glibc,
    /// timely with everything exchanged serialized; Rust values are the main way.
    Binary,
    /// timely with the steps of a chain written into one operator.
    HandFused,
    /// Flink in batch mode, which sorts instead of keeping state.
    BatchMode,
}

impl Variant {
    /// What is appended to the metrics' names.
    pub const fn suffix(self) -> &'static str {
        match self {
            Variant::Updates => "_updates",
            Variant::Glibc => "_glibc",
            Variant::Binary => "_binary",
            Variant::HandFused => "_hand_fused",
            Variant::BatchMode => "_batch_mode",
        }
    }
}

/// One way of one system to do a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Who.
    pub system: System,
    /// How, when not in its main way.
    pub variant: Option<Variant>,
}

impl Contender {
    /// A metric's name in the results of this contender.
    pub fn metric(self, name: &str) -> String {
        format!("{name}{}", self.variant.map_or("", Variant::suffix))
    }

    /// The name of its job in the process that runs it.
    pub fn job(self, workload: Workload) -> String {
        let suffix = match self.variant {
            None | Some(Variant::Glibc) => "",
            Some(Variant::Updates) => "-updates",
            Some(Variant::Binary) => "-binary",
            Some(Variant::HandFused) => "-fused",
            Some(Variant::BatchMode) => "-batch",
        };
        format!("{workload}{suffix}")
    }

    /// What its check value is made of.
    pub const fn check_kind(self, workload: Workload) -> CheckKind {
        match (workload, self.system, self.variant) {
            (Workload::KeyedCount, ..) => CheckKind::CountSum,
            (Workload::Exchange, ..) => CheckKind::KeySum,
            (Workload::Chain | Workload::ChainCut, ..) => CheckKind::ChainSum,
            (Workload::WordCount, System::Floor, _) => CheckKind::WordHashSum,
            // Flink emits every update in both of its modes.
            (Workload::WordCount, System::Flink, _)
            | (Workload::WordCount, _, Some(Variant::Updates)) => CheckKind::UpdateSum,
            (Workload::WordCount, ..) => CheckKind::FinalCounts,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.system.fmt(formatter)?;
        match self.variant {
            Some(variant) => write!(formatter, "{}", variant.suffix().replace('_', "-")),
            None => Ok(()),
        }
    }
}

/// Which contenders a run should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Those that a goal is about.
    Goals,
    /// All there are.
    Everything,
}

/// The contenders of a workload in the order in which they take turns.
pub fn contenders(workload: Workload, peers: &[Peer], breadth: Breadth) -> Vec<Contender> {
    let everything = breadth == Breadth::Everything;
    let main = |system| Contender { system, variant: None };
    let with = |system, variant| Contender { system, variant: Some(variant) };
    let mut all = Vec::new();
    if workload != Workload::ChainCut {
        all.push(main(System::Floor));
    }
    all.push(main(System::Brisk));
    if workload == Workload::WordCount {
        all.push(with(System::Brisk, Variant::Updates));
    }
    if peers.contains(&Peer::Flink) {
        all.push(main(System::Flink));
        if everything && workload == Workload::WordCount {
            all.push(with(System::Flink, Variant::BatchMode));
        }
    }
    if peers.contains(&Peer::Timely) {
        all.extend(timely(workload, everything));
    }
    all
}

fn timely(workload: Workload, everything: bool) -> Vec<Contender> {
    let goals: &[Option<Variant>] = match workload {
        Workload::WordCount | Workload::KeyedCount | Workload::Exchange => &[None],
        Workload::Chain => &[None, Some(Variant::HandFused)],
        Workload::ChainCut => &[],
    };
    let beyond: &[Option<Variant>] = match workload {
        Workload::WordCount => &[Some(Variant::Glibc), Some(Variant::Updates)],
        Workload::KeyedCount | Workload::Exchange => &[Some(Variant::Glibc), Some(Variant::Binary)],
        Workload::Chain | Workload::ChainCut => &[],
    };
    let beyond = if everything { beyond } else { &[] };
    goals
        .iter()
        .chain(beyond)
        .map(|&variant| Contender { system: System::Timely, variant })
        .collect()
}

//! Who takes part in a workload: a system, and which of its ways to do the work.

use crate::BenchError;
use crate::input::reference::CheckKind;
use crate::workload::Scale;
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

/// The variant of timely with glibc's allocator; mimalloc is the main one.
pub const GLIBC: &str = "glibc";

/// Which contenders a run should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Those that a goal is about.
    Goals,
    /// All there are.
    Everything,
}

/// One way of one system to do a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Who.
    pub system: System,
    /// How: letters, digits and dashes, empty for the main way. A suffix of its metrics.
    pub variant: &'static str,
    /// The name of its job in the process that runs it.
    pub job: &'static str,
    /// Generated records of a full run. Rates are compared, so a system that is ten times slower gets
    /// fewer: every run should last a few seconds, long enough for its start not to count.
    pub records: u64,
    /// Generated records of a tiny run.
    pub tiny: u64,
    /// What its check value is made of; `None` when its job checks itself.
    pub check: Option<CheckKind>,
    /// The least breadth of a run that has it.
    pub breadth: Breadth,
}

impl Contender {
    /// The main way of a system.
    pub const fn of(system: System, job: &'static str, records: u64, check: CheckKind) -> Self {
        let (variant, breadth) = ("", Breadth::Goals);
        Contender { system, variant, job, records, tiny: 100_000, check: Some(check), breadth }
    }

    /// The same as another way.
    pub const fn variant(self, variant: &'static str, job: &'static str) -> Self {
        Contender { variant, job, ..self }
    }

    /// The same with another check value.
    pub const fn checking(self, check: CheckKind) -> Self {
        Contender { check: Some(check), ..self }
    }

    /// The same for a job that knows itself whether it computed what it had to, and fails if not.
    pub const fn checking_itself(self) -> Self {
        Contender { check: None, ..self }
    }

    /// The same with another size of tiny runs.
    pub const fn tiny(self, records: u64) -> Self {
        Contender { tiny: records, ..self }
    }

    /// The same, in no goal.
    pub const fn beyond_goals(self) -> Self {
        Contender { breadth: Breadth::Everything, ..self }
    }

    /// Generated records of a run.
    pub const fn records(&self, scale: Scale) -> u64 {
        match scale {
            Scale::Full => self.records,
            Scale::Tiny => self.tiny,
        }
    }

    /// A metric's name in the results of this contender.
    pub fn metric(&self, name: &str) -> String {
        match self.variant {
            "" => name.to_owned(),
            variant => format!("{name}_{}", variant.replace('-', "_")),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.system.fmt(formatter)?;
        match self.variant {
            "" => Ok(()),
            variant => write!(formatter, "-{variant}"),
        }
    }
}

//! `backpressure`.

use super::contender::{Breadth, Contender, System};
use super::goal::{Figure, Goal};
use super::{InputKind, Workload};
use crate::input::generator::RECORD_BYTES;

const NAME: &str = "backpressure";

const ALIGNED: &str = "aligned_checkpoint_seconds_p50";
const DEBLOATED: &str = "aligned_checkpoint_seconds_p50_debloating";
const UNALIGNED: &str = "unaligned_checkpoint_seconds_p99";

/// Its size is a number of checkpoints. Jobs check themselves: each checkpoint has to complete.
const fn job(system: System, name: &'static str, checkpoints: u64) -> Contender {
    let (records, tiny) = (checkpoints, 1);
    let (check, breadth) = (None, Breadth::Goals);
    Contender { system, variant: "", job: name, records, tiny, check, breadth }
}

const fn aligned(system: System) -> Contender {
    job(system, "", 8).variant("aligned", "backpressure-aligned")
}

const fn debloating(system: System) -> Contender {
    job(system, "", 20).variant("debloating", "backpressure-debloating")
}

/// Checkpoints, one a second, of a job that waits for its sink.
pub(super) const BACKPRESSURE: Workload = Workload {
    name: NAME,
    description: "keyed-count into a sink of 1 ms a record, a checkpoint each second",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        job(System::Brisk, "backpressure-unaligned", 100),
        aligned(System::Brisk),
        debloating(System::Brisk),
        job(System::Flink, "backpressure-unaligned", 100),
        aligned(System::Flink),
        debloating(System::Flink),
    ],
    goals: &[
        Goal::below(UNALIGNED, 0.040),
        Goal::at_most(UNALIGNED, 0.5, Figure::new(System::Flink, UNALIGNED)),
        Goal::at_most(UNALIGNED, 0.05, Figure::new(System::Brisk, ALIGNED)),
        Goal::below(DEBLOATED, 1.0),
    ],
};

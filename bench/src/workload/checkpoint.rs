//! `checkpoint`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal, RECORDS};
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "checkpoint";

/// Records beyond those that fill the state.
const BRISK: u64 = 100 * M;
const FLINK: u64 = 12 * M;

const fn brisk(variant: &'static str, job: &'static str) -> Contender {
    let base = Contender::of(System::Brisk, NAME, BRISK, CheckKind::CountSum);
    base.variant(variant, job).checking_itself()
}

const fn flink(variant: &'static str, job: &'static str) -> Contender {
    let base = Contender::of(System::Flink, NAME, FLINK, CheckKind::CountSum);
    base.variant(variant, job).checking_itself()
}

const fn of_without(factor: f64, metric: &'static str) -> Goal {
    Goal::at_least(metric, factor, Figure::new(System::Brisk, RECORDS))
}

/// 10 M keys with 100 bytes each: without checkpoints, and with one each 10 s, 3 s, 1 s, 0.5 s.
pub(super) const CHECKPOINT: Workload = Workload {
    name: NAME,
    description: "10 M keys and 1.1 GB of state, without and with checkpoints, incremental",
    rate_metric: RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        brisk("", "checkpoint-0"),
        flink("", "checkpoint-0"),
        brisk("10000-ms", "checkpoint-10000"),
        flink("10000-ms", "checkpoint-10000"),
        brisk("3000-ms", "checkpoint-3000"),
        flink("3000-ms", "checkpoint-3000").beyond_goals(),
        brisk("1000-ms", "checkpoint-1000"),
        flink("1000-ms", "checkpoint-1000"),
        brisk("500-ms", "checkpoint-500"),
        flink("500-ms", "checkpoint-500").beyond_goals(),
    ],
    goals: &[
        Goal::records(10.0, System::Flink),
        of_without(0.97, "records_per_second_1000_ms"),
        of_without(0.95, "records_per_second_500_ms"),
        Goal::below("snapshot_pause_seconds_p999_1000_ms", 1e-3),
    ],
};

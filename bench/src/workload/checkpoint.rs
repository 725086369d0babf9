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

/// Records of which each needs a disk.
const SPILLED: u64 = 250_000;

const fn spilled(variant: &'static str, job: &'static str, records: u64) -> Contender {
    let base = Contender::of(System::Brisk, "spill", records, CheckKind::CountSum);
    base.variant(variant, job).checking_itself()
}

/// 1 M keys with 100 bytes each, with state of half, twice and four times its managed memory.
pub(super) const SPILL: Workload = Workload {
    name: "spill",
    description: "1 M keys and 158 MB of state, in twice, half and a quarter of that in memory",
    rate_metric: RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        spilled("", "spill-50", 10 * M),
        spilled("2-times", "spill-200", SPILLED),
        spilled("4-times", "spill-400", SPILLED),
    ],
    goals: &[],
};

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

//! `chain` and `chain-cut`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal, RECORDS};
use super::{InputKind, M, Workload};
use crate::input::reference::CheckKind;

const CHAIN_NAME: &str = "chain";
const CUT_NAME: &str = "chain-cut";

const fn chain(system: System, records: u64) -> Contender {
    Contender::of(system, CHAIN_NAME, records, CheckKind::ChainSum)
}

const fn cut(system: System, records: u64) -> Contender {
    Contender::of(system, CUT_NAME, records, CheckKind::ChainSum)
}

/// Longs through map, filter, map in one chain.
pub(super) const CHAIN: Workload = Workload {
    name: CHAIN_NAME,
    description: "source of longs, map, filter, map, discard in one chain",
    rate_metric: RECORDS,
    kind: InputKind::Records { bytes: 8 },
    contenders: &[
        chain(System::Floor, 2_000 * M),
        chain(System::Brisk, 2_000 * M),
        chain(System::Flink, 200 * M),
        chain(System::Timely, 2_000 * M),
        chain(System::Timely, 2_000 * M).variant("hand-fused", "chain-fused"),
    ],
    goals: &[
        Goal::at_least(RECORDS, 1.0, Figure::new(System::Timely, "records_per_second_hand_fused")),
        Goal::records(12.0, System::Flink),
    ],
};

/// The same with every chain cut.
pub(super) const CHAIN_CUT: Workload = Workload {
    name: CUT_NAME,
    description: "the same with chaining off: three local exchanges",
    rate_metric: RECORDS,
    kind: InputKind::Records { bytes: 8 },
    contenders: &[cut(System::Brisk, 200 * M), cut(System::Flink, 40 * M)],
    goals: &[Goal::records(8.0, System::Flink)],
};

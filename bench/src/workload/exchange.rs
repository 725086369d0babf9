//! `exchange`.

use super::contender::{Contender, GLIBC, System};
use super::goal::Goal;
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "exchange";

const fn main(system: System, records: u64) -> Contender {
    Contender::of(system, NAME, records, CheckKind::KeySum)
}

/// Records sent by the hash of their key.
pub(super) const EXCHANGE: Workload = Workload {
    name: NAME,
    description: "2 sources of 100-byte records, keyed by hash, discarded",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        main(System::Floor, 100 * M),
        main(System::Brisk, 100 * M),
        main(System::Flink, 40 * M),
        main(System::Timely, 100 * M),
        main(System::Timely, 100 * M).variant(GLIBC, NAME).beyond_goals(),
        main(System::Timely, 100 * M).variant("binary", "exchange-binary").beyond_goals(),
    ],
    goals: &[
        Goal::records(1.0, System::Timely),
        Goal::records(5.0, System::Flink),
        Goal::records(0.5, System::Floor),
    ],
};

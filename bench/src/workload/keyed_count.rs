//! `keyed-count`.

use super::contender::{Contender, GLIBC, System};
use super::goal::Goal;
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "keyed-count";

const fn main(system: System, records: u64) -> Contender {
    Contender::of(system, NAME, records, CheckKind::CountSum)
}

/// Records counted for each key.
pub(super) const KEYED_COUNT: Workload = Workload {
    name: NAME,
    description: "2 sources of 100-byte records, 1 M keys, counted per key in keyed state",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        main(System::Floor, 100 * M),
        main(System::Brisk, 100 * M),
        main(System::Flink, 20 * M),
        main(System::Timely, 100 * M),
        main(System::Timely, 100 * M).variant(GLIBC, NAME).beyond_goals(),
        main(System::Timely, 100 * M).variant("binary", "keyed-count-binary").beyond_goals(),
    ],
    goals: &[Goal::records(1.0, System::Timely), Goal::records(12.0, System::Flink)],
};

//! `network`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal};
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "network";

const fn exchange(system: System, job: &'static str) -> Contender {
    Contender::of(system, job, 40 * M, CheckKind::KeySum)
}

const fn keyed(system: System, job: &'static str) -> Contender {
    Contender::of(system, job, 20 * M, CheckKind::CountSum).variant("keyed", job)
}

/// What crosses from process to process: half of the records.
const CROSSING: &str = "network_bytes_per_second";

const KEYED: &str = "records_per_second_keyed";

/// `exchange` and `keyed-count` by two processes.
pub(super) const NETWORK: Workload = Workload {
    name: NAME,
    description: "exchange and keyed-count by 2 processes over TCP on the loopback interface",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        exchange(System::Brisk, NAME),
        keyed(System::Brisk, "network-keyed"),
        exchange(System::Brisk, NAME).variant("trusted", "network-trusted").beyond_goals(),
        exchange(System::Timely, "exchange-tcp"),
        keyed(System::Timely, "keyed-count-tcp"),
    ],
    goals: &[
        Goal::at_least(
            CROSSING,
            0.6,
            Figure::new(System::Floor, "loopback_bytes_per_second_two_streams"),
        ),
        Goal::records(1.5, System::Timely),
        Goal::at_least(KEYED, 1.5, Figure::new(System::Timely, KEYED)),
    ],
};

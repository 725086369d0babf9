//! `windows`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal, RECORDS};
use super::{InputKind, M, Workload};
use crate::input::reference::CheckKind;

const TUMBLING: &str = "windows-tumbling";
const SLIDING: &str = "windows-sliding";
const RECORDS_SLIDING: &str = "records_per_second_sliding";

/// Two and a half seconds of event time, so that sliding windows fire before the end of a tiny run.
const TINY: u64 = 2_500_000;

const fn tumbling(system: System, records: u64) -> Contender {
    Contender::of(system, TUMBLING, records, CheckKind::TumblingSum).tiny(TINY)
}

const fn sliding(system: System, records: u64) -> Contender {
    tumbling(system, records).variant("sliding", SLIDING).checking(CheckKind::SlidingSum)
}

const fn sliding_goal(factor: f64, system: System) -> Goal {
    Goal::at_least(RECORDS_SLIDING, factor, Figure::new(system, RECORDS_SLIDING))
}

/// Bids counted, and the greatest found, by auction and window.
pub(super) const WINDOWS: Workload = Workload {
    name: "windows",
    description: "2 sources of bids, 100 k auctions, count and max in windows of 10 s and of 10 s by 2 s",
    rate_metric: RECORDS,
    // Auction, price and time.
    kind: InputKind::Records { bytes: 24 },
    contenders: &[
        tumbling(System::Brisk, 200 * M),
        sliding(System::Brisk, 200 * M),
        tumbling(System::Flink, 20 * M),
        sliding(System::Flink, 10 * M),
        tumbling(System::Timely, 200 * M),
        sliding(System::Timely, 200 * M),
    ],
    goals: &[
        Goal::records(0.8, System::Timely),
        sliding_goal(0.8, System::Timely),
        Goal::records(10.0, System::Flink),
        sliding_goal(10.0, System::Flink),
        // Sliding costs at most 1.5 times what tumbling does.
        Goal::at_least(RECORDS_SLIDING, 1.0 / 1.5, Figure::new(System::Brisk, RECORDS)),
    ],
};

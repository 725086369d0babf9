//! What Brisk must reach, as ratios to a peer or a floor of the same run.

use crate::workload::Workload;
use crate::workload::contender::System;

/// Brisk's metric must be at least `factor` times another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// A metric of Brisk.
    pub metric: &'static str,
    /// Whose figure it is held against.
    pub against: System,
    /// Which of its figures.
    pub against_metric: &'static str,
    /// How many times that figure.
    pub factor: f64,
}

const RECORDS: &str = "records_per_second";
const WORDS: &str = "words_per_second";

const fn goal(
    metric: &'static str,
    factor: f64,
    against: System,
    against_metric: &'static str,
) -> Goal {
    Goal { metric, against, against_metric, factor }
}

const WORD_COUNT: &[Goal] = &[
    goal(WORDS, 2.5, System::Timely, WORDS),
    goal(WORDS, 3.0, System::Flink, WORDS),
    goal("words_per_second_updates", 2.5, System::Flink, WORDS),
];

const KEYED_COUNT: &[Goal] =
    &[goal(RECORDS, 1.0, System::Timely, RECORDS), goal(RECORDS, 12.0, System::Flink, RECORDS)];

const EXCHANGE: &[Goal] = &[
    goal(RECORDS, 1.0, System::Timely, RECORDS),
    goal(RECORDS, 5.0, System::Flink, RECORDS),
    goal(RECORDS, 0.5, System::Floor, RECORDS),
];

const CHAIN: &[Goal] = &[
    goal(RECORDS, 1.0, System::Timely, "records_per_second_hand_fused"),
    goal(RECORDS, 12.0, System::Flink, RECORDS),
];

const CHAIN_CUT: &[Goal] = &[goal(RECORDS, 8.0, System::Flink, RECORDS)];

/// The goals of a workload.
pub const fn goals(workload: Workload) -> &'static [Goal] {
    match workload {
        Workload::WordCount => WORD_COUNT,
        Workload::KeyedCount => KEYED_COUNT,
        Workload::Exchange => EXCHANGE,
        Workload::Chain => CHAIN,
        Workload::ChainCut => CHAIN_CUT,
    }
}

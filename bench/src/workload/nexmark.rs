//! `nexmark`.

use super::contender::{Contender, System};
use super::{InputKind, M, Workload};
use crate::input::reference::CheckKind;
use crate::nexmark::Query;

/// The average of the standard's sizes: 1 of 200 bytes, 3 of 500, 46 of 100.
const EVENT_BYTES: u64 = (200 + 3 * 500 + 46 * 100) / 50;

const fn query(system: System, query: Query, records: u64) -> Contender {
    let (_, name) = query.job().split_at("nexmark-".len());
    Contender::of(system, query.job(), records, CheckKind::Nexmark(query))
        .variant(name, query.job())
}

/// The queries of Nexmark, one after the other.
pub(super) const NEXMARK: Workload = Workload {
    name: "nexmark",
    description: "queries q0 to q5, q7, q8 and q11 on people, auctions and bids",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: EVENT_BYTES },
    contenders: &[
        query(System::Brisk, Query::Q0, 20 * M),
        query(System::Flink, Query::Q0, 8 * M),
        query(System::Brisk, Query::Q1, 20 * M),
        query(System::Flink, Query::Q1, 8 * M),
        query(System::Brisk, Query::Q2, 20 * M),
        query(System::Flink, Query::Q2, 8 * M),
        query(System::Brisk, Query::Q3, 20 * M),
        query(System::Brisk, Query::Q4, 10 * M),
        query(System::Brisk, Query::Q5, 20 * M),
        query(System::Flink, Query::Q5, 4 * M),
        query(System::Brisk, Query::Q7, 20 * M),
        query(System::Flink, Query::Q7, 4 * M),
        query(System::Brisk, Query::Q8, 20 * M),
        query(System::Flink, Query::Q8, 8 * M),
        query(System::Brisk, Query::Q11, 20 * M),
        query(System::Flink, Query::Q11, 4 * M),
    ],
    // No goals have been set for the queries: figures and ratios are printed all the same.
    goals: &[],
};

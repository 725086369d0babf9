//! Nexmark: the generator and queries of the example `nexmark`, and what plain programs make of the
//! same events.
//!
//! The files of the example are compiled here too, so that what is measured is what users run.

#[path = "../../../runtime/brisk/examples/nexmark/generator.rs"]
pub(crate) mod generator;
#[path = "../../../runtime/brisk/examples/nexmark/model.rs"]
pub(crate) mod model;
#[path = "../../../runtime/brisk/examples/nexmark/queries/mod.rs"]
pub(crate) mod queries;
pub(crate) mod reference;
#[path = "../../../runtime/brisk/examples/nexmark/source.rs"]
pub(crate) mod source;

use generator::Generator;

/// What the events of all systems are made from.
const SEED: u64 = 1;

/// Events of one second of event time.
const RATE: u64 = 10_000;

/// The events of all systems.
pub(crate) fn events() -> Generator {
    Generator::new(SEED, RATE)
}

/// The queries; the harness has those that Flink's DataStream API has words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// All bids.
    Q0,
    /// All bids, another currency.
    Q1,
    /// The bids for some auctions.
    Q2,
    /// Who sells in some states: a join of all that ever came.
    Q3,
    /// Average prices: a join, with timers.
    Q4,
    /// The hottest auctions: sliding windows.
    Q5,
    /// The highest bids: tumbling windows.
    Q7,
    /// New users that sell: a window join.
    Q8,
    /// Bids of a session.
    Q11,
    /// Bids of ten seconds by the clock.
    Q12,
}

impl Query {
    /// All of them.
    pub const ALL: [Query; 10] = [
        Query::Q0,
        Query::Q1,
        Query::Q2,
        Query::Q3,
        Query::Q4,
        Query::Q5,
        Query::Q7,
        Query::Q8,
        Query::Q11,
        Query::Q12,
    ];

    /// The name of its job.
    pub const fn job(self) -> &'static str {
        match self {
            Query::Q0 => "nexmark-q0",
            Query::Q1 => "nexmark-q1",
            Query::Q2 => "nexmark-q2",
            Query::Q3 => "nexmark-q3",
            Query::Q4 => "nexmark-q4",
            Query::Q5 => "nexmark-q5",
            Query::Q7 => "nexmark-q7",
            Query::Q8 => "nexmark-q8",
            Query::Q11 => "nexmark-q11",
            Query::Q12 => "nexmark-q12",
        }
    }

    /// The query whose job has this name.
    pub fn of_job(job: &str) -> Option<Query> {
        Query::ALL.into_iter().find(|query| query.job() == job)
    }
}

//! The queries of Nexmark.

use super::check::CheckSum;
use super::{environment, measure};
use crate::BenchError;
use crate::nexmark::model::Event;
use crate::nexmark::queries::{self, Row};
use crate::nexmark::source::Events;
use crate::nexmark::{Query, events};
use crate::run::measurement::{Measurement, Outcome};
use brisk::chain::Template;
use brisk::prelude::*;
use std::time::Duration;

/// How far watermarks are behind, as in the standard's tables.
const OUT_OF_ORDERNESS: Duration = Duration::from_secs(4);

/// Runs a query on so many events; the check is of its rows.
pub fn nexmark(query: Query, records: u64) -> Result<Measurement, BenchError> {
    let mut environment = environment()?;
    environment.set_runtime_mode(RuntimeMode::Streaming);
    let check = CheckSum::new();
    let in_time = WatermarkStrategy::for_bounded_out_of_orderness(OUT_OF_ORDERNESS)
        .with_timestamp_assigner(|event: &Event, _| Timestamp::from_millis(event.date_time()));
    let source = Events { generator: events(), count: records };
    let events =
        environment.from_source(source, "events").assign_timestamps_and_watermarks(in_time);
    match query {
        Query::Q0 => sum(queries::q0(events), &check),
        Query::Q1 => sum(queries::q1(events), &check),
        Query::Q2 => sum(queries::q2(events), &check),
        Query::Q3 => sum(queries::q3(events), &check),
        Query::Q4 => sum(queries::q4(events), &check),
        Query::Q5 => sum(queries::q5(events), &check),
        Query::Q7 => sum(queries::q7(events), &check),
        Query::Q8 => sum(queries::q8(events), &check),
        Query::Q11 => sum(queries::q11(events), &check),
        Query::Q12 => sum(queries::q12(events), &check),
    }
    measure(&environment, || Outcome { records, ..check.total() })
}

fn sum<T: Row, C: Template<Out = T>>(rows: DataStream<T, C>, check: &CheckSum) {
    rows.sink_to(check.sink(|row: &T| Outcome { records: 0, check: row.check() }));
}

use crate::input::reference::{CheckKind, expected};
use crate::nexmark::Query;
use crate::run::exec;
use crate::workload::Input;
use crate::workload::contender::System;

/// The Brisk job computes what the reference does.
fn check(job: &str, kind: CheckKind, input: &Input) {
    let expected = expected(kind, input).unwrap();
    let measured = exec::run(System::Brisk, job, input).unwrap();
    assert_eq!(measured.records, expected.records, "{job} on {input:?}");
    assert_eq!(measured.check, format!("{:016x}", expected.check), "{job} on {input:?}");
}

#[test]
fn jobs_on_numbers_equal_their_references() {
    for records in [0, 1, 999, 200_001] {
        let input = Input::Records(records);
        check("exchange", CheckKind::KeySum, &input);
        check("keyed-count", CheckKind::CountSum, &input);
        check("chain", CheckKind::ChainSum, &input);
        check("chain-cut", CheckKind::ChainSum, &input);
    }
}

#[test]
fn nexmark_queries_equal_their_references() {
    // q12 goes by the clock.
    for query in Query::ALL.into_iter().filter(|query| *query != Query::Q12) {
        for events in [1, 200_001] {
            check(query.job(), CheckKind::Nexmark(query), &Input::Records(events));
        }
    }
}

#[test]
fn word_counts_equal_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let cache = crate::setup::cache::Cache::at(folder.path()).unwrap();
    let text = Input::Text(crate::setup::text::ensure_tiny(&cache).unwrap());
    check("wordcount", CheckKind::FinalCounts, &text);
    check("wordcount-updates", CheckKind::UpdateSum, &text);
}

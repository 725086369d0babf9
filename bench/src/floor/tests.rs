use super::*;
use crate::input::reference::{CheckKind, expected};
use crate::run::exec;
use crate::workload::Input;
use crate::workload::contender::System;

/// The floor of `job` computes what the reference does.
fn check(job: &str, kind: CheckKind, input: &Input) {
    let expected = expected(kind, input).unwrap();
    let measured = exec::run(System::Floor, job, input).unwrap();
    assert_eq!(measured.records, expected.records, "{job} on {input:?}");
    assert_eq!(measured.check, format!("{:016x}", expected.check), "{job} on {input:?}");
    assert!(measured.seconds > 0.0 && measured.peak_rss_bytes > 0);
}

#[test]
fn floors_of_numbers_equal_their_references() {
    // None, fewer than a segment holds, many more than all segments hold.
    for records in [0, 1, 100, 326, 327, 100_003] {
        let input = Input::Records(records);
        check("exchange", CheckKind::KeySum, &input);
        check("keyed-count", CheckKind::CountSum, &input);
        check("chain", CheckKind::ChainSum, &input);
    }
}

#[test]
fn the_floor_of_words_equals_its_reference() {
    let folder = tempfile::tempdir().unwrap();
    let cache = crate::setup::cache::Cache::at(folder.path()).unwrap();
    let text = crate::setup::text::ensure_tiny(&cache).unwrap();
    check("wordcount", CheckKind::WordHashSum, &Input::Text(text));
}

#[test]
fn the_machine_has_limits() {
    let folder = tempfile::tempdir().unwrap();
    let values = machine(folder.path(), Scale::Tiny).unwrap();
    assert_eq!(values.len(), 7, "{values:?}");
    for (name, value) in &values {
        assert!(value.is_finite() && *value > 0.0, "{name} is {value}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the disk's file is gone");
}

#[test]
fn a_panic_of_one_thread_is_the_run_s() {
    let run = || on_subtasks(|subtask| panic!("subtask {subtask}"));
    assert!(std::panic::catch_unwind(run).is_err());
}

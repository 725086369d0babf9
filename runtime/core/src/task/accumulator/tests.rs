use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check_text(value: AccumulatorValue, expected: &str) {
    assert_eq!(value.to_string(), expected);
}

#[test]
fn text_forms_are_javas() {
    check_text(AccumulatorValue::Int(-5), "-5");
    check_text(AccumulatorValue::Long(i64::MAX), "9223372036854775807");
    for (number, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (500.0, "500.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (0.001, "0.001"),
        (0.000_999, "9.99E-4"),
        (9_999_999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (-12_345_678.25, "-1.234567825E7"),
        (f64::MAX, "1.7976931348623157E308"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        check_text(AccumulatorValue::Double(number), expected);
    }
    check_text(AccumulatorValue::Histogram(BTreeMap::new()), "{}");
    let counts = BTreeMap::from([(1, 500), (-3, 2), (0, 500)]);
    check_text(AccumulatorValue::Histogram(counts), "{-3=2, 0=500, 1=500}");
}

/// One subtask that adds 1 to each kind of accumulator.
fn subtask() -> AccumulatorSnapshot {
    let registry = AccumulatorRegistry::new();
    let operator = registry.of_operator("map");
    operator.int_counter("int").unwrap().add(1);
    operator.long_counter("long").unwrap().add(1);
    operator.double_counter("double").unwrap().add(1.0);
    operator.histogram("hist").unwrap().add(1);
    registry.snapshot()
}

#[test]
fn subtasks_are_merged_by_name() {
    let registry = AccumulatorRegistry::new();
    registry.of_operator("map").histogram("hist").unwrap().add(0);
    registry.of_operator("filter").int_counter("only here").unwrap();
    let results = AccumulatorResults::merge([subtask(), registry.snapshot(), subtask()]).unwrap();
    assert_eq!(results.int_counter("int"), Ok(2));
    assert_eq!(results.long_counter("long"), Ok(2));
    assert_eq!(results.double_counter("double"), Ok(2.0));
    assert_eq!(results.histogram("hist"), Ok(&BTreeMap::from([(0, 1), (1, 2)])));
    // Registered and never added to: still a result.
    assert_eq!(results.get("only here"), Some(&AccumulatorValue::Int(0)));
    assert_eq!(
        serde_json::to_value(results.user_accumulators()).unwrap(),
        json!([
            {"name": "double", "type": "DoubleCounter", "value": "2.0"},
            {"name": "hist", "type": "Histogram", "value": "{0=1, 1=2}"},
            {"name": "int", "type": "IntCounter", "value": "2"},
            {"name": "long", "type": "LongCounter", "value": "2"},
            {"name": "only here", "type": "IntCounter", "value": "0"},
        ])
    );
}

#[test]
fn one_name_in_a_subtask_is_one_accumulator() {
    let registry = AccumulatorRegistry::new();
    let first = registry.of_operator("map").long_counter("records").unwrap();
    let second = registry.of_operator("filter").long_counter("records").unwrap();
    first.add(2);
    second.clone().add(3);
    assert_eq!(first.local_value(), 5);
    // A snapshot is of its moment.
    let snapshot = registry.snapshot();
    first.add(1);
    drop((first, second));
    let records = |snapshot| AccumulatorResults::merge([snapshot]).unwrap().long_counter("records");
    assert_eq!(records(snapshot), Ok(5));
    assert_eq!(records(registry.snapshot()), Ok(6));
}

#[test]
fn a_kind_clash_names_both_kinds_and_operators() {
    let message = "accumulator \"n\" is of kind IntCounter in operator \"map\" but of kind \
                   Histogram in operator \"filter\": all accumulators of a job share one name \
                   space, so rename one of them";
    // In one subtask ...
    let registry = AccumulatorRegistry::new();
    registry.of_operator("map").int_counter("n").unwrap().add(7);
    let error = registry.of_operator("filter").histogram("n").unwrap_err();
    assert_eq!(error.to_string(), message);
    // ... and the first one goes on unharmed ...
    assert_eq!(registry.of_operator("filter").int_counter("n").unwrap().local_value(), 7);
    // ... and over subtasks.
    let other = AccumulatorRegistry::new();
    other.of_operator("filter").histogram("n").unwrap();
    let error = AccumulatorResults::merge([registry.snapshot(), other.snapshot()]).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn every_pair_of_kinds_clashes() {
    let register = |operator: &OperatorAccumulators, kind| match kind {
        AccumulatorKind::IntCounter => operator.int_counter("n").map(drop),
        AccumulatorKind::LongCounter => operator.long_counter("n").map(drop),
        AccumulatorKind::DoubleCounter => operator.double_counter("n").map(drop),
        AccumulatorKind::Histogram => operator.histogram("n").map(drop),
    };
    let kinds = [
        AccumulatorKind::IntCounter,
        AccumulatorKind::LongCounter,
        AccumulatorKind::DoubleCounter,
        AccumulatorKind::Histogram,
    ];
    for first in kinds {
        for second in kinds {
            let registry = AccumulatorRegistry::new();
            let operator = registry.of_operator("map");
            register(&operator, first).unwrap();
            assert_eq!(register(&operator, second).is_ok(), first == second);
        }
    }
}

#[test]
fn results_are_read_as_what_they_are() {
    let results = AccumulatorResults::merge([subtask()]).unwrap();
    let error = results.int_counter("long").unwrap_err();
    assert_eq!(
        error.to_string(),
        "accumulator \"long\" is of kind LongCounter and can't be read as IntCounter"
    );
    let error = results.histogram("absent").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the job has no accumulator \"absent\"; it has double, hist, int, long"
    );
    let error = AccumulatorResults::default().long_counter("absent").unwrap_err();
    assert_eq!(error.to_string(), "the job has no accumulator \"absent\"; it has none");
}

#[test]
fn sums_stop_at_the_limits() {
    let registry = AccumulatorRegistry::new();
    let operator = registry.of_operator("map");
    let int = operator.int_counter("int").unwrap();
    int.add(i32::MAX);
    int.add(1);
    assert_eq!(int.local_value(), i32::MAX);
    operator.long_counter("long").unwrap().add(i64::MIN);
    let twice = AccumulatorResults::merge([registry.snapshot(), registry.snapshot()]).unwrap();
    assert_eq!(twice.int_counter("int"), Ok(i32::MAX));
    assert_eq!(twice.long_counter("long"), Ok(i64::MIN));
}

#[test]
fn snapshots_cross_threads() {
    let snapshots: Vec<_> = (0..3).map(|_| std::thread::spawn(subtask)).collect();
    let snapshots = snapshots.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(AccumulatorResults::merge(snapshots).unwrap().int_counter("int"), Ok(3));
}

proptest! {
    /// However values are dealt to subtasks, and in whatever order those are merged, the result is
    /// that of one subtask that saw everything.
    #[test]
    fn merging_is_counting(values in prop::collection::vec((0..4_usize, -9..9_i32), 0..50)) {
        let registries: Vec<_> = (0..4).map(|_| AccumulatorRegistry::new()).collect();
        let mut sum = 0;
        let mut counts = BTreeMap::new();
        for (subtask, value) in values {
            let operator = registries[subtask].of_operator("map");
            operator.int_counter("int").unwrap().add(value);
            operator.long_counter("long").unwrap().add(value.into());
            // Small integers, whose sums are exact.
            operator.double_counter("double").unwrap().add(value.into());
            operator.histogram("hist").unwrap().add(value);
            sum += value;
            *counts.entry(value).or_default() += 1;
        }
        let snapshots = || registries.iter().map(AccumulatorRegistry::snapshot);
        let results = AccumulatorResults::merge(snapshots()).unwrap();
        prop_assert_eq!(&results, &AccumulatorResults::merge(snapshots().rev()).unwrap());
        if !counts.is_empty() {
            prop_assert_eq!(results.int_counter("int"), Ok(sum));
            prop_assert_eq!(results.long_counter("long"), Ok(sum.into()));
            prop_assert_eq!(results.double_counter("double"), Ok(sum.into()));
            prop_assert_eq!(results.histogram("hist"), Ok(&counts));
        }
    }
}

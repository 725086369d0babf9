use super::*;

fn check_summary(values: &[f64], median: f64, min: f64, max: f64) {
    let expected = Summary { median, min, max, runs: values.len() };
    assert_eq!(Summary::of(values), Some(expected), "{values:?}");
}

#[test]
fn summaries_sort() {
    check_summary(&[2.0], 2.0, 2.0, 2.0);
    check_summary(&[3.0, 1.0], 2.0, 1.0, 3.0);
    check_summary(&[5.0, 1.0, 3.0], 3.0, 1.0, 5.0);
    assert_eq!(Summary::of(&[]), None);
}

#[test]
fn a_job_is_measured() {
    let outcome = Outcome { records: 10, check: 0xAB };
    let measurement = Measurement::take(|| Ok(outcome)).unwrap();
    assert_eq!(measurement.records, 10);
    assert_eq!(measurement.check, "00000000000000ab");
    assert!(measurement.rate() > 0.0 && measurement.peak_rss_bytes > 100_000);
    let line = serde_json::to_string(&measurement).unwrap();
    let read: Measurement = serde_json::from_str(&line).unwrap();
    // The reader of JSON may miss the last bit of a number.
    for (read, written) in
        [(read.seconds, measurement.seconds), (read.cpu_seconds, measurement.cpu_seconds)]
    {
        assert!((read - written).abs() <= f64::EPSILON * written, "{read} {written}");
    }
    let (seconds, cpu_seconds) = (measurement.seconds, measurement.cpu_seconds);
    assert_eq!(Measurement { seconds, cpu_seconds, ..read }, measurement);
}

#[test]
fn a_failed_job_has_no_measurement() {
    let failed = Measurement::take(|| Err(BenchError::Job("no".to_owned())));
    assert_eq!(failed.unwrap_err().to_string(), "the Brisk job failed: no");
}

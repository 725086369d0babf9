use super::*;
use crate::run::rounds::Series;
use crate::workload::Workload;

fn series(system: System, metric: &str, values: &[f64]) -> Series {
    Series { system, metric: metric.to_owned(), values: values.to_vec() }
}

fn results() -> Results {
    Results {
        workload: Workload::of_name("exchange").unwrap(),
        series: vec![
            series(System::Floor, "records_per_second", &[120e6]),
            series(System::Brisk, "records_per_second", &[90e6, 110e6, 100e6]),
            series(System::Brisk, "cpu_seconds", &[2.0]),
            series(System::Flink, "records_per_second", &[25e6]),
        ],
        failures: vec!["timely: it broke".to_owned()],
    }
}

#[test]
fn lines_of_json_are_what_tools_read() {
    let lines = json_lines(&results());
    assert_eq!(
        lines.lines().nth(1).unwrap(),
        r#"{"workload":"exchange","system":"brisk","metric":"records_per_second","median":100000000.0,"min":90000000.0,"max":110000000.0,"runs":3}"#
    );
    assert_eq!(lines.lines().count(), 4);
}

#[test]
fn the_table_shows_ratios_goals_and_failures() {
    let table = table(&results());
    for part in [
        "   100.0 M   90.00 M   110.0 M\n",
        "   25.00 M     4.00x\n",
        "at least 5x records_per_second of flink: 4.00x, missed\n",
        "at least 0.5x records_per_second of floor: 0.83x, met\n",
        "at least 1x records_per_second of timely: not measured\n",
        "failed: timely: it broke\n",
    ] {
        assert!(table.contains(part), "{part:?} is not in\n{table}");
    }
    assert!(table.lines().all(|line| line == line.trim_end()));
}

#[test]
fn numbers_are_short() {
    let check = |value: f64, expected: &str| assert_eq!(si(value), expected);
    check(0.0, "0");
    check(3.6e-9, "3.60 n");
    check(134e-9, "134.0 n");
    check(0.0123, "12.30 m");
    check(1.0, "1.00");
    check(999.0, "999.0");
    check(110_400_000.0, "110.4 M");
    check(2.5e9, "2.50 G");
}

//! Nexmark's rows are those that another engine computes from the same events: DuckDB, with the SQL
//! that lies beside the queries.

use crate::example::{example, run};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Enough for several windows at a thousand events a second.
const EVENTS: &str = "40000";
const RATE: &str = "1000";

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The rows in `folder`, sorted.
fn rows_in(folder: &Path) -> Vec<String> {
    let parts = fs::read_dir(folder).unwrap().map(|part| part.unwrap().path());
    lines(&parts.map(|part| fs::read_to_string(part).unwrap()).collect::<String>())
}

/// Where `cargo xtask setup` installs Python packages.
fn python_packages() -> PathBuf {
    let test = env::current_exe().expect("a process knows its file");
    test.ancestors().nth(3).expect("tests are in TARGET/PROFILE/deps").join("tools/python")
}

/// The rows that DuckDB computes, sorted.
fn expected(events: &Path, query: &str) -> Vec<String> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python_packages());
    command.arg(crate_folder.join("tests/examples/reference.py")).arg(events);
    command.arg(crate_folder.join(format!("examples/nexmark/sql/{query}.sql")));
    let ended = run(&mut command);
    assert_eq!(ended.code, 0, "is it installed? `cargo xtask setup`: {}", ended.stderr);
    lines(&ended.stdout)
}

/// Runs a query at each parallelism on the events of `seed`: the rows of each run, and those of its
/// SQL.
fn results(query: &str, seed: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    let rows = ["1", "2", "3"].map(|parallelism| {
        let output = folder.path().join(parallelism);
        let mut command = example("nexmark");
        command.args(["--query", query, "--events", EVENTS, "--rate", RATE, "--seed", seed]);
        command.args(["--parallelism", parallelism]).arg("--output").arg(&output);
        if parallelism == "1" {
            command.arg("--events-csv").arg(&events);
        }
        let ended = run(&mut command);
        assert_eq!(ended.code, 0, "{ended:?}");
        rows_in(&output)
    });
    (rows.to_vec(), expected(&events, query))
}

fn check(query: &str, seed: &str) {
    let (rows, expected) = results(query, seed);
    assert!(!expected.is_empty(), "{query} has rows");
    for (at, rows) in rows.iter().enumerate() {
        let wrong = rows.iter().zip(&expected).find(|(row, expected)| row != expected);
        let (found, count) = (rows.len(), expected.len());
        assert!(
            *rows == expected,
            "{query} at parallelism {}: {found} rows instead of {count}, {wrong:?}",
            at + 1
        );
    }
}

#[test]
fn q0_q1_and_q2_take_bids_one_by_one() {
    check("q0", "1");
    check("q1", "2");
    check("q2", "3");
}

#[test]
fn q3_joins_all_that_ever_came() {
    check("q3", "4");
}

#[test]
fn q4_averages_the_highest_bids() {
    check("q4", "5");
}

#[test]
fn q5_finds_the_hottest_of_sliding_windows() {
    check("q5", "6");
}

#[test]
fn q7_finds_the_highest_of_tumbling_windows() {
    check("q7", "7");
}

#[test]
fn q8_joins_in_windows() {
    check("q8", "8");
}

#[test]
fn q11_counts_in_sessions() {
    check("q11", "9");
}

#[test]
fn q12_counts_each_bid_once_in_some_window() {
    let (rows, expected) = results("q12", "10");
    for rows in rows {
        let mut totals = BTreeMap::<u64, u64>::new();
        for row in rows {
            let fields: Vec<u64> = row.split(',').map(|field| field.parse().unwrap()).collect();
            let [bidder, count, start, end] = fields[..] else { panic!("{row}") };
            assert_eq!(end - start, 10_000, "{row}");
            *totals.entry(bidder).or_default() += count;
        }
        let totals = totals.iter().map(|(bidder, count)| format!("{bidder},{count}"));
        assert_eq!(lines(&totals.collect::<Vec<_>>().join("\n")), expected);
    }
}

#[test]
fn events_are_those_of_the_standard_and_of_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: &str| {
        let into = folder.path().join(name);
        let mut command = example("nexmark");
        command.args(["--events", "50000", "--seed", seed]).arg("--events-csv").arg(&into);
        assert_eq!(run(&mut command).code, 0);
        ["person", "auction", "bid"]
            .map(|table| fs::read_to_string(into.join(format!("{table}.csv"))).unwrap())
    };
    let [people, auctions, bids] = write("one", "1");
    for (table, count) in [(&people, 1_000), (&auctions, 3_000), (&bids, 46_000)] {
        assert_eq!(table.lines().count(), count + 1, "and the names of the columns");
    }
    // One hot auction of each hundred has half of the bids.
    let auction = |line: &str| line.split(',').next().unwrap().parse::<u64>();
    let hot = bids.lines().skip(1).filter(|line| auction(line).unwrap().is_multiple_of(100));
    let hot = hot.count();
    assert!((22_000..25_000).contains(&hot), "{hot}");
    assert_eq!([people, auctions, bids.clone()], write("again", "1"), "the same seed");
    assert_ne!(bids, write("other", "2")[2], "another seed");
}

#[test]
fn the_check_value_of_rows_is_the_same_at_any_parallelism() {
    let reported = |parallelism: &str| -> serde_json::Value {
        let mut command = example("nexmark");
        command.args(["--query", "q5", "--events", EVENTS, "--rate", RATE, "--json"]);
        let ended = run(command.args(["--parallelism", parallelism]));
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let (one, three) = (reported("1"), reported("3"));
    assert!(one["check"].as_u64().is_some_and(|check| check > 0), "{one}");
    assert_eq!([&one["rows"], &one["check"]], [&three["rows"], &three["check"]]);
}

#[test]
fn rows_of_an_earlier_run_are_not_mixed_with_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = example("nexmark");
    command.args(["--query", "q0", "--events", "1000"]).arg("--output").arg(folder.path());
    assert_eq!(run(&mut command).code, 0);
    let ended = run(&mut command);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("another folder"), "{ended:?}");
    let mut printing = example("nexmark");
    let printed = run(printing.args(["--query", "q0", "--events", "1000"]));
    assert_eq!(lines(&printed.stdout), rows_in(folder.path()));
}

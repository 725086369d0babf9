//! The exactly-once campaign: one job, seed by seed, stopped at random points in the simulator.
//!
//! ```text
//!   sequence --+                           +-- side --> key_by, count --> ledger
//!              +--> union --> process -----+
//!   sequence --+             (may fail)    +-- main --+--> key_by, count --> ledger
//!                                                     +--> key_by, sliding windows --> ledger
//!                                                     +--> key_by, map state and timers --> ledger
//!   sequence ------------------------------ broadcast +--> key_by, both --> ledger
//! ```
//!
//! Each seed draws the cluster, the way of checkpoints, and faults: an operator that fails, a process
//! that is killed and loses what it had not synced, a disk that fails, fills up or is slow. What the
//! ledgers have committed in the end equals the output of a run without faults, record by record.
//!
//! Usage: `exactly_once [--seeds A..B] [--json] [--planted FAULT]`. Exit code 1 on any violation, so
//! with a planted fault, which shows that the campaign would find one like it.

mod in_time;
mod job;
mod ledger;
mod report;
mod run;

use report::Report;
use std::process::ExitCode;

const USAGE: &str = "usage: exactly_once [--seeds A..B] [--json] \
     [--planted no-blocking|early-commit|forgotten-pending|forgotten-timer]";

/// Few, for whoever only wants to see it run.
const SEEDS: std::ops::Range<u64> = 0..3;

struct Arguments {
    seeds: std::ops::Range<u64>,
    json: bool,
    planted: Option<Planted>,
}

/// A fault that somebody might make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// Barriers block no channel: records count twice.
    NoBlocking,
    /// A sink commits when the barrier comes, not when its checkpoint is complete.
    EarlyCommit,
    /// A sink drops what it pre-committed when the checkpoint is given up.
    ForgottenPending,
    /// Timers are not part of checkpoints.
    ForgottenTimer,
}

fn parse(words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments { seeds: SEEDS, json: false, planted: None };
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => arguments.json = true,
            "--planted" => {
                arguments.planted = Some(match words.next()?.as_str() {
                    "no-blocking" => Planted::NoBlocking,
                    "early-commit" => Planted::EarlyCommit,
                    "forgotten-pending" => Planted::ForgottenPending,
                    "forgotten-timer" => Planted::ForgottenTimer,
                    _ => return None,
                });
            }
            "--seeds" => {
                let range = words.next()?;
                let (first, end) = range.split_once("..")?;
                arguments.seeds = first.parse().ok()?..end.parse().ok()?;
            }
            _ => return None,
        }
    }
    (!arguments.seeds.is_empty()).then_some(arguments)
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    // A panic is a violation, and shown with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let mut report = Report::of(arguments.seeds.clone());
    for seed in arguments.seeds {
        report.add(seed, run::run(seed, arguments.planted));
    }
    if arguments.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

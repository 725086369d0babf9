//! `latency`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal};
use super::{InputKind, Workload};
use crate::input::reference::CheckKind;

const NAME: &str = "latency";

/// Ten seconds' worth; a tiny run takes a fifth of one.
const RECORDS: u64 = 1_000_000;

const fn main(system: System) -> Contender {
    Contender::of(system, NAME, RECORDS, CheckKind::KeySum).tiny(20_000)
}

/// From when a record, a key and that time, was to be sent until the sink has it.
pub(super) const LATENCY: Workload = Workload {
    name: NAME,
    description: "100,000 records a second, keyed; from when each was due until the sink has it",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: 16 },
    contenders: &[
        main(System::Brisk),
        main(System::Flink),
        main(System::Flink).variant("timeout-0", "latency-timeout-0"),
        main(System::Timely),
    ],
    goals: &[
        same("latency_seconds_p50"),
        same("latency_seconds_p99"),
        Goal::below("latency_seconds_p999", 0.000_5),
        Goal::at_most(
            "latency_seconds_p99",
            0.5,
            Figure::new(System::Flink, "latency_seconds_p99_timeout_0"),
        ),
        Goal::at_most("cpu_seconds", 0.5, Figure::new(System::Flink, "cpu_seconds_timeout_0")),
    ],
};

/// No worse than timely.
const fn same(metric: &'static str) -> Goal {
    Goal::at_most(metric, 1.0, Figure::new(System::Timely, metric))
}

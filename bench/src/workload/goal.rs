//! What Brisk must reach, mostly as ratios to a peer or a floor of the same run.

use crate::workload::contender::System;
use std::fmt;

/// A bound that one of Brisk's metrics has to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// A metric of Brisk.
    pub metric: &'static str,
    /// What it has to be.
    pub bound: Bound,
}

/// What a metric has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At least so many times another figure.
    AtLeast(f64, Figure),
    /// At most so many times another figure.
    AtMost(f64, Figure),
    /// Less than this, in the metric's unit.
    Below(f64),
}

/// A metric of a system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Whose.
    pub system: System,
    /// Of what.
    pub metric: &'static str,
}

/// How fast most workloads go.
pub const RECORDS: &str = "records_per_second";

impl Figure {
    /// A metric of a system.
    pub const fn new(system: System, metric: &'static str) -> Self {
        Figure { system, metric }
    }
}

impl Goal {
    /// Brisk's `metric` must be at least so many times `figure`.
    pub const fn at_least(metric: &'static str, factor: f64, figure: Figure) -> Self {
        Goal { metric, bound: Bound::AtLeast(factor, figure) }
    }

    /// Brisk's `metric` must be at most so many times `figure`.
    pub const fn at_most(metric: &'static str, factor: f64, figure: Figure) -> Self {
        Goal { metric, bound: Bound::AtMost(factor, figure) }
    }

    /// Brisk's `metric` must be less than `bound`.
    pub const fn below(metric: &'static str, bound: f64) -> Self {
        Goal { metric, bound: Bound::Below(bound) }
    }

    /// The same, about `metric` on both sides.
    pub const fn records(factor: f64, system: System) -> Self {
        Goal::at_least(RECORDS, factor, Figure::new(system, RECORDS))
    }

    /// The figure that it is held against, if it is not a number.
    pub const fn figure(&self) -> Option<Figure> {
        match self.bound {
            Bound::AtLeast(_, figure) | Bound::AtMost(_, figure) => Some(figure),
            Bound::Below(_) => None,
        }
    }

    /// What was reached, in words; `None` if something was not measured. `median` tells what was.
    pub fn verdict(&self, median: impl Fn(System, &str) -> Option<f64>) -> Option<String> {
        let brisk = median(System::Brisk, self.metric)?;
        let reached = match self.figure() {
            Some(figure) => brisk / median(figure.system, figure.metric)?,
            None => brisk,
        };
        let (is_met, unit) = match self.bound {
            Bound::AtLeast(factor, _) => (reached >= factor, "x"),
            Bound::AtMost(factor, _) => (reached <= factor, "x"),
            Bound::Below(bound) => (reached < bound, ""),
        };
        let shown =
            if unit == "x" { format!("{reached:.2}x") } else { crate::report::table::si(reached) };
        Some(format!("{shown}, {}", if is_met { "met" } else { "missed" }))
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric;
        match self.bound {
            Bound::AtLeast(factor, Figure { system, metric: other }) => {
                write!(formatter, "{metric} at least {factor}x {other} of {system}")
            }
            Bound::AtMost(factor, Figure { system, metric: other }) => {
                write!(formatter, "{metric} at most {factor}x {other} of {system}")
            }
            Bound::Below(bound) => {
                write!(formatter, "{metric} below {}", crate::report::table::si(bound))
            }
        }
    }
}

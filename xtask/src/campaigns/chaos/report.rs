//! What a campaign found.

use std::fmt::Write as _;

/// What a campaign did and found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) rounds: u64,
    /// Rounds in which other processes wanted the cores too.
    pub(super) contended: u64,
    pub(super) starts: u64,
    pub(super) kills: u64,
    pub(super) operator_failures: u64,
    pub(super) violations: Vec<String>,
}

impl Report {
    /// Faults of all kinds.
    pub(super) fn faults(&self) -> u64 {
        self.kills + self.operator_failures
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Report { rounds, contended, starts, kills, operator_failures, violations } = self;
        let mut text = format!(
            "{rounds} rounds, {contended} of them under contention, {starts} starts, {kills} kills, \
             {operator_failures} failures of operators: {} violations",
            violations.len()
        );
        for violation in violations {
            let _ = write!(text, "\n  {violation}");
        }
        text
    }

    /// As one line of JSON.
    pub(super) fn json(&self) -> String {
        let Report { rounds, contended, starts, kills, operator_failures, violations } = self;
        let quoted: Vec<String> = violations.iter().map(|text| format!("{text:?}")).collect();
        format!(
            "{{\"rounds\":{rounds},\"rounds_under_contention\":{contended},\"starts\":{starts},\
             \"faults\":{{\"kill\":{kills},\"operator_failure\":{operator_failures}}},\
             \"violations\":[{}]}}",
            quoted.join(",")
        )
    }
}

//! What a campaign found.

use std::{fmt, ops::Range};

/// What one seed did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) operator_failures: u64,
    pub(crate) process_kills: u64,
    /// Checkpoints that did not come about, of the disk's faults or for being overtaken.
    pub(crate) checkpoints_failed: u64,
    /// Runs on a disk that fails, fills up, is slow.
    pub(crate) disks_with_faults: u64,
    pub(crate) restarts: u64,
    /// Jobs that failed for good of their disk, and were started anew on a repaired one.
    pub(crate) given_up: u64,
    pub(crate) checkpoints_completed: u64,
    pub(crate) restored: u64,
}

/// What a campaign found.
pub(crate) struct Report {
    seeds: Range<u64>,
    run: u64,
    faults: Faults,
    violations: Vec<(u64, String)>,
}

impl Report {
    pub(crate) fn of(seeds: Range<u64>) -> Self {
        Self { seeds, run: 0, faults: Faults::default(), violations: Vec::new() }
    }

    pub(crate) fn add(&mut self, seed: u64, (faults, result): (Faults, Result<(), String>)) {
        self.run += 1;
        let sum = &mut self.faults;
        sum.operator_failures += faults.operator_failures;
        sum.process_kills += faults.process_kills;
        sum.checkpoints_failed += faults.checkpoints_failed;
        sum.disks_with_faults += faults.disks_with_faults;
        sum.restarts += faults.restarts;
        sum.given_up += faults.given_up;
        sum.checkpoints_completed += faults.checkpoints_completed;
        sum.restored += faults.restored;
        if let Err(what) = result {
            self.violations.push((seed, what));
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    fn counts(&self) -> [(&'static str, u64); 8] {
        let faults = &self.faults;
        [
            ("operator_failures", faults.operator_failures),
            ("process_kills", faults.process_kills),
            ("disks_with_faults", faults.disks_with_faults),
            ("checkpoints_failed", faults.checkpoints_failed),
            ("restarts", faults.restarts),
            ("jobs_given_up", faults.given_up),
            ("checkpoints_completed", faults.checkpoints_completed),
            ("restored", faults.restored),
        ]
    }

    /// As one object.
    pub(crate) fn json(&self) -> String {
        let counts = self.counts().map(|(name, count)| format!("\"{name}\":{count}")).join(",");
        let violations = self.violations.iter().map(|(seed, what)| {
            let escaped: String = what.chars().flat_map(char::escape_default).collect();
            format!("{{\"seed\":{seed},\"what\":\"{}\"}}", escaped.replace("\\'", "'"))
        });
        format!(
            "{{\"first_seed\":{},\"seeds_run\":{},\"faults\":{{{counts}}},\"violations\":[{}]}}",
            self.seeds.start,
            self.run,
            violations.collect::<Vec<_>>().join(",")
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seeds {} to {}: {} run", self.seeds.start, self.seeds.end - 1, self.run)?;
        for (name, count) in self.counts() {
            writeln!(f, "  {:22} {count}", name.replace('_', " "))?;
        }
        for (seed, what) in &self.violations {
            writeln!(f, "  seed {seed} (--seeds {seed}..{} replays it): {what}", seed + 1)?;
        }
        write!(f, "{} violations", self.violations.len())
    }
}

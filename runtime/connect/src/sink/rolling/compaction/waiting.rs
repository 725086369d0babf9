//! Which parts wait, and which are due, without any I/O.

use std::collections::BTreeMap;

use super::super::name::PartFile;
use super::strategy::CompactionStrategy;
use crate::constants::WAITING_PARTS_MAX;

/// A part that waits to be merged.
#[derive(Debug, Clone, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct WaitingPart {
    /// Which one.
    pub part: PartFile,
    /// Barriers that have come since it was closed.
    pub checkpoints: u32,
}

/// What is to become of parts at a barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// It appears as it is.
    Show(PartFile),
    /// They are merged; there are at least two, of one bucket.
    Merge(Vec<PartFile>),
}

/// The parts that wait, of all buckets.
#[derive(Debug)]
pub(super) struct Waiting {
    strategy: Option<CompactionStrategy>,
    parts: Vec<WaitingPart>,
    input_ended: bool,
}

impl Waiting {
    /// None wait; without a strategy none will, but those that were taken over until the first barrier.
    pub(super) fn new(strategy: Option<CompactionStrategy>) -> Waiting {
        Waiting { strategy, parts: Vec::new(), input_ended: false }
    }

    /// Those that wait.
    pub(super) fn parts(&self) -> &[WaitingPart] {
        &self.parts
    }

    /// One more that waits, from a checkpoint.
    pub(super) fn push(&mut self, part: WaitingPart) {
        self.parts.push(part);
    }

    /// The next barrier is the last one.
    pub(super) fn input_ended(&mut self) {
        self.input_ended = true;
    }

    /// A barrier has come, and these parts were closed before it: what is due now.
    pub(super) fn barrier(&mut self, closed: Vec<PartFile>) -> Vec<Due> {
        let closed = closed.into_iter().map(|part| WaitingPart { part, checkpoints: 0 });
        let all = std::mem::take(&mut self.parts).into_iter().chain(closed);
        let Some(strategy) = &self.strategy else {
            return all.map(|waiting| Due::Show(waiting.part)).collect();
        };
        let (mut due, mut groups) = (Vec::new(), BTreeMap::<String, Vec<WaitingPart>>::new());
        for WaitingPart { part, checkpoints } in all {
            let is_full = |bytes| strategy.min_bytes.is_some_and(|min| bytes >= min);
            if is_full(part.bytes) {
                due.push(Due::Show(part));
                continue;
            }
            let group = groups.entry(part.bucket.clone()).or_default();
            group.push(WaitingPart { part, checkpoints: checkpoints.saturating_add(1) });
            let bytes = group.iter().map(|waiting| waiting.part.bytes).sum();
            if is_full(bytes) || group.len() == WAITING_PARTS_MAX {
                due.push(merged(std::mem::take(group)));
            }
        }
        for group in groups.into_values().filter(|group| !group.is_empty()) {
            let oldest = group.iter().map(|waiting| waiting.checkpoints).max().unwrap_or(0);
            let is_old = strategy.checkpoints.is_some_and(|limit| oldest >= limit.get());
            match is_old || self.input_ended {
                true => due.push(merged(group)),
                false => self.parts.extend(group),
            }
        }
        due
    }
}

fn merged(mut group: Vec<WaitingPart>) -> Due {
    match group.len() {
        1 => Due::Show(group.remove(0).part),
        _ => Due::Merge(group.into_iter().map(|waiting| waiting.part).collect()),
    }
}

#[cfg(test)]
mod tests;

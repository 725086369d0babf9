//! Key groups: the unit in which keyed state is split, moved and restored.
//!
//! A job fixes the number of key groups of an operator (its max parallelism) for the lifetime of its
//! state; a key belongs to one group for ever, and the groups are dealt to the subtasks in
//! contiguous ranges. Both directions are here and must agree: [`operator_index_for_key_group`]
//! and [`KeyGroupRange::of_subtask`]. Same arithmetic as Flink's `KeyGroupRangeAssignment`.
//!
//! Which group a key falls into (its hash) is the record layer's business. Control plane.

use std::fmt;

use super::constants::{MAX_PARALLELISM_DEFAULT_MIN, MAX_PARALLELISM_LIMIT};

#[cfg(test)]
mod tests;

/// How many subtasks an operator or vertex has. Checked (at least 1) when a graph is translated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Parallelism(pub u32);

/// How many key groups an operator or vertex has, which bounds its parallelism.
/// Checked (1 to [`MAX_PARALLELISM_LIMIT`]) when a graph is translated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MaxParallelism(pub u32);

/// Which of an operator's subtasks, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubtaskIndex(pub u32);

/// One key group, from 0 to below the max parallelism.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyGroup(pub u32);

/// A contiguous range of key groups; may be empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyGroupRange {
    first: u32,
    end: u32,
}

impl Parallelism {
    /// All subtasks of an operator of this parallelism, in order.
    pub fn subtasks(self) -> impl DoubleEndedIterator<Item = SubtaskIndex> + ExactSizeIterator {
        (0..self.0).map(SubtaskIndex)
    }
}

impl MaxParallelism {
    /// What an operator of `parallelism` gets when neither it nor its environment says:
    /// half as many key groups again as subtasks, rounded up to a power of two, within 128..=32768.
    pub fn default_for(parallelism: Parallelism) -> MaxParallelism {
        let wanted = u64::from(parallelism.0) + u64::from(parallelism.0 / 2);
        let limit = u64::from(MAX_PARALLELISM_LIMIT.0);
        let rounded = wanted.next_power_of_two().min(limit);
        let groups = u32::try_from(rounded).expect("the limit fits into 32 bits");
        MaxParallelism(groups.max(MAX_PARALLELISM_DEFAULT_MIN.0))
    }

    /// Whether it is within 1 to [`MAX_PARALLELISM_LIMIT`].
    pub fn is_valid(self) -> bool {
        (1..=MAX_PARALLELISM_LIMIT.0).contains(&self.0)
    }
}

/// The subtask that owns `key_group`: `key_group * parallelism / max_parallelism`.
///
/// # Panics
/// If the group does not exist or the parallelism is above the max parallelism.
pub fn operator_index_for_key_group(
    key_group: KeyGroup,
    parallelism: Parallelism,
    max_parallelism: MaxParallelism,
) -> SubtaskIndex {
    assert_bounds(parallelism, max_parallelism);
    assert!(key_group.0 < max_parallelism.0, "{key_group:?} is not below {max_parallelism:?}");
    // At most 2^15 * 2^15: fits.
    SubtaskIndex(key_group.0 * parallelism.0 / max_parallelism.0)
}

fn assert_bounds(parallelism: Parallelism, max_parallelism: MaxParallelism) {
    assert!(max_parallelism.is_valid(), "{max_parallelism:?} is out of bounds");
    assert!(
        (1..=max_parallelism.0).contains(&parallelism.0),
        "{parallelism:?} is not within 1 and {max_parallelism:?}"
    );
}

impl KeyGroupRange {
    /// The groups from `first` to below `end`.
    ///
    /// # Panics
    /// If `end` lies before `first`.
    pub fn new(first: KeyGroup, end: KeyGroup) -> KeyGroupRange {
        assert!(first <= end, "key groups end at {} before they begin at {}", end.0, first.0);
        KeyGroupRange { first: first.0, end: end.0 }
    }

    /// The groups that subtask `index` of an operator owns. The ranges of all subtasks cover all
    /// groups without overlap, and their sizes differ by at most one.
    ///
    /// # Panics
    /// If there is no such subtask or the parallelism is above the max parallelism.
    pub fn of_subtask(
        index: SubtaskIndex,
        parallelism: Parallelism,
        max_parallelism: MaxParallelism,
    ) -> KeyGroupRange {
        assert_bounds(parallelism, max_parallelism);
        assert!(index.0 < parallelism.0, "{index:?} is not below {parallelism:?}");
        let first = (index.0 * max_parallelism.0).div_ceil(parallelism.0);
        let end = ((index.0 + 1) * max_parallelism.0).div_ceil(parallelism.0);
        KeyGroupRange { first, end }
    }

    /// The first group of the range, if it has any.
    pub fn first(self) -> Option<KeyGroup> {
        (!self.is_empty()).then_some(KeyGroup(self.first))
    }

    /// The last group of the range, if it has any.
    pub fn last(self) -> Option<KeyGroup> {
        (!self.is_empty()).then(|| KeyGroup(self.end - 1))
    }

    /// Number of groups.
    pub fn len(self) -> usize {
        (self.end - self.first) as usize
    }

    /// Whether it has no group.
    pub fn is_empty(self) -> bool {
        self.first == self.end
    }

    /// Whether `group` is in the range.
    pub fn contains(self, group: KeyGroup) -> bool {
        (self.first..self.end).contains(&group.0)
    }

    /// What both ranges have; empty when they don't touch.
    pub fn intersection(self, other: KeyGroupRange) -> KeyGroupRange {
        let first = self.first.max(other.first);
        KeyGroupRange { first, end: self.end.min(other.end).max(first) }
    }

    /// The groups in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = KeyGroup> + ExactSizeIterator {
        (self.first..self.end).map(KeyGroup)
    }
}

impl fmt::Display for Parallelism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MaxParallelism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SubtaskIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for KeyGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! The range of hashes that a subtask's key groups cover.

use crate::{
    exchange::key_group_of,
    graph::{KeyGroup, KeyGroupRange, MaxParallelism},
};

/// A contiguous range of hashes, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashRange {
    first: u32,
    span: u64,
}

/// The first hash of a group; 2^32 for the group behind the last.
fn first_hash(group: u64, groups: MaxParallelism) -> u64 {
    (group << 32).div_ceil(u64::from(groups.0))
}

impl HashRange {
    /// All hashes.
    pub const ALL: Self = Self { first: 0, span: 1 << 32 };

    /// The hashes of the keys of `range`, of `groups` key groups in all.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn of_key_groups(range: KeyGroupRange, groups: MaxParallelism) -> Self {
        let (first, last) = (range.first(), range.last());
        let (first, last) = first.zip(last).expect("a subtask has key groups");
        let start = first_hash(u64::from(first.0), groups);
        let end = first_hash(u64::from(last.0) + 1, groups);
        let range = Self { first: start as u32, span: end - start };
        assert_eq!(key_group_of(range.first, groups.0 as usize), first.0 as usize);
        assert_eq!(key_group_of(range.last(), groups.0 as usize), last.0 as usize);
        range
    }

    /// The hashes of one key group.
    pub fn of_key_group(group: KeyGroup, groups: MaxParallelism) -> Self {
        Self::of_key_groups(KeyGroupRange::new(group, KeyGroup(group.0 + 1)), groups)
    }

    /// The least hash.
    pub fn first(self) -> u32 {
        self.first
    }

    /// The greatest hash.
    pub fn last(self) -> u32 {
        (u64::from(self.first) + self.span - 1) as u32
    }

    /// The hash that is so far behind the first.
    pub fn at(self, offset: u64) -> u32 {
        assert!(offset < self.span, "a hash behind the last");
        self.first + offset as u32
    }

    /// How far a hash is behind the first.
    pub fn offset(self, hash: u32) -> u64 {
        u64::from(hash.wrapping_sub(self.first))
    }

    /// The hashes that are so far behind the first.
    ///
    /// # Panics
    /// If there are none.
    pub fn part(self, offsets: std::ops::Range<u64>) -> Self {
        assert!(offsets.start < offsets.end && offsets.end <= self.span, "a part of the range");
        Self { first: self.at(offsets.start), span: offsets.end - offsets.start }
    }

    /// How many hashes there are.
    pub fn span(self) -> u64 {
        self.span
    }

    /// Whether `hash` is in the range.
    #[inline(always)]
    pub fn contains(self, hash: u32) -> bool {
        u64::from(hash.wrapping_sub(self.first)) < self.span
    }
}

//! [`DueKeys`]: which keys have something due, by time.
//!
//! The windows of many keys end at few times, so a time has a list of keys, four bytes each: their
//! hashes. An entry is a hint and never wrong to have: the key itself knows what is due next, so
//! whoever follows an entry looks there, and entries that turned out early, double or void do
//! nothing.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Lists that were worked off and are kept for the next times.
const SPARE_LISTS_MAX: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct DueKeys {
    lists: BTreeMap<Timestamp, Vec<u32>>,
    spare: Vec<Vec<u32>>,
}

impl DueKeys {
    /// Notes that a key of this hash has something due.
    pub(super) fn add(&mut self, due: Timestamp, hash: u32) {
        let spare = &mut self.spare;
        let list = self.lists.entry(due).or_insert_with(|| spare.pop().unwrap_or_default());
        list.push(hash);
    }

    /// The first time up to `now` and its keys; [`DueKeys::put_back`] takes the list again.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, Vec<u32>)> {
        let first = self.lists.first_entry()?;
        (*first.key() <= now).then(|| first.remove_entry())
    }

    /// When there is something due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.lists.keys().next().copied()
    }

    pub(super) fn put_back(&mut self, mut list: Vec<u32>) {
        if self.spare.len() < SPARE_LISTS_MAX {
            list.clear();
            self.spare.push(list);
        }
    }
}

//! [`Merger`]: accumulators of several slices, put together by key.

use std::collections::VecDeque;

/// Slots at least; four times the keys of a usual bucket.
const SLOTS_MIN: usize = 4096;

const FREE: u32 = u32::MAX;

/// Finds results by the hashes of their keys, for one range of hashes at a time. Kept, so that it
/// allocates nothing once it is as large as it gets.
#[derive(Debug, Default)]
pub(super) struct Merger {
    /// Numbers of results, probed one after the other.
    slots: Vec<u32>,
    /// The hash of each result.
    hashes: Vec<u32>,
}

impl Merger {
    /// Forgets all.
    pub(super) fn begin(&mut self) {
        self.hashes.clear();
        let slots = self.slots.len().max(SLOTS_MIN);
        self.slots.clear();
        self.slots.resize(slots, FREE);
    }

    /// Merges `new` into the result that `is` recognizes, or adds it behind the others.
    #[inline(always)]
    pub(super) fn put<R>(
        &mut self,
        (hash, new): (u32, R),
        results: &mut VecDeque<R>,
        is: impl Fn(&R, &R) -> bool,
        merge: impl FnOnce(&mut R, R),
    ) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let number = self.slots[at];
            if number == FREE {
                break;
            }
            let known = number as usize;
            if self.hashes[known] == hash && is(&results[known], &new) {
                return merge(&mut results[known], new);
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = self.hashes.len() as u32;
        self.hashes.push(hash);
        results.push_back(new);
        if self.hashes.len() * 2 > self.slots.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, FREE);
        for (hash, number) in self.hashes.iter().zip(0..) {
            let mut at = *hash as usize & (slots - 1);
            while self.slots[at] != FREE {
                at = (at + 1) & (slots - 1);
            }
            self.slots[at] = number;
        }
    }
}

//! [`DueQueue`]: what is due when, in managed memory.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990): times lie in lists by the highest bit in
//! which they differ from the last time that was taken out. A list is written at its end and read
//! from its begin, so it fits into segments; the lowest one is dealt out to those below it when its
//! turn comes, which happens to an entry once for each bit at most.
//!
//! ```text
//!   last = 1000 (..1111101000)
//!   list 0   the same time        1000 1000
//!   list 2   differs in bit 1     1002 1003
//!   list 5   differs in bit 4     1016 1020 1017 ...    block | block | some on the heap
//! ```
//!
//! An entry is a time and a hash, 12 bytes: whoever asks knows what has the hash. Entries of one time
//! come out in the order in which they were put in. One for a time before the last is due at once,
//! and comes behind those of the last time.
//!
//! A list has its last entries on the heap, few ([`TAIL`]); the others are in blocks of a segment
//! each. Dealing out gives back what it takes, but for what the lists below begin anew: where there is
//! no segment for that, their entries wait on the heap for the next one. So what was put in comes out
//! whatever else needs memory.
//!
//! Invariants: each entry is in the list that its time names; no list is older than the last time.

use std::collections::VecDeque;

use brisk_memory::Segment;

use crate::{
    state::{StateError, Supply},
    time::Timestamp,
};

#[cfg(test)]
mod tests;

/// Entries of a list that lie on the heap. In tests few, so that they do not.
const TAIL: usize = if cfg!(test) { 3 } else { 256 };

/// Bytes of an entry in a block: time, then hash, LE.
const ENTRY: usize = 12;

/// A list for each bit of a time, and one for the last time itself.
const LISTS: usize = 65;

/// Something is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    /// When.
    pub(crate) time: Timestamp,
    /// The hash of what.
    pub(crate) hash: u32,
}

/// A segment of entries.
struct Block {
    segment: Segment,
    entries: usize,
}

impl Block {
    fn read(&self, at: usize) -> Due {
        let bytes = &self.segment.as_slice()[at * ENTRY..][..ENTRY];
        let (time, hash) = bytes.split_at(8);
        let time = i64::from_le_bytes(time.try_into().expect("eight bytes were cut off"));
        let hash = u32::from_le_bytes(hash.try_into().expect("four bytes are left"));
        Due { time: Timestamp::from_millis(time), hash }
    }

    fn is_full(&self) -> bool {
        (self.entries + 1) * ENTRY > self.segment.size()
    }

    fn write(&mut self, Due { time, hash }: Due) {
        let bytes = &mut self.segment.as_mut_slice()[self.entries * ENTRY..][..ENTRY];
        bytes[..8].copy_from_slice(&time.millis().to_le_bytes());
        bytes[8..].copy_from_slice(&hash.to_le_bytes());
        self.entries += 1;
    }
}

/// Entries, first in, first out.
struct List {
    blocks: VecDeque<Block>,
    /// Entries of the first block that were taken.
    taken: usize,
    tail: VecDeque<Due>,
    /// No time is before it; that of an entry, unless some were taken from list 0.
    least: Timestamp,
}

impl List {
    const fn new() -> Self {
        Self { blocks: VecDeque::new(), taken: 0, tail: VecDeque::new(), least: Timestamp::MAX }
    }

    fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.tail.is_empty()
    }

    fn front(&self) -> Option<Due> {
        match self.blocks.front() {
            Some(block) => Some(block.read(self.taken)),
            None => self.tail.front().copied(),
        }
    }

    fn pop(&mut self) -> Option<Due> {
        let Some(block) = self.blocks.front() else { return self.tail.pop_front() };
        let due = block.read(self.taken);
        self.taken += 1;
        if self.taken == block.entries {
            self.blocks.pop_front();
            self.taken = 0;
        }
        Some(due)
    }

    /// Moves the tail into blocks; as much of it as there is memory for.
    fn flush(&mut self, supply: &mut Supply) -> Result<(), StateError> {
        while let Some(due) = self.tail.front() {
            if self.blocks.back().is_none_or(Block::is_full) {
                self.blocks.push_back(Block { segment: supply.take()?, entries: 0 });
            }
            let block = self.blocks.back_mut().expect("there is one with room");
            block.write(*due);
            self.tail.pop_front();
        }
        Ok(())
    }

    fn push(&mut self, due: Due, supply: &mut Supply) -> Result<(), StateError> {
        if self.tail.len() >= TAIL {
            self.flush(supply)?;
        }
        self.append(due);
        Ok(())
    }

    /// The same of an entry that there was memory for before.
    fn push_again(&mut self, due: Due, supply: &mut Supply) {
        if self.tail.len() >= TAIL && self.tail.len().is_multiple_of(TAIL) {
            // What there is no segment for now waits on the heap.
            let _ = self.flush(supply);
        }
        self.append(due);
    }

    fn append(&mut self, due: Due) {
        self.tail.push_back(due);
        self.least = self.least.min(due.time);
    }
}

/// See the documentation of the module.
pub(crate) struct DueQueue {
    lists: Box<[List]>,
    /// The time that was taken out last, as a number that sorts.
    last: u64,
    supply: Supply,
    len: usize,
}

fn sorting(time: Timestamp) -> u64 {
    time.millis() as u64 ^ 1 << 63
}

impl DueQueue {
    /// An empty queue.
    pub(crate) fn new(supply: Supply) -> Self {
        let lists = (0..LISTS).map(|_| List::new()).collect();
        Self { lists, last: sorting(Timestamp::MIN), supply, len: 0 }
    }

    /// Entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn list_of(&self, time: Timestamp) -> usize {
        let differing = sorting(time).max(self.last) ^ self.last;
        (u64::BITS - differing.leading_zeros()) as usize
    }

    fn first(&self) -> Option<usize> {
        self.lists.iter().position(|list| !list.is_empty())
    }

    /// Puts an entry in.
    ///
    /// # Errors
    /// If there is no memory for it; nothing was changed then.
    pub(crate) fn push(&mut self, due: Due) -> Result<(), StateError> {
        let list = self.list_of(due.time);
        self.lists[list].push(due, &mut self.supply)?;
        self.len += 1;
        Ok(())
    }

    /// A time that nothing is due before; that of the next entry, unless it is before the last that
    /// was taken out.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        self.first().map(|list| self.lists[list].least)
    }

    /// Takes out the next entry that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Due> {
        loop {
            let first = self.first()?;
            if first > 0 {
                if self.lists[first].least > now {
                    return None;
                }
                self.deal_out(first);
                continue;
            }
            let list = &mut self.lists[0];
            if list.front()?.time > now {
                return None;
            }
            let due = list.pop();
            if list.is_empty() {
                list.least = Timestamp::MAX;
            }
            self.len -= 1;
            return due;
        }
    }

    /// Deals a list out to those below it, which are empty.
    fn deal_out(&mut self, from: usize) {
        let mut list = std::mem::replace(&mut self.lists[from], List::new());
        self.last = sorting(list.least);
        while let Some(due) = list.pop() {
            let to = self.list_of(due.time);
            assert!(to < from, "a time agrees with the least of its list in one bit more");
            self.lists[to].push_again(due, &mut self.supply);
        }
    }

    /// Leaves those entries that `keep` is true for.
    ///
    /// # Errors
    /// If `keep` says so; the entries that it was not asked about are there then.
    pub(crate) fn retain<E>(
        &mut self,
        mut keep: impl FnMut(Due) -> Result<bool, E>,
    ) -> Result<(), E> {
        for at in 0..LISTS {
            let mut all = std::mem::replace(&mut self.lists[at], List::new());
            let mut failed = Ok(());
            while let Some(due) = all.pop() {
                let is_kept = failed.is_err()
                    || keep(due).unwrap_or_else(|error| {
                        failed = Err(error);
                        true
                    });
                match is_kept {
                    true => self.lists[at].push_again(due, &mut self.supply),
                    false => self.len -= 1,
                }
            }
            failed?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for DueQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueQueue").field("len", &self.len).finish_non_exhaustive()
    }
}

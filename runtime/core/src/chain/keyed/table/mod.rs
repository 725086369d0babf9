//! A plain hash table from keys to values, for state that lives as long as its
//! task. Slots lie in one array and are probed one after the other (Knuth, The Art
//! of Computer Programming 3, 6.4, algorithm L), so that a look-up that was
//! announced by [`Table::prefetch`] costs no cache miss.

use crate::chain::hints::{advise_huge, prefetch};

/// Slots of a new table.
const SLOTS_MIN: usize = 64;

#[derive(Debug)]
struct Entry<K, V> {
    hash: u32,
    key: K,
    value: V,
}

/// A hash table whose hashes are computed by its users.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    slots: Box<[Option<Entry<K, V>>]>,
    used: usize,
}

/// What [`Table::entry`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Known,
    New,
}

impl<K, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Self { slots: empty(SLOTS_MIN), used: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Bytes of the slots; what keys and values own on the heap is not in it.
    pub(crate) fn slot_bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Brings the slot where `hash` is at home into the cache.
    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: u32) {
        prefetch(&self.slots[self.home(hash)]);
    }

    /// The value of the key that `is` recognizes.
    #[inline(always)]
    pub(crate) fn find(&mut self, hash: u32, is: impl Fn(&K) -> bool) -> Option<&mut V> {
        let at = self.position(hash, is)?;
        self.slots[at].as_mut().map(|entry| &mut entry.value)
    }

    /// Where the key that `is` recognizes lies.
    #[inline(always)]
    fn position(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash);
        loop {
            match &self.slots[at] {
                Some(entry) if entry.hash == hash && is(&entry.key) => return Some(at),
                Some(_) => at = (at + 1) & mask,
                None => return None,
            }
        }
    }

    /// Adds a key that [`Table::find`] did not find.
    #[inline(never)]
    pub(crate) fn add(&mut self, hash: u32, key: K, value: V) {
        if self.is_nearly_full(1) {
            self.grow();
        }
        let at = self.free_from(self.home(hash));
        self.used += 1;
        self.slots[at] = Some(Entry { hash, key, value });
    }

    /// The entry of the key that `is` recognizes, made by `new` if there is none.
    #[inline(always)]
    pub(crate) fn entry(
        &mut self,
        hash: u32,
        is: impl Fn(&K) -> bool,
        new: impl FnOnce() -> (K, V),
    ) -> (&K, &mut V, Found) {
        let (at, found) = match self.position(hash, &is) {
            Some(at) => (at, Found::Known),
            None => {
                let (key, value) = new();
                self.add(hash, key, value);
                (self.position(hash, is).expect("it was just added"), Found::New)
            }
        };
        let entry = self.slots[at].as_mut().expect("a position is that of an entry");
        (&entry.key, &mut entry.value, found)
    }

    /// True when `more` keys make the table grow: at five eighths, which keeps
    /// probes short.
    pub(crate) fn is_nearly_full(&self, more: usize) -> bool {
        (self.used + more) * 8 > self.slots.len() * 5
    }

    fn free_from(&self, mut at: usize) -> usize {
        let mask = self.slots.len() - 1;
        while self.slots[at].is_some() {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let larger = empty(self.slots.len() * 2);
        let old = std::mem::replace(&mut self.slots, larger);
        for entry in old.into_iter().flatten() {
            let at = self.free_from(self.home(entry.hash));
            self.slots[at] = Some(entry);
        }
    }

    /// Takes the next entry at or after `cursor`, which is moved behind it. Only
    /// for emptying the whole table: what is left can't be looked up meanwhile.
    pub(crate) fn take_next(&mut self, cursor: &mut usize) -> Option<(u32, K, V)> {
        while let Some(slot) = self.slots.get_mut(*cursor) {
            *cursor += 1;
            if let Some(Entry { hash, key, value }) = slot.take() {
                self.used -= 1;
                return Some((hash, key, value));
            }
        }
        assert_eq!(self.used, 0, "an emptied table holds nothing");
        None
    }
}

fn empty<K, V>(slots: usize) -> Box<[Option<Entry<K, V>>]> {
    let mut empty = Vec::with_capacity(slots);
    advise_huge(empty.spare_capacity_mut());
    empty.resize_with(slots, || None);
    empty.into_boxed_slice()
}

#[cfg(test)]
mod tests;

//! [`KeyTable`]: what is kept for each key, found by the key's hash.
//!
//! Cores of windows keep one value per key and find it by the hash that came with the record. They
//! remember keys by their hashes alone (a list of what is due is four bytes per key), so a table
//! must be able to name all keys of one hash. [`HeapTable`] is the one there is; a table in managed
//! segments takes its place by implementing the trait.
//!
//! A key without content is not removed: it will mostly be back with the next window. When the
//! table is full such keys go, and only if that is not enough it grows.

use crate::chain::hints::{advise_huge, prefetch};

#[cfg(test)]
mod tests;

/// A value that may have become empty.
pub trait Content {
    /// Whether nothing would be lost with it.
    fn is_vacant(&self) -> bool;
}

/// Where a key lies, until one is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(usize);

/// A key that is asked for, and how to make it when it is new.
#[derive(Clone, Copy, Debug)]
pub struct AskedKey<I, M> {
    /// Its hash.
    pub hash: u32,
    /// Whether a key is the one asked for.
    pub is: I,
    /// Makes it.
    pub make: M,
}

/// Values by key.
pub trait KeyTable<K, V: Content> {
    /// Brings the place where a hash is at home into the cache.
    fn prefetch(&self, hash: u32);

    /// The place of a key, added with a default value if there is none.
    fn find_or_add<I, M>(&mut self, asked: AskedKey<I, M>) -> Place
    where
        I: Fn(&K) -> bool,
        M: FnOnce() -> K,
        V: Default;

    /// The key and the value at a place.
    fn at(&mut self, place: Place) -> (&K, &mut V);

    /// The next key of this hash behind `after`, or the first one.
    fn next_of_hash(&self, hash: u32, after: Option<Place>) -> Option<Place>;

    /// All keys with content and their hashes, for a snapshot.
    fn for_each(&self, visit: impl FnMut(u32, &K, &V));
}

/// Slots of a new table.
const SLOTS_MIN: usize = 64;

#[derive(Clone, Debug)]
struct Slot<K, V> {
    hash: u32,
    key: K,
    value: V,
}

/// A table on the heap: slots in one array, probed one after the other.
#[derive(Clone, Debug)]
pub struct HeapTable<K, V> {
    slots: Box<[Option<Slot<K, V>>]>,
    used: usize,
}

impl<K, V: Content> HeapTable<K, V> {
    /// An empty table.
    pub fn new() -> Self {
        Self { slots: empty(SLOTS_MIN), used: 0 }
    }

    /// Keys in it, those without content included.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    #[inline(always)]
    fn position(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash);
        loop {
            match &self.slots[at] {
                Some(slot) if slot.hash == hash && is(&slot.key) => return Some(at),
                Some(_) => at = (at + 1) & mask,
                None => return None,
            }
        }
    }

    #[inline(never)]
    fn add(&mut self, hash: u32, key: K, value: V) -> usize {
        if (self.used + 1) * 8 > self.slots.len() * 5 {
            self.make_room();
        }
        let at = self.free_from(hash);
        self.slots[at] = Some(Slot { hash, key, value });
        self.used += 1;
        at
    }

    fn free_from(&self, hash: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash);
        while self.slots[at].is_some() {
            at = (at + 1) & mask;
        }
        at
    }

    /// Drops keys without content; grows unless a third of the keys went.
    fn make_room(&mut self) {
        let has_content = |slot: &&Slot<K, V>| !slot.value.is_vacant();
        let kept = self.slots.iter().flatten().filter(has_content).count();
        let factor = if kept * 3 > self.used * 2 { 2 } else { 1 };
        let larger = empty(self.slots.len() * factor);
        let old = std::mem::replace(&mut self.slots, larger);
        self.used = kept;
        for slot in old.into_iter().flatten().filter(|slot| !slot.value.is_vacant()) {
            let at = self.free_from(slot.hash);
            self.slots[at] = Some(slot);
        }
    }
}

impl<K, V: Content> Default for HeapTable<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

fn empty<K, V>(slots: usize) -> Box<[Option<Slot<K, V>>]> {
    let mut empty = Vec::with_capacity(slots);
    advise_huge(empty.spare_capacity_mut());
    empty.resize_with(slots, || None);
    empty.into_boxed_slice()
}

impl<K, V: Content> KeyTable<K, V> for HeapTable<K, V> {
    #[inline(always)]
    fn prefetch(&self, hash: u32) {
        prefetch(&self.slots[self.home(hash)]);
    }

    #[inline(always)]
    fn find_or_add<I, M>(&mut self, asked: AskedKey<I, M>) -> Place
    where
        I: Fn(&K) -> bool,
        M: FnOnce() -> K,
        V: Default,
    {
        let AskedKey { hash, is, make } = asked;
        match self.position(hash, is) {
            Some(at) => Place(at),
            None => Place(self.add(hash, make(), V::default())),
        }
    }

    #[inline(always)]
    fn at(&mut self, Place(at): Place) -> (&K, &mut V) {
        let slot = self.slots[at].as_mut().expect("a place is that of a key");
        (&slot.key, &mut slot.value)
    }

    #[inline]
    fn next_of_hash(&self, hash: u32, after: Option<Place>) -> Option<Place> {
        let mask = self.slots.len() - 1;
        let mut at = after.map_or_else(|| self.home(hash), |Place(at)| (at + 1) & mask);
        loop {
            match &self.slots[at] {
                Some(slot) if slot.hash == hash => return Some(Place(at)),
                Some(_) => at = (at + 1) & mask,
                None => return None,
            }
        }
    }

    fn for_each(&self, mut visit: impl FnMut(u32, &K, &V)) {
        let slots = self.slots.iter().flatten().filter(|slot| !slot.value.is_vacant());
        slots.for_each(|slot| visit(slot.hash, &slot.key, &slot.value));
    }
}

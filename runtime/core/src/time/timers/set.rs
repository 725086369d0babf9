//! The timers of one time: a list in order of registration, and an index to find them by.

use super::Timer;

/// Up to so many timers are looked through one by one.
const SCAN_MAX: usize = 8;

#[derive(Clone, Debug)]
struct Slot<K, N> {
    hash: u32,
    timer: Timer<K, N>,
}

/// A set that keeps order and forgets from anywhere.
#[derive(Clone, Debug)]
pub(super) struct TimerSet<K, N> {
    /// In order of registration; deleted ones leave a hole.
    slots: Vec<Option<Slot<K, N>>>,
    /// Positions in `slots` by hash, probed one after the other; empty while scanning is enough.
    /// A position whose slot is a hole is passed over.
    index: Vec<Option<u32>>,
    live: usize,
    /// Everything before was taken.
    first: usize,
}

impl<K: Eq, N: Eq> TimerSet<K, N> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), index: Vec::new(), live: 0, first: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Adds a timer; false if it was there.
    pub(super) fn insert(&mut self, hash: u32, timer: Timer<K, N>) -> bool {
        if self.position(hash, &timer).is_some() {
            return false;
        }
        let at = u32::try_from(self.slots.len()).expect("less than 2^32 timers at one time");
        self.slots.push(Some(Slot { hash, timer }));
        self.live += 1;
        let is_crowded = match self.index.len() {
            0 => self.slots.len() > SCAN_MAX,
            indexed => self.slots.len() * 2 > indexed,
        };
        if is_crowded {
            self.rebuild();
        } else if !self.index.is_empty() {
            self.link(hash, at);
        }
        true
    }

    /// Takes a timer out; false if it was not there.
    pub(super) fn remove(&mut self, hash: u32, timer: &Timer<K, N>) -> bool {
        let Some(at) = self.position(hash, timer) else { return false };
        self.slots[at] = None;
        self.live -= 1;
        if self.live * 2 < self.slots.len() - self.first && self.slots.len() > SCAN_MAX {
            self.rebuild();
        }
        true
    }

    /// Takes out the timer that was registered first.
    pub(super) fn pop(&mut self) -> Option<Timer<K, N>> {
        while let Some(slot) = self.slots.get_mut(self.first) {
            self.first += 1;
            if let Some(Slot { timer, .. }) = slot.take() {
                self.live -= 1;
                return Some(timer);
            }
        }
        None
    }

    /// The timers and their hashes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Timer<K, N>> {
        self.slots[self.first..].iter().flatten().map(|slot| &slot.timer)
    }

    /// Makes it as new, keeping its memory.
    pub(super) fn clear(&mut self) {
        assert_eq!(self.live, 0, "only an empty set is used again");
        self.slots.clear();
        self.index.clear();
        self.first = 0;
    }

    fn position(&self, hash: u32, timer: &Timer<K, N>) -> Option<usize> {
        let is = |slot: &Option<Slot<K, N>>| {
            slot.as_ref().is_some_and(|slot| slot.hash == hash && slot.timer == *timer)
        };
        if self.index.is_empty() {
            let found = self.slots[self.first..].iter().position(is)?;
            return Some(self.first + found);
        }
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(position) = self.index[at] {
            if is(&self.slots[position as usize]) {
                return Some(position as usize);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn link(&mut self, hash: u32, position: u32) {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while self.index[at].is_some() {
            at = (at + 1) & mask;
        }
        self.index[at] = Some(position);
    }

    /// Drops holes and makes an index, if one is needed, that a quarter fills: probes end because
    /// it is never more than half full.
    fn rebuild(&mut self) {
        self.slots.retain(Option::is_some);
        self.first = 0;
        self.index.clear();
        if self.slots.len() <= SCAN_MAX {
            return;
        }
        self.index.resize((self.slots.len() * 4).next_power_of_two(), None);
        for at in 0..self.slots.len() {
            let hash = self.slots[at].as_ref().expect("holes were dropped").hash;
            self.link(hash, u32::try_from(at).expect("less than 2^32 timers at one time"));
        }
    }
}

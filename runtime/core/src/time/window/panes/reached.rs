//! [`Reached`]: how far windows had fired where key groups were before.

use std::ops::RangeInclusive;

use crate::{
    Key,
    time::{
        Timestamp,
        window::{AskedKey, HeapTable, KeyTable},
    },
};

/// The times up to which windows have fired, by hash of the key, and for single keys, as older
/// snapshots tell. Empty but between a restore and when time has come as far again.
#[derive(Debug)]
pub(super) struct Reached<K> {
    /// Rising, and apart from each other.
    ranges: Vec<(RangeInclusive<u32>, Timestamp)>,
    keys: HeapTable<K, Option<Timestamp>>,
    latest: Timestamp,
}

impl<K: Key> Reached<K> {
    pub(super) fn new() -> Self {
        Self { ranges: Vec::new(), keys: HeapTable::new(), latest: Timestamp::MIN }
    }

    /// Whether all go by the time of the core.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.latest == Timestamp::MIN
    }

    /// The latest time.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// The least of all times, if there is one for each of so many hashes.
    pub(super) fn least_of(&self, hashes: u64) -> Option<Timestamp> {
        let known = self.ranges.iter().map(|(range, _)| u64::from(range.end() - range.start()) + 1);
        let times = self.ranges.iter().map(|(_, time)| *time);
        times.min().filter(|_| known.sum::<u64>() == hashes)
    }

    /// The keys with these hashes have come this far; false if that is known of some already, but for
    /// the end of a range.
    pub(super) fn add_range(&mut self, hashes: RangeInclusive<u32>, time: Timestamp) -> bool {
        let at = self.ranges.partition_point(|(range, _)| range.start() < hashes.start());
        if self.ranges.get(at).is_some_and(|(next, _)| next.start() <= hashes.end()) {
            return false;
        }
        if let Some((before, _)) = at.checked_sub(1).map(|before| &mut self.ranges[before])
            && before.end() >= hashes.start()
        {
            // It said so up to the end of its key group.
            *before = *before.start()..=hashes.start() - 1;
        }
        self.latest = self.latest.max(time);
        self.ranges.insert(at, (hashes, time));
        true
    }

    /// This key has come this far; false if that is known.
    pub(super) fn add_key(&mut self, hash: u32, key: &K, time: Timestamp) -> bool {
        let asked = AskedKey { hash, is: |known: &K| known == key, make: || key.clone() };
        let place = self.keys.find_or_add(asked);
        self.latest = self.latest.max(time);
        self.keys.at(place).1.replace(time).is_none()
    }

    /// How far a key has come.
    #[cold]
    pub(super) fn of(&mut self, hash: u32, key: &K) -> Timestamp {
        let mut reached = self.of_hash(hash);
        let mut place = self.keys.next_of_hash(hash, None);
        while let Some(found) = place {
            let (known, time) = self.keys.at(found);
            if known == key {
                reached = reached.max(time.unwrap_or(Timestamp::MIN));
            }
            place = self.keys.next_of_hash(hash, Some(found));
        }
        reached
    }

    /// How far the range of a hash has come.
    pub(super) fn of_hash(&self, hash: u32) -> Timestamp {
        let behind = self.ranges.partition_point(|(range, _)| *range.start() <= hash);
        let range = behind.checked_sub(1).map(|at| &self.ranges[at]);
        let found = range.filter(|(range, _)| range.contains(&hash));
        found.map_or(Timestamp::MIN, |(_, time)| *time)
    }

    /// The ranges, for a snapshot.
    pub(super) fn ranges(&self) -> impl Iterator<Item = &RangeInclusive<u32>> {
        self.ranges.iter().map(|(range, _)| range)
    }

    /// Shows the single keys.
    pub(super) fn for_each_key(&self, mut each: impl FnMut(&K, Timestamp)) {
        self.keys.for_each(|_, key, time| each(key, time.unwrap_or(Timestamp::MIN)));
    }
}

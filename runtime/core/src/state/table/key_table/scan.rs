//! Going over the keys of a table.

use super::{Body, KeyTable};
use crate::{
    Key, Record,
    record::decode,
    state::{
        HashRange,
        table::{
            index::{Cursor, Index},
            log::Log,
            slots::{Located, Pair, logged},
        },
    },
};

/// Slots that a scan looks ahead, so that their entries are there when it comes to them.
const SCAN_AHEAD: usize = 16;

/// Where going over a table has come to. A table must not change meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    range: HashRange,
    cursor: Cursor,
    /// Some slots ahead, where it matters.
    ahead: Option<Cursor>,
}

impl<K: Key, V: Record> KeyTable<K, V> {
    /// Begins to go over all keys.
    pub fn scan(&self) -> Scan {
        self.scan_range(self.range)
    }

    /// Begins to go over the keys whose hashes are in `range`, as those of key groups are, in the
    /// order of buckets, which is about that of hashes.
    pub fn scan_range(&self, range: HashRange) -> Scan {
        match &self.body {
            Body::Slots(index) => Scan { range, cursor: index.scan(range), ahead: None },
            Body::Logged(index, log) => {
                let cursor = index.scan(range);
                Scan { range, cursor, ahead: Some(look_ahead(index, log, cursor)) }
            }
        }
    }

    /// The next key and its value.
    pub fn next(&self, scan: &mut Scan) -> Option<(K, V)> {
        loop {
            // All of the table need no second look.
            let hashed = scan.range != self.range;
            let (hash, pair) = self.next_of_bucket(scan, hashed)?;
            if scan.range.contains(hash) {
                return Some(pair);
            }
        }
    }

    /// The next key with its hash, and its value.
    #[inline]
    pub fn next_hashed(&self, scan: &mut Scan) -> Option<(u32, K, V)> {
        loop {
            let (hash, (key, value)) = self.next_of_bucket(scan, true)?;
            if scan.range.contains(hash) {
                return Some((hash, key, value));
            }
        }
    }

    #[inline(always)]
    fn next_of_bucket(&self, scan: &mut Scan, hashed: bool) -> Option<(u32, (K, V))> {
        match &self.body {
            Body::Slots(index) => {
                let slot = index.slot(index.next(&mut scan.cursor)?);
                let key = decode::<K>(Pair::<K, V>::key(slot));
                let hash = if hashed { crate::record::key_hash(&key) } else { scan.range.first() };
                Some((hash, (key, Pair::<K, V>::value(slot))))
            }
            Body::Logged(index, log) => {
                let (hash, at) = Located::read(index.slot(index.next(&mut scan.cursor)?));
                if let Some(ahead) = &mut scan.ahead {
                    prefetch_next(index, log, ahead);
                }
                let stored = log.get(at);
                let key = decode::<K>(logged::<K>(stored.key()));
                Some((hash, (key, decode::<V>(logged::<V>(stored.value())))))
            }
        }
    }

    /// Begins to go over the keys of the bucket that `hash` is in, and the first hash of the bucket
    /// behind it, if there is one.
    pub fn scan_bucket(&self, hash: u32) -> (Scan, Option<u32>) {
        let range = self.range;
        match &self.body {
            Body::Slots(index) => {
                let (cursor, next) = index.scan_bucket(hash);
                (Scan { range, cursor, ahead: None }, next)
            }
            Body::Logged(index, log) => {
                let (cursor, next) = index.scan_bucket(hash);
                (Scan { range, cursor, ahead: Some(look_ahead(index, log, cursor)) }, next)
            }
        }
    }
}

/// Asks for the first entries from a place on; the place behind them.
fn look_ahead(index: &Index<Located>, log: &Log, mut from: Cursor) -> Cursor {
    for _ in 0..SCAN_AHEAD {
        prefetch_next(index, log, &mut from);
    }
    from
}

#[inline(always)]
fn prefetch_next(index: &Index<Located>, log: &Log, ahead: &mut Cursor) {
    if let Some(place) = index.next(ahead) {
        log.prefetch(Located::read(index.slot(place)).1, 1);
    }
}

//! Going over the keys of a table.

use super::{Body, KeyTable};
use crate::{
    Key, Record,
    record::decode,
    state::{
        HashRange, StateError,
        table::{
            index::{Cursor, Index},
            log::{Location, Log},
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
        let cursor = match &self.body {
            Body::Slots(index) => index.scan(range),
            Body::Logged(index, _) => index.scan(range),
        };
        Scan { range, cursor, ahead: self.look_ahead(cursor) }
    }

    /// Asks for the first entries from a place on, where they are in memory; the place behind them.
    fn look_ahead(&self, from: Cursor) -> Option<Cursor> {
        match &self.body {
            Body::Logged(index, log) if !self.is_spilling => Some(look_ahead(index, log, from)),
            _ => None,
        }
    }

    /// The next key and its value.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub fn next(&mut self, scan: &mut Scan) -> Result<Option<(K, V)>, StateError> {
        loop {
            // All of the table need no second look.
            let hashed = scan.range != self.range;
            let Some((hash, pair)) = self.next_of_bucket(scan, hashed)? else { return Ok(None) };
            if scan.range.contains(hash) {
                return Ok(Some(pair));
            }
        }
    }

    /// The next key with its hash, and its value.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    #[inline]
    pub fn next_hashed(&mut self, scan: &mut Scan) -> Result<Option<(u32, K, V)>, StateError> {
        loop {
            let Some((hash, (key, value))) = self.next_of_bucket(scan, true)? else {
                return Ok(None);
            };
            if scan.range.contains(hash) {
                return Ok(Some((hash, key, value)));
            }
        }
    }

    #[inline(always)]
    fn next_of_bucket(
        &mut self,
        scan: &mut Scan,
        hashed: bool,
    ) -> Result<Option<(u32, (K, V))>, StateError> {
        if self.is_spilling {
            self.bring_back_next(scan)?;
        }
        Ok(match &self.body {
            Body::Slots(index) => index.next(&mut scan.cursor).map(|place| {
                let slot = index.slot(place);
                let key = decode::<K>(Pair::<K, V>::key(slot));
                let hash = if hashed { crate::record::key_hash(&key) } else { scan.range.first() };
                (hash, (key, Pair::<K, V>::value(slot)))
            }),
            Body::Logged(index, log) => index.next(&mut scan.cursor).map(|place| {
                let (hash, at) = Located::read(index.slot(place));
                if let Some(ahead) = &mut scan.ahead {
                    prefetch_next(index, log, ahead);
                }
                let stored = log.get(at);
                let key = decode::<K>(logged::<K>(stored.key()));
                (hash, (key, decode::<V>(logged::<V>(stored.value()))))
            }),
        })
    }

    /// Brings back what the next step of a scan looks into. Of what is empty no step is made of.
    #[cold]
    #[inline(never)]
    fn bring_back_next(&mut self, scan: &mut Scan) -> Result<(), StateError> {
        // What lies ahead may be on disk.
        scan.ahead = None;
        loop {
            let mut looking = scan.cursor;
            let bucket = match &self.body {
                Body::Slots(index) => index.enter(&mut looking),
                Body::Logged(index, _) => {
                    let place = index.next(&mut looking);
                    let at = place.map(|place| Located::read(index.slot(place)).1);
                    self.unpin();
                    return at.map_or(Ok(()), |at| self.bring_back_entry(at));
                }
            };
            let Some(bucket) = bucket else { return Ok(()) };
            self.bring_back_bucket(bucket)?;
            let Body::Slots(index) = &self.body else { unreachable!("it has a bucket") };
            scan.cursor = looking;
            if index.next_here(&mut looking).is_some() {
                return Ok(());
            }
            scan.cursor = looking;
        }
    }

    /// Whether entries are on disk, so that it is better to go over them where they lie.
    pub(in crate::state) fn is_spilling(&self) -> bool {
        self.is_spilling
    }

    /// The entries of a segment of the log, the first whose number is `from` or greater, and the number
    /// behind it; `None` if there is no such segment.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub(in crate::state) fn entries_of_segment(
        &mut self,
        from: u32,
    ) -> Result<Option<(Vec<(K, V)>, u32)>, StateError> {
        let Body::Logged(_, log) = &self.body else { return Ok(None) };
        let Some(segment) = log.next_of_entries(from) else { return Ok(None) };
        self.unpin();
        self.bring_back_data(segment)?;
        let Body::Logged(index, log) = &self.body else { unreachable!("it has a log") };
        let is_live = |entry: &(u32, Location)| {
            index.find(entry.0, |slot| Located::read(slot) == *entry).is_some()
        };
        let live: Vec<Location> = log.entries(segment).filter(is_live).map(|(_, at)| at).collect();
        let mut entries = Vec::with_capacity(live.len());
        for at in live {
            self.bring_back_entry(at)?;
            let Body::Logged(_, log) = &self.body else { unreachable!("it has a log") };
            let stored = log.get(at);
            let key = decode::<K>(logged::<K>(stored.key()));
            entries.push((key, decode::<V>(logged::<V>(stored.value()))));
        }
        Ok(Some((entries, segment.0 + 1)))
    }

    /// Begins to go over the keys of the bucket that `hash` is in, and the first hash of the bucket
    /// behind it, if there is one.
    pub fn scan_bucket(&self, hash: u32) -> (Scan, Option<u32>) {
        let (cursor, next) = match &self.body {
            Body::Slots(index) => index.scan_bucket(hash),
            Body::Logged(index, _) => index.scan_bucket(hash),
        };
        (Scan { range: self.range, cursor, ahead: self.look_ahead(cursor) }, next)
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

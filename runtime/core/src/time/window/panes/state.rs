//! What windows hand over to a snapshot, and take back.

use std::collections::BTreeSet;

use super::{core::PanedWindows, slice::IN_MEMORY};
use crate::{
    Key, Record,
    graph::{KeyGroup, MaxParallelism},
    state::{HashRange, StateError},
    time::{
        Timestamp, Watermark,
        window::{
            FiredTime, Image, Kept, KeptTime, NotTaken, Piece, TimeDomain, TimeImage, TimeWindow,
            Unfit,
        },
    },
};

impl<K: Key, A: Record + Clone> PanedWindows<K, A> {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty() && self.waiting.is_empty()
    }

    /// All that is kept, for a snapshot: tables share their segments with it.
    pub fn freeze(&mut self, groups: MaxParallelism, domain: TimeDomain) -> KeptTime<K, A> {
        let (mut images, mut tables) = (Vec::new(), Vec::new());
        let grid = self.grid;
        for slice in &mut self.slices {
            let (from, to) = grid.slice_bounds(slice.number);
            let window = TimeWindow::new(from, to);
            if let Some(table) = slice.table() {
                tables.push((window, table.freeze_entries(groups).expect(IN_MEMORY)));
                continue;
            }
            slice.for_each_in(HashRange::ALL, |_, key, content| {
                images.push(Image { key, piece: Piece::Content { window, content } });
            });
        }
        for (place, fired) in (0..).zip(&self.waiting) {
            let (window, content) = (fired.window, fired.content.clone());
            let piece = Piece::Result { place, window, content };
            images.push(Image { key: fired.key.clone(), piece });
        }
        self.reached.for_each_key(|key, reached| {
            let time = reached.plus_millis(1);
            let piece = Piece::Timer { domain, time, window: None };
            images.push(Image { key: key.clone(), piece });
        });
        let reached = if self.is_empty() { Vec::new() } else { self.reached_by_hash(groups) };
        Kept { images, tables, reached }
    }

    /// The times up to which windows have fired, each from a hash on, and anew for each key group.
    fn reached_by_hash(&self, groups: MaxParallelism) -> Vec<(u32, Timestamp)> {
        let range = self.home.range;
        let of_group = |group: u32| HashRange::of_key_group(KeyGroup(group), groups).first();
        let mut from: BTreeSet<u32> = (0..groups.0).map(of_group).collect();
        let next = self.firing.as_ref().map_or(0, |firing| firing.next);
        from.extend((next < range.span()).then(|| range.at(next)));
        for known in self.reached.ranges() {
            from.insert(*known.start());
            from.extend(known.end().checked_add(1));
        }
        let reached = |hash: u32| {
            let firing = self.firing.as_ref().filter(|_| range.offset(hash) < next);
            let own = firing.map_or(self.fired_to, |firing| firing.time);
            (hash, own.max(self.reached.of_hash(hash)))
        };
        let own = from.into_iter().filter(|hash| range.contains(*hash));
        own.map(reached).filter(|(_, time)| *time > Timestamp::MIN).collect()
    }

    /// Takes back what was kept of a key with this hash, but for results.
    ///
    /// # Errors
    /// If it is nothing that these windows keep, or there is no memory for it.
    pub fn put_back(&mut self, hash: u32, image: TimeImage<K, A>) -> Result<(), NotTaken> {
        let Image { key, piece } = image;
        let is_new = match piece {
            Piece::Content { window, content } => {
                let slice = self.grid.slice_of(window.start());
                let is_one = self.grid.slice_bounds(slice) == (window.start(), window.end());
                if !is_one || self.grid.windows_of(slice).is_none() {
                    return Err(Unfit::NO_SLICE.into());
                }
                let at = self.begin_slice(slice);
                let put_back = self.slices[at].put_back(hash, (&key, content), &self.home);
                put_back.map_err(|error: StateError| NotTaken::State(error))?
            }
            // What is due next for a key says that all before has fired.
            Piece::Timer { time, window: None, .. } => {
                self.reached.add_key(hash, &key, time.plus_millis(-1))
            }
            _ => return Err(Unfit::FOREIGN.into()),
        };
        if is_new { Ok(()) } else { Err(Unfit::TWICE.into()) }
    }

    /// Takes back up to when the windows of keys had fired whose hashes are `first` or greater, in the
    /// same key group.
    ///
    /// # Errors
    /// If the hash is none of the group, or that is known.
    pub fn put_back_reached(
        &mut self,
        group: HashRange,
        (first, time): (u32, Timestamp),
    ) -> Result<(), Unfit> {
        if !group.contains(first) || time == Timestamp::MIN {
            return Err(Unfit("a hash that is none of its key group"));
        }
        let is_new = self.reached.add_range(first..=group.last(), time);
        if is_new { Ok(()) } else { Err(Unfit::TWICE) }
    }

    /// All was taken back but `fired`, the results that waited, in order.
    pub fn finish_restore(&mut self, domain: TimeDomain, fired: Vec<FiredTime<K, A>>) {
        self.waiting.extend(fired);
        if let Some(least) = self.reached.least_of(self.home.range.span()) {
            self.fired_to = least;
        }
        if domain == TimeDomain::ProcessingTime {
            // The clock goes on, and nothing is ever late by it.
            self.watermark = Watermark(self.reached.latest());
        }
    }
}

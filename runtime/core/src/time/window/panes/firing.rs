//! Firing: which windows are due, and their results, one range of hashes after the other.

use std::ops::Range;

use super::core::PanedWindows;
use crate::{
    Key, Record,
    record::key_hash,
    time::{
        Timestamp,
        window::{Fired, FiredTime, Fold, WindowNumber},
    },
};

/// A window that is firing.
#[derive(Clone, Debug)]
pub(super) struct Firing {
    window: WindowNumber,
    /// Its last time.
    pub(super) time: Timestamp,
    /// The places of its slices.
    slices: Range<usize>,
    /// Keys whose hashes are less far behind the first have fired.
    pub(super) next: u64,
}

impl<K: Key, A: Record + Clone> PanedWindows<K, A> {
    /// When something is due next, should time get there.
    pub fn next_due(&self) -> Option<Timestamp> {
        let fires = self.next_window().map(|window| self.grid.max_timestamp(window));
        let cleanup = self.slices.front().map(|slice| self.cleanup_time(slice.number));
        fires.into_iter().chain(cleanup).min()
    }

    /// The next window with records that has not fired.
    fn next_window(&self) -> Option<WindowNumber> {
        let next = self.grid.first_ending_after(self.fired_to);
        // Windows rise with the slice: the first that has one has the earliest.
        self.slices.iter().find_map(|slice| {
            let (first, last) = self.grid.windows_of(slice.number)?;
            let window = first.max(next);
            (window <= last).then_some(window)
        })
    }

    /// The next result, in order of windows' ends; `None` when all were taken.
    #[inline]
    pub fn next_fired<T, F>(&mut self, fold: &F) -> Option<FiredTime<K, A>>
    where
        F: Fold<T, Accumulator = A>,
    {
        loop {
            if let Some(fired) = self.waiting.pop_front() {
                return Some(fired);
            }
            match self.firing.take() {
                Some(firing) if firing.next < self.home.range.span() => {
                    let next = self.gather(&firing, fold);
                    self.firing = Some(Firing { next, ..firing });
                }
                Some(firing) => {
                    self.fired_to = self.fired_to.max(firing.time);
                    self.clean_up();
                }
                None if self.begin() => {}
                None => return None,
            }
        }
    }

    /// Takes the next window that is due; false if there is none.
    #[inline]
    fn begin(&mut self) -> bool {
        if self.fired_to >= self.watermark.0 {
            return false;
        }
        self.begin_next()
    }

    #[inline(never)]
    fn begin_next(&mut self) -> bool {
        let window = self.next_window();
        let due = window.map(|window| (window, self.grid.max_timestamp(window)));
        if let Some((window, time)) = due.filter(|(_, time)| *time <= self.watermark.0) {
            let slices = self.slices_of(window);
            self.forget_current();
            self.firing = Some(Firing { window, time, slices, next: 0 });
            return true;
        }
        self.fired_to = self.watermark.0;
        self.clean_up();
        if !self.reached.is_empty() && self.reached.latest() <= self.fired_to {
            self.reached = super::reached::Reached::new();
        }
        false
    }

    /// Gathers the results of the next range of hashes: that of the bucket which reaches farthest. The
    /// buckets of the other slices end with it or before.
    fn gather<T, F>(&mut self, firing: &Firing, fold: &F) -> u64
    where
        F: Fold<T, Accumulator = A>,
    {
        let window = self.grid.window(firing.window);
        let (from, range) = (firing.next, self.home.range);
        let slices = || self.slices.range(firing.slices.clone());
        let to = slices().map(|slice| slice.bucket_end(from, range)).max().unwrap_or(range.span());
        let (merger, waiting) = (&mut self.merger, &mut self.waiting);
        if firing.slices.len() == 1 {
            let only = &mut self.slices[firing.slices.start];
            only.for_each_of_bucket(range.at(from), |key, content| {
                waiting.push_back(Fired { key, window, content });
            });
        } else {
            merger.begin();
            for slice in self.slices.range_mut(firing.slices.clone()) {
                slice.for_each_in(range.part(from..to), |hash, key, content| {
                    let new = Fired { key, window, content };
                    let is = |one: &FiredTime<K, A>, other: &FiredTime<K, A>| one.key == other.key;
                    let merge = |all: &mut FiredTime<K, A>, later: FiredTime<K, A>| {
                        fold.merge(&mut all.content, later.content);
                    };
                    merger.put((hash, new), waiting, is, merge);
                });
            }
        }
        if !self.reached.is_empty() {
            self.drop_fired(firing.time);
        }
        to
    }

    /// Drops results that were given before the core was restored.
    #[cold]
    fn drop_fired(&mut self, time: Timestamp) {
        let reached = &mut self.reached;
        self.waiting.retain(|fired| reached.of(key_hash(&fired.key), &fired.key) < time);
    }
}

//! The core itself: records in, watermarks in, results out.

use std::collections::VecDeque;

use super::{
    SLICES_MAX,
    firing::Firing,
    merge::Merger,
    reached::Reached,
    slice::{Add, Home, Slice},
};
use crate::{
    Key, Record,
    state::{HashRange, StateError, Supply},
    time::{
        Timestamp, Watermark,
        window::{
            AllowedLateness, Fed, Fired, FiredTime, Fires, Fold, SliceGrid, SliceNumber,
            WindowNumber,
        },
    },
};

/// The slice that the last record was in, and what a record in it needs to know.
#[derive(Clone, Copy, Debug)]
struct Current {
    from: Timestamp,
    to: Timestamp,
    /// `None` between windows.
    slice: Option<OpenSlice>,
}

#[derive(Clone, Copy, Debug)]
struct OpenSlice {
    number: SliceNumber,
    first: WindowNumber,
    last: WindowNumber,
    /// When the first of its windows fires.
    fires: Timestamp,
    /// When the last of its windows is forgotten.
    cleanup: Timestamp,
    /// Its place, once it has records.
    at: Option<usize>,
}

/// The slice of the last record as most records see it: nothing fires with them, none is late.
#[derive(Clone, Copy, Debug)]
struct ShortWay {
    from: Timestamp,
    to: Timestamp,
    /// When the first of its windows fires.
    fires: Timestamp,
    /// The place of the slice.
    at: usize,
}

impl ShortWay {
    /// No record goes it.
    const NONE: Self = {
        let never = Timestamp::MIN;
        Self { from: never, to: never, fires: never, at: usize::MAX }
    };
}

/// See the documentation of the module.
pub struct PanedWindows<K, A> {
    pub(super) grid: SliceGrid,
    pub(super) lateness: AllowedLateness,
    pub(super) home: Home,
    pub(super) watermark: Watermark,
    /// Those with records, rising.
    pub(super) slices: VecDeque<Slice<K, A>>,
    current: Option<Current>,
    short_way: ShortWay,
    /// The time up to which all windows have fired.
    pub(super) fired_to: Timestamp,
    pub(super) firing: Option<Firing>,
    pub(super) merger: Merger,
    /// Results that wait to be taken.
    pub(super) waiting: VecDeque<FiredTime<K, A>>,
    pub(super) reached: Reached<K>,
}

impl<K: Key, A: Record + Clone> PanedWindows<K, A> {
    /// Windows without records, before the first watermark, of keys whose hashes are in `range`.
    ///
    /// # Panics
    /// If windows have more slices than `SLICES_MAX`.
    pub fn new(
        (grid, lateness): (SliceGrid, AllowedLateness),
        range: HashRange,
        supply: Supply,
    ) -> Self {
        assert!(grid.slices_per_window() <= SLICES_MAX, "windows of few slices");
        Self {
            grid,
            lateness,
            home: Home { range, supply },
            watermark: Watermark::MIN,
            slices: VecDeque::new(),
            current: None,
            short_way: ShortWay::NONE,
            fired_to: Timestamp::MIN,
            firing: None,
            merger: Merger::default(),
            waiting: VecDeque::new(),
            reached: Reached::new(),
        }
    }

    /// The grid of the windows.
    pub fn grid(&self) -> SliceGrid {
        self.grid
    }

    /// The last watermark.
    pub fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Brings what is kept under a hash, in the slice of the last record, into the cache.
    #[inline(always)]
    pub fn prefetch(&mut self, hash: u32) {
        if let Some(slice) = self.slices.get_mut(self.short_way.at) {
            slice.prefetch(hash);
        }
    }

    /// Whether [`PanedWindows::add`] takes a record of this time: if nothing fires with it, as with
    /// most. What is asked is two numbers side by side, and the record need not be handed back.
    #[inline(always)]
    pub fn has_short_way(&self, timestamp: Timestamp) -> bool {
        let ShortWay { from, to, .. } = self.short_way;
        (from..to).contains(&timestamp)
    }

    /// Takes a record of a time that has a short way.
    ///
    /// # Errors
    /// If there is no memory for it.
    #[inline(always)]
    pub fn add<T, F>(
        &mut self,
        (hash, key): (u32, &K),
        record: T,
        fold: &F,
    ) -> Result<(), StateError>
    where
        F: Fold<T, Accumulator = A>,
    {
        self.slices[self.short_way.at].add(hash, Add { key, record, fold }, &self.home)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.firing.is_none() && self.waiting.is_empty()
    }

    /// Takes a record of a key with this hash.
    ///
    /// # Errors
    /// If there is no memory for it.
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn feed<T, F>(
        &mut self,
        (hash, key): (u32, &K),
        (timestamp, record): (Timestamp, T),
        fold: &F,
    ) -> Result<Fed<T>, StateError>
    where
        F: Fold<T, Accumulator = A>,
    {
        assert!(self.firing.is_none(), "results are taken before records come");
        let slice = match self.current {
            Some(current) if (current.from..current.to).contains(&timestamp) => current.slice,
            _ => self.turn_to(timestamp),
        };
        let Some(slice) = slice else { return Ok(self.between(timestamp, record)) };
        let watermark = self.watermark_of(hash, key);
        if slice.cleanup <= watermark.0 {
            return Ok(Fed::Late(record));
        }
        let at = match slice.at {
            Some(at) => at,
            None => self.begin_slice(slice.number),
        };
        self.slices[at].add(hash, Add { key, record, fold }, &self.home)?;
        if slice.fires > watermark.0 {
            self.shorten(slice.fires, at);
            return Ok(Fed::Taken(Fires::Nothing));
        }
        self.fire_again((hash, key), (slice, watermark), fold);
        Ok(Fed::Taken(if self.is_drained() { Fires::Nothing } else { Fires::Results }))
    }

    /// Further records of the slice go the short way.
    fn shorten(&mut self, fires: Timestamp, at: usize) {
        // Before time has come as far as it was before a restore, keys differ.
        if let Some(Current { from, to, .. }) = self.current.filter(|_| self.reached.is_empty()) {
            self.short_way = ShortWay { from, to, fires, at };
        }
    }

    /// What was known of the slice of the last record may be wrong now.
    pub(super) fn forget_current(&mut self) {
        (self.current, self.short_way) = (None, ShortWay::NONE);
    }

    /// The watermark that a key's records are judged by.
    fn watermark_of(&mut self, hash: u32, key: &K) -> Watermark {
        if self.reached.is_empty() {
            return self.watermark;
        }
        self.watermark.max(Watermark(self.reached.of(hash, key)))
    }

    /// A record was late, but not too late: what has fired fires again, the latest window first.
    #[inline(never)]
    fn fire_again<T, F>(
        &mut self,
        (hash, key): (u32, &K),
        (slice, watermark): (OpenSlice, Watermark),
        fold: &F,
    ) where
        F: Fold<T, Accumulator = A>,
    {
        for window in (slice.first.0..=slice.last.0).rev().map(WindowNumber) {
            let last = self.grid.max_timestamp(window);
            if last <= watermark.0 && !self.lateness.is_window_late(last, watermark) {
                let content = self.content(window, (hash, key), fold);
                let (key, window) = (key.clone(), self.grid.window(window));
                self.waiting.push_back(Fired { key, window, content });
            }
        }
    }

    /// What a window of a key that has records in it holds.
    fn content<T, F>(&mut self, window: WindowNumber, (hash, key): (u32, &K), fold: &F) -> A
    where
        F: Fold<T, Accumulator = A>,
    {
        let slices = self.slices_of(window);
        let parts = self.slices.range_mut(slices).filter_map(|slice| slice.get(hash, key));
        let merged = parts.reduce(|mut all, later| {
            fold.merge(&mut all, later);
            all
        });
        merged.expect("the window has the record")
    }

    /// The places of a window's slices.
    pub(super) fn slices_of(&self, window: WindowNumber) -> std::ops::Range<usize> {
        let (first, last) = self.grid.slices_of(window);
        let from = self.slices.partition_point(|slice| slice.number < first);
        from..self.slices.partition_point(|slice| slice.number <= last)
    }

    #[cold]
    fn between<T>(&self, timestamp: Timestamp, record: T) -> Fed<T> {
        if self.lateness.is_record_late(timestamp, self.watermark) {
            Fed::Late(record)
        } else {
            Fed::Outside
        }
    }

    #[inline(never)]
    fn turn_to(&mut self, timestamp: Timestamp) -> Option<OpenSlice> {
        let number = self.grid.slice_of(timestamp);
        let slice = self.grid.windows_of(number).map(|(first, last)| OpenSlice {
            number,
            first,
            last,
            fires: self.grid.max_timestamp(first),
            cleanup: self.cleanup_time(number),
            at: self.slices.binary_search_by_key(&number, |slice| slice.number).ok(),
        });
        let (from, to) = self.grid.slice_bounds(number);
        self.current = Some(Current { from, to, slice });
        slice
    }

    /// When a slice is in no window any more that takes records.
    pub(super) fn cleanup_time(&self, slice: SliceNumber) -> Timestamp {
        let (_, last) = self.grid.windows_of(slice).expect("a slice with records has windows");
        self.lateness.cleanup_time(self.grid.max_timestamp(last))
    }

    /// The place of a slice, which is there from now on.
    #[cold]
    pub(super) fn begin_slice(&mut self, number: SliceNumber) -> usize {
        let found = self.slices.binary_search_by_key(&number, |slice| slice.number);
        let at = found.unwrap_or_else(|at| {
            self.slices.insert(at, Slice::new(number));
            self.short_way = ShortWay::NONE;
            at
        });
        if let Some(Current { slice: Some(slice), .. }) = &mut self.current
            && slice.number == number
        {
            slice.at = Some(at);
        } else {
            self.forget_current();
        }
        at
    }

    /// Forgets slices that no window needs any more, their segments at once.
    pub(super) fn clean_up(&mut self) {
        while let Some(slice) = self.slices.front()
            && self.cleanup_time(slice.number) <= self.fired_to
        {
            self.slices.pop_front();
            self.forget_current();
        }
    }

    /// Time has come this far; results are to be taken with [`PanedWindows::next_fired`]. An earlier
    /// watermark than the last is ignored.
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn advance(&mut self, watermark: Watermark) {
        assert!(self.is_drained(), "results wait to be taken");
        self.watermark = self.watermark.max(watermark);
        if self.short_way.fires <= self.watermark.0 {
            self.short_way = ShortWay::NONE;
        }
    }
}

impl<K, A> std::fmt::Debug for PanedWindows<K, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanedWindows").field("grid", &self.grid).finish_non_exhaustive()
    }
}

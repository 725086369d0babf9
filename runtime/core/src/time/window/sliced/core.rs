//! The core itself: records in, watermarks in, results out.

use super::key::{KeySlices, Rules};
use crate::time::{
    Timestamp, Watermark,
    window::{
        AllowedLateness, AskedKey, Content, Fed, Fired, FiredTime, Fires, Fold, HeapTable, Image,
        KeyTable, Piece, Place, SliceGrid, SliceNumber, TimeDomain, TimeImage, TimeWindow, Unfit,
        WindowNumber, keyed::KeyedDue,
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
}

/// See the documentation of the module.
#[derive(Clone, Debug)]
pub struct SlicedWindows<K, A, S = HeapTable<K, KeySlices<A>>> {
    rules: Rules,
    current: Option<Current>,
    keys: KeyedDue<K, KeySlices<A>, TimeWindow, A, S>,
}

impl<K: Clone, A: Clone, S> SlicedWindows<K, A, S>
where
    S: KeyTable<K, KeySlices<A>> + Default,
{
    /// Windows without records, before the first watermark.
    pub fn new(grid: SliceGrid, lateness: AllowedLateness) -> Self {
        Self { rules: Rules { grid, lateness }, current: None, keys: KeyedDue::new() }
    }

    /// The grid of the windows.
    pub fn grid(&self) -> SliceGrid {
        self.rules.grid
    }

    /// The last watermark.
    pub fn watermark(&self) -> Watermark {
        self.keys.watermark
    }

    /// When something is due next, should time get there.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.keys.next_due()
    }

    /// Brings what is kept under a hash into the cache.
    #[inline(always)]
    pub fn prefetch(&self, hash: u32) {
        self.keys.table.prefetch(hash);
    }

    /// Takes a record.
    ///
    /// # Panics
    /// If results wait to be taken.
    #[inline(always)]
    pub fn feed<T, F, I, M>(
        &mut self,
        asked: AskedKey<I, M>,
        timestamp: Timestamp,
        record: T,
        fold: &F,
    ) -> Fed<T>
    where
        F: Fold<T, Accumulator = A>,
        I: Fn(&K) -> bool,
        M: FnOnce() -> K,
    {
        let slice = match self.current {
            Some(current) if (current.from..current.to).contains(&timestamp) => current.slice,
            _ => self.turn_to(timestamp),
        };
        let Some(slice) = slice else { return self.between(timestamp, record) };
        let watermark = self.keys.watermark;
        if slice.cleanup <= watermark.0 {
            return Fed::Late(record);
        }
        let hash = asked.hash;
        let place = self.keys.table.find_or_add(asked);
        let (_, slices) = self.keys.table.at(place);
        let is_on_time = slice.fires > watermark.0;
        if is_on_time && let Some(accumulator) = slices.newest_if(slice.number) {
            fold.add(accumulator, record);
            return Fed::Taken(Fires::Nothing);
        }
        let was_vacant = slices.is_vacant();
        if slices.add(slice.number, record, fold) {
            let due = self.rules.due_after(slice.number, watermark.0);
            self.keys.register(hash, place, due, was_vacant);
        }
        if !is_on_time {
            self.fire_again(place, slice, fold);
        }
        Fed::Taken(if self.keys.is_drained() { Fires::Nothing } else { Fires::Results })
    }

    /// A record was late, but not too late: what has fired fires again, the latest window first.
    #[inline(never)]
    fn fire_again<T, F>(&mut self, place: Place, slice: OpenSlice, fold: &F)
    where
        F: Fold<T, Accumulator = A>,
    {
        let (rules, watermark) = (self.rules, self.keys.watermark);
        let (key, slices, fired) = self.keys.at(place);
        for window in (slice.first.0..=slice.last.0).rev().map(WindowNumber) {
            let last = rules.grid.max_timestamp(window);
            if last <= watermark.0 && !rules.lateness.is_window_late(last, watermark) {
                let content = slices.content(window, rules, fold);
                let content = content.expect("the window has the record");
                let window = rules.grid.window(window);
                fired.push_back(Fired { key: key.clone(), window, content });
            }
        }
    }

    #[cold]
    fn between<T>(&self, timestamp: Timestamp, record: T) -> Fed<T> {
        if self.rules.lateness.is_record_late(timestamp, self.keys.watermark) {
            Fed::Late(record)
        } else {
            Fed::Outside
        }
    }

    #[inline(never)]
    fn turn_to(&mut self, timestamp: Timestamp) -> Option<OpenSlice> {
        let Rules { grid, lateness } = self.rules;
        let number = grid.slice_of(timestamp);
        let slice = grid.windows_of(number).map(|(first, last)| OpenSlice {
            number,
            first,
            last,
            fires: grid.max_timestamp(first),
            cleanup: lateness.cleanup_time(grid.max_timestamp(last)),
        });
        let (from, to) = grid.slice_bounds(number);
        self.current = Some(Current { from, to, slice });
        slice
    }

    /// Time has come this far; results are to be taken with [`SlicedWindows::next_fired`]. An
    /// earlier watermark than the last is ignored.
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn advance(&mut self, watermark: Watermark) {
        self.keys.advance(watermark);
    }

    /// The next result, in order of windows' ends; `None` when all were taken.
    #[inline]
    pub fn next_fired<T, F>(&mut self, fold: &F) -> Option<FiredTime<K, A>>
    where
        F: Fold<T, Accumulator = A>,
    {
        let rules = self.rules;
        self.keys.next_fired(|key, slices, time, fired| {
            if let Some(window) = rules.grid.ending_at(time) {
                let only = slices.take_only(window, rules);
                let content = only.or_else(|| slices.content_in_turn(window, rules, fold));
                let window = rules.grid.window(window);
                let result = content.map(|content| Fired { key: key.clone(), window, content });
                fired.extend(result);
            }
            slices.clean_up(time, rules);
            slices.due_after(time, rules)
        })
    }

    /// All that is kept, for a snapshot; timers are those of `domain`.
    pub fn images(&self, domain: TimeDomain) -> Vec<TimeImage<K, A>> {
        let mut images = Vec::new();
        let mut add = |key: &K, piece| images.push(Image { key: key.clone(), piece });
        self.keys.table.for_each(|_, key, slices| {
            for (slice, content) in slices.slices() {
                let (from, to) = self.rules.grid.slice_bounds(*slice);
                let (window, content) = (TimeWindow::new(from, to), content.clone());
                add(key, Piece::Content { window, content });
            }
            add(key, Piece::Timer { domain, time: slices.due, window: None });
        });
        for (place, Fired { key, window, content }) in (0..).zip(self.keys.waiting()) {
            add(key, Piece::Result { place, window: *window, content: content.clone() });
        }
        images
    }

    /// Takes back what was kept of a key with this hash, but for results.
    ///
    /// # Errors
    /// If it is nothing that these windows keep.
    pub fn put_back(&mut self, hash: u32, image: TimeImage<K, A>) -> Result<(), Unfit>
    where
        K: Eq,
    {
        let Image { key, piece } = image;
        match piece {
            Piece::Content { window, content } => {
                let grid = self.rules.grid;
                let slice = grid.slice_of(window.start());
                let is_one = grid.slice_bounds(slice) == (window.start(), window.end());
                if !is_one || grid.windows_of(slice).is_none() {
                    return Err(Unfit::NO_SLICE);
                }
                let is_new = self.keys.value_of(hash, &key).put_back(slice, content);
                if is_new { Ok(()) } else { Err(Unfit::TWICE) }
            }
            Piece::Timer { time, window: None, .. } => self.keys.put_back_due(hash, &key, time),
            _ => Err(Unfit::FOREIGN),
        }
    }

    /// All was taken back but `fired`, the results that waited, in order.
    ///
    /// # Errors
    /// If something is missing.
    pub fn finish_restore(&mut self, fired: Vec<FiredTime<K, A>>) -> Result<(), Unfit> {
        self.keys.wait_again(fired);
        self.keys.check_due()
    }
}

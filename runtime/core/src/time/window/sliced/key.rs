//! [`KeySlices`]: the slices of one key.

use std::collections::VecDeque;

use super::{DIRECT_SLICES_MAX, stacks::Stacks};
use crate::time::{
    Timestamp,
    window::{
        AllowedLateness, Content, Fold, SliceGrid, SliceNumber, WindowNumber,
        keyed::{Due, NOT_DUE},
    },
};

/// What is kept of one key: its slices that have records, the newest apart so that most records
/// find their accumulator in the key's own cache line.
#[derive(Clone, Debug)]
pub struct KeySlices<A> {
    newest: Option<(SliceNumber, A)>,
    older: Option<Box<Older<A>>>,
    /// When there is something to do for it. Means nothing without slices.
    pub(super) due: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) struct Older<A> {
    /// Rising, all before the newest.
    slices: VecDeque<(SliceNumber, A)>,
    stacks: Stacks<A>,
}

impl<A> Default for Older<A> {
    fn default() -> Self {
        Self { slices: VecDeque::new(), stacks: Stacks::default() }
    }
}

impl<A> Default for KeySlices<A> {
    fn default() -> Self {
        Self { newest: None, older: None, due: NOT_DUE }
    }
}

impl<A> Content for KeySlices<A> {
    #[inline(always)]
    fn is_vacant(&self) -> bool {
        self.newest.is_none()
    }
}

impl<A> Due for KeySlices<A> {
    #[inline(always)]
    fn due(&self) -> Timestamp {
        self.due
    }

    fn set_due(&mut self, due: Timestamp) {
        self.due = due;
    }
}

/// The grid and the lateness that slices are judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) grid: SliceGrid,
    pub(super) lateness: AllowedLateness,
}

impl Rules {
    /// When a slice is in no window any more that takes records.
    pub(super) fn cleanup_time(&self, slice: SliceNumber) -> Timestamp {
        let (_, last) = self.grid.windows_of(slice).expect("a slice with records has windows");
        self.lateness.cleanup_time(self.grid.max_timestamp(last))
    }

    /// The next time after `now` at which something is due because of a slice: one of its windows
    /// fires, or it is forgotten.
    pub(super) fn due_after(&self, slice: SliceNumber, now: Timestamp) -> Timestamp {
        self.fires_after(slice, now).unwrap_or_else(|| self.cleanup_time(slice))
    }

    fn fires_after(&self, slice: SliceNumber, now: Timestamp) -> Option<Timestamp> {
        let (first, last) = self.grid.windows_of(slice)?;
        let next = first.max(self.grid.first_ending_after(now));
        (next <= last).then(|| self.grid.max_timestamp(next))
    }
}

impl<A: Clone> KeySlices<A> {
    /// The accumulator of the newest slice, if it is this one.
    #[inline(always)]
    pub(super) fn newest_if(&mut self, slice: SliceNumber) -> Option<&mut A> {
        match &mut self.newest {
            Some((newest, accumulator)) if *newest == slice => Some(accumulator),
            _ => None,
        }
    }

    /// Adds a record to any slice; true if the slice had none.
    pub(super) fn add<T, F>(&mut self, slice: SliceNumber, record: T, fold: &F) -> bool
    where
        F: Fold<T, Accumulator = A>,
    {
        self.forget_stacks(slice);
        match &mut self.newest {
            None => self.newest = Some((slice, fold.first(record))),
            Some((newest, _)) if *newest < slice => {
                let turned = self.newest.replace((slice, fold.first(record)));
                let older = self.older.get_or_insert_default();
                older.slices.extend(turned);
            }
            Some((newest, accumulator)) if *newest == slice => {
                fold.add(accumulator, record);
                return false;
            }
            Some(_) => return self.older.get_or_insert_default().add(slice, record, fold),
        }
        true
    }

    /// Merges of slices that have changed since are void.
    fn forget_stacks(&mut self, changed: SliceNumber) {
        if let Some(older) = &mut self.older {
            older.stacks.forget(changed);
        }
    }

    /// The slices from `first` to `last` that have records, oldest first.
    fn range(
        &self,
        first: SliceNumber,
        last: SliceNumber,
    ) -> impl DoubleEndedIterator<Item = (SliceNumber, &A)> {
        let older = self.older.iter().flat_map(move |older| {
            let from = older.slices.partition_point(|(slice, _)| *slice < first);
            older.slices.range(from..)
        });
        let all = older.chain(&self.newest);
        all.map(|(slice, accumulator)| (*slice, accumulator))
            .filter(move |(slice, _)| (first..=last).contains(slice))
    }

    /// What a window holds now; `None` if that is nothing.
    pub(super) fn content<T, F>(&self, window: WindowNumber, rules: Rules, fold: &F) -> Option<A>
    where
        F: Fold<T, Accumulator = A>,
    {
        let (first, last) = rules.grid.slices_of(window);
        let merge = |mut all: A, (_, next): (SliceNumber, &A)| {
            fold.merge(&mut all, next.clone());
            all
        };
        let mut slices = self.range(first, last);
        let (_, oldest) = slices.next()?;
        Some(slices.fold(oldest.clone(), merge))
    }

    /// What a window holds when its time has come. Windows of a key come in order.
    pub(super) fn content_in_turn<T, F>(
        &mut self,
        window: WindowNumber,
        rules: Rules,
        fold: &F,
    ) -> Option<A>
    where
        F: Fold<T, Accumulator = A>,
    {
        if rules.grid.slices_per_window() <= DIRECT_SLICES_MAX {
            return self.content(window, rules, fold);
        }
        let (first, last) = rules.grid.slices_of(window);
        let mut stacks = std::mem::take(&mut self.older.get_or_insert_default().stacks);
        let content = stacks.merged(first..=last, |from, to| self.range(from, to), fold);
        self.older.get_or_insert_default().stacks = stacks;
        content
    }

    /// The window's only slice, if it is that of nothing else any more.
    pub(super) fn take_only(&mut self, window: WindowNumber, rules: Rules) -> Option<A> {
        if rules.grid.slices_per_window() != 1 || !rules.lateness.is_zero() {
            return None;
        }
        let (slice, _) = rules.grid.slices_of(window);
        let older = self.older.as_mut().map(|older| &mut older.slices);
        if let Some(older) = older.filter(|older| !older.is_empty()) {
            let is_first = older.front().is_some_and(|(first, _)| *first == slice);
            return older.pop_front_if(|_| is_first).map(|(_, accumulator)| accumulator);
        }
        self.newest.take_if(|(newest, _)| *newest == slice).map(|(_, accumulator)| accumulator)
    }

    /// Forgets slices that no window needs after `now`.
    pub(super) fn clean_up(&mut self, now: Timestamp, rules: Rules) {
        let is_gone = |slice: SliceNumber| rules.cleanup_time(slice) <= now;
        if let Some(older) = &mut self.older {
            while older.slices.pop_front_if(|(slice, _)| is_gone(*slice)).is_some() {}
        }
        if self.newest.take_if(|(slice, _)| is_gone(*slice)).is_some()
            && let Some(older) = &mut self.older
        {
            assert!(older.slices.is_empty(), "older slices go first");
            older.stacks = Stacks::default();
        }
    }

    /// When something is due after `now`; `None` if it has no slices.
    pub(super) fn due_after(&self, now: Timestamp, rules: Rules) -> Option<Timestamp> {
        let slices = || {
            let older = self.older.iter().flat_map(|older| &older.slices);
            older.chain(&self.newest).map(|(slice, _)| *slice)
        };
        // Both rise with the slice: the first that has one has the least.
        let cleanup = rules.cleanup_time(slices().next()?);
        let fires = slices().find_map(|slice| rules.fires_after(slice, now));
        Some(fires.map_or(cleanup, |fires| fires.min(cleanup)))
    }

    /// All slices, for a snapshot.
    pub(super) fn slices(&self) -> impl Iterator<Item = &(SliceNumber, A)> {
        self.older.iter().flat_map(|older| &older.slices).chain(&self.newest)
    }

    /// Takes back a slice; false if it is there.
    pub(super) fn put_back(&mut self, slice: SliceNumber, accumulator: A) -> bool {
        let newest = self.newest.as_ref().map(|(newest, _)| *newest);
        if newest.is_none_or(|newest| newest < slice) {
            if let Some(turned) = self.newest.replace((slice, accumulator)) {
                self.older.get_or_insert_default().slices.push_back(turned);
            }
            return true;
        }
        let older = &mut self.older.get_or_insert_default().slices;
        let at = older.partition_point(|(known, _)| *known < slice);
        let is_new =
            newest != Some(slice) && older.get(at).is_none_or(|(known, _)| *known != slice);
        if is_new {
            older.insert(at, (slice, accumulator));
        }
        is_new
    }
}

impl<A: Clone> Older<A> {
    fn add<T, F>(&mut self, slice: SliceNumber, record: T, fold: &F) -> bool
    where
        F: Fold<T, Accumulator = A>,
    {
        let at = self.slices.partition_point(|(known, _)| *known < slice);
        match self.slices.get_mut(at) {
            Some((known, accumulator)) if *known == slice => {
                fold.add(accumulator, record);
                false
            }
            _ => {
                self.slices.insert(at, (slice, fold.first(record)));
                true
            }
        }
    }
}

//! [`Stacks`]: merges of runs of slices, kept from one window to the next.
//!
//! ```text
//!   slices     a    b    c    d  |  e    f
//!   suffixes  abcd bcd  cd   d   |  ef       <- running
//!   window b..f = bcd + ef
//! ```
//!
//! When a window begins behind all suffixes, its slices become the suffixes of the next round.

use std::ops::RangeInclusive;

use crate::time::window::{Fold, SliceNumber};

#[derive(Clone, Debug)]
pub(super) struct Stacks<A> {
    /// Merges from a slice up to `turn`; the oldest slice last.
    suffixes: Vec<(SliceNumber, A)>,
    turn: Option<SliceNumber>,
    /// The merge of slices behind `turn`, up to the second.
    running: Option<A>,
    end: Option<SliceNumber>,
}

impl<A> Default for Stacks<A> {
    fn default() -> Self {
        Self { suffixes: Vec::new(), turn: None, running: None, end: None }
    }
}

impl<A: Clone> Stacks<A> {
    /// A slice has changed: merges with it are void.
    pub(super) fn forget(&mut self, changed: SliceNumber) {
        if self.end.is_some_and(|end| changed <= end) {
            *self = Self::default();
        }
    }

    /// The merge of a window's slices, of which `range` gives those with records.
    pub(super) fn merged<'a, T, F, I>(
        &mut self,
        window: RangeInclusive<SliceNumber>,
        range: impl Fn(SliceNumber, SliceNumber) -> I,
        fold: &F,
    ) -> Option<A>
    where
        A: 'a,
        F: Fold<T, Accumulator = A>,
        I: DoubleEndedIterator<Item = (SliceNumber, &'a A)>,
    {
        let (first, last) = window.into_inner();
        while self.suffixes.pop_if(|(slice, _)| *slice < first).is_some() {}
        let goes_on =
            self.turn.is_some_and(|turn| first <= turn) && self.end.is_some_and(|end| end <= last);
        if !goes_on {
            self.turn_over(range(first, last), fold);
            (self.turn, self.end, self.running) = (Some(last), Some(last), None);
        }
        let behind = SliceNumber(self.end.expect("stacks have an end").0.saturating_add(1));
        for (_, accumulator) in range(behind, last) {
            merge_into(&mut self.running, accumulator.clone(), fold);
        }
        self.end = Some(last);
        let mut merged = self.suffixes.last().map(|(_, suffix)| suffix.clone());
        if let Some(running) = &self.running {
            merge_into(&mut merged, running.clone(), fold);
        }
        merged
    }

    fn turn_over<'a, T, F>(
        &mut self,
        slices: impl DoubleEndedIterator<Item = (SliceNumber, &'a A)>,
        fold: &F,
    ) where
        A: 'a,
        F: Fold<T, Accumulator = A>,
    {
        self.suffixes.clear();
        for (slice, accumulator) in slices.rev() {
            let mut suffix = accumulator.clone();
            if let Some((_, behind)) = self.suffixes.last() {
                fold.merge(&mut suffix, behind.clone());
            }
            self.suffixes.push((slice, suffix));
        }
    }
}

fn merge_into<T, F: Fold<T>>(merged: &mut Option<F::Accumulator>, later: F::Accumulator, fold: &F) {
    match merged {
        Some(merged) => fold.merge(merged, later),
        None => *merged = Some(later),
    }
}

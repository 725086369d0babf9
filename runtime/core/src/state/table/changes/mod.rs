//! A log of what is changed in place: where, and the bytes that are there now.
//!
//! ```text
//! change    u64 LE: number of the segment, 32 bits | where in it, in words of 8 bytes, 17 bits
//!           | how many words, 15 bits
//!           the words as they are now
//! ```
//!
//! A segment that changed in no other way since a checkpoint has it need not be written again: what it
//! was, with the changes since made to it in their order, is what it is. Only values that keep their
//! place and length are changed so. Words are whole because neighbours do no harm: they are as they were
//! at that time, and what becomes of them later is in the log behind, or makes the segment one that is
//! written.
//!
//! A log is kept from one freeze to the next, in segments of the operator's share ([`Chunk`]), and longer
//! while no checkpoint that has it is complete. It is given up where it isn't worth it, when it is half
//! as long as what was changed or a quarter of the share, or when the memory is needed for anything else;
//! then segments are written as they lie.
//!
//! Thread: of the table's task. Invariant: while [`ChangeLog::covers`] says so of a version, each change
//! in place since is in a chunk or in the head.

mod chunk;
mod replay;
#[cfg(test)]
mod tests;

use brisk_memory::{HeldIndex, Segment};
use std::rc::Rc;

use super::version::Version;
use crate::{chain::prefetch, state::Supply};
pub(in crate::state) use chunk::Chunk;
use chunk::{Kept, Lent};
pub(in crate::state) use replay::replay;

/// What places and lengths are multiples of.
const WORD: usize = 8;
const PLACE_BITS: u32 = 17;
/// So far ahead of a change the log's cache lines are asked for.
const AHEAD: usize = 256;
/// Words of one change; more are several.
const WORDS_MAX: usize = 256;
/// A log is worth it while it is so many times shorter than what was changed.
pub(in crate::state) const WORTH: usize = 2;
/// The part of an operator's memory that it may take.
const SHARE: usize = 4;

/// Where bytes are that are changed in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) segment: HeldIndex,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The changes of one table.
pub(super) struct ChangeLog {
    is_on: bool,
    /// Bytes in the head.
    used: usize,
    /// Segments that were opened for changes in place since the last freeze, and chunks since.
    opened: usize,
    filled: usize,
    /// All changes after this version are here.
    complete_after: Version,
    lent: Rc<Lent>,
    supply: Supply,
}

impl ChangeLog {
    /// A log that is off.
    pub(super) fn new(supply: &Supply) -> Self {
        Self {
            is_on: false,
            used: 0,
            opened: 0,
            filled: 0,
            complete_after: Version::FIRST,
            lent: Rc::default(),
            supply: supply.clone(),
        }
    }

    /// A segment was opened to be changed in place.
    pub(super) fn opened(&mut self) {
        self.opened += 1;
    }

    /// Writes `new` over bytes of a segment, and notes where that makes a difference.
    #[inline(always)]
    pub(super) fn replace(
        &mut self,
        (at, segment): (HeldIndex, &mut [u8]),
        begin: usize,
        new: &[u8],
    ) {
        let old = &mut segment[begin..begin + new.len()];
        if !self.is_on {
            return old.copy_from_slice(new);
        }
        let Some((first, end)) = difference(old, new) else { return };
        old[first..end].copy_from_slice(&new[first..end]);
        let from = (begin + first) / WORD * WORD;
        let to = (begin + end).next_multiple_of(WORD);
        if to - from > WORDS_MAX * WORD {
            return self.note_long(at, from, &segment[from..to]);
        }
        self.note(at, from, &segment[from..to]);
    }

    #[cold]
    fn note_long(&mut self, at: HeldIndex, from: usize, words: &[u8]) {
        for (part, words) in words.chunks(WORDS_MAX * WORD).enumerate() {
            self.note(at, from + part * WORDS_MAX * WORD, words);
        }
    }

    #[inline(always)]
    fn note(&mut self, at: HeldIndex, from: usize, words: &[u8]) {
        let end = self.used + WORD + words.len();
        let head = match self.lent.head.take() {
            Some(head) if end <= head.size() => Some(head),
            full => self.roll(full),
        };
        let Some(mut head) = head else { return };
        let place = (from / WORD) as u64 | ((words.len() / WORD) as u64) << PLACE_BITS;
        let change = u64::from(at.0) | place << u32::BITS;
        let bytes = head.as_mut_slice();
        // A log is written once and read once: the line is in no cache, and what waits to be written to it
        // holds up the reads behind.
        if let Some(coming) = bytes.get(self.used + AHEAD) {
            prefetch(coming);
        }
        let out = &mut bytes[self.used..][..WORD + words.len()];
        out[..WORD].copy_from_slice(&change.to_le_bytes());
        out[WORD..].copy_from_slice(words);
        self.used += WORD + words.len();
        self.lent.head.set(Some(head));
    }

    /// Puts a head aside and takes another; none if the log was given up.
    #[cold]
    #[inline(never)]
    fn roll(&mut self, full: Option<Segment>) -> Option<Segment> {
        self.put_aside(full);
        let (total, gave_way) = {
            let kept = self.lent.kept.borrow();
            (kept.len(), kept.gave_way)
        };
        let is_worth_it = self.filled == 0 || self.filled * WORTH < self.opened;
        let fits = total < self.supply.quota().0 as usize / SHARE;
        let goes_on = is_worth_it && fits && !gave_way;
        let head = if goes_on { self.supply.take_spare() } else { None };
        self.is_on = head.is_some();
        if !self.is_on {
            self.lent.kept.borrow_mut().clear();
        }
        head
    }

    fn put_aside(&mut self, head: Option<Segment>) {
        if let Some(head) = head {
            self.lent.kept.borrow_mut().add(head, self.used);
            self.filled += 1;
        }
        self.used = 0;
    }

    /// Whether it has all changes after `version`.
    fn covers(&self, version: Version, kept: &Kept) -> bool {
        self.is_on && !kept.gave_way && self.complete_after <= version
    }

    /// Ends what was logged up to a freeze of the table that ends `frozen`; the changes since `base` was
    /// frozen, if it has all of them.
    pub(super) fn cut(&mut self, base: Option<Version>, frozen: Version) -> Option<Vec<Chunk>> {
        let head = self.lent.head.take();
        self.put_aside(head);
        (self.opened, self.filled) = (0, 0);
        let mut kept = self.lent.kept.borrow_mut();
        kept.freeze(frozen);
        let base = base.filter(|base| self.covers(*base, &kept))?;
        self.complete_after = base;
        Some(kept.since(base))
    }

    /// From a freeze that ended `frozen` on all is logged, if that is not so already.
    pub(super) fn begin(&mut self, frozen: Version) {
        let mut kept = self.lent.kept.borrow_mut();
        if self.is_on && !kept.gave_way {
            return;
        }
        kept.clear();
        kept.gave_way = false;
        (self.is_on, self.complete_after) = (true, frozen);
        let weak = Rc::downgrade(&self.lent);
        self.supply.takes_from(weak);
    }
}

/// The first and the end of the last of the words in which two byte strings of one length differ.
#[inline(always)]
fn difference(old: &[u8], new: &[u8]) -> Option<(usize, usize)> {
    let (old_words, old_rest) = old.as_chunks::<WORD>();
    let (new_words, new_rest) = new.as_chunks::<WORD>();
    let words = || old_words.iter().zip(new_words);
    let whole = old_words.len() * WORD;
    let first = words().position(|(old, new)| old != new);
    if old_rest != new_rest {
        return Some((first.map_or(whole, |word| word * WORD), old.len()));
    }
    let last = words().rposition(|(old, new)| old != new);
    first.zip(last).map(|(first, last)| (first * WORD, (last + 1) * WORD))
}

//! What goes to disk, and comes back.

use brisk_memory::HeldIndex;

use super::Segments;
use crate::state::{StateError, Supply, spill::DiskCopy};

/// Segments that go at once: one wait for the disk for several.
const AT_ONCE: usize = 8;

/// The part of those in memory that goes at once, at most.
const SHARE: usize = 4;

impl Segments {
    /// What is pinned stays in memory until [`Segments::unpin`].
    pub(in crate::state::table) fn pin(&mut self, at: HeldIndex) {
        let place = self.place(at);
        place.is_touched = true;
        if !std::mem::replace(&mut place.is_pinned, true) {
            self.pinned.push(at);
        }
    }

    /// Nothing is pinned any more.
    pub(in crate::state::table) fn unpin(&mut self) {
        while let Some(at) = self.pinned.pop() {
            self.place(at).is_pinned = false;
        }
    }

    /// Brings back one that is on disk alone.
    ///
    /// # Errors
    /// If there is no memory for it, or it can't be read.
    pub(in crate::state::table) fn bring_back(
        &mut self,
        at: HeldIndex,
        supply: &mut Supply,
    ) -> Result<(), StateError> {
        let blank = supply.take()?;
        let copy = self.copy(at);
        let spill = self.spill.as_ref().expect("what was written can be read");
        let segment = spill.read_segment(&copy, blank)?;
        self.held.put_down(at, segment);
        self.came();
        Ok(())
    }

    /// Has some segments go, but for those that are pinned and `head`; how many did.
    ///
    /// # Errors
    /// If they can't be written.
    pub(in crate::state::table) fn evict(
        &mut self,
        head: Option<HeldIndex>,
    ) -> Result<usize, StateError> {
        if self.spill.is_none() {
            return Ok(0);
        }
        let victims = self.victims(head);
        self.write(&victims)?;
        let mut gone = 0;
        for at in victims {
            if self.held.is_claimed(at) {
                let copy = self.copy(at);
                let wanted = self.wanted.iter().filter_map(std::rc::Weak::upgrade);
                wanted.for_each(|copies| copies.give(at, copy.clone()));
            }
            // Whoever reads it just now keeps its memory anyway.
            gone += usize::from(self.held.lift(at).is_some());
        }
        self.away += gone;
        if let Some(spill) = &self.spill {
            spill.went(gone);
        }
        Ok(gone)
    }

    /// Copies of all segments, as they are now, by number.
    ///
    /// # Errors
    /// If they can't be written.
    pub(in crate::state::table) fn copies(
        &mut self,
    ) -> Result<Vec<(HeldIndex, DiskCopy)>, StateError> {
        let all: Vec<HeldIndex> = self.indices().collect();
        for some in all.chunks(AT_ONCE) {
            self.write(some)?;
        }
        Ok(all.into_iter().map(|at| (at, self.copy(at))).collect())
    }

    /// Writes those that have no copy.
    fn write(&mut self, segments: &[HeldIndex]) -> Result<(), StateError> {
        let has_none = |at: &HeldIndex| self.place(*at).copy.is_none();
        let changed: Vec<HeldIndex> = segments.iter().copied().filter(has_none).collect();
        if changed.is_empty() {
            return Ok(());
        }
        // Frozen one by one, so that the first change after this is seen.
        let bytes = changed.iter().map(|at| self.held.freeze(*at)).collect();
        let spill = self.spill.as_ref().expect("there is where to spill to");
        let copies = spill.write(bytes)?;
        for (at, copy) in changed.into_iter().zip(copies) {
            self.place(at).copy = Some(copy);
        }
        Ok(())
    }

    /// Those that go next: the hand goes around at most twice.
    fn victims(&mut self, head: Option<HeldIndex>) -> Vec<HeldIndex> {
        let here = self.held.len() - self.away;
        let count = AT_ONCE.min(here.div_ceil(SHARE));
        let numbers = self.held.numbers();
        let mut victims: Vec<HeldIndex> = Vec::with_capacity(count);
        for _ in 0..2 * numbers {
            if victims.len() == count {
                break;
            }
            let at = HeldIndex((self.hand % numbers) as u32);
            self.hand = (self.hand + 1) % numbers;
            if Some(at) == head || !self.held.is_sole(at) || victims.contains(&at) {
                continue;
            }
            let place = self.place(at);
            if !place.is_pinned && !std::mem::take(&mut place.is_touched) {
                victims.push(at);
            }
        }
        victims
    }
}

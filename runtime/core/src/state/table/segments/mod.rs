//! The segments of an index or of a log: in memory, or on disk.
//!
//! ```text
//!   in memory --write, unless its copy is good--> in memory, with a copy --lift--> on disk alone
//!        ^                                              ^                             |
//!        +------- opened for a change: no copy ---------+--------- bring back --------+
//! ```
//!
//! What is on disk alone keeps its number; whoever is about to look into it brings it back first.
//! What goes is chosen as in second chance (Corbato 1968): a hand goes around the segments, passes over
//! those that were touched since it was there, and takes the others. Segments are marked as touched only
//! while there are some on disk, so that nothing is marked for nothing.
//!
//! A checkpoint that still wants a segment that goes is given its copy ([`Wanted`]).
//!
//! Invariants: a segment on disk alone has a copy; a copy is what its segment is; what is pinned
//! stays. Thread: of the table's task.

mod eviction;
mod wanted;

use brisk_memory::{Buffer, HeldIndex, Holding, Segment};
use std::rc::Weak;

use crate::state::{
    StateError, Supply,
    spill::{DiskCopy, Spill},
};
use wanted::Copies;
pub(super) use wanted::Wanted;

/// Segments by number.
pub(super) struct Segments {
    held: Holding,
    /// By number; shorter where nothing is known of the rest.
    places: Vec<Place>,
    /// How many are on disk alone.
    away: usize,
    /// Where the next one to go is looked for.
    hand: usize,
    pinned: Vec<HeldIndex>,
    /// Of checkpoints that are being written.
    wanted: Vec<Weak<Copies>>,
    spill: Option<Spill>,
}

/// What is known of a segment besides.
#[derive(Default)]
struct Place {
    copy: Option<DiskCopy>,
    is_touched: bool,
    is_pinned: bool,
}

impl Segments {
    /// None yet, of the size and with the disk of `supply`.
    pub(super) fn new(supply: &Supply) -> Self {
        Self {
            held: Holding::new(supply.segment_size()),
            places: Vec::new(),
            away: 0,
            hand: 0,
            pinned: Vec::new(),
            wanted: Vec::new(),
            spill: supply.spill().cloned(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many of them are on disk alone.
    pub(super) fn away(&self) -> usize {
        self.away
    }

    /// Bytes of each.
    #[inline(always)]
    pub(super) fn segment_bytes(&self) -> usize {
        self.held.segment_bytes()
    }

    /// The numbers of all.
    pub(super) fn indices(&self) -> impl Iterator<Item = HeldIndex> {
        self.held.indices()
    }

    /// The bytes of one that is in memory.
    #[inline(always)]
    pub(super) fn bytes(&self, at: HeldIndex) -> &[u8] {
        self.held.bytes(at)
    }

    /// The bytes of one that is open, to write.
    #[inline(always)]
    pub(super) fn bytes_mut(&mut self, at: HeldIndex) -> &mut [u8] {
        self.held.bytes_mut(at)
    }

    /// Whether it may be written to.
    #[inline(always)]
    pub(super) fn is_open(&self, at: HeldIndex) -> bool {
        self.held.is_open(at)
    }

    /// Whether it is on disk alone.
    pub(super) fn is_away(&self, at: HeldIndex) -> bool {
        self.away > 0 && self.held.is_away(at)
    }

    /// Adds one, open.
    pub(super) fn add(&mut self, segment: Segment) -> HeldIndex {
        let at = self.held.add(segment);
        // Its number may be one that was used before.
        self.changes(at);
        at
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, at: HeldIndex) {
        self.forget(at);
        self.held.remove(at);
    }

    /// Puts one, open, in the place of another.
    pub(super) fn replace(&mut self, at: HeldIndex, segment: Segment) {
        self.forget(at);
        self.held.replace(at, segment);
    }

    /// Opens one that is frozen, or puts a copy in its place.
    ///
    /// # Errors
    /// If neither can be.
    pub(super) fn open(&mut self, at: HeldIndex, supply: &mut Supply) -> Result<(), StateError> {
        supply.open_held(&mut self.held, at)?;
        self.changes(at);
        Ok(())
    }

    /// Opens one that is frozen, or gives what is to take its place.
    ///
    /// # Errors
    /// If neither can be.
    pub(super) fn open_or_blank(
        &mut self,
        at: HeldIndex,
        supply: &mut Supply,
    ) -> Result<Option<Segment>, StateError> {
        let blank = supply.open_or_blank(&mut self.held, at)?;
        self.changes(at);
        Ok(blank)
    }

    /// Shares one that is in memory as it is now.
    pub(super) fn freeze(&mut self, at: HeldIndex) -> Buffer {
        self.held.freeze(at)
    }

    /// Freezes all, some of which, in order, somebody wants.
    pub(super) fn freeze_all(&mut self, mut wanted: Vec<HeldIndex>) -> Wanted {
        let away: Vec<HeldIndex> = match self.away {
            0 => Vec::new(),
            _ => wanted.extract_if(.., |at| self.held.is_away(*at)).collect(),
        };
        let wanted = Wanted::new(self.held.freeze_all(wanted), self.spill.clone());
        away.into_iter().for_each(|at| wanted.copies().give(at, self.copy(at)));
        self.wanted.retain(|copies| copies.strong_count() > 0);
        self.wanted.push(wanted.copies().downgrade());
        wanted
    }

    /// Takes out all, of which none is on disk alone.
    pub(super) fn take_all(&mut self) -> Holding {
        assert_eq!(self.away, 0, "segments would be missing");
        self.places.clear();
        self.held.take_all()
    }

    /// Its copy on disk is not what it is any more.
    fn changes(&mut self, at: HeldIndex) {
        if let Some(place) = self.places.get_mut(at.0 as usize) {
            place.copy = None;
        }
    }

    fn forget(&mut self, at: HeldIndex) {
        if self.is_away(at) {
            self.came();
        }
        if let Some(place) = self.places.get_mut(at.0 as usize) {
            (place.copy, place.is_touched) = (None, false);
        }
    }

    fn came(&mut self) {
        self.away -= 1;
        if let Some(spill) = &self.spill {
            spill.came(1);
        }
    }

    fn place(&mut self, at: HeldIndex) -> &mut Place {
        let at = at.0 as usize;
        if self.places.len() <= at {
            self.places.resize_with(at + 1, Place::default);
        }
        &mut self.places[at]
    }

    /// The copy of one that is on disk alone.
    fn copy(&self, at: HeldIndex) -> DiskCopy {
        let copy = self.places[at.0 as usize].copy.clone();
        copy.expect("a segment on disk alone has a copy")
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        if let Some(spill) = &self.spill {
            spill.came(self.away);
        }
    }
}

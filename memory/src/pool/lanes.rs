//! Lanes: how many segments of one pool each of several ways out has taken and not seen back.
//!
//! A result partition has one pool and a lane for each subpartition, so that a slow consumer is
//! told from the others. The owner counts what it takes, the threads that return segments count
//! what comes back, one word for each lane:
//!
//! ```text
//! bit      0  waiting   the owner found the lane full and wants its waker rung
//! bits 1..32  returned  segments that came back; wraps
//! ```
//!
//! Protocol: the owner sets `waiting` and learns by the same operation how many came back before;
//! whoever adds to `returned` learns by the same operation whether the owner waits. One word, so one
//! of the two sees the other, whatever the order; nothing is published through it, so Relaxed
//! suffices. The owner looks at the word only when the lane seems full by what it saw last: a lane
//! that is never full costs its owner no shared memory. Data plane, per segment.

use crossbeam_utils::CachePadded;

use crate::quantity::SegmentCount;
use crate::sync::{AtomicU32, Ordering};

const WAITING: u32 = 1;
const ONE_RETURNED: u32 = 2;

/// One way out of a pool, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane(pub u32);

impl Lane {
    fn position(self) -> usize {
        self.0 as usize
    }

    /// One 32-bit word for a slot: the number plus one, 0 for no lane.
    pub(crate) fn pack(lane: Option<Lane>) -> u32 {
        lane.map_or(0, |lane| lane.0 + 1)
    }

    /// The reverse of [`Lane::pack`].
    pub(crate) fn unpack(word: u32) -> Option<Lane> {
        word.checked_sub(1).map(Lane)
    }
}

/// The lanes that a pool should have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneOptions {
    /// How many.
    pub count: u32,
    /// Segments of one lane that may be out at a time.
    pub segments_max: SegmentCount,
}

impl LaneOptions {
    /// For a pool whose takers are not told apart.
    pub const NONE: LaneOptions = LaneOptions { count: 0, segments_max: SegmentCount(u32::MAX) };
}

/// What came back, for the threads that return segments.
pub(super) struct Returned {
    words: Box<[CachePadded<AtomicU32>]>,
}

impl Returned {
    pub(super) fn new(lanes: u32) -> Returned {
        Returned { words: (0..lanes).map(|_| CachePadded::new(AtomicU32::new(0))).collect() }
    }

    /// Counts a segment that comes back; true when the owner waits and must be rung.
    #[inline]
    pub(super) fn add(&self, lane: Lane) -> bool {
        let word = &self.words[lane.position()];
        let before = word.fetch_add(ONE_RETURNED, Ordering::Relaxed);
        before & WAITING != 0 && word.fetch_and(!WAITING, Ordering::Relaxed) & WAITING != 0
    }

    fn count(&self, lane: Lane) -> u32 {
        self.words[lane.position()].load(Ordering::Relaxed) / ONE_RETURNED
    }

    /// The count, and the next that adds to it rings.
    fn wait(&self, lane: Lane) -> u32 {
        self.words[lane.position()].fetch_or(WAITING, Ordering::Relaxed) / ONE_RETURNED
    }

    fn end_wait(&self, lane: Lane) {
        self.words[lane.position()].fetch_and(!WAITING, Ordering::Relaxed);
    }
}

/// Both counts of a lane as its owner knows them; modulo 2^31, as the word has them.
#[derive(Clone, Copy, Default)]
struct Counts {
    taken: u32,
    returned: u32,
}

impl Counts {
    fn out(self) -> u32 {
        self.taken.wrapping_sub(self.returned) & (u32::MAX / ONE_RETURNED)
    }
}

/// The owner's side.
pub(super) struct Lanes {
    counts: Box<[Counts]>,
    segments_max: u32,
}

impl Lanes {
    pub(super) fn new(options: LaneOptions) -> Lanes {
        assert!(options.segments_max.0 > 0, "a lane without a segment would never move");
        Lanes {
            counts: (0..options.count).map(|_| Counts::default()).collect(),
            segments_max: options.segments_max.0,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.counts.len() as u32
    }

    /// Counts a segment that is taken.
    #[inline]
    pub(super) fn take(&mut self, lane: Lane) {
        let counts = &mut self.counts[lane.position()];
        counts.taken = counts.taken.wrapping_add(1);
    }

    /// Whether as many segments of `lane` are out as may be. Only looks.
    #[inline]
    pub(super) fn is_full(&mut self, lane: Lane, returned: &Returned) -> bool {
        let counts = &mut self.counts[lane.position()];
        if counts.out() >= self.segments_max {
            counts.returned = returned.count(lane);
        }
        counts.out() >= self.segments_max
    }

    /// As [`Lanes::is_full`]; if so, the next segment that comes back rings.
    pub(super) fn poll_full(&mut self, lane: Lane, returned: &Returned) -> bool {
        if !self.is_full(lane, returned) {
            return false;
        }
        let counts = &mut self.counts[lane.position()];
        counts.returned = returned.wait(lane);
        let full = counts.out() >= self.segments_max;
        if !full {
            returned.end_wait(lane);
        }
        full
    }

    /// Segments of `lane` that are out.
    pub(super) fn out(&mut self, lane: Lane, returned: &Returned) -> u32 {
        let counts = &mut self.counts[lane.position()];
        counts.returned = returned.count(lane);
        counts.out()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

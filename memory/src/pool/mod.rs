#![expect(unsafe_code, reason = "a segment points to the pool that drew it")]
//! Pools: bounded shares of a region, each owned by one worker.
//!
//! A [`Region`] owns the segments of one purpose. A [`Pool`] draws from it up to its quota and keeps
//! what comes back, so in steady state segments circle between a pool and the handles out of it,
//! without a lock: the pool is its worker's cache. The README beside this file argues why waiting
//! for a segment cannot deadlock.
//!
//! Reading order: [`Pool`] here, the stack of returned segments, the region, its state under the
//! lock, the sharing-out. Data plane: [`Pool::take`] and the drop of handles. Control plane: the
//! rest. Deliberately absent: segments lent without a pool, and pools used by two threads at once.

mod audit;
mod free;
mod lanes;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;
mod region;
mod returns;
mod shares;
mod state;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
#[cfg(test)]
#[cfg(not(loom))]
mod twin_tests;

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crossbeam_utils::CachePadded;

pub(crate) use free::run_start;
pub use lanes::{Lane, LaneOptions};
pub(crate) use region::Ground;
pub use region::{Holder, Region, RegionKind};

use crate::arena::{Slot, SlotRef, Slots, SlotsRef};
use crate::quantity::SegmentCount;
use crate::segment::Segment;
use crate::sync::{AtomicU32, Ordering};
use lanes::{Lanes, Returned};
use region::RegionCore;
use returns::{Chain, ReturnStack};
use shares::Claim;
use state::{Draw, PoolId};

/// The most segments that a pool moves into its private hand at once: enough to spare most
/// compare-and-swaps, few enough to stay in a core's cache and to let others have the rest.
const HAND_MAX: u32 = 8;

/// What a pool should be.
pub struct PoolOptions {
    /// Who uses it, for messages: `job/task 3: output of map`.
    pub owner: String,
    /// Segments it can count on.
    pub required: SegmentCount,
    /// Segments beyond which more are of no use to it.
    pub max: SegmentCount,
    /// Segments it may take beyond its quota, for a record that needs more than there is room for.
    pub overdraft: SegmentCount,
    /// Rung when there may be a segment again after [`Taken::Exhausted`].
    pub waker: Waker,
}

/// What a pool is made from besides its options' owner and waker.
struct Shape {
    claim: Claim,
    overdraft: u32,
    lanes: LaneOptions,
}

/// The answer of [`Pool::take`].
#[derive(Debug)]
pub enum Taken {
    /// A segment within the pool's quota.
    Segment(Segment),
    /// A segment beyond it: finish what was begun, then rest until segments came back.
    Overdraft(Segment),
    /// None now. The pool's waker will be rung when to try again.
    Exhausted,
}

/// A bounded share of a region, owned by one worker.
pub struct Pool {
    /// Segments at home that only the owner can reach; at most what the pool requires.
    hand: Option<Chain>,
    /// The most that `hand` takes from the return stack at once.
    hand_max: u32,
    overdraft: u32,
    lanes: Lanes,
    shared: Arc<PoolShared>,
    slots: SlotsRef,
    region: Region,
}

/// What the owner, the region and the threads that return segments know of a pool.
///
/// It lives until the pool is dropped and its last segment is home. A thread that returns a segment
/// may use it only until the segment is on the return stack.
pub(crate) struct PoolShared {
    returns: CachePadded<ReturnStack>,
    /// What came back by lane.
    returned: Returned,
    /// Segments it may have; written under the region's lock.
    quota: AtomicU32,
    /// Segments it has, at home or out; written under the region's lock.
    drawn: AtomicU32,
    waker: Waker,
    id: PoolId,
    core: Weak<RegionCore>,
}

impl PoolShared {
    fn quota(&self) -> u32 {
        // Relaxed: a value by itself; decisions about it are made under the region's lock.
        self.quota.load(Ordering::Relaxed)
    }

    fn drawn(&self) -> u32 {
        // Relaxed: as above.
        self.drawn.load(Ordering::Relaxed)
    }
}

impl Pool {
    /// A segment, if there is one. Its bytes are those of its last use.
    ///
    /// Comes first what came back last, for warm caches; then, while the quota allows, a segment of
    /// the region; then overdraft, from what the region has beyond what pools require.
    #[inline]
    pub fn take(&mut self) -> Taken {
        self.take_tagged(None)
    }

    /// As [`Pool::take`], and counted for `lane` until it comes home. A full lane does not keep it
    /// from being given: ask [`Pool::lane_is_full`] before.
    ///
    /// Panics when the pool has no such lane.
    #[inline]
    pub fn take_for(&mut self, lane: Lane) -> Taken {
        assert!(lane.0 < self.lanes.len(), "{lane:?} of a pool of {}", self.lanes.len());
        let taken = self.take_tagged(Some(lane));
        if !matches!(taken, Taken::Exhausted) {
            self.lanes.take(lane);
        }
        taken
    }

    /// How many lanes it has.
    pub fn lanes(&self) -> u32 {
        self.lanes.len()
    }

    /// Whether as many segments of `lane` are out as its limit allows. Only looks; no shared memory is
    /// touched while it is far from full.
    #[inline]
    pub fn lane_is_full(&mut self, lane: Lane) -> bool {
        self.lanes.is_full(lane, &self.shared.returned)
    }

    /// As [`Pool::lane_is_full`]; if it is, the waker will be rung when a segment of it comes home.
    pub fn poll_lane_full(&mut self, lane: Lane) -> bool {
        self.lanes.poll_full(lane, &self.shared.returned)
    }

    /// Segments of `lane` that are out.
    pub fn lane_outstanding(&mut self, lane: Lane) -> SegmentCount {
        SegmentCount(self.lanes.out(lane, &self.shared.returned))
    }

    #[inline]
    fn take_tagged(&mut self, lane: Option<Lane>) -> Taken {
        match self.hand {
            Some(hand) => Taken::Segment(self.play(hand, lane)),
            None => self.take_elsewhere(lane),
        }
    }

    #[inline]
    fn play(&mut self, hand: Chain, lane: Option<Lane>) -> Segment {
        let slot = self.slots.get(hand.top);
        self.hand = match (slot.next(), hand.len) {
            (Some(top), 2..) => Some(Chain { top, len: hand.len - 1 }),
            _ => None,
        };
        Segment::lend(slot, lane)
    }

    #[inline(never)]
    fn take_elsewhere(&mut self, lane: Option<Lane>) -> Taken {
        loop {
            match self.shared.returns.pop(self.slots, self.hand_max) {
                Ok(hand) => return Taken::Segment(self.play(hand, lane)),
                // Whatever makes room ends the waiting, so there is none: no need of the lock.
                Err(word) if word.is_waiting() && !self.may_overdraw() => return Taken::Exhausted,
                Err(_) => {}
            }
            match self.region.core().draw(self.shared.id, self.hand_max) {
                Draw::Segments(hand) => return Taken::Segment(self.play(hand, lane)),
                Draw::Overdraft(local) => {
                    return Taken::Overdraft(Segment::lend(self.slots.get(local), lane));
                }
                Draw::ComeHome => {}
                Draw::Nothing => return Taken::Exhausted,
            }
        }
    }

    /// Whether a [`Pool::take`] now would give [`Taken::Segment`]. Only looks: who rests until there is
    /// room asks [`Pool::poll_room`], or nobody rings.
    pub fn has_room(&self) -> bool {
        let word = self.shared.returns.look();
        if self.hand.is_some() || !word.is_empty() {
            return true;
        }
        !word.is_waiting()
            && self.shared.drawn() < self.shared.quota()
            && self.region.core().has_room(self.shared.id)
    }

    /// Whether there is room and no overdraft to repay; if not, the waker will be rung when there is.
    ///
    /// Gives back to the region what the pool has in hand beyond a quota that has shrunk.
    pub fn poll_room(&mut self) -> bool {
        if self.shared.drawn() > self.shared.quota() {
            self.hand =
                self.hand.take().and_then(|hand| self.region.core().shed(&self.shared, hand));
        }
        let word = self.shared.returns.look();
        if self.hand.is_some() || !word.is_empty() {
            return true;
        }
        !word.is_waiting() && self.region.core().poll_room(self.shared.id)
    }

    /// Segments it may have now: its required ones and its share of what others leave over.
    pub fn size(&self) -> SegmentCount {
        SegmentCount(self.shared.quota())
    }

    /// Segments that are out: taken, and not yet back.
    pub fn outstanding(&self) -> SegmentCount {
        let home = self.shared.returns.count(self.slots) + self.hand_len();
        SegmentCount(self.shared.drawn().saturating_sub(home))
    }

    /// Whether more segments are out than its quota allows. Only looks, as [`Pool::has_room`]; while it
    /// is so, [`Pool::poll_room`] says no and has the waker rung when it is over.
    pub fn in_overdraft(&self) -> bool {
        // While more are drawn than the quota allows none is on the return stack.
        self.shared.drawn() > self.shared.quota() + self.hand_len()
    }

    fn may_overdraw(&self) -> bool {
        let (drawn, quota) = (self.shared.drawn(), self.shared.quota());
        (quota..quota.saturating_add(self.overdraft)).contains(&drawn)
    }

    fn hand_len(&self) -> u32 {
        self.hand.map_or(0, |hand| hand.len)
    }

    fn new(region: Region, shared: Arc<PoolShared>, shape: Shape) -> Pool {
        let Shape { claim, overdraft, lanes } = shape;
        // One of those popped is lent at once, so the hand keeps at most what is required.
        let hand_max = HAND_MAX.min(claim.required.saturating_add(1));
        let slots = SlotsRef::new(region.slots());
        Pool { hand: None, hand_max, overdraft, lanes: Lanes::new(lanes), shared, slots, region }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.region.core().close_pool(self.shared.id, self.hand.take());
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (drawn, quota) = (self.shared.drawn(), self.shared.quota());
        write!(f, "Pool({drawn} drawn, quota {quota}, {} region)", self.region.kind())
    }
}

/// Takes home a segment whose last handle is gone.
#[inline]
pub(crate) fn give_back(slot: SlotRef) {
    // SAFETY: a pool lives until its last drawn segment is home, and this one is not home yet.
    let pool = unsafe { &*slot.pool() };
    let lane_waits = slot.lane().is_some_and(|lane| pool.returned.add(lane));
    // Cloned before the segment is home: afterwards the pool may be gone.
    let mut waker = lane_waits.then(|| pool.waker.clone());
    loop {
        let seen = pool.returns.look();
        if seen.is_surplus() {
            give_back_surplus(pool.core.clone(), pool.id, &slot);
            return waker.into_iter().for_each(Waker::wake);
        }
        if seen.is_waiting() && waker.is_none() {
            waker = Some(pool.waker.clone());
        }
        if pool.returns.try_push(seen, &slot) {
            if let Some(waker) = waker {
                waker.wake();
            }
            return;
        }
    }
}

#[cold]
fn give_back_surplus(core: Weak<RegionCore>, pool: PoolId, slot: &Slot) {
    let core = core.upgrade().expect("a region with lent segments is never freed");
    if let Some(waker) = core.take_back(pool, slot) {
        waker.wake();
    }
}

/// The links of a chain, top first. Reads each link before it yields the segment.
fn unlink(chain: Chain, slots: &Slots) -> impl Iterator<Item = &Slot> {
    let mut link = Some(chain.top);
    (0..chain.len).map(move |_| {
        let slot = slots.get(link.expect("a chain is as long as it says"));
        link = slot.next();
        slot
    })
}

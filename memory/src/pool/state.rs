//! What a region knows under its lock: free segments, pools, and who waits in line.
//!
//! Every decision about a segment that is in no pool's hands is made here, one at a time. Functions
//! return whom to wake; the caller wakes after it has let go of the lock.
//!
//! Invariants (checked in `audit.rs`):
//! - free segments + segments drawn by pools = segments of the region;
//! - `promised` = sum of `required` over open pools, at most the region;
//! - sum of quotas over open pools is at most the region, and each is between `required` and `max`;
//! - `owed` = sum of what open pools require and have not drawn: no pool draws beyond its required
//!   segments unless more than that is free;
//! - a pool's surplus flag is set exactly while it has drawn more than its quota, and then nothing
//!   is on its return stack.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::arena::{Local, Slot, Slots, SlotsRef, Topology};
use crate::pool::free::FreeList;
use crate::pool::lanes::Returned;
use crate::pool::region::RegionCore;
use crate::pool::returns::{Chain, ReturnStack};
use crate::pool::shares::{Claim, quotas};
use crate::pool::{PoolOptions, PoolShared, unlink};
use crate::sync::{AtomicU32, Ordering};

/// Which pool of its region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PoolId(pub(super) usize);

/// What drawing from the region came to.
#[derive(Debug)]
pub(super) enum Draw {
    /// Within the quota; more than one only of what the pool requires.
    Segments(Chain),
    /// One beyond it.
    Overdraft(Local),
    /// None, but meanwhile a segment of the pool has come home: look there.
    ComeHome,
    /// None; the waker will be rung.
    Nothing,
}

/// What a pool may have of the region now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Admission {
    /// A segment within its quota.
    Within,
    /// A segment beyond it.
    Beyond,
    /// None, though its quota would allow one: wait in line.
    Line,
    /// None until one of its own comes home or its quota grows.
    Full,
}

pub(super) struct Entry {
    pub(super) shared: Arc<PoolShared>,
    pub(super) owner: String,
    /// What it required and allowed when it was opened; nothing once it is closed.
    pub(super) claim: Claim,
    overdraft: u32,
    open: bool,
}

impl Entry {
    pub(super) fn owed(&self) -> u32 {
        self.claim.required.saturating_sub(self.shared.drawn())
    }
}

/// The state of a region.
pub(super) struct RegionState {
    pub(super) free: FreeList,
    topology: Topology,
    pub(super) total: u32,
    pub(super) promised: u32,
    pub(super) owed: u32,
    pub(super) entries: Vec<Option<Entry>>,
    line: VecDeque<PoolId>,
}

impl RegionState {
    /// All slots free, no pool.
    pub(super) fn new(slots: &Slots, topology: Topology) -> RegionState {
        RegionState {
            free: FreeList::new(slots, topology.len()),
            topology,
            total: slots.len() as u32,
            promised: 0,
            owed: 0,
            entries: Vec::new(),
            line: VecDeque::new(),
        }
    }

    /// Segments that no pool has drawn.
    pub(super) fn free(&self) -> u32 {
        self.free.len()
    }

    /// Segments that open pools require.
    pub(super) fn promised(&self) -> u32 {
        self.promised
    }

    /// How many pools are open.
    pub(super) fn open_pools(&self) -> usize {
        self.entries.iter().flatten().filter(|entry| entry.open).count()
    }

    /// Adds a pool. The caller has checked that its required segments can be promised, and shares
    /// out anew afterwards.
    pub(super) fn open(
        &mut self,
        o: PoolOptions,
        lanes: u32,
        core: Weak<RegionCore>,
    ) -> Arc<PoolShared> {
        let unused = self.entries.iter().position(Option::is_none);
        let id = unused.unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        let shared = Arc::new(PoolShared {
            returns: CachePadded::new(ReturnStack::new()),
            returned: Returned::new(lanes),
            quota: AtomicU32::new(o.required.0),
            drawn: AtomicU32::new(0),
            waker: o.waker,
            id: PoolId(id),
            core,
        });
        let claim = Claim { required: o.required.0, max: o.max.0 };
        self.promised += claim.required;
        self.owed += claim.required;
        assert!(self.promised <= self.total, "the promise was checked before");
        let (owner, overdraft) = (o.owner, o.overdraft.0);
        self.entries[id] =
            Some(Entry { shared: shared.clone(), owner, claim, overdraft, open: true });
        // Each pool is in line once at most, so waiting never allocates.
        self.line.reserve(self.entries.len());
        shared
    }

    /// Ends a pool and shares out what it leaves.
    pub(super) fn close(&mut self, id: PoolId, hand: Option<Chain>, slots: &Slots) -> Vec<Waker> {
        self.line.retain(|waiting| *waiting != id);
        let entry = self.entries[id.0].as_mut().expect("a pool is closed once");
        assert!(entry.open, "a pool is closed once");
        let owed = entry.owed();
        let required = std::mem::replace(&mut entry.claim, Claim { required: 0, max: 0 }).required;
        entry.open = false;
        let shared = entry.shared.clone();
        self.owed -= owed;
        self.promised -= required;
        // Relaxed: under the lock; the owner is gone.
        shared.quota.store(0, Ordering::Relaxed);
        shared.returns.set_surplus();
        for slot in hand.into_iter().flat_map(|hand| unlink(hand, slots)) {
            self.reclaim(id, slot);
        }
        self.reclaim_surplus(id, slots);
        self.forget_if_done(id);
        self.redistribute(slots)
    }

    /// Gives each open pool its quota, reclaims what is beyond, and serves the line.
    pub(super) fn redistribute(&mut self, slots: &Slots) -> Vec<Waker> {
        let open = self.entries.iter().flatten().filter(|entry| entry.open);
        let quotas = quotas(self.total, open.clone().map(|entry| entry.claim));
        let pools: Vec<_> = open.map(|entry| entry.shared.clone()).collect();
        let mut wakers = Vec::new();
        for (pool, quota) in pools.iter().zip(quotas) {
            // Relaxed: written under the lock only; the owner's own reads need no order.
            let before = pool.quota.swap(quota, Ordering::Relaxed);
            if pool.drawn() > quota {
                pool.returns.set_surplus();
                self.reclaim_surplus(pool.id, slots);
            } else {
                pool.returns.clear_surplus();
            }
            if quota > before && pool.returns.clear_waiting() {
                wakers.push(pool.waker.clone());
            }
        }
        wakers.extend(self.serve_all(slots));
        wakers
    }

    /// Segments for a pool that has none at home, at most `max`.
    pub(super) fn draw(&mut self, id: PoolId, max: u32, slots: &Slots) -> Draw {
        match self.admit(id) {
            Admission::Within => Draw::Segments(self.hand_out_some(id, max, slots)),
            Admission::Beyond => {
                let pool = self.entry(id).shared.clone();
                if pool.returns.set_surplus() {
                    return Draw::Overdraft(self.hand_out(id, slots));
                }
                assert!(pool.drawn() <= pool.quota(), "a surplus pool has nothing at home");
                pool.returns.clear_surplus();
                Draw::ComeHome
            }
            admission => {
                if self.wait(id, admission) {
                    Draw::Nothing
                } else {
                    Draw::ComeHome
                }
            }
        }
    }

    /// Whether a draw would give a segment within the quota.
    pub(super) fn has_room(&self, id: PoolId) -> bool {
        self.admit(id) == Admission::Within
    }

    /// As `has_room`; if not, the pool's waker will be rung.
    pub(super) fn poll_room(&mut self, id: PoolId) -> bool {
        let admission = self.admit(id);
        admission == Admission::Within || !self.wait(id, admission)
    }

    /// Takes back of what the owner has in hand what is beyond the quota; the rest, and whom to wake.
    pub(super) fn shed(
        &mut self,
        pool: &PoolShared,
        hand: Chain,
        slots: &Slots,
    ) -> (Option<Chain>, Vec<Waker>) {
        let surplus = pool.drawn().saturating_sub(pool.quota()).min(hand.len);
        let mut rest = unlink(hand, slots);
        for slot in rest.by_ref().take(surplus as usize) {
            self.reclaim(pool.id, slot);
        }
        let rest = rest.next().map(|slot| Chain { top: slot.local(), len: hand.len - surplus });
        self.reclaim_surplus(pool.id, slots);
        (rest, self.serve_all(slots))
    }

    /// Takes back a segment that its pool had beyond its quota.
    pub(super) fn take_back(&mut self, id: PoolId, slot: &Slot, slots: &Slots) -> Option<Waker> {
        let pool = self.entry(id).shared.clone();
        if pool.drawn() <= pool.quota() {
            // Its quota has grown since, or others were faster to bring back the surplus.
            return self.send_home(&pool, slot);
        }
        self.reclaim(id, slot);
        if self.entry(id).open && pool.drawn() == pool.quota() {
            pool.returns.clear_surplus();
        }
        self.forget_if_done(id);
        self.serve(slots).flatten()
    }

    fn admit(&self, id: PoolId) -> Admission {
        let entry = self.entry(id);
        assert!(entry.open, "a closed pool draws nothing");
        let (drawn, quota) = (entry.shared.drawn(), entry.shared.quota());
        // Beyond what is owed, so that a required segment is always there or on its way.
        let spare = self.free.len() > self.owed;
        if drawn < entry.claim.required && self.free.len() > 0 || drawn < quota && spare {
            Admission::Within
        } else if drawn < quota {
            Admission::Line
        } else if drawn < quota.saturating_add(entry.overdraft) && spare {
            Admission::Beyond
        } else {
            Admission::Full
        }
    }

    /// The waker will be rung; false when a segment is at home already.
    fn wait(&mut self, id: PoolId, admission: Admission) -> bool {
        if !self.entry(id).shared.returns.set_waiting() {
            return false;
        }
        if admission == Admission::Line && !self.line.contains(&id) {
            self.line.push_back(id);
        }
        true
    }

    /// Serves the line until there is nobody or nothing left; whom to wake.
    fn serve_all(&mut self, slots: &Slots) -> Vec<Waker> {
        std::iter::from_fn(|| self.serve(slots)).flatten().collect()
    }

    /// Gives one free segment to the first in line who may have it: those below what they require
    /// first. `None` when there is nobody; else whom to wake, if it still waits.
    fn serve(&mut self, slots: &Slots) -> Option<Option<Waker>> {
        let (entries, owed, free) = (&self.entries, self.owed, self.free.len());
        let entry = |id: PoolId| entries[id.0].as_ref().expect("who is in line is open");
        // Who has been helped by a segment of its own has left the line.
        self.line.retain(|id| entry(*id).shared.returns.look().is_waiting());
        if free == 0 {
            return None;
        }
        let below_required = self.line.iter().position(|id| entry(*id).owed() > 0);
        let below_quota = || {
            let below = |id: &PoolId| entry(*id).shared.drawn() < entry(*id).shared.quota();
            self.line.iter().position(below).filter(|_| free > owed)
        };
        let id = self.line.remove(below_required.or_else(below_quota)?)?;
        let local = self.hand_out(id, slots);
        let pool = self.entry(id).shared.clone();
        Some(self.send_home(&pool, slots.get(local)))
    }

    /// Puts a segment that `pool` has drawn on its return stack; returns whom to wake.
    fn send_home(&self, pool: &PoolShared, slot: &Slot) -> Option<Waker> {
        assert!(std::ptr::eq(slot.pool(), pool), "a segment goes home to who drew it");
        loop {
            let seen = pool.returns.look();
            if pool.returns.try_push(seen, slot) {
                return seen.is_waiting().then(|| pool.waker.clone());
            }
        }
    }

    /// Moves one free segment to a pool.
    fn hand_out(&mut self, id: PoolId, slots: &Slots) -> Local {
        let near = self.topology.current();
        let local = self.free.pop(near, slots).expect("admitted only while a segment is free");
        let slot = slots.get(local);
        let entry = self.entry(id);
        let (pool, owed) = (&entry.shared, entry.owed());
        slot.set_pool(Arc::as_ptr(pool));
        // Relaxed: written under the lock only; the owner's own reads need no order.
        pool.drawn.fetch_add(1, Ordering::Relaxed);
        self.owed -= owed.min(1);
        local
    }

    /// Moves one free segment to a pool, and more, to `max` in all, while it has not what it requires:
    /// those are its own in any case.
    fn hand_out_some(&mut self, id: PoolId, max: u32, slots: &Slots) -> Chain {
        let own = self.entry(id).owed().min(max).min(self.free.len());
        let top = self.hand_out(id, slots);
        let mut last = top;
        for _ in 1..own {
            let local = self.hand_out(id, slots);
            slots.get(last).set_next(Some(local));
            last = local;
        }
        Chain { top, len: own.max(1) }
    }

    /// Moves one segment of a pool to the free list.
    fn reclaim(&mut self, id: PoolId, slot: &Slot) {
        let pool = &self.entry(id).shared;
        assert!(std::ptr::eq(slot.pool(), Arc::as_ptr(pool)), "a segment of another pool");
        assert_eq!(slot.handles(), 0, "a segment with a handle cannot be reclaimed");
        // Relaxed: written under the lock only; the owner's own reads need no order.
        let before = pool.drawn.fetch_sub(1, Ordering::Relaxed);
        assert!(before > pool.quota(), "only a surplus is reclaimed");
        slot.set_pool(std::ptr::null());
        self.free.push(slot);
    }

    /// Reclaims what a surplus pool has on its return stack, until it has no surplus.
    fn reclaim_surplus(&mut self, id: PoolId, slots: &Slots) {
        let pool = self.entry(id).shared.clone();
        while pool.drawn() > pool.quota() {
            let surplus = pool.drawn() - pool.quota();
            let Ok(chain) = pool.returns.pop(SlotsRef::new(slots), surplus) else { return };
            unlink(chain, slots).for_each(|slot| self.reclaim(id, slot));
        }
        if self.entry(id).open {
            pool.returns.clear_surplus();
        }
    }

    fn forget_if_done(&mut self, id: PoolId) {
        let entry = self.entry(id);
        if !entry.open && entry.shared.drawn() == 0 {
            self.entries[id.0] = None;
        }
    }

    fn entry(&self, id: PoolId) -> &Entry {
        self.entries[id.0].as_ref().expect("a pool is known until its last segment is home")
    }
}

//! A region: the segments of one purpose, their free list, and the pools that share them.
//!
//! Invariants, all kept under the region's lock: each segment is either in the free list or drawn
//! by one pool; the pools' required segments together are at most the region's. Control plane: the
//! lock is taken when a pool grows, waits, comes or goes, and when a surplus flows back.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use crate::arena::{Mapping, Slot, Slots, Topology};
use crate::error::MemoryError;
use crate::pool::returns::Chain;
use crate::pool::shares::Claim;
use crate::pool::state::{Draw, PoolId, RegionState};
use crate::pool::{LaneOptions, Pool, PoolOptions, PoolShared, Shape};
use crate::quantity::{SegmentCount, SegmentSize};
use crate::sync::{Mutex, MutexGuard};

/// What the segments of a region are for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RegionKind {
    /// Exchanges between tasks.
    Network,
    /// Sorting, hashing, caching and state.
    Managed,
}

impl RegionKind {
    /// What to do about a shortage.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            RegionKind::Network => {
                "raise taskmanager.memory.network.fraction or taskmanager.memory.network.max, \
                 or lower the parallelism"
            }
            RegionKind::Managed => {
                "raise taskmanager.memory.managed.fraction or taskmanager.memory.managed.size"
            }
        }
    }
}

impl fmt::Display for RegionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RegionKind::Network => "network",
            RegionKind::Managed => "managed",
        })
    }
}

/// Who holds segments of a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The owner that the pool's options named.
    pub owner: String,
    /// Segments that the pool has drawn from the region, at home in the pool or out.
    pub segments: SegmentCount,
    /// Of those, segments with a handle.
    pub lent: SegmentCount,
}

/// Who has drawn which segment.
pub(crate) struct Drawers {
    /// Owners of pools.
    pub(crate) owners: Vec<String>,
    /// Each segment's address and its place in `owners`, none when it is free.
    pub(crate) segments: Vec<(usize, Option<usize>)>,
}

/// What regions are made on.
pub(crate) struct Ground {
    /// The bytes.
    pub(crate) mapping: Arc<Mapping>,
    /// The size of each segment.
    pub(crate) segment_size: SegmentSize,
    /// The nodes that the bytes of each region are spread over.
    pub(crate) topology: Topology,
}

/// The segments of one purpose. A cheap clone.
#[derive(Clone)]
pub struct Region {
    keeper: Arc<Keeper>,
}

/// What all handles to a region share; the last one's drop decides whether it can be freed.
struct Keeper {
    core: Arc<RegionCore>,
}

/// The region itself.
pub(crate) struct RegionCore {
    pub(super) slots: Slots,
    kind: RegionKind,
    segment_size: SegmentSize,
    state: Mutex<RegionState>,
    /// Keeps the bytes that the slots point to.
    _mapping: Arc<Mapping>,
}

impl Region {
    /// A region of all these slots, which point into `ground`.
    pub(crate) fn new(kind: RegionKind, slots: Slots, ground: &Ground) -> Region {
        let state = Mutex::new(RegionState::new(&slots, ground.topology.clone()));
        let core = RegionCore {
            slots,
            kind,
            segment_size: ground.segment_size,
            state,
            _mapping: ground.mapping.clone(),
        };
        Region { keeper: Arc::new(Keeper { core: Arc::new(core) }) }
    }

    /// A pool that can count on the segments it requires; an error when that cannot be promised.
    pub fn create_pool(&self, options: PoolOptions) -> Result<Pool, MemoryError> {
        self.create_pool_with_lanes(options, LaneOptions::NONE)
    }

    /// As [`Region::create_pool`], and it counts what is out by lane.
    pub fn create_pool_with_lanes(
        &self,
        options: PoolOptions,
        lanes: LaneOptions,
    ) -> Result<Pool, MemoryError> {
        let claim = Claim { required: options.required.0, max: options.max.0 };
        let overdraft = options.overdraft.0;
        let core = self.core();
        let (shared, wakers) = {
            let mut state = core.lock();
            core.check_pool(&state, &options)?;
            let shared = state.open(options, lanes.count, Arc::downgrade(core));
            (shared, state.redistribute(&core.slots))
        };
        wakers.into_iter().for_each(Waker::wake);
        Ok(Pool::new(self.clone(), shared, Shape { claim, overdraft, lanes }))
    }

    /// The size of its segments.
    pub fn segment_size(&self) -> SegmentSize {
        self.core().segment_size
    }

    /// What its segments are for.
    pub fn kind(&self) -> RegionKind {
        self.core().kind
    }

    /// Segments it consists of.
    pub fn total(&self) -> SegmentCount {
        SegmentCount(self.core().slots.len() as u32)
    }

    /// Segments that no pool has drawn.
    pub fn available(&self) -> SegmentCount {
        SegmentCount(self.core().lock().free())
    }

    /// Segments that have a handle. Linear in the size of the region.
    pub fn lent(&self) -> SegmentCount {
        let lent = self.slots().iter().filter(|slot| slot.handles() > 0);
        SegmentCount(lent.count() as u32)
    }

    /// The pools that have segments, those with most of them first.
    pub fn holders(&self) -> Vec<Holder> {
        self.core().holders()
    }

    /// Who has drawn which segment, at one moment.
    pub(crate) fn drawers(&self) -> Drawers {
        self.core().lock().drawn_segments(self.slots())
    }

    /// Checks that every segment is in exactly one place. Linear in the size of the region; may run
    /// at any time.
    pub fn verify_conservation(&self) -> Result<(), MemoryError> {
        let core = self.core();
        core.lock()
            .verify_invariants(&core.slots)
            .map_err(|finding| MemoryError::Conservation { region: core.kind, finding })
    }

    pub(super) fn core(&self) -> &Arc<RegionCore> {
        &self.keeper.core
    }

    #[inline]
    pub(super) fn slots(&self) -> &Slots {
        &self.keeper.core.slots
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({}, {} of {} free)", self.kind(), self.available(), self.total())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Every pool holds a handle, so all are closed by now: what has a handle is not at home.
        let out = self.core.slots.len() - self.core.lock().free() as usize;
        if out == 0 {
            return;
        }
        tracing::error!(
            region = %self.core.kind,
            segments = out,
            holders = ?self.core.holders(),
            "a memory region is leaked: its segments are still in use"
        );
        // On purpose: the segments that are out must not lose their bytes.
        std::mem::forget(self.core.clone());
    }
}

impl RegionCore {
    fn lock(&self) -> MutexGuard<'_, RegionState> {
        // After a panic under the lock the state may be wrong; the checks in it decide.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_pool(&self, state: &RegionState, options: &PoolOptions) -> Result<(), MemoryError> {
        let (required, max) = (options.required.0, options.max.0);
        let (total, promised) = (self.slots.len() as u32, state.promised());
        if required > max {
            let owner = options.owner.clone();
            return Err(MemoryError::PoolBounds { owner, required, max });
        }
        let left = total - promised;
        let missing = required.saturating_sub(left);
        if missing == 0 {
            return Ok(());
        }
        Err(MemoryError::InsufficientSegments {
            owner: options.owner.clone(),
            region: self.kind,
            segment_size: self.segment_size,
            required,
            total,
            promised,
            pools: state.open_pools(),
            missing,
        })
    }

    fn holders(&self) -> Vec<Holder> {
        let mut holders = self.lock().holders(&self.slots);
        holders.sort_by(|a, b| b.segments.cmp(&a.segments).then_with(|| a.owner.cmp(&b.owner)));
        holders
    }

    /// Segments for a pool that has none at home, at most `max`.
    #[cold]
    pub(super) fn draw(&self, pool: PoolId, max: u32) -> Draw {
        self.lock().draw(pool, max, &self.slots)
    }

    /// Whether [`RegionCore::draw`] would give a segment within the quota.
    pub(super) fn has_room(&self, pool: PoolId) -> bool {
        self.lock().has_room(pool)
    }

    /// As `has_room`, and puts the pool in line when there is none.
    pub(super) fn poll_room(&self, pool: PoolId) -> bool {
        self.lock().poll_room(pool)
    }

    /// Takes back of `hand` what its pool has drawn beyond its quota; the rest of it.
    #[cold]
    pub(super) fn shed(&self, pool: &PoolShared, hand: Chain) -> Option<Chain> {
        let (rest, wakers) = self.lock().shed(pool, hand, &self.slots);
        wakers.into_iter().for_each(Waker::wake);
        rest
    }

    /// Takes back a segment that its pool has drawn beyond its quota; whoever is returned must be
    /// woken.
    pub(super) fn take_back(&self, pool: PoolId, slot: &Slot) -> Option<Waker> {
        self.lock().take_back(pool, slot, &self.slots)
    }

    /// Ends a pool: what it has at home flows back now, what is out when it comes home.
    pub(super) fn close_pool(&self, pool: PoolId, hand: Option<Chain>) {
        let wakers = self.lock().close(pool, hand, &self.slots);
        wakers.into_iter().for_each(Waker::wake);
    }
}

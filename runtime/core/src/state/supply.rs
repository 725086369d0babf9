//! Where state gets its segments from.

use brisk_memory::{
    Claims, ClaimsRef, HeldIndex, Holding, MemoryError, Pool, PoolOptions, Region, Segment,
    SegmentCount, SegmentSize, Taken,
};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
    task::Waker,
};

use super::{
    StateError,
    spill::{Spill, SpillOptions},
};

/// Segments that the state of one operator can count on: one to find keys in, one for what they
/// lead to.
const REQUIRED: SegmentCount = SegmentCount(2);

/// Segments that it can count on where what is cold goes to disk: so many are needed at once, about.
const REQUIRED_TO_SPILL: SegmentCount = SegmentCount(8);

/// What that is at most of all managed memory, which other operators need some of, too.
const REQUIRED_PART: u32 = 64;

/// What is set aside while a snapshot is written, since so much may be on its way to the disk at once,
/// which nobody can move elsewhere to make room: two writes and what is gathered for a third.
const RESERVE_BYTES: usize = 3 << 20;

/// What a supply should be.
#[derive(Clone, Debug)]
pub struct SupplyOptions {
    /// Whose state it is: `state of operator 'count' (job/task)`.
    pub owner: String,
    /// Segments beyond which more are of no use; none for as many as there are.
    pub limit: Option<SegmentCount>,
    /// Where what is cold goes when there is no memory; `None` if that is an error.
    pub spill: Option<SpillOptions>,
}

/// A share of the managed region, for the state of one operator of one subtask. Segments that are
/// dropped come back to it. Clones are the same share: an operator may have several tables.
#[derive(Clone, Debug)]
pub struct Supply {
    share: Rc<RefCell<Share>>,
    region: Region,
    owner: Rc<str>,
    spill: Option<Spill>,
}

/// Keeps segments that it can do without.
pub(super) trait GivesWay {
    /// Gives them back; false if there were none.
    fn give_way(&self) -> bool;
}

/// What the tables of an operator have together.
struct Share {
    pool: Pool,
    /// Of snapshots that are being written: they may have segments that can be had.
    claims: Vec<ClaimsRef>,
    /// Whoever may have others.
    spare: Vec<Weak<dyn GivesWay>>,
    reserve: Vec<Segment>,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Share {
    fn take(&mut self) -> Option<Segment> {
        match self.pool.take() {
            Taken::Segment(segment) => Some(segment),
            Taken::Overdraft(_) => unreachable!("the pool has no overdraft"),
            Taken::Exhausted => None,
        }
    }

    /// One of those that somebody can do without.
    #[cold]
    fn take_spare(&mut self) -> Option<Segment> {
        let gave = self.spare.iter().filter_map(Weak::upgrade).any(|kept| kept.give_way());
        if gave { self.take() } else { None }
    }

    #[cold]
    fn take_back(&mut self) -> Option<Segment> {
        self.claims.retain(ClaimsRef::is_wanted);
        while self.claims.iter().any(ClaimsRef::set_aside) {
            if let Some(segment) = self.take() {
                return Some(segment);
            }
        }
        if let Some(segment) = self.take_spare() {
            return Some(segment);
        }
        // What is read from here on is copied, so that less of the reserve is needed.
        self.claims.iter().for_each(ClaimsRef::starve);
        self.reserve.pop()
    }
}

impl Supply {
    /// A share of `region`.
    ///
    /// # Errors
    /// If the region can't promise the least that state needs.
    pub fn open(region: &Region, options: SupplyOptions) -> Result<Self, MemoryError> {
        let SupplyOptions { owner, limit, spill } = options;
        let required = match spill {
            Some(_) => REQUIRED_TO_SPILL.min(SegmentCount(region.total().0 / REQUIRED_PART)),
            None => REQUIRED,
        };
        let required = required.max(REQUIRED);
        let share = spill.as_ref().map(|spill| spill.ground.share(region.total()));
        let most = share.or(limit).unwrap_or(region.total());
        let pool = region.create_pool(PoolOptions {
            owner: owner.clone(),
            required,
            max: most.max(required),
            overdraft: SegmentCount::ZERO,
            // State does not wait for memory: there is nobody to wake.
            waker: Waker::noop().clone(),
        })?;
        let (claims, spare, reserve) = (Vec::new(), Vec::new(), Vec::new());
        let share = Share { pool, claims, spare, reserve };
        let size = region.segment_size();
        let spill = spill.map(|options| Spill::new(options, owner.clone(), size));
        let (share, owner) = (Rc::new(RefCell::new(share)), owner.into());
        Ok(Self { share, region: region.clone(), owner, spill })
    }

    /// A segment; its bytes are those of its last use. What was copied for a snapshot gives way, unless
    /// there is state on disk: then more of that goes there, so that nothing has to rest.
    ///
    /// # Errors
    /// If there is none left for this operator. A table then has cold segments go to disk, if there is
    /// where to.
    pub fn take(&mut self) -> Result<Segment, StateError> {
        let mut share = self.share.borrow_mut();
        let taken = share.take().or_else(|| match self.is_spilling() {
            true => share.take_spare(),
            false => share.take_back(),
        });
        drop(share);
        taken.ok_or_else(|| self.exhausted())
    }

    /// Where cold segments go.
    pub(super) fn spill(&self) -> Option<&Spill> {
        self.spill.as_ref()
    }

    /// Whether some are there.
    fn is_spilling(&self) -> bool {
        self.spill.as_ref().is_some_and(Spill::is_in_use)
    }

    /// When nothing more can go to disk: makes room as if there were none. Whether that came to anything.
    #[cold]
    pub(super) fn last_resort(&mut self) -> bool {
        let taken = self.share.borrow_mut().take_back();
        // It is the next one to be taken.
        taken.is_some()
    }

    /// A segment that nobody else needs now, if there is one.
    pub(super) fn take_spare(&mut self) -> Option<Segment> {
        self.share.borrow_mut().take()
    }

    /// Segments are kept there that can be had when there are no others.
    pub(super) fn takes_from(&mut self, kept: Weak<dyn GivesWay>) {
        let spare = &mut self.share.borrow_mut().spare;
        spare.retain(|known| known.strong_count() > 0 && !Weak::ptr_eq(known, &kept));
        spare.push(kept);
    }

    /// Segments that it may have.
    pub(super) fn quota(&self) -> SegmentCount {
        self.share.borrow().pool.size()
    }

    /// Opens a frozen segment, or gives what is to take its place.
    ///
    /// # Errors
    /// If neither can be.
    pub(super) fn open_or_blank(
        &mut self,
        held: &mut Holding,
        at: HeldIndex,
    ) -> Result<Option<Segment>, StateError> {
        if held.thaw(at) {
            return Ok(None);
        }
        if let Some(blank) = self.share.borrow_mut().take() {
            return Ok(Some(blank));
        }
        if !self.is_spilling() && held.thaw_by_heap(at) {
            return Ok(None);
        }
        // Somebody is reading it.
        self.take().map(Some)
    }

    /// Opens a frozen segment, or puts a copy in its place.
    ///
    /// # Errors
    /// If neither can be.
    pub(super) fn open_held(
        &mut self,
        held: &mut Holding,
        at: HeldIndex,
    ) -> Result<(), StateError> {
        if let Some(mut copy) = self.open_or_blank(held, at)? {
            copy.as_mut_slice().copy_from_slice(held.bytes(at));
            held.replace(at, copy);
        }
        Ok(())
    }

    /// Segments are being copied for these from now on.
    ///
    /// `chunks` are written besides, of what may give way.
    pub(super) fn lend_to(&mut self, claims: &Claims, chunks: usize) {
        let share = &mut *self.share.borrow_mut();
        share.claims.retain(ClaimsRef::is_wanted);
        let wanted = claims.open() + chunks;
        if wanted == 0 {
            return;
        }
        share.claims.push(claims.downgrade());
        if self.spill.as_ref().is_some_and(Spill::is_in_use) {
            // What is read is copied, and there is no need for a reserve.
            return claims.starve();
        }
        let reserve = RESERVE_BYTES.div_ceil(self.region.segment_size().bytes());
        while share.reserve.len() < wanted.min(reserve) {
            let Some(segment) = share.take() else {
                // Then what is read is copied, and there is no need for it.
                share.reserve.clear();
                share.spare.iter().filter_map(Weak::upgrade).for_each(|kept| {
                    kept.give_way();
                });
                return claims.starve();
            };
            share.reserve.push(segment);
        }
    }

    #[cold]
    fn exhausted(&self) -> StateError {
        let bytes = |count: SegmentCount| count.bytes(self.segment_size()) as u64;
        let pool = &self.share.borrow().pool;
        StateError::OutOfMemory {
            owner: self.owner.to_string(),
            held_bytes: bytes(pool.outstanding()),
            quota_bytes: bytes(pool.size()),
            total_bytes: bytes(self.region.total()),
        }
    }

    /// The size of the segments.
    pub fn segment_size(&self) -> SegmentSize {
        self.region.segment_size()
    }

    /// Segments that are out.
    pub fn held(&self) -> SegmentCount {
        self.share.borrow().pool.outstanding()
    }

    /// Whose state it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

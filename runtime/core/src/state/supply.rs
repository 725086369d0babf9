//! Where state gets its segments from.

use brisk_memory::{
    MemoryError, Pool, PoolOptions, Region, Segment, SegmentCount, SegmentSize, Taken,
};
use std::{cell::RefCell, rc::Rc, task::Waker};

use super::StateError;

/// Segments that the state of one operator can count on: one to find keys in, one for what they
/// lead to.
const REQUIRED: SegmentCount = SegmentCount(2);

/// What a supply should be.
#[derive(Clone, Debug)]
pub struct SupplyOptions {
    /// Whose state it is: `state of operator 'count' (job/task)`.
    pub owner: String,
    /// Segments beyond which more are of no use; none for as many as there are.
    pub limit: Option<SegmentCount>,
}

/// A share of the managed region, for the state of one operator of one subtask. Segments that are
/// dropped come back to it. Clones are the same share: an operator may have several tables.
#[derive(Clone, Debug)]
pub struct Supply {
    pool: Rc<RefCell<Pool>>,
    region: Region,
    owner: Rc<str>,
}

impl Supply {
    /// A share of `region`.
    ///
    /// # Errors
    /// If the region can't promise the least that state needs.
    pub fn open(region: &Region, options: SupplyOptions) -> Result<Self, MemoryError> {
        let SupplyOptions { owner, limit } = options;
        let pool = region.create_pool(PoolOptions {
            owner: owner.clone(),
            required: REQUIRED,
            max: limit.unwrap_or(region.total()).max(REQUIRED),
            overdraft: SegmentCount::ZERO,
            // State does not wait for memory: there is nobody to wake.
            waker: Waker::noop().clone(),
        })?;
        let (pool, owner) = (Rc::new(RefCell::new(pool)), owner.into());
        Ok(Self { pool, region: region.clone(), owner })
    }

    /// A segment; its bytes are those of its last use.
    ///
    /// # Errors
    /// If there is none left for this operator. Here is where cold segments will be spilled.
    pub fn take(&mut self) -> Result<Segment, StateError> {
        let taken = self.pool.borrow_mut().take();
        match taken {
            Taken::Segment(segment) => Ok(segment),
            Taken::Overdraft(_) => unreachable!("the pool has no overdraft"),
            Taken::Exhausted => Err(self.exhausted()),
        }
    }

    #[cold]
    fn exhausted(&self) -> StateError {
        let bytes = |count: SegmentCount| count.bytes(self.segment_size()) as u64;
        let pool = self.pool.borrow();
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
        self.pool.borrow().outstanding()
    }

    /// Whose state it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

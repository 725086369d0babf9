//! What can go wrong in memory, and how bad it is.
//!
//! Scarcity is not here: a pool without a segment answers with a value ([`crate::Taken`]). Bugs are
//! not here either: they panic.

use std::io;

use crate::budget::TopHolders;
use crate::config::MemorySize;
use crate::heap::HeapExhausted;
use crate::pool::RegionKind;
use crate::quantity::SegmentSize;

/// What a failure should cost, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Try again: the condition passes by itself.
    Retry,
    /// The task cannot go on.
    FailTask,
    /// No task of the job can succeed.
    FailJob,
    /// The process has lost its footing.
    FailProcess,
}

/// An error of the memory modules.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// A segment size that is not a power of two from 4 KiB to 1 MiB.
    #[error(
        "a segment of {bytes} bytes: the size must be a power of two from {} to {}; \
         change taskmanager.memory.segment-size",
        SegmentSize::MIN,
        SegmentSize::MAX
    )]
    SegmentSize {
        /// The size asked for.
        bytes: usize,
    },

    /// An arena without a segment, or with more than its indices can name.
    #[error(
        "an arena of {network} network and {managed} managed segments: \
         it must have from 1 to {max} segments in all"
    )]
    ArenaSize {
        /// Network segments asked for.
        network: u32,
        /// Managed segments asked for.
        managed: u32,
        /// The most an arena can have.
        max: u32,
    },

    /// The system refused to create, size, map or fill the arena.
    #[error(
        "cannot {step} the memory arena of {}: {source}; lower taskmanager.memory.network.max or \
         taskmanager.memory.managed.size, or raise the limits on memory and files (`ulimit -v`, \
         `ulimit -f`)",
        MemorySize::from_bytes(*bytes as u64)
    )]
    Map {
        /// What was being done.
        step: &'static str,
        /// The arena's size.
        bytes: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The system refused to lock the arena in memory.
    #[error(
        "cannot lock the memory arena of {bytes} bytes in memory (the limit is {limit}); \
         raise it (`ulimit -l`) or turn locking off"
    )]
    Lock {
        /// The arena's size.
        bytes: usize,
        /// `RLIMIT_MEMLOCK`, in words.
        limit: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// A pool that needs more segments than its region can still promise.
    #[error(
        "{owner} requires {required} segments of {segment_size}, but of the {total} of the {region} \
         region {promised} are promised to {pools} other pools: {} are left, {missing} are \
         missing; {}",
        total - promised,
        region.advice()
    )]
    InsufficientSegments {
        /// Who asked.
        owner: String,
        /// The region asked.
        region: RegionKind,
        /// The size of its segments.
        segment_size: SegmentSize,
        /// Segments asked for.
        required: u32,
        /// Segments of the region.
        total: u32,
        /// Segments that other pools require.
        promised: u32,
        /// How many such pools there are.
        pools: usize,
        /// How many segments more the region would need.
        missing: u32,
    },

    /// A pool whose maximum lies below what it requires.
    #[error("{owner} requires {required} segments but allows at most {max}")]
    PoolBounds {
        /// Who asked.
        owner: String,
        /// Segments required.
        required: u32,
        /// Segments allowed.
        max: u32,
    },

    /// A budget that has not as many bytes left as somebody needs.
    #[error(
        "{owner} needs {} of {budget}, but {} of {} are left; it is held by {holders}",
        requested.human(),
        available.human(),
        total.human()
    )]
    BudgetExhausted {
        /// The budget's name.
        budget: String,
        /// Who asked.
        owner: String,
        /// For how much more.
        requested: MemorySize,
        /// What is left.
        available: MemorySize,
        /// The whole budget.
        total: MemorySize,
        /// Who has the rest.
        holders: TopHolders,
    },

    /// More heap than its limit allows.
    #[error(transparent)]
    HeapExhausted(#[from] HeapExhausted),

    /// Segments do not add up: a bug, found by a check.
    #[error("segments of the {region} region are not conserved: {finding}")]
    Conservation {
        /// The region that was checked.
        region: RegionKind,
        /// What does not add up.
        finding: String,
    },
}

impl MemoryError {
    /// What this failure should cost.
    pub fn severity(&self) -> Severity {
        match self {
            MemoryError::SegmentSize { .. }
            | MemoryError::ArenaSize { .. }
            | MemoryError::Map { .. }
            | MemoryError::Lock { .. }
            | MemoryError::Conservation { .. } => Severity::FailProcess,
            MemoryError::InsufficientSegments { .. } | MemoryError::PoolBounds { .. } => {
                Severity::FailJob
            }
            MemoryError::BudgetExhausted { .. } | MemoryError::HeapExhausted(_) => {
                Severity::FailTask
            }
        }
    }
}

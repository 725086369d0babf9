//! The arena: all segments of a process, in one mapping made at start.
//!
//! It owns the mapping and its two regions, network and managed, that follow one another in it.
//! Segment `i` lies at offset `i * segment_size`. Nothing is added or given back to the system
//! while the arena lives, so memory is what it was at start.
//!
//! Dropping: a region with segments still lent when the last handle to it goes is leaked on
//! purpose, mapping and side table, and an error names the holders. So a segment never outlives its
//! bytes. Control plane, any thread. Deliberately absent: growth, and allocation below a segment.

#[cfg(not(any(loom, miri)))]
mod mapping;
mod slot;
#[cfg(any(loom, miri))]
#[path = "stand_in.rs"]
mod mapping;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(any(loom, miri)))]
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::error::MemoryError;
use crate::pool::{Region, RegionKind};
use crate::quantity::{SegmentCount, SegmentIndex, SegmentSize};

pub(crate) use mapping::Mapping;
pub use mapping::PageKind;
pub(crate) use slot::{Local, Slot, SlotRef, Slots, SlotsRef};

/// The most segments an arena can have: links are 32 bits with one value for "none".
const SEGMENTS_MAX: u32 = u32::MAX - 1;
/// The most that io_uring takes as one registered buffer.
const IOVEC_BYTES_MAX: usize = 1 << 30;

const _: () = assert!(IOVEC_BYTES_MAX.is_multiple_of(SegmentSize::MAX.bytes()));

/// Whether an arena should lie on huge pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HugePages {
    /// When the system has them, else plain pages with a note in the log.
    #[default]
    Try,
    /// Plain pages.
    Off,
}

/// What an arena should be.
#[derive(Clone, Debug, Default)]
pub struct ArenaOptions {
    /// The size of each segment.
    pub segment_size: SegmentSize,
    /// Segments of the network region.
    pub network: SegmentCount,
    /// Segments of the managed region.
    pub managed: SegmentCount,
    /// Whether to try for huge pages.
    pub huge_pages: HugePages,
    /// Touch every page at start, so that no page fault happens later.
    pub prefault: bool,
    /// Keep every page in memory (`mlock`); an error where the limit forbids it.
    pub mlock: bool,
}

/// All segments of a process. A cheap clone.
#[derive(Clone)]
pub struct Arena {
    network: Region,
    managed: Region,
    mapping: Arc<Mapping>,
    segment_size: SegmentSize,
}

impl Arena {
    /// Maps the memory and cuts it into segments.
    pub fn map(options: ArenaOptions) -> Result<Arena, MemoryError> {
        let (network, managed) = (options.network, options.managed);
        let total = network.0.checked_add(managed.0).filter(|n| (1..=SEGMENTS_MAX).contains(n));
        let total = total.ok_or(MemoryError::ArenaSize {
            network: network.0,
            managed: managed.0,
            max: SEGMENTS_MAX,
        })?;
        let bytes = SegmentCount(total).bytes(options.segment_size);
        let mapping = Arc::new(Mapping::create(bytes, &options)?);
        let size = options.segment_size;
        let second = mapping.base().wrapping_add(network.bytes(size));
        Ok(Arena {
            network: Region::new(
                RegionKind::Network,
                Slots::new(mapping.base(), size, 0, network.0),
                size,
                mapping.clone(),
            ),
            managed: Region::new(
                RegionKind::Managed,
                Slots::new(second, size, network.0, managed.0),
                size,
                mapping.clone(),
            ),
            mapping,
            segment_size: size,
        })
    }

    /// The segments of exchanges.
    pub fn network(&self) -> &Region {
        &self.network
    }

    /// The segments of sorting, hashing, caching and state.
    pub fn managed(&self) -> &Region {
        &self.managed
    }

    /// The size of each segment.
    pub fn segment_size(&self) -> SegmentSize {
        self.segment_size
    }

    /// What kind of pages the arena lies on.
    pub fn pages(&self) -> PageKind {
        self.mapping.pages()
    }

    #[cfg(not(any(loom, miri)))]
    /// The memfd behind the mapping, for handing it to another process.
    pub fn memfd(&self) -> BorrowedFd<'_> {
        self.mapping.memfd()
    }

    /// The whole arena as address and length, cut into parts of at most 1 GiB, for registration
    /// with io_uring. Segment `i` is wholly inside part [`Arena::iovec_of`].
    pub fn as_iovec(&self) -> Vec<(*mut u8, usize)> {
        let bytes = self.mapping.bytes();
        (0..bytes)
            .step_by(IOVEC_BYTES_MAX)
            .map(|at| (self.mapping.base().wrapping_add(at), IOVEC_BYTES_MAX.min(bytes - at)))
            .collect()
    }

    /// Which part of [`Arena::as_iovec`] holds this segment.
    pub fn iovec_of(&self, segment: SegmentIndex) -> usize {
        segment.0 as usize / (IOVEC_BYTES_MAX / self.segment_size.bytes())
    }

    /// Checks that every segment of both regions is in exactly one place. Linear in the number of
    /// segments; may run at any time, beside threads that take and return segments.
    pub fn verify_conservation(&self) -> Result<(), MemoryError> {
        self.network.verify_conservation()?;
        self.managed.verify_conservation()
    }
}

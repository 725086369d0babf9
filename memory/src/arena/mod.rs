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
#[cfg(any(loom, miri))]
#[path = "stand_in.rs"]
mod mapping;
mod numa;
mod slot;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use std::ops::Range;
#[cfg(not(any(loom, miri)))]
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::error::MemoryError;
use crate::pool::{Ground, Region, RegionKind, run_start};
use crate::quantity::{SegmentCount, SegmentIndex, SegmentSize};

pub(crate) use mapping::Mapping;
pub use mapping::PageKind;
pub(crate) use numa::{NodePlace, Topology};
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
    /// No other process will be handed this memory: it need not be a memfd, if that cannot have huge
    /// pages and private memory can.
    pub private: bool,
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
        Arena::map_on(options, Topology::of_machine())
    }

    fn map_on(options: ArenaOptions, topology: Topology) -> Result<Arena, MemoryError> {
        let (network, managed) = (options.network, options.managed);
        let total = network.0.checked_add(managed.0).filter(|n| (1..=SEGMENTS_MAX).contains(n));
        let total = total.ok_or(MemoryError::ArenaSize {
            network: network.0,
            managed: managed.0,
            max: SEGMENTS_MAX,
        })?;
        let size = options.segment_size;
        let mapping = Arc::new(Mapping::create(SegmentCount(total).bytes(size), &options)?);
        let ground = Ground { mapping, segment_size: size, topology };
        let second = ground.mapping.base().wrapping_add(network.bytes(size));
        spread(&ground, ground.mapping.base(), network);
        spread(&ground, second, managed);
        ground.mapping.settle(&options)?;
        let network_slots = Slots::new(ground.mapping.base(), size, 0, network.0);
        let managed_slots = Slots::new(second, size, network.0, managed.0);
        Ok(Arena {
            network: Region::new(RegionKind::Network, network_slots, &ground),
            managed: Region::new(RegionKind::Managed, managed_slots, &ground),
            mapping: ground.mapping,
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

    /// The memfd behind the mapping, for handing it to another process; a private arena may have none.
    #[cfg(not(any(loom, miri)))]
    pub fn memfd(&self) -> Option<BorrowedFd<'_>> {
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

    /// The addresses of all segments.
    pub(crate) fn address_range(&self) -> Range<usize> {
        let start = self.mapping.base().addr();
        start..start + self.mapping.bytes()
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

/// Puts a region's runs of segments on the nodes of the machine, if it has several.
fn spread(ground: &Ground, start: *mut u8, segments: SegmentCount) {
    let (nodes, size) = (ground.topology.len(), ground.segment_size);
    if nodes == 1 {
        return;
    }
    for node in 0..nodes {
        let [from, to] = [node, node + 1].map(|node| run_start(node, segments.0, nodes) as usize);
        let run = start.wrapping_add(from * size.bytes());
        // A page can lie on one node only: one that two runs share is left to chance.
        let page = ground.mapping.page_bytes();
        let skip = run.addr().next_multiple_of(page) - run.addr();
        let bytes = ((to - from) * size.bytes()).saturating_sub(skip) / page * page;
        let bound = ground.topology.bind(NodePlace(node), run.wrapping_add(skip), bytes);
        if let Err(refusal) = bound {
            tracing::info!(%refusal, "the memory arena is not spread over the NUMA nodes");
            return;
        }
    }
}

//! The memory of RocksDB in one slot: one cache for all of its stores, which write buffers count
//! towards.
//!
//! ```text
//! slot's part of managed memory   segments that are taken and never touched
//!   5/6  cache of blocks          (3 - ratio) / 3, as Flink divides it
//!   1/3  write buffers            2 * ratio / 3, counted in the cache: flushed before they are more
//!        the rest                 what write buffers overshoot while they are flushed
//! ```
//!
//! RocksDB allocates by itself, so the segments stand for its bytes: their pages are not resident
//! unless memory is prefaulted.

use std::sync::{Mutex, PoisonError};

use brisk_core::state::{Supply, SupplyOptions};
use brisk_memory::{Region, Segment, SegmentCount};
use rocksdb::{Cache, WriteBufferManager};

use crate::{
    RocksDbError,
    settings::{MemorySource, Settings},
};

/// The least that a slot's stores can work with.
pub const LEAST_BYTES: u64 = 1 << 20;

/// Of a slot's managed memory, so much is left to operators that sort or keep tables.
const OTHERS: u64 = 4;

/// Cache and write buffers of a slot.
pub struct SlotMemory {
    cache: Cache,
    write_buffers: Option<(WriteBufferManager, usize)>,
    budget: Option<u64>,
    /// Held for as long as RocksDB has the bytes.
    _segments: Mutex<(Vec<Segment>, Option<Supply>)>,
}

impl SlotMemory {
    /// That of one slot of `slots`.
    ///
    /// # Errors
    /// If managed memory has not enough.
    pub fn open(settings: &Settings, region: &Region, slots: u32) -> Result<Self, RocksDbError> {
        let (bytes, segments) = match settings.memory {
            MemorySource::Managed => {
                let all = region.total().bytes(region.segment_size()) as u64;
                let share = all / u64::from(slots.max(1));
                take(region, share - share / OTHERS, slots)?
            }
            MemorySource::Fixed(bytes) => (bytes, (Vec::new(), None)),
            MemorySource::Unbounded(cache) => {
                let cache = Cache::new_lru_cache(usize::try_from(cache).unwrap_or(usize::MAX));
                let _segments = Mutex::new((Vec::new(), None));
                return Ok(Self { cache, write_buffers: None, budget: None, _segments });
            }
        };
        let part = |of_three: f64| (bytes as f64 * of_three / 3.0) as usize;
        let cache = Cache::new_lru_cache(part(3.0 - settings.write_buffer_ratio));
        let buffers = part(2.0 * settings.write_buffer_ratio);
        let manager =
            WriteBufferManager::new_write_buffer_manager_with_cache(buffers, false, cache.clone());
        let write_buffers = Some((manager, buffers));
        Ok(Self { cache, write_buffers, budget: Some(bytes), _segments: Mutex::new(segments) })
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn write_buffers(&self) -> Option<&WriteBufferManager> {
        self.write_buffers.as_ref().map(|(manager, _)| manager)
    }

    /// Bytes that all write buffers may have; `None` for no bound.
    pub(crate) fn write_buffer_bytes(&self) -> Option<usize> {
        self.write_buffers.as_ref().map(|(_, bytes)| *bytes)
    }

    /// Bytes that RocksDB may have; `None` for no bound.
    pub fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// Bytes that it has: blocks, filters and write buffers.
    pub fn used(&self) -> u64 {
        self.cache.get_usage() as u64
    }

    /// Segments that stand for them.
    pub fn segments(&self) -> usize {
        self._segments.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }
}

type Taken = (Vec<Segment>, Option<Supply>);

/// Takes up to `bytes` out of the region.
fn take(region: &Region, bytes: u64, slots: u32) -> Result<(u64, Taken), RocksDbError> {
    let segment = region.segment_size().bytes() as u64;
    let count = u32::try_from(bytes / segment).unwrap_or(u32::MAX);
    let owner = "caches and write buffers of RocksDB".to_owned();
    let options = SupplyOptions { owner, limit: Some(SegmentCount(count)) };
    let mut supply =
        Supply::open(region, options).map_err(|cause| RocksDbError::Saving(cause.to_string()))?;
    let mut segments = Vec::new();
    // Less than it should be is no error: others may have come before.
    while (segments.len() as u64) < u64::from(count)
        && let Ok(segment) = supply.take()
    {
        segments.push(segment);
    }
    let bytes = segments.len() as u64 * segment;
    if bytes < LEAST_BYTES {
        return Err(RocksDbError::TooLittleMemory { bytes, slots, least: LEAST_BYTES });
    }
    Ok((bytes, (segments, Some(supply))))
}

impl std::fmt::Debug for SlotMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotMemory").field("budget", &self.budget).finish_non_exhaustive()
    }
}

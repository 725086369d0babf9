//! State whose time to live is over goes when files are merged.

use std::{
    ffi::CStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use brisk_core::time::Timestamp;
use rocksdb::{
    CompactionDecision,
    compaction_filter::CompactionFilter,
    compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory},
};

const NAME: &CStr = c"brisk time to live";

/// When the entries of a state are over. Shared with the threads that merge its files, which ask once
/// for each merge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expiry(Arc<Mutex<Life>>);

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    ttl: Option<Duration>,
    now: Option<Timestamp>,
}

impl Expiry {
    fn lock(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_ttl(&self, ttl: Duration) {
        self.lock().ttl = Some(ttl);
    }

    pub(crate) fn advance(&self, now: Timestamp) {
        self.lock().now = Some(now);
    }
}

/// Makes the filter of each merge.
pub(crate) struct ExpiryFactory(pub(crate) Expiry);

impl CompactionFilterFactory for ExpiryFactory {
    type Filter = ExpiryFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> ExpiryFilter {
        let Life { ttl, now } = *self.0.lock();
        ExpiryFilter(ttl.zip(now))
    }

    fn name(&self) -> &CStr {
        NAME
    }
}

/// Drops what is over at one time.
pub(crate) struct ExpiryFilter(Option<(Duration, Timestamp)>);

impl CompactionFilter for ExpiryFilter {
    fn filter(&mut self, _level: u32, _key: &[u8], value: &[u8]) -> CompactionDecision {
        let Some(((ttl, now), used)) = self.0.zip(value.last_chunk()) else {
            return CompactionDecision::Keep;
        };
        let used = Timestamp::from_millis(i64::from_le_bytes(*used));
        match now.saturating_since(used) >= ttl {
            true => CompactionDecision::Remove,
            false => CompactionDecision::Keep,
        }
    }

    fn name(&self) -> &CStr {
        NAME
    }
}

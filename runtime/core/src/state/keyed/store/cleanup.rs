//! Looking for what has expired, some of it with each use of a state.

use super::{Blob, Body, StateTtlConfig, Store};
use crate::state::StateError;

/// Entries that cleanup has to have paid for before it looks at a bucket.
const CLEANUP_AT_ONCE: u32 = 2048;

impl Store {
    /// Pays for one use of a state with this time to live; the entries to look at when enough was paid
    /// for those of the next bucket.
    pub(in crate::state::keyed) fn cleanup(
        &mut self,
        ttl: &StateTtlConfig,
    ) -> Result<Vec<(Blob, Blob)>, StateError> {
        let Body::Table(table) = &mut self.body else { return Ok(Vec::new()) };
        self.cleanup_credit += ttl.cleanup_entries();
        // A bucket is looked at as a whole, so that nothing need be known of it but where it begins.
        if self.cleanup_credit < CLEANUP_AT_ONCE {
            return Ok(Vec::new());
        }
        if table.is_spilling() {
            return self.cleanup_on_disk();
        }
        let (mut scan, next) = table.scan_bucket(self.cleanup_at);
        let mut entries = Vec::new();
        while let Some(entry) = table.next(&mut scan)? {
            entries.push(entry);
        }
        let looked_at = u32::try_from(entries.len()).expect("a bucket is small");
        self.cleanup_credit -= looked_at.clamp(CLEANUP_AT_ONCE / 4, CLEANUP_AT_ONCE);
        self.cleanup_at = next.unwrap_or(self.range.first());
        Ok(entries)
    }

    /// The same where entries are on disk: those of a bucket lie in as many segments, so it is one of these
    /// whose entries are looked at.
    #[cold]
    fn cleanup_on_disk(&mut self) -> Result<Vec<(Blob, Blob)>, StateError> {
        self.cleanup_credit -= CLEANUP_AT_ONCE / 4;
        let Body::Table(table) = &mut self.body else { return Ok(Vec::new()) };
        let Some((entries, next)) = table.entries_of_segment(self.cleanup_segment)? else {
            self.cleanup_segment = 0;
            return Ok(Vec::new());
        };
        self.cleanup_segment = next;
        Ok(entries)
    }
}

//! Time to live: state that is forgotten when it was not used for some time.

use std::time::Duration;

use crate::time::Timestamp;

/// What prolongs the life of state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TtlUpdate {
    /// Making and changing it.
    #[default]
    OnCreateAndWrite,
    /// Reading it, too.
    OnReadAndWrite,
}

/// Whether state whose time is over may still be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TtlVisibility {
    /// Never.
    #[default]
    NeverReturnExpired,
    /// As long as it was not cleaned up. The read that finds it cleans it up.
    ReturnExpiredIfNotCleanedUp,
}

/// How long a state lives, by processing time: each value, element of a list and entry of a map on
/// its own.
///
/// What has expired is removed when it is read, is left out of checkpoints, and goes by and by while
/// the operator's state is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateTtlConfig {
    ttl: Duration,
    update: TtlUpdate,
    visibility: TtlVisibility,
    /// Entries that are looked at for each use of state.
    cleanup: u32,
}

/// Entries that are looked at for each use of state by default, as in Flink.
const CLEANUP_ENTRIES: u32 = 5;

impl StateTtlConfig {
    /// State that lives for `ttl` after it was last written.
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            update: TtlUpdate::default(),
            visibility: TtlVisibility::default(),
            cleanup: CLEANUP_ENTRIES,
        }
    }

    /// Says what prolongs its life.
    pub fn update_type(mut self, update: TtlUpdate) -> Self {
        self.update = update;
        self
    }

    /// Says whether it may be seen when its time is over.
    pub fn state_visibility(mut self, visibility: TtlVisibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Entries of the operator that are looked at for each use of its state, on average; none for no
    /// such cleanup.
    pub fn cleanup_incrementally(mut self, entries: u32) -> Self {
        self.cleanup = entries;
        self
    }

    pub(super) fn duration(&self) -> Duration {
        self.ttl
    }

    pub(super) fn cleanup_entries(&self) -> u32 {
        self.cleanup
    }

    /// Whether what was last used at `used` is over.
    pub(super) fn is_over(&self, used: Timestamp, now: Timestamp) -> bool {
        now.saturating_since(used) >= self.ttl
    }

    pub(super) fn updates_on_read(&self) -> bool {
        self.update == TtlUpdate::OnReadAndWrite
    }

    pub(super) fn shows_expired(&self) -> bool {
        self.visibility == TtlVisibility::ReturnExpiredIfNotCleanedUp
    }
}

//! When a stream without records counts as idle.

use brisk_memory::driver::Instant64;
use std::time::Duration;

/// Finds out that no record came for a while, without a look at the clock per record: a record
/// leaves a mark, and the next check begins to wait anew when it finds one.
#[derive(Clone, Debug)]
pub struct IdlenessTimer {
    timeout: Duration,
    saw_record: bool,
    quiet_since: Option<Instant64>,
}

impl IdlenessTimer {
    /// A timer for streams that are idle after `timeout` without a record.
    ///
    /// # Panics
    /// If `timeout` is zero: every stream would be idle at once.
    pub fn new(timeout: Duration) -> Self {
        assert!(!timeout.is_zero(), "an idleness timeout must be longer than zero");
        Self { timeout, saw_record: false, quiet_since: None }
    }

    /// Notes a record.
    #[inline(always)]
    pub fn activity(&mut self) {
        self.saw_record = true;
    }

    /// Begins to wait anew, after time in which the stream could not have sent anything: it was
    /// paused by alignment or by backpressure.
    pub fn restart(&mut self) {
        self.quiet_since = None;
    }

    /// Whether the stream is idle at `now`. The time counts from the first check without a record.
    pub fn is_idle(&mut self, now: Instant64) -> bool {
        if std::mem::take(&mut self.saw_record) {
            self.quiet_since = None;
            return false;
        }
        let since = *self.quiet_since.get_or_insert(now);
        now.saturating_since(since) >= self.timeout
    }
}

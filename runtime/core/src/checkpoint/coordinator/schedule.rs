//! When the next checkpoint is due.

use std::time::Duration;

use crate::checkpoint::Millis;

/// The periodic trigger: every interval, and at least a pause after the last one ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Schedule {
    /// None while nothing is triggered by itself.
    due: Option<Millis>,
    /// When a checkpoint last completed.
    last_completed: Option<Millis>,
    min_pause: Duration,
    /// How long after one that tasks were not ready for the next one is tried.
    retry_after: Duration,
}

/// The first try again; each further one comes after twice the time, and none later than the interval.
const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

impl Schedule {
    pub(super) fn new(min_pause: Duration) -> Schedule {
        Schedule { due: None, last_completed: None, min_pause, retry_after: RETRY_AFTER }
    }

    pub(super) fn begin(&mut self, at: Millis) {
        self.due = Some(at);
        self.retry_after = RETRY_AFTER;
    }

    /// The last one found tasks that were not ready: that is no reason to miss an interval.
    pub(super) fn not_ready(&mut self, now: Millis) {
        self.hurry(now + self.retry_after);
        self.retry_after = (self.retry_after * 2).min(RETRY_AFTER_MAX);
    }

    pub(super) fn stop(&mut self) {
        self.due = None;
    }

    /// The interval has changed: the next trigger comes no later than it says.
    pub(super) fn hurry(&mut self, at: Millis) {
        self.due = self.due.map(|due| due.min(at));
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.due.is_none()
    }

    /// When the next trigger is due, the pause included.
    pub(super) fn ready_at(&self) -> Option<Millis> {
        let due = self.due?;
        Some(self.last_completed.map_or(due, |last| due.max(last + self.min_pause)))
    }

    pub(super) fn completed(&mut self, now: Millis) {
        self.last_completed = Some(now);
        self.retry_after = RETRY_AFTER;
    }

    /// It was triggered, or tried in vain. The rhythm is kept unless it was missed.
    pub(super) fn triggered(&mut self, now: Millis, interval: Option<Duration>) {
        let Some(interval) = interval else { return self.stop() };
        let due = self.due.expect("what isn't scheduled isn't triggered");
        let next = due + interval;
        self.due = Some(if next > now { next } else { now + interval });
    }
}

//! The four strategies, and what each makes of a failure.

use std::collections::VecDeque;
use std::time::Duration;

use brisk_memory::config::render_duration;

use crate::checkpoint::Millis;
use crate::checkpoint::random::Random;

/// Which strategy, with its numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RestartSettings {
    /// The first failure is the last.
    None,
    /// So many restarts.
    FixedDelay {
        /// How many.
        attempts: u32,
        /// From a failure to the restart.
        delay: Duration,
    },
    /// Restarts unless failures come too often.
    FailureRate {
        /// So many within an interval are restarted from.
        max_failures: u32,
        /// The interval, which ends with each failure.
        interval: Duration,
        /// From a failure to the restart.
        delay: Duration,
    },
    /// Restarts after ever longer times.
    ExponentialDelay {
        /// The first time. At least 1 ms.
        initial: Duration,
        /// The longest.
        max: Duration,
        /// What the time grows by.
        multiplier: f64,
        /// So long without a failure after a restart, and it begins anew.
        reset_after: Duration,
        /// By so much of it each time is longer or shorter.
        jitter: f64,
        /// So many restarts, then none until it begins anew.
        attempts: u32,
    },
}

/// What a failure leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailureVerdict {
    /// Restart after this time.
    RestartAfter(Duration),
    /// A restart is due already, so late: the failure belongs to the one before.
    RestartPending(Duration),
    /// The job fails.
    GiveUp {
        /// Why, in words that follow "Recovery is suppressed by".
        reason: String,
    },
}

/// A strategy at work.
#[derive(Clone, PartialEq, Debug)]
pub struct RestartStrategy {
    settings: RestartSettings,
    random: Random,
    /// Restarts so far, or since the last quiet time.
    restarts: u32,
    /// Of the failures in the last interval; at most one more than it tolerates.
    failures: VecDeque<Millis>,
    /// The delay without jitter, while it grows.
    backoff: Duration,
    /// When the last restart was due.
    restart_at: Option<Millis>,
}

impl RestartStrategy {
    /// A strategy at the start of a job.
    pub fn new(settings: RestartSettings, seed: u64) -> RestartStrategy {
        let backoff = match settings {
            RestartSettings::ExponentialDelay { initial, .. } => initial,
            _ => Duration::ZERO,
        };
        RestartStrategy {
            settings,
            random: Random::from_seed(seed),
            restarts: 0,
            failures: VecDeque::new(),
            backoff,
            restart_at: None,
        }
    }

    /// What it was made from.
    pub fn settings(&self) -> &RestartSettings {
        &self.settings
    }

    /// A task failed. Times don't go back from one failure to the next.
    pub fn failed(&mut self, now: Millis) -> FailureVerdict {
        let verdict = match self.settings {
            RestartSettings::None => give_up("NoRestartBackoffTimeStrategy".to_owned()),
            RestartSettings::FixedDelay { attempts, delay } => self.fixed(attempts, delay),
            RestartSettings::FailureRate { max_failures, interval, delay } => {
                self.rate(now, max_failures, interval, delay)
            }
            RestartSettings::ExponentialDelay { .. } => self.exponential(now),
        };
        if let FailureVerdict::RestartAfter(delay) = &verdict {
            self.restarts = self.restarts.saturating_add(1);
            self.restart_at = Some(now + *delay);
        }
        verdict
    }

    fn fixed(&self, attempts: u32, delay: Duration) -> FailureVerdict {
        if self.restarts < attempts {
            return FailureVerdict::RestartAfter(delay);
        }
        let delay = render_duration(delay);
        give_up(format!(
            "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts={attempts}, \
             backoffTimeMS={delay}): all of them are used up"
        ))
    }

    fn rate(
        &mut self,
        now: Millis,
        max_failures: u32,
        interval: Duration,
        delay: Duration,
    ) -> FailureVerdict {
        while self.failures.front().is_some_and(|first| now.saturating_since(*first) > interval) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        if self.failures.len() <= max_failures as usize {
            return FailureVerdict::RestartAfter(delay);
        }
        give_up(format!(
            "FailureRateRestartBackoffTimeStrategy(failuresIntervalMS={}, \
             maxFailuresPerInterval={max_failures}): {} failures in that time",
            interval.as_millis(),
            self.failures.len()
        ))
    }

    /// Several tasks fail of one cause, one after another: until the restart is due they are one
    /// failure.
    fn exponential(&mut self, now: Millis) -> FailureVerdict {
        let RestartSettings::ExponentialDelay {
            initial,
            max,
            multiplier,
            reset_after,
            jitter,
            attempts,
        } = self.settings
        else {
            unreachable!("asked by the settings");
        };
        if let Some(due) = self.restart_at {
            if now <= due {
                return FailureVerdict::RestartPending(due.saturating_since(now));
            }
            if now.saturating_since(due) >= reset_after {
                self.restarts = 0;
                self.backoff = initial;
            } else {
                self.backoff = self.backoff.mul_f64(multiplier.min(MULTIPLIER_MAX)).min(max);
            }
        }
        if self.restarts >= attempts {
            return give_up(format!(
                "ExponentialDelayRestartBackoffTimeStrategy(attemptsBeforeResetBackoff={attempts}): \
                 the job never ran for {} without a failure",
                render_duration(reset_after)
            ));
        }
        let offset = self.backoff.mul_f64(jitter);
        let least = self.backoff.saturating_sub(offset);
        let delay = self.random.between(least, self.backoff + offset);
        FailureVerdict::RestartAfter(delay.min(max))
    }
}

/// Above any delay worth waiting for, and no overflow.
const MULTIPLIER_MAX: f64 = 1e6;

fn give_up(reason: String) -> FailureVerdict {
    FailureVerdict::GiveUp { reason }
}

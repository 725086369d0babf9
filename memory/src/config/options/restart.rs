//! What happens after a failure: restart strategies.

use std::time::Duration;

use crate::config::grammar::ConfigEnum;
use crate::config::option::{ConfigOption, OptionDescription};

/// `restart-strategy.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartStrategyType {
    /// The first failure is the last.
    None,
    /// So many restarts, each after the same time.
    FixedDelay,
    /// Restarts until failures come too often.
    FailureRate,
    /// Restarts after ever longer times.
    ExponentialDelay,
}

impl ConfigEnum for RestartStrategyType {
    const NAME: &'static str = "RestartStrategyType";
    const NAMES: &'static [(&'static str, RestartStrategyType)] = &[
        ("none", RestartStrategyType::None),
        ("off", RestartStrategyType::None),
        ("disable", RestartStrategyType::None),
        ("fixed-delay", RestartStrategyType::FixedDelay),
        ("fixeddelay", RestartStrategyType::FixedDelay),
        ("failure-rate", RestartStrategyType::FailureRate),
        ("failurerate", RestartStrategyType::FailureRate),
        ("exponential-delay", RestartStrategyType::ExponentialDelay),
        ("exponentialdelay", RestartStrategyType::ExponentialDelay),
    ];
}

/// `restart-strategy.type`.
pub const TYPE: ConfigOption<Option<RestartStrategyType>> = ConfigOption::new(
    "restart-strategy.type",
    "Whether and when a failed job is restarted. Unset: exponential-delay with checkpointing, none \
     without.",
)
.deprecated(&["restart-strategy"]);

/// `restart-strategy.fixed-delay.attempts`.
pub const FIXED_ATTEMPTS: ConfigOption<u32> = ConfigOption::new(
    "restart-strategy.fixed-delay.attempts",
    "How often a job is restarted before it fails.",
)
.default("1")
.fallback(&["execution-retries.default"]);

/// `restart-strategy.fixed-delay.delay`.
pub const FIXED_DELAY: ConfigOption<Duration> =
    ConfigOption::new("restart-strategy.fixed-delay.delay", "Time from a failure to the restart.")
        .default("1 s")
        .fallback(&["execution-retries.delay"]);

/// `restart-strategy.failure-rate.max-failures-per-interval`.
pub const RATE_MAX_FAILURES: ConfigOption<u32> = ConfigOption::new(
    "restart-strategy.failure-rate.max-failures-per-interval",
    "Failures within one interval that are restarted from; the next one fails the job.",
)
.default("1");

/// `restart-strategy.failure-rate.failure-rate-interval`.
pub const RATE_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.failure-rate.failure-rate-interval",
    "The interval in which failures are counted.",
)
.default("1 min")
.rule(super::is_above_zero, super::ABOVE_ZERO);

/// `restart-strategy.failure-rate.delay`.
pub const RATE_DELAY: ConfigOption<Duration> =
    ConfigOption::new("restart-strategy.failure-rate.delay", "Time from a failure to the restart.")
        .default("1 s");

/// `restart-strategy.exponential-delay.initial-backoff`.
pub const INITIAL_BACKOFF: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.exponential-delay.initial-backoff",
    "Time from the first failure to its restart.",
)
.default("1 s")
.rule(is_one_ms_or_more, ONE_MS_OR_MORE);

/// `restart-strategy.exponential-delay.max-backoff`.
pub const MAX_BACKOFF: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.exponential-delay.max-backoff",
    "Longest time from a failure to its restart.",
)
.default("1 min")
.rule(is_one_ms_or_more, ONE_MS_OR_MORE);

/// `restart-strategy.exponential-delay.backoff-multiplier`.
pub const BACKOFF_MULTIPLIER: ConfigOption<f64> = ConfigOption::new(
    "restart-strategy.exponential-delay.backoff-multiplier",
    "What the time grows by from failure to failure.",
)
.default("1.5")
.rule(|&multiplier| multiplier > 1.0, "a number above 1, such as 1.5");

/// `restart-strategy.exponential-delay.reset-backoff-threshold`.
pub const RESET_BACKOFF_THRESHOLD: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "A job that ran so long without a failure begins again with the initial time.",
)
.default("1 h")
.rule(is_one_ms_or_more, ONE_MS_OR_MORE);

/// `restart-strategy.exponential-delay.jitter-factor`.
pub const JITTER_FACTOR: ConfigOption<f64> = ConfigOption::new(
    "restart-strategy.exponential-delay.jitter-factor",
    "By how much of it, at most, each time is made longer or shorter at random.",
)
.default("0.1")
.rule(|factor| (0.0..=1.0).contains(factor), "a number from 0 to 1, such as 0.1");

/// `restart-strategy.exponential-delay.attempts-before-reset-backoff`.
pub const ATTEMPTS_BEFORE_RESET: ConfigOption<u32> = ConfigOption::new(
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
    "Restarts without a quiet time between them after which the job fails.",
)
.default("2147483647");

fn is_one_ms_or_more(time: &Duration) -> bool {
    *time >= Duration::from_millis(1)
}

const ONE_MS_OR_MORE: &str = "a duration of at least 1 ms, such as 10 s";

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        TYPE.describe(),
        FIXED_ATTEMPTS.describe(),
        FIXED_DELAY.describe(),
        RATE_MAX_FAILURES.describe(),
        RATE_INTERVAL.describe(),
        RATE_DELAY.describe(),
        INITIAL_BACKOFF.describe(),
        MAX_BACKOFF.describe(),
        BACKOFF_MULTIPLIER.describe(),
        RESET_BACKOFF_THRESHOLD.describe(),
        JITTER_FACTOR.describe(),
        ATTEMPTS_BEFORE_RESET.describe(),
    ]
}

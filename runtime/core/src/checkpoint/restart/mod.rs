//! Restart strategies: (state, failure at a time) -> restart after, or give up.
//!
//! The keys, defaults and meaning are Flink's. Without a setting, a job with checkpoints restarts
//! with exponential delay, and one without does not restart: nothing it lost would come back.
//!
//! Invariants: a strategy that gave up is not asked again; delays are bounded by the configuration.
//!
//! Thread: any; pure. The clock and the seed come from the caller. Deliberately absent: which tasks
//! a restart concerns (failover), and what they are given (the coordinator's restore point).

mod strategy;

pub use strategy::{FailureVerdict, RestartSettings, RestartStrategy};

use std::time::Duration;

use brisk_memory::config::options::restart::{self as options, RestartStrategyType};
use brisk_memory::config::{ConfigError, Configuration, render_duration};

/// What a configuration asks for cannot be had together.
#[derive(Debug, thiserror::Error)]
pub enum RestartConfigError {
    /// One of the keys.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The delay would begin above its limit.
    #[error(
        "restart-strategy.exponential-delay.initial-backoff ({}) is above .max-backoff ({})",
        render_duration(*initial), render_duration(*max)
    )]
    BackoffOutOfOrder {
        /// The first delay.
        initial: Duration,
        /// The longest.
        max: Duration,
    },
}

impl RestartSettings {
    /// Reads the keys under `restart-strategy`; `checkpointing` is whether the job takes checkpoints
    /// by itself.
    ///
    /// # Errors
    /// When a value is refused, or the first delay is above the longest.
    pub fn read(
        config: &Configuration,
        checkpointing: bool,
    ) -> Result<RestartSettings, RestartConfigError> {
        let legacy = config.raw("execution-retries.default").is_some();
        let kind = match config.get(&options::TYPE)? {
            Some(kind) => kind,
            // The key of the first versions, which stood for a number of restarts.
            None if legacy => RestartStrategyType::FixedDelay,
            None if checkpointing => RestartStrategyType::ExponentialDelay,
            None => RestartStrategyType::None,
        };
        Ok(match kind {
            RestartStrategyType::None => RestartSettings::None,
            RestartStrategyType::FixedDelay => RestartSettings::FixedDelay {
                attempts: config.get(&options::FIXED_ATTEMPTS)?,
                delay: config.get(&options::FIXED_DELAY)?,
            },
            RestartStrategyType::FailureRate => RestartSettings::FailureRate {
                max_failures: config.get(&options::RATE_MAX_FAILURES)?,
                interval: config.get(&options::RATE_INTERVAL)?,
                delay: config.get(&options::RATE_DELAY)?,
            },
            RestartStrategyType::ExponentialDelay => exponential(config)?,
        })
    }
}

fn exponential(config: &Configuration) -> Result<RestartSettings, RestartConfigError> {
    let initial = config.get(&options::INITIAL_BACKOFF)?;
    let max = config.get(&options::MAX_BACKOFF)?;
    if initial > max {
        return Err(RestartConfigError::BackoffOutOfOrder { initial, max });
    }
    Ok(RestartSettings::ExponentialDelay {
        initial,
        max,
        multiplier: config.get(&options::BACKOFF_MULTIPLIER)?,
        reset_after: config.get(&options::RESET_BACKOFF_THRESHOLD)?,
        jitter: config.get(&options::JITTER_FACTOR)?,
        attempts: config.get(&options::ATTEMPTS_BEFORE_RESET)?,
    })
}

#[cfg(test)]
mod tests;

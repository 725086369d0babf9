//! What the configuration says about checkpoints, read and checked once.

use std::num::NonZeroU32;
use std::time::Duration;

use brisk_memory::config::options::checkpointing::{
    self as options, CheckpointStorage, CheckpointingMode, Retention,
};
use brisk_memory::config::options::state::{self, StateBackendType};
use brisk_memory::config::{ConfigError, Configuration, render_duration};

use super::kind::Alignment;

/// How a job is checkpointed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckpointConfig {
    /// From one checkpoint to the next; none for savepoints only.
    pub interval: Option<Duration>,
    /// The same while a source works off a backlog.
    pub interval_during_backlog: Option<Duration>,
    /// From the end of one to the start of the next, at least.
    pub min_pause: Duration,
    /// How many may be under way.
    pub max_concurrent: NonZeroU32,
    /// How long one may take.
    pub timeout: Duration,
    /// How many may fail one after another.
    pub tolerable_failures: u32,
    /// What is promised.
    pub mode: CheckpointingMode,
    /// How barriers of checkpoints travel. Those of savepoints are always aligned.
    pub alignment: Alignment,
    /// Whether they go on when some tasks have finished.
    pub after_tasks_finish: bool,
    /// Whether they write only what changed.
    pub incremental: bool,
    /// What becomes of them when the job ends.
    pub retention: Retention,
    /// How many completed ones are kept.
    pub num_retained: NonZeroU32,
    /// The folder of savepoints that name none.
    pub savepoint_dir: Option<String>,
}

/// What a configuration asks for cannot be had together.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointConfigError {
    /// One of the keys.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// In-flight records of two checkpoints can't be told apart.
    #[error(
        "execution.checkpointing.max-concurrent-checkpoints is {0}, but with \
         execution.checkpointing.unaligned.enabled only one checkpoint can be under way: set it to 1"
    )]
    ConcurrentUnaligned(u32),
    /// The time between checkpoints is shorter than anything useful.
    #[error("execution.checkpointing.interval is {}: it must be at least 10 ms", render_duration(*.0))]
    IntervalTooShort(Duration),
    /// Files need a folder.
    #[error(
        "execution.checkpointing.storage is filesystem, but execution.checkpointing.dir names no \
         folder: set it"
    )]
    NoDirectory,
}

/// The least interval, as in Flink: below, a job would do nothing but checkpoints.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

impl CheckpointConfig {
    /// Reads the keys under `execution.checkpointing`.
    ///
    /// # Errors
    /// When a value is refused, or values don't go together.
    pub fn read(config: &Configuration) -> Result<CheckpointConfig, CheckpointConfigError> {
        let interval = config.get(&options::INTERVAL)?.filter(|interval| !interval.is_zero());
        if let Some(short) = interval.filter(|interval| *interval < INTERVAL_MIN) {
            return Err(CheckpointConfigError::IntervalTooShort(short));
        }
        let mode = config.get(&options::MODE)?;
        let alignment = alignment(config, mode)?;
        let min_pause = config.get(&options::MIN_PAUSE)?;
        let mut max_concurrent = config.get(&options::MAX_CONCURRENT)?;
        let overtakes = matches!(alignment, Alignment::Unaligned | Alignment::AlignedUntil(_));
        if overtakes && max_concurrent > 1 {
            return Err(CheckpointConfigError::ConcurrentUnaligned(max_concurrent));
        }
        if !min_pause.is_zero() {
            max_concurrent = 1;
        }
        let at_least_one = |value| NonZeroU32::new(value).expect("the option's rule: at least 1");
        Ok(CheckpointConfig {
            interval,
            interval_during_backlog: config.get(&options::INTERVAL_DURING_BACKLOG)?,
            min_pause,
            max_concurrent: at_least_one(max_concurrent),
            timeout: config.get(&options::TIMEOUT)?,
            tolerable_failures: config.get(&options::TOLERABLE_FAILED)?,
            mode,
            alignment,
            after_tasks_finish: config.get(&options::AFTER_TASKS_FINISH)?,
            incremental: config.get(&options::INCREMENTAL)?,
            retention: config.get(&options::RETENTION)?,
            num_retained: at_least_one(config.get(&options::NUM_RETAINED)?),
            savepoint_dir: config.get(&options::SAVEPOINT_DIR)?,
        })
    }

    /// Whether checkpoints are taken by themselves.
    pub fn is_periodic(&self) -> bool {
        self.interval.is_some()
    }

    /// The time to the next checkpoint; none while there is to be none.
    pub(super) fn interval(&self, backlog: bool) -> Option<Duration> {
        let interval = self.interval?;
        match self.interval_during_backlog {
            Some(other) if backlog => Some(other).filter(|other| !other.is_zero()),
            _ => Some(interval),
        }
    }
}

/// Barriers that wait for nothing have nothing to overtake, so at least once wins over unaligned.
fn alignment(
    config: &Configuration,
    mode: CheckpointingMode,
) -> Result<Alignment, CheckpointConfigError> {
    let unaligned = config.get(&options::UNALIGNED)?;
    let timeout = config.get(&options::ALIGNED_TIMEOUT)?;
    Ok(match mode {
        CheckpointingMode::AtLeastOnce => Alignment::AtLeastOnce,
        CheckpointingMode::ExactlyOnce if !unaligned => Alignment::Aligned,
        CheckpointingMode::ExactlyOnce if timeout.is_zero() => Alignment::Unaligned,
        CheckpointingMode::ExactlyOnce => Alignment::AlignedUntil(timeout),
    })
}

/// Where a job's checkpoints are kept: what `execution.checkpointing.storage` says; unset, what the
/// 1.x names of backends stand for; else files when there is a folder for them.
///
/// # Errors
/// When a value is refused, or files have no folder.
pub fn checkpoint_storage(
    config: &Configuration,
) -> Result<CheckpointStorage, CheckpointConfigError> {
    let directory = config.get(&options::DIR)?;
    let asked = match (config.get(&options::STORAGE)?, config.get(&state::BACKEND)?) {
        (Some(storage), _) => Some(storage),
        (None, StateBackendType::JobManager) => Some(CheckpointStorage::JobManager),
        (None, StateBackendType::FileSystem) => Some(CheckpointStorage::FileSystem),
        (None, StateBackendType::HashMap | StateBackendType::RocksDb) => None,
    };
    match (asked, directory) {
        (Some(CheckpointStorage::FileSystem), None) => Err(CheckpointConfigError::NoDirectory),
        (Some(storage), _) => Ok(storage),
        (None, Some(_)) => Ok(CheckpointStorage::FileSystem),
        (None, None) => Ok(CheckpointStorage::JobManager),
    }
}

#[cfg(test)]
mod tests;

//! `GET /jobs/:jobid/checkpoints/config`.

use std::time::Duration;

use brisk_memory::config::options::checkpointing::{CheckpointingMode, Retention};
use serde::Serialize;

use crate::checkpoint::config::CheckpointConfig;
use crate::checkpoint::kind::Alignment;

/// `CheckpointConfigInfo`.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct CheckpointConfigInfo {
    pub mode: &'static str,
    pub interval: i64,
    pub timeout: i64,
    pub min_pause: i64,
    pub max_concurrent: u32,
    pub externalization: ExternalizationInfo,
    pub state_backend: String,
    pub checkpoint_storage: String,
    pub unaligned_checkpoints: bool,
    pub tolerable_failed_checkpoints: u32,
    pub aligned_checkpoint_timeout: i64,
    pub checkpoints_after_tasks_finish: bool,
    pub state_changelog_enabled: bool,
    pub changelog_periodic_materialization_interval: i64,
    pub changelog_storage: &'static str,
}

/// Whether checkpoints outlive their job.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of Flink's REST API")]
pub struct ExternalizationInfo {
    pub enabled: bool,
    pub delete_on_cancellation: bool,
}

/// What Flink shows of a feature that is off: the default of its key.
const MATERIALIZATION_INTERVAL_MS: i64 = 600_000;

impl CheckpointConfigInfo {
    /// Of this configuration; the names are those of the state backend and the storage.
    pub fn new(config: &CheckpointConfig, state_backend: &str, storage: &str) -> Self {
        let aligned_timeout = match config.alignment {
            Alignment::AlignedUntil(timeout) => timeout,
            _ => Duration::ZERO,
        };
        let overtakes =
            matches!(config.alignment, Alignment::Unaligned | Alignment::AlignedUntil(_));
        CheckpointConfigInfo {
            mode: match config.mode {
                CheckpointingMode::ExactlyOnce => "exactly_once",
                CheckpointingMode::AtLeastOnce => "at_least_once",
            },
            interval: config.interval.map_or(i64::MAX, millis),
            timeout: millis(config.timeout),
            min_pause: millis(config.min_pause),
            max_concurrent: config.max_concurrent.get(),
            externalization: ExternalizationInfo {
                enabled: config.retention != Retention::Never,
                delete_on_cancellation: config.retention != Retention::RetainOnCancellation,
            },
            state_backend: state_backend.to_owned(),
            checkpoint_storage: storage.to_owned(),
            unaligned_checkpoints: overtakes,
            tolerable_failed_checkpoints: config.tolerable_failures,
            aligned_checkpoint_timeout: millis(aligned_timeout),
            checkpoints_after_tasks_finish: config.after_tasks_finish,
            state_changelog_enabled: false,
            changelog_periodic_materialization_interval: MATERIALIZATION_INTERVAL_MS,
            changelog_storage: "memory",
        }
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

//! When checkpoints are taken, how their barriers travel, and where they are kept.

use std::time::Duration;

use super::{AT_LEAST_ONE, at_least_one};
use crate::config::grammar::{ConfigEnum, MemorySize, PathList};
use crate::config::option::{ConfigOption, OptionDescription};

/// `execution.checkpointing.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointingMode {
    /// After a failure each record counts in the state once.
    ExactlyOnce,
    /// It counts once or more often; barriers wait for nothing.
    AtLeastOnce,
}

impl ConfigEnum for CheckpointingMode {
    const NAME: &'static str = "CheckpointingMode";
    const NAMES: &'static [(&'static str, CheckpointingMode)] = &[
        ("EXACTLY_ONCE", CheckpointingMode::ExactlyOnce),
        ("AT_LEAST_ONCE", CheckpointingMode::AtLeastOnce),
    ];
}

/// `execution.checkpointing.externalized-checkpoint-retention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Deleted when the job ends, however it ends.
    Never,
    /// Kept when the job fails or is suspended.
    DeleteOnCancellation,
    /// Kept also when it is canceled.
    RetainOnCancellation,
}

impl ConfigEnum for Retention {
    const NAME: &'static str = "ExternalizedCheckpointRetention";
    const NAMES: &'static [(&'static str, Retention)] = &[
        ("NO_EXTERNALIZED_CHECKPOINTS", Retention::Never),
        ("DELETE_ON_CANCELLATION", Retention::DeleteOnCancellation),
        ("RETAIN_ON_CANCELLATION", Retention::RetainOnCancellation),
    ];
}

/// `execution.checkpointing.storage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointStorage {
    /// State travels in the acknowledgements and is kept by the job manager.
    JobManager,
    /// State is written to files below `execution.checkpointing.dir`.
    FileSystem,
}

impl ConfigEnum for CheckpointStorage {
    const NAME: &'static str = "CheckpointStorage";
    const NAMES: &'static [(&'static str, CheckpointStorage)] = &[
        ("jobmanager", CheckpointStorage::JobManager),
        ("filesystem", CheckpointStorage::FileSystem),
    ];
}

/// `execution.checkpointing.interval`.
pub const INTERVAL: ConfigOption<Option<Duration>> = ConfigOption::new(
    "execution.checkpointing.interval",
    "Time from one checkpoint to the next; unset or 0 takes none.",
);

/// `execution.checkpointing.interval-during-backlog`.
pub const INTERVAL_DURING_BACKLOG: ConfigOption<Option<Duration>> = ConfigOption::new(
    "execution.checkpointing.interval-during-backlog",
    "The interval while a source works off a backlog; 0 takes none meanwhile. Unset, the interval \
     stays.",
);

/// `execution.checkpointing.mode`.
pub const MODE: ConfigOption<CheckpointingMode> = ConfigOption::new(
    "execution.checkpointing.mode",
    "What a job promises after a failure. At least once, barriers are not aligned.",
)
.default("EXACTLY_ONCE");

/// `execution.checkpointing.timeout`.
pub const TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "execution.checkpointing.timeout",
    "Longest time a checkpoint may take before it is given up.",
)
.default("10 min")
.rule(super::is_above_zero, super::ABOVE_ZERO);

/// `execution.checkpointing.min-pause`.
pub const MIN_PAUSE: ConfigOption<Duration> = ConfigOption::new(
    "execution.checkpointing.min-pause",
    "Least time between the end of one checkpoint and the start of the next. Above zero it bounds \
     concurrent checkpoints to one.",
)
.default("0 ms");

/// `execution.checkpointing.max-concurrent-checkpoints`.
pub const MAX_CONCURRENT: ConfigOption<u32> = ConfigOption::new(
    "execution.checkpointing.max-concurrent-checkpoints",
    "Checkpoints that may be under way at a time; savepoints are not counted out. One with \
     unaligned checkpoints.",
)
.default("1")
.rule(at_least_one, AT_LEAST_ONE);

/// `execution.checkpointing.tolerable-failed-checkpoints`.
pub const TOLERABLE_FAILED: ConfigOption<u32> = ConfigOption::new(
    "execution.checkpointing.tolerable-failed-checkpoints",
    "Checkpoints that may fail one after another before the job does.",
)
.default("0");

/// `execution.checkpointing.checkpoints-after-tasks-finish`.
pub const AFTER_TASKS_FINISH: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.checkpoints-after-tasks-finish",
    "Whether checkpoints go on when some tasks have finished.",
)
.default("true")
.deprecated(&["execution.checkpointing.checkpoints-after-tasks-finish.enabled"]);

/// `execution.checkpointing.unaligned.enabled`.
pub const UNALIGNED: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.unaligned.enabled",
    "Whether barriers overtake records, which then become part of the checkpoint.",
)
.default("false")
.deprecated(&["execution.checkpointing.unaligned"]);

/// `execution.checkpointing.unaligned.forced`.
pub const UNALIGNED_FORCED: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.unaligned.forced",
    "Accepted for Flink's sake: unaligned barriers overtake on every exchange, with either value.",
)
.default("false");

/// `execution.checkpointing.aligned-checkpoint-timeout`.
pub const ALIGNED_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "execution.checkpointing.aligned-checkpoint-timeout",
    "With unaligned checkpoints: how long barriers are aligned before they overtake. 0 overtakes at \
     once.",
)
.default("0 ms")
.deprecated(&["execution.checkpointing.alignment-timeout"]);

/// `execution.checkpointing.incremental`.
pub const INCREMENTAL: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.incremental",
    "Whether a checkpoint writes only what changed since the last one.",
)
.default("false")
.deprecated(&["state.backend.incremental"]);

/// `execution.checkpointing.snapshot-compression`.
pub const SNAPSHOT_COMPRESSION: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.snapshot-compression",
    "Whether state in checkpoints and savepoints is compressed (zstd).",
)
.default("false");

/// `execution.checkpointing.externalized-checkpoint-retention`.
pub const RETENTION: ConfigOption<Retention> = ConfigOption::new(
    "execution.checkpointing.externalized-checkpoint-retention",
    "What becomes of checkpoints when their job ends. A job that finishes deletes them always.",
)
.default("NO_EXTERNALIZED_CHECKPOINTS");

/// `execution.checkpointing.num-retained`.
pub const NUM_RETAINED: ConfigOption<u32> = ConfigOption::new(
    "execution.checkpointing.num-retained",
    "Completed checkpoints that are kept; older ones are deleted.",
)
.default("1")
.deprecated(&["state.checkpoints.num-retained"])
.rule(at_least_one, AT_LEAST_ONE);

/// `execution.checkpointing.storage`.
pub const STORAGE: ConfigOption<Option<CheckpointStorage>> = ConfigOption::new(
    "execution.checkpointing.storage",
    "Where checkpoints are kept. Unset: filesystem when execution.checkpointing.dir is set, else \
     jobmanager.",
)
.deprecated(&["state.checkpoint-storage"]);

/// `execution.checkpointing.dir`.
pub const DIR: ConfigOption<Option<String>> = ConfigOption::new(
    "execution.checkpointing.dir",
    "Folder of checkpoints. Each job has a folder in it, called by its id.",
)
.deprecated(&["state.checkpoints.dir", "state.backend.fs.checkpointdir"]);

/// `execution.checkpointing.savepoint-dir`.
pub const SAVEPOINT_DIR: ConfigOption<Option<String>> = ConfigOption::new(
    "execution.checkpointing.savepoint-dir",
    "Folder of savepoints that are asked for without one.",
)
.deprecated(&["state.savepoints.dir", "savepoints.state.backend.fs.dir"]);

/// `execution.checkpointing.create-subdir`.
pub const CREATE_SUBDIR: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.create-subdir",
    "Whether a job's checkpoints are in a folder called by its id.",
)
.default("true")
.deprecated(&["state.checkpoints.create-subdir"]);

/// `execution.checkpointing.data-inline-threshold`.
pub const INLINE_THRESHOLD: ConfigOption<MemorySize> = ConfigOption::new(
    "execution.checkpointing.data-inline-threshold",
    "State below this size is kept in the metadata file instead of a file of its own; at most 1 mb.",
)
.default("20 kb")
.deprecated(&["state.storage.fs.memory-threshold", "state.backend.fs.memory-threshold"])
.rule(at_most_one_mib, "a size of at most 1 mb, such as 20 kb");

fn at_most_one_mib(size: &MemorySize) -> bool {
    *size <= MemorySize::from_kib(1024)
}

/// `execution.checkpointing.write-buffer-size`.
pub const WRITE_BUFFER_SIZE: ConfigOption<u32> = ConfigOption::new(
    "execution.checkpointing.write-buffer-size",
    "Accepted for Flink's sake: state is written in blocks of 64 kb and more, with any value.",
)
.default("4096")
.deprecated(&["state.storage.fs.write-buffer-size", "state.backend.fs.write-buffer-size"]);

/// `execution.checkpointing.local-backup.enabled`.
pub const LOCAL_BACKUP: ConfigOption<bool> = ConfigOption::new(
    "execution.checkpointing.local-backup.enabled",
    "Whether the files of the last complete checkpoint are copied to local folders, to start from \
     after a failure.",
)
.default("false")
.deprecated(&["state.backend.local-recovery"])
.fallback(&["execution.state-recovery.from-local"]);

/// `execution.checkpointing.local-backup.dirs`.
pub const LOCAL_BACKUP_DIRS: ConfigOption<Option<PathList>> = ConfigOption::new(
    "execution.checkpointing.local-backup.dirs",
    "Folders for local copies of state, of which a job uses one. Unset, those of io.tmp.dirs.",
)
.deprecated(&["taskmanager.state.local.root-dirs"]);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        INTERVAL.describe(),
        INTERVAL_DURING_BACKLOG.describe(),
        MODE.describe(),
        TIMEOUT.describe(),
        MIN_PAUSE.describe(),
        MAX_CONCURRENT.describe(),
        TOLERABLE_FAILED.describe(),
        AFTER_TASKS_FINISH.describe(),
        UNALIGNED.describe(),
        UNALIGNED_FORCED.describe(),
        ALIGNED_TIMEOUT.describe(),
        INCREMENTAL.describe(),
        SNAPSHOT_COMPRESSION.describe(),
        RETENTION.describe(),
        NUM_RETAINED.describe(),
        STORAGE.describe(),
        DIR.describe(),
        SAVEPOINT_DIR.describe(),
        CREATE_SUBDIR.describe(),
        INLINE_THRESHOLD.describe(),
        WRITE_BUFFER_SIZE.describe(),
        LOCAL_BACKUP.describe(),
        LOCAL_BACKUP_DIRS.describe(),
    ]
}

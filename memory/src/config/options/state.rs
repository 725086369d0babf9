//! The state backend, and what a job is restored from.

use crate::config::grammar::ConfigEnum;
use crate::config::option::{ConfigOption, OptionDescription};

/// `state.backend.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateBackendType {
    /// In segments of managed memory.
    HashMap,
    /// In RocksDB.
    RocksDb,
    /// The `MemoryStateBackend` of 1.x: in memory, with checkpoints kept by the job manager.
    JobManager,
    /// The `FsStateBackend` of 1.x: in memory, with checkpoints in files.
    FileSystem,
}

impl ConfigEnum for StateBackendType {
    const NAME: &'static str = "StateBackendType";
    const NAMES: &'static [(&'static str, StateBackendType)] = &[
        ("hashmap", StateBackendType::HashMap),
        ("rocksdb", StateBackendType::RocksDb),
        ("jobmanager", StateBackendType::JobManager),
        ("filesystem", StateBackendType::FileSystem),
    ];
}

/// `execution.state-recovery.claim-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimMode {
    /// The job owns what it is restored from, and deletes it once it has newer checkpoints.
    Claim,
    /// It reads it and leaves it alone; its first checkpoint refers to nothing in it.
    NoClaim,
}

impl ConfigEnum for ClaimMode {
    const NAME: &'static str = "RecoveryClaimMode";
    // LEGACY is gone in 2.x; what is left of it without owning anything is NO_CLAIM.
    const NAMES: &'static [(&'static str, ClaimMode)] = &[
        ("NO_CLAIM", ClaimMode::NoClaim),
        ("CLAIM", ClaimMode::Claim),
        ("LEGACY", ClaimMode::NoClaim),
    ];
}

/// `state.backend.type`.
pub const BACKEND: ConfigOption<StateBackendType> = ConfigOption::new(
    "state.backend.type",
    "Where keyed state is kept while a job runs. jobmanager and filesystem are the 1.x names of \
     hashmap with that checkpoint storage.",
)
.default("hashmap")
.deprecated(&["state.backend"]);

/// `state.backend.async`, gone since 1.17.
pub const BACKEND_ASYNC: ConfigOption<bool> = ConfigOption::new(
    "state.backend.async",
    "Accepted for the sake of Flink 1.x: snapshots never hold up records, with either value.",
)
.default("true");

/// `execution.state-recovery.path`.
pub const RECOVERY_PATH: ConfigOption<Option<String>> = ConfigOption::new(
    "execution.state-recovery.path",
    "Checkpoint or savepoint that a job begins with: its folder, or the _metadata file in it.",
)
.deprecated(&["execution.savepoint.path"]);

/// `execution.state-recovery.ignore-unclaimed-state`.
pub const IGNORE_UNCLAIMED_STATE: ConfigOption<bool> = ConfigOption::new(
    "execution.state-recovery.ignore-unclaimed-state",
    "Whether state of operators that the job no longer has is left out instead of being an error.",
)
.default("false")
.deprecated(&["execution.savepoint.ignore-unclaimed-state"]);

/// `execution.state-recovery.claim-mode`.
pub const CLAIM_MODE: ConfigOption<ClaimMode> = ConfigOption::new(
    "execution.state-recovery.claim-mode",
    "Whether the job takes over what it is restored from.",
)
.default("NO_CLAIM")
.deprecated(&["execution.savepoint-restore-mode"]);

/// `execution.state-recovery.from-local`.
pub const FROM_LOCAL: ConfigOption<bool> = ConfigOption::new(
    "execution.state-recovery.from-local",
    "Whether tasks that start again read local copies of state where there are some, and they are \
     whole.",
)
.default("false")
.fallback(&["state.backend.local-recovery"]);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        BACKEND.describe(),
        BACKEND_ASYNC.describe(),
        RECOVERY_PATH.describe(),
        IGNORE_UNCLAIMED_STATE.describe(),
        CLAIM_MODE.describe(),
        FROM_LOCAL.describe(),
    ]
}

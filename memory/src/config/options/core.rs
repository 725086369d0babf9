//! Parallelism, slots and folders.

use super::{AT_LEAST_ONE, at_least_one};
use crate::config::grammar::{MemorySize, PathList};
use crate::config::option::{ConfigOption, OptionDescription};

/// `parallelism.default`.
pub const DEFAULT_PARALLELISM: ConfigOption<u32> = ConfigOption::new(
    "parallelism.default",
    "Parallelism of a job that sets none. An embedded program that does not set this key uses all \
     its slots.",
)
.default("1")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.numberOfTaskSlots`.
pub const TASK_SLOTS: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.numberOfTaskSlots",
    "Slots of a TaskManager; each gets an equal share of task, managed and network memory.",
)
.default("1")
.rule(at_least_one, AT_LEAST_ONE);

/// `io.tmp.dirs`.
pub const TMP_DIRS: ConfigOption<PathList> = ConfigOption::new(
    "io.tmp.dirs",
    "Folders for temporary files, used in turn: local state of RocksDB; state in memory that managed \
     memory has no room for.",
)
.default("/tmp")
.deprecated(&["taskmanager.tmp.dirs"]);

/// `io.tmp.quota`.
pub const TMP_QUOTA: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "io.tmp.quota",
    "Most that spilled data of a process may take in each of the folders of io.tmp.dirs; who needs \
     more fails with an error that says so. Not set: as much as the disk has. Our own key.",
);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        DEFAULT_PARALLELISM.describe(),
        TASK_SLOTS.describe(),
        TMP_DIRS.describe(),
        TMP_QUOTA.describe(),
    ]
}

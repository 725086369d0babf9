//! Memory of a JobManager. The formulae are in [`model`](crate::model).

use crate::config::grammar::{Fraction, MemorySize};
use crate::config::option::{ConfigOption, OptionDescription};

/// `jobmanager.memory.process.size`.
pub const PROCESS_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "jobmanager.memory.process.size",
    "All memory of the process; in a container, its limit.",
);

/// `jobmanager.memory.flink.size`.
pub const FLINK_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "jobmanager.memory.flink.size",
    "Memory of the process without metaspace and overhead.",
);

/// `jobmanager.memory.heap.size`.
pub const HEAP_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "jobmanager.memory.heap.size",
    "Ordinary heap of the process. Derived when not set.",
)
.deprecated(&["jobmanager.heap.size"]);

/// `jobmanager.memory.off-heap.size`.
pub const OFF_HEAP_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.off-heap.size",
    "Further heap: connections and messages. Where flink.size and heap.size are both set it is what \
     they leave, and may be set to nothing else.",
)
.default("128 mb");

/// `jobmanager.memory.jvm-metaspace.size`.
pub const METASPACE: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.jvm-metaspace.size",
    "Part of the reserve: program code and static data.",
)
.default("256 mb");

/// `jobmanager.memory.jvm-overhead.fraction`.
pub const OVERHEAD_FRACTION: ConfigOption<Fraction> = ConfigOption::new(
    "jobmanager.memory.jvm-overhead.fraction",
    "Share of the process size kept as the rest of the reserve.",
)
.default("0.1");

/// `jobmanager.memory.jvm-overhead.min`.
pub const OVERHEAD_MIN: ConfigOption<MemorySize> =
    ConfigOption::new("jobmanager.memory.jvm-overhead.min", "Least overhead.").default("192 mb");

/// `jobmanager.memory.jvm-overhead.max`.
pub const OVERHEAD_MAX: ConfigOption<MemorySize> =
    ConfigOption::new("jobmanager.memory.jvm-overhead.max", "Most overhead.").default("1 gb");

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        PROCESS_SIZE.describe(),
        FLINK_SIZE.describe(),
        HEAP_SIZE.describe(),
        OFF_HEAP_SIZE.describe(),
        METASPACE.describe(),
        OVERHEAD_FRACTION.describe(),
        OVERHEAD_MIN.describe(),
        OVERHEAD_MAX.describe(),
    ]
}

//! Memory of a TaskManager. The formulae are in [`model`](crate::model).

use std::collections::BTreeMap;

use crate::config::grammar::{Fraction, MemorySize};
use crate::config::option::{ConfigOption, OptionDescription};

/// The smallest segment: one page.
pub const SEGMENT_SIZE_MIN: MemorySize = MemorySize::from_kib(4);

/// The largest segment: half of a huge page, so that one never spans two.
pub const SEGMENT_SIZE_MAX: MemorySize = MemorySize::from_mib(1);

/// `taskmanager.memory.process.size`.
pub const PROCESS_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "taskmanager.memory.process.size",
    "All memory of the process; in a container, its limit. The usual key to set.",
);

/// `taskmanager.memory.flink.size`.
pub const FLINK_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "taskmanager.memory.flink.size",
    "Memory of the process without metaspace and overhead.",
);

/// The 1.x key whose meaning depends on whether there is a container.
pub const LEGACY_HEAP_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "taskmanager.heap.size",
    "Dropped by Flink 2. Taken, with a warning, as taskmanager.memory.process.size in a container \
     with a limit and as taskmanager.memory.flink.size elsewhere, when none of the newer keys is \
     set.",
);

/// `taskmanager.memory.framework.heap.size`.
pub const FRAMEWORK_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.heap.size",
    "Ordinary heap of the runtime itself.",
)
.default("128 mb");

/// `taskmanager.memory.framework.off-heap.size`.
pub const FRAMEWORK_OFF_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.off-heap.size",
    "Further heap of the runtime: the control plane's connections and messages.",
)
.default("128 mb");

/// `taskmanager.memory.framework.off-heap.batch-shuffle.size`.
pub const BATCH_SHUFFLE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.off-heap.batch-shuffle.size",
    "Part of the framework's off-heap memory that reads blocking exchanges from disk. \
     No effect yet.",
)
.default("64 mb");

/// `taskmanager.memory.task.heap.size`.
pub const TASK_HEAP: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "taskmanager.memory.task.heap.size",
    "Ordinary heap of user code. Derived when not set.",
);

/// `taskmanager.memory.task.off-heap.size`.
pub const TASK_OFF_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.task.off-heap.size",
    "Memory that libraries of user code take outside of the measured heap.",
)
.default("0 bytes");

/// `taskmanager.memory.managed.fraction`.
pub const MANAGED_FRACTION: ConfigOption<Fraction> = ConfigOption::new(
    "taskmanager.memory.managed.fraction",
    "Share of the flink size that is managed, when no managed size is set.",
)
.default("0.4");

/// `taskmanager.memory.managed.size`.
pub const MANAGED_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "taskmanager.memory.managed.size",
    "Segments for sorting, hashing, caching and state.",
)
.deprecated(&["taskmanager.memory.size"]);

/// `taskmanager.memory.managed.consumer-weights`.
pub const MANAGED_WEIGHTS: ConfigOption<BTreeMap<String, u32>> = ConfigOption::new(
    "taskmanager.memory.managed.consumer-weights",
    "How the consumers in one slot share its managed memory. No effect yet.",
)
.default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30");

/// `taskmanager.memory.network.fraction`.
pub const NETWORK_FRACTION: ConfigOption<Fraction> = ConfigOption::new(
    "taskmanager.memory.network.fraction",
    "Share of the flink size that carries records between tasks.",
)
.default("0.1")
.deprecated(&["taskmanager.network.memory.fraction"]);

/// `taskmanager.memory.network.min`.
pub const NETWORK_MIN: ConfigOption<MemorySize> =
    ConfigOption::new("taskmanager.memory.network.min", "Least network memory.")
        .default("64 mb")
        .deprecated(&["taskmanager.network.memory.min"]);

/// `taskmanager.memory.network.max`.
pub const NETWORK_MAX: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.network.max",
    "Most network memory; the default is no bound.",
)
.default("9223372036854775807 bytes")
.deprecated(&["taskmanager.network.memory.max"]);

/// `taskmanager.memory.jvm-metaspace.size`.
pub const METASPACE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.jvm-metaspace.size",
    "Part of the reserve: program code and static data.",
)
.default("256 mb");

/// `taskmanager.memory.jvm-overhead.fraction`.
pub const OVERHEAD_FRACTION: ConfigOption<Fraction> = ConfigOption::new(
    "taskmanager.memory.jvm-overhead.fraction",
    "Share of the process size kept as the rest of the reserve: thread stacks, the allocator's own \
     needs, libraries that do not tell what they use.",
)
.default("0.1");

/// `taskmanager.memory.jvm-overhead.min`.
pub const OVERHEAD_MIN: ConfigOption<MemorySize> =
    ConfigOption::new("taskmanager.memory.jvm-overhead.min", "Least overhead.").default("192 mb");

/// `taskmanager.memory.jvm-overhead.max`.
pub const OVERHEAD_MAX: ConfigOption<MemorySize> =
    ConfigOption::new("taskmanager.memory.jvm-overhead.max", "Most overhead.").default("1 gb");

/// `taskmanager.memory.segment-size`.
pub const SEGMENT_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.segment-size",
    "Size of a segment, the unit of all preallocated memory.",
)
.default("32 kb")
.rule(is_segment_size, "a power of two from 4 kb to 1 mb, such as 32kb");

/// `taskmanager.memory.min-segment-size`.
pub const MIN_SEGMENT_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.min-segment-size",
    "Least part of a segment that a buffer is cut down to when debloating shortens queues.",
)
.default("256 bytes");

/// `taskmanager.memory.starting-segment-size`.
pub const STARTING_SEGMENT_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.starting-segment-size",
    "Part of a segment that buffers begin with while debloating knows no throughput yet.",
)
.default("1 kb");

fn is_segment_size(size: &MemorySize) -> bool {
    size.bytes().is_power_of_two() && (SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(size)
}

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        PROCESS_SIZE.describe(),
        FLINK_SIZE.describe(),
        FRAMEWORK_HEAP.describe(),
        FRAMEWORK_OFF_HEAP.describe(),
        BATCH_SHUFFLE.describe(),
        TASK_HEAP.describe(),
        TASK_OFF_HEAP.describe(),
        MANAGED_FRACTION.describe(),
        MANAGED_SIZE.describe(),
        MANAGED_WEIGHTS.describe(),
        NETWORK_FRACTION.describe(),
        NETWORK_MIN.describe(),
        NETWORK_MAX.describe(),
        METASPACE.describe(),
        OVERHEAD_FRACTION.describe(),
        OVERHEAD_MIN.describe(),
        OVERHEAD_MAX.describe(),
        SEGMENT_SIZE.describe(),
        MIN_SEGMENT_SIZE.describe(),
        STARTING_SEGMENT_SIZE.describe(),
        LEGACY_HEAP_SIZE.describe(),
    ]
}

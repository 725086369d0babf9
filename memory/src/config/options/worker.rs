//! Worker threads, the I/O driver and how memory is mapped: our own keys, unknown to Flink.

use crate::config::grammar::ConfigEnum;
use crate::config::option::{ConfigOption, OptionDescription};

/// `taskmanager.io.driver`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoDriver {
    /// io_uring where the system allows it, else epoll with one logged note.
    Auto,
    /// io_uring, or an error.
    Uring,
    /// epoll with a small pool of threads for files.
    Epoll,
}

impl ConfigEnum for IoDriver {
    const NAME: &'static str = "IoDriver";
    const NAMES: &'static [(&'static str, IoDriver)] =
        &[("auto", IoDriver::Auto), ("uring", IoDriver::Uring), ("epoll", IoDriver::Epoll)];
}

/// `taskmanager.memory.huge-pages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HugePageUse {
    /// Huge pages where the system gives them, else plain pages with a logged note.
    Try,
    /// Plain pages.
    Off,
}

impl ConfigEnum for HugePageUse {
    const NAME: &'static str = "HugePages";
    const NAMES: &'static [(&'static str, HugePageUse)] =
        &[("try", HugePageUse::Try), ("off", HugePageUse::Off)];
}

/// Above the cores of any machine we know. Each worker has a thread, a ring and file descriptors, and
/// a process that runs out of threads in the middle of starting one is aborted by the standard library.
const WORKERS_MAX: u32 = 1024;

fn is_worker_count(value: &Option<u32>) -> bool {
    value.is_none_or(|count| (1..=WORKERS_MAX).contains(&count))
}

/// `taskmanager.workers`.
pub const WORKERS: ConfigOption<Option<u32>> = ConfigOption::new(
    "taskmanager.workers",
    "Worker threads of a TaskManager. Not set: one for each slot, at most one for each core. Our \
     own key.",
)
.rule(is_worker_count, "a whole number from 1 to 1024");

/// `taskmanager.workers.pin`.
pub const PIN_WORKERS: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.workers.pin",
    "Whether each worker thread stays on one core. Our own key.",
)
.default("true");

/// `taskmanager.io.driver`.
pub const IO_DRIVER: ConfigOption<IoDriver> = ConfigOption::new(
    "taskmanager.io.driver",
    "What carries out file and network operations. auto takes uring where the system allows it, \
     else epoll. Our own key.",
)
.default("auto");

/// `taskmanager.memory.huge-pages`.
pub const HUGE_PAGES: ConfigOption<HugePageUse> = ConfigOption::new(
    "taskmanager.memory.huge-pages",
    "Whether segments are put on huge pages; try falls back to plain pages with a logged note. Our \
     own key.",
)
.default("try");

/// `taskmanager.memory.prefault`.
pub const PREFAULT: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.memory.prefault",
    "Whether all segments are touched at start, so that no page fault comes later. Our own key.",
)
.default("false");

/// `taskmanager.memory.mlock`.
pub const MLOCK: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.memory.mlock",
    "Whether segments are locked into memory, so that they are never swapped out. Our own key.",
)
.default("false");

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        WORKERS.describe(),
        PIN_WORKERS.describe(),
        IO_DRIVER.describe(),
        HUGE_PAGES.describe(),
        PREFAULT.describe(),
        MLOCK.describe(),
    ]
}

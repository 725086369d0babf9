//! How a job is run.

use std::time::Duration;

use crate::config::grammar::ConfigEnum;
use crate::config::option::{ConfigOption, OptionDescription};

/// `execution.runtime-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeMode {
    /// Records flow as they come; state is kept by key.
    Streaming,
    /// Bounded input, stage by stage.
    Batch,
    /// Batch when every source is bounded, else streaming.
    Automatic,
}

impl ConfigEnum for RuntimeMode {
    const NAME: &'static str = "RuntimeMode";
    const NAMES: &'static [(&'static str, RuntimeMode)] = &[
        ("STREAMING", RuntimeMode::Streaming),
        ("BATCH", RuntimeMode::Batch),
        ("AUTOMATIC", RuntimeMode::Automatic),
    ];
}

/// `execution.runtime-mode`.
pub const RUNTIME_MODE: ConfigOption<RuntimeMode> =
    ConfigOption::new("execution.runtime-mode", "Whether a job runs as a stream or in stages.")
        .default("STREAMING");

/// `execution.buffer-timeout.enabled`.
pub const BUFFER_TIMEOUT_ENABLED: ConfigOption<bool> = ConfigOption::new(
    "execution.buffer-timeout.enabled",
    "Whether a buffer leaves at the timeout. When false it leaves when it is full, and when its \
     producer has no more input.",
)
.default("true");

/// `execution.buffer-timeout.interval`.
pub const BUFFER_TIMEOUT_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "execution.buffer-timeout.interval",
    "Longest time that a record waits in a buffer that is not full; 0 sends it at once.",
)
.default("100 ms")
.deprecated(&["execution.buffer-timeout"]);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        RUNTIME_MODE.describe(),
        BUFFER_TIMEOUT_ENABLED.describe(),
        BUFFER_TIMEOUT_INTERVAL.describe(),
    ]
}

//! When a part is closed, beside at each barrier.

use std::time::Duration;

/// How large and how old parts get. Whatever it says, parts are closed at each checkpoint too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingPolicy {
    /// A part of so many bytes is closed; the last record may go beyond.
    pub max_bytes: u64,
    /// A part is closed so long after its first record.
    pub max_age: Duration,
    /// A part is closed when no record has come to it for so long.
    pub max_idle: Duration,
}

impl Default for RollingPolicy {
    /// 128 MiB, 60 s, 60 s, as Flink's file sink.
    fn default() -> RollingPolicy {
        let minute = Duration::from_secs(60);
        RollingPolicy { max_bytes: 128 << 20, max_age: minute, max_idle: minute }
    }
}

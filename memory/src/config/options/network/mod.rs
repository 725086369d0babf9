//! Exchange between tasks: buffers, debloating, connections.

pub mod processes;

use std::time::Duration;

use super::{ABOVE_ZERO, AT_LEAST_ONE, at_least_one, at_least_one_if_set, is_above_zero};
use crate::config::grammar::ConfigEnum;
use crate::config::option::{ConfigOption, OptionDescription};

/// Compression of blocking exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShuffleCodec {
    /// LZ4 blocks.
    Lz4,
    /// LZO; named by Flink, not offered here.
    Lzo,
    /// Zstandard.
    Zstd,
    /// Stored as it is.
    None,
}

impl ConfigEnum for ShuffleCodec {
    const NAME: &'static str = "CompressionCodec";
    const NAMES: &'static [(&'static str, ShuffleCodec)] = &[
        ("LZ4", ShuffleCodec::Lz4),
        ("LZO", ShuffleCodec::Lzo),
        ("ZSTD", ShuffleCodec::Zstd),
        ("NONE", ShuffleCodec::None),
    ];
}

/// `taskmanager.network.memory.buffers-per-channel`, fixed in Flink 2.
pub const BUFFERS_PER_CHANNEL: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.buffers-per-channel",
    "Exclusive segments of an input channel. Flink 2 fixes this; here it can still be set.",
)
.default("2");

/// `taskmanager.network.memory.floating-buffers-per-gate`, fixed in Flink 2.
pub const FLOATING_BUFFERS_PER_GATE: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.floating-buffers-per-gate",
    "Segments of an input gate that serve whichever channel has a backlog. Flink 2 fixes this; \
     here it can still be set.",
)
.default("8")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.network.memory.max-buffers-per-channel`, fixed in Flink 2.
pub const MAX_BUFFERS_PER_CHANNEL: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.max-buffers-per-channel",
    "Most segments that one subpartition may hold, so that one slow consumer does not take them \
     all. Flink 2 fixes this; here it can still be set.",
)
.default("10")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.network.memory.max-overdraft-buffers-per-gate`, fixed in Flink 2.
pub const MAX_OVERDRAFT_BUFFERS: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.max-overdraft-buffers-per-gate",
    "Segments beyond its share that a task may take to finish the record it is emitting. Flink 2 \
     fixes this; here it can still be set.",
)
.default("20");

/// `taskmanager.network.memory.read-buffer.required-per-gate.max`.
pub const REQUIRED_PER_GATE_MAX: ConfigOption<Option<u32>> = ConfigOption::new(
    "taskmanager.network.memory.read-buffer.required-per-gate.max",
    "Most segments that an input gate insists on; the rest is taken when there is room. Not set: \
     no bound for streaming, 1000 for batch. No effect yet.",
)
.rule(at_least_one_if_set, AT_LEAST_ONE);

/// `taskmanager.network.memory.buffer-debloat.enabled`.
pub const DEBLOAT_ENABLED: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.network.memory.buffer-debloat.enabled",
    "Whether buffers in flight are sized by throughput, so that a barrier passes in the target \
     time.",
)
.default("false");

/// `taskmanager.network.memory.buffer-debloat.target`.
pub const DEBLOAT_TARGET: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.network.memory.buffer-debloat.target",
    "Time in which a consumer is to read what is in flight.",
)
.default("1 s")
.rule(is_above_zero, ABOVE_ZERO);

/// `taskmanager.network.memory.buffer-debloat.period`.
pub const DEBLOAT_PERIOD: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.network.memory.buffer-debloat.period",
    "Time between two measurements of throughput.",
)
.default("200 ms")
.rule(is_above_zero, ABOVE_ZERO);

/// `taskmanager.network.memory.buffer-debloat.samples`.
pub const DEBLOAT_SAMPLES: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.buffer-debloat.samples",
    "Measurements that are averaged.",
)
.default("20")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.network.memory.buffer-debloat.threshold-percentages`.
pub const DEBLOAT_THRESHOLD: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.memory.buffer-debloat.threshold-percentages",
    "Smallest change, in percent of the old size, that is applied.",
)
.default("25");

/// `taskmanager.network.sort-shuffle.min-buffers`.
pub const SORT_SHUFFLE_MIN_BUFFERS: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.sort-shuffle.min-buffers",
    "Segments that a blocking exchange insists on to sort its output. No effect yet.",
)
.default("512")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.network.compression.codec`.
pub const COMPRESSION_CODEC: ConfigOption<ShuffleCodec> = ConfigOption::new(
    "taskmanager.network.compression.codec",
    "Compression of blocking exchanges, which have no effect yet, and, when it is set, of buffers on \
     their way to other processes.",
)
.default("LZ4");

/// `taskmanager.network.memory.buffers-request-timeout`.
pub const BUFFERS_REQUEST_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.network.memory.buffers-request-timeout",
    "Time a starting task waits for the segments it insists on, before it fails with the sums. \
     No effect yet.",
)
.default("30 s")
.deprecated(&["taskmanager.network.memory.exclusive-buffers-request-timeout-ms"]);

/// `taskmanager.network.partition-request-timeout`.
pub const PARTITION_REQUEST_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.network.partition-request-timeout",
    "Time a consumer waits for its producer's partition to appear in another process.",
)
.default("10 s");

/// `taskmanager.network.request-backoff.initial`.
pub const REQUEST_BACKOFF_INITIAL: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.request-backoff.initial",
    "First wait, in milliseconds, before another attempt to connect; the next ones are twice as long \
     each. A partition that is not there yet is waited for at its producer.",
)
.default("100")
.deprecated(&["taskmanager.net.request-backoff.initial"]);

/// `taskmanager.network.request-backoff.max`.
pub const REQUEST_BACKOFF_MAX: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.request-backoff.max",
    "Longest wait, in milliseconds, before another attempt to connect.",
)
.default("10000")
.deprecated(&["taskmanager.net.request-backoff.max"]);

/// `taskmanager.network.netty.client.connectTimeoutSec`.
pub const CONNECT_TIMEOUT_SECONDS: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.netty.client.connectTimeoutSec",
    "Seconds that connecting to another process may take.",
)
.default("120")
.deprecated(&["taskmanager.net.client.connectTimeoutSec"]);

/// `taskmanager.network.retries`.
pub const CONNECT_RETRIES: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.network.retries",
    "Further attempts to connect to another process, see the back-off of requests.",
)
.default("0");

/// `taskmanager.network.tcp-connection.enable-reuse-across-jobs`.
pub const REUSE_CONNECTIONS: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.network.tcp-connection.enable-reuse-across-jobs",
    "Whether jobs share the connections between two TaskManagers. No effect yet.",
)
.default("true");

/// `taskmanager.network.detailed-metrics`.
pub const DETAILED_METRICS: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.network.detailed-metrics",
    "Whether the length of each queue is a metric. No effect yet.",
)
.default("false");

/// `taskmanager.network.trust-cluster`.
pub const TRUST_CLUSTER: ConfigOption<bool> = ConfigOption::new(
    "taskmanager.network.trust-cluster",
    "Whether buffers of other processes of the cluster are read without a check of their frames. Our \
     own key.",
)
.default("false");

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        BUFFERS_PER_CHANNEL.describe(),
        FLOATING_BUFFERS_PER_GATE.describe(),
        MAX_BUFFERS_PER_CHANNEL.describe(),
        MAX_OVERDRAFT_BUFFERS.describe(),
        REQUIRED_PER_GATE_MAX.describe(),
        DEBLOAT_ENABLED.describe(),
        DEBLOAT_TARGET.describe(),
        DEBLOAT_PERIOD.describe(),
        DEBLOAT_SAMPLES.describe(),
        DEBLOAT_THRESHOLD.describe(),
        SORT_SHUFFLE_MIN_BUFFERS.describe(),
        COMPRESSION_CODEC.describe(),
        BUFFERS_REQUEST_TIMEOUT.describe(),
        PARTITION_REQUEST_TIMEOUT.describe(),
        REQUEST_BACKOFF_INITIAL.describe(),
        REQUEST_BACKOFF_MAX.describe(),
        CONNECT_TIMEOUT_SECONDS.describe(),
        CONNECT_RETRIES.describe(),
        REUSE_CONNECTIONS.describe(),
        DETAILED_METRICS.describe(),
        TRUST_CLUSTER.describe(),
    ]
}

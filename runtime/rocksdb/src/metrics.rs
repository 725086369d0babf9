//! The properties of RocksDB that can be shown, under the names that Flink has for them.

/// A property of a state's files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NativeMetric {
    /// The metric, and, behind `state.backend.rocksdb.metrics.`, the key that turns it on.
    pub name: &'static str,
    /// What RocksDB calls it.
    pub property: &'static str,
}

const fn metric(name: &'static str, property: &'static str) -> NativeMetric {
    NativeMetric { name, property }
}

/// All of them.
pub const NATIVE_METRICS: [NativeMetric; 24] = [
    metric("num-immutable-mem-table", "rocksdb.num-immutable-mem-table"),
    metric("mem-table-flush-pending", "rocksdb.mem-table-flush-pending"),
    metric("compaction-pending", "rocksdb.compaction-pending"),
    metric("background-errors", "rocksdb.background-errors"),
    metric("cur-size-active-mem-table", "rocksdb.cur-size-active-mem-table"),
    metric("cur-size-all-mem-tables", "rocksdb.cur-size-all-mem-tables"),
    metric("size-all-mem-tables", "rocksdb.size-all-mem-tables"),
    metric("num-entries-active-mem-table", "rocksdb.num-entries-active-mem-table"),
    metric("num-entries-imm-mem-tables", "rocksdb.num-entries-imm-mem-tables"),
    metric("num-deletes-active-mem-table", "rocksdb.num-deletes-active-mem-table"),
    metric("num-deletes-imm-mem-tables", "rocksdb.num-deletes-imm-mem-tables"),
    metric("estimate-num-keys", "rocksdb.estimate-num-keys"),
    metric("estimate-table-readers-mem", "rocksdb.estimate-table-readers-mem"),
    metric("num-snapshots", "rocksdb.num-snapshots"),
    metric("num-live-versions", "rocksdb.num-live-versions"),
    metric("estimate-live-data-size", "rocksdb.estimate-live-data-size"),
    metric("total-sst-files-size", "rocksdb.total-sst-files-size"),
    metric("live-sst-files-size", "rocksdb.live-sst-files-size"),
    metric("estimate-pending-compaction-bytes", "rocksdb.estimate-pending-compaction-bytes"),
    metric("num-running-compactions", "rocksdb.num-running-compactions"),
    metric("num-running-flushes", "rocksdb.num-running-flushes"),
    metric("actual-delayed-write-rate", "rocksdb.actual-delayed-write-rate"),
    metric("is-write-stopped", "rocksdb.is-write-stopped"),
    metric("block-cache-usage", "rocksdb.block-cache-usage"),
];

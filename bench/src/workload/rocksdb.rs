//! `rocksdb`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal};
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "rocksdb";

const fn brisk(variant: &'static str, job: &'static str) -> Contender {
    let main = Contender::of(System::Brisk, NAME, 8 * M, CheckKind::WideCountSum);
    main.variant(variant, job)
}

const fn flink(variant: &'static str, job: &'static str) -> Contender {
    let main = Contender::of(System::Flink, NAME, 3 * M, CheckKind::WideCountSum);
    main.variant(variant, job)
}

const EACH_SECOND: &str = "records_per_second_each_1s";

/// Records counted for each key in RocksDB, with an incremental checkpoint every so often.
pub(super) const ROCKSDB: Workload = Workload {
    name: NAME,
    description: "2 sources of 100-byte records, 3 M keys, counted per key in RocksDB",
    rate_metric: super::goal::RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        brisk("", NAME),
        flink("", NAME),
        brisk("each-1s", "rocksdb-1000"),
        flink("each-1s", "rocksdb-1000"),
        brisk("each-10s", "rocksdb-10000").beyond_goals(),
        flink("each-10s", "rocksdb-10000").beyond_goals(),
        brisk("each-3s", "rocksdb-3000").beyond_goals(),
        flink("each-3s", "rocksdb-3000").beyond_goals(),
        brisk("each-500ms", "rocksdb-500").beyond_goals(),
        flink("each-500ms", "rocksdb-500").beyond_goals(),
    ],
    goals: &[Goal::at_least(EACH_SECOND, 2.0, Figure::new(System::Flink, EACH_SECOND))],
};

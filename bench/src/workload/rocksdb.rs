//! `rocksdb`.

use super::contender::{Contender, System};
use super::goal::{Figure, Goal, RECORDS};
use super::{InputKind, M, Workload};
use crate::input::generator::RECORD_BYTES;
use crate::input::reference::CheckKind;

const NAME: &str = "rocksdb";

/// Records beyond those that fill the state.
const BRISK: u64 = 6 * M;
const FLINK: u64 = 2 * M;

const fn brisk(variant: &'static str, job: &'static str) -> Contender {
    let base = Contender::of(System::Brisk, NAME, BRISK, CheckKind::CountSum);
    base.variant(variant, job).checking_itself()
}

const fn flink(variant: &'static str, job: &'static str) -> Contender {
    let base = Contender::of(System::Flink, NAME, FLINK, CheckKind::CountSum);
    base.variant(variant, job).checking_itself()
}

const EACH_SECOND: &str = "records_per_second_1000_ms";

/// 3 M keys with 100 bytes each in RocksDB: without checkpoints, and with one each 10 s, 3 s, 1 s, 0.5 s.
pub(super) const ROCKSDB: Workload = Workload {
    name: NAME,
    description: "3 M keys and 0.3 GB of state in RocksDB, without and with checkpoints, incremental",
    rate_metric: RECORDS,
    kind: InputKind::Records { bytes: RECORD_BYTES },
    contenders: &[
        brisk("", "rocksdb-0"),
        flink("", "rocksdb-0"),
        brisk("10000-ms", "rocksdb-10000").beyond_goals(),
        flink("10000-ms", "rocksdb-10000").beyond_goals(),
        brisk("3000-ms", "rocksdb-3000").beyond_goals(),
        flink("3000-ms", "rocksdb-3000").beyond_goals(),
        brisk("1000-ms", "rocksdb-1000"),
        flink("1000-ms", "rocksdb-1000"),
        brisk("500-ms", "rocksdb-500").beyond_goals(),
        flink("500-ms", "rocksdb-500").beyond_goals(),
    ],
    goals: &[Goal::at_least(EACH_SECOND, 2.0, Figure::new(System::Flink, EACH_SECOND))],
};

//! The matrix of restores from checkpoints: aligned or unaligned, state in memory or in RocksDB, full or
//! incremental, compressed or not, from each parallelism to each; a test for each cell.

use super::rescale::{COMPRESSED, INCREMENTAL, SEGMENTS, Stopped, check};

/// A module for each way of checkpoints, with a test for each pair of parallelisms.
macro_rules! matrix {
    ($($way:ident: $stopped:ident [$($setting:expr),*];)*) => {
        $(mod $way {
            use super::*;

            fn cell(then: u32, now: u32) {
                check(Stopped::$stopped, &[$($setting),*], then, now);
            }

            matrix! {
                cells: from_1_to_1(1, 1) from_1_to_2(1, 2) from_1_to_3(1, 3) from_1_to_7(1, 7)
                from_2_to_1(2, 1) from_2_to_2(2, 2) from_2_to_3(2, 3) from_2_to_7(2, 7)
                from_3_to_1(3, 1) from_3_to_2(3, 2) from_3_to_3(3, 3) from_3_to_7(3, 7)
                from_7_to_1(7, 1) from_7_to_2(7, 2) from_7_to_3(7, 3) from_7_to_7(7, 7)
            }
        })*
    };
    (cells: $($name:ident($then:literal, $now:literal))*) => {
        $(#[test]
        fn $name() {
            cell($then, $now);
        })*
    };
}

matrix! {
    aligned_memory_full: Aligned [];
    aligned_memory_full_compressed: Aligned [COMPRESSED];
    aligned_memory_incremental: Aligned [INCREMENTAL, SEGMENTS];
    aligned_memory_incremental_compressed: Aligned [INCREMENTAL, SEGMENTS, COMPRESSED];
    unaligned_memory_full: Unaligned [];
    unaligned_memory_full_compressed: Unaligned [COMPRESSED];
    unaligned_memory_incremental: Unaligned [INCREMENTAL, SEGMENTS];
    unaligned_memory_incremental_compressed: Unaligned [INCREMENTAL, SEGMENTS, COMPRESSED];
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::*;

    const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");

    matrix! {
        aligned_full: Aligned [ROCKSDB];
        aligned_full_compressed: Aligned [ROCKSDB, COMPRESSED];
        aligned_incremental: Aligned [ROCKSDB, INCREMENTAL];
        aligned_incremental_compressed: Aligned [ROCKSDB, INCREMENTAL, COMPRESSED];
        unaligned_full: Unaligned [ROCKSDB];
        unaligned_full_compressed: Unaligned [ROCKSDB, COMPRESSED];
        unaligned_incremental: Unaligned [ROCKSDB, INCREMENTAL];
        unaligned_incremental_compressed: Unaligned [ROCKSDB, INCREMENTAL, COMPRESSED];
    }
}

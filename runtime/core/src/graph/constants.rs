//! Limits of graphs and where they come from.

use super::key_group::MaxParallelism;

/// Key groups of an operator that asks for no number: 128, so that a small job can later grow a
/// hundredfold without a new savepoint. Flink's `DEFAULT_LOWER_BOUND_MAX_PARALLELISM`.
pub const MAX_PARALLELISM_DEFAULT_MIN: MaxParallelism = MaxParallelism(1 << 7);

/// Most key groups an operator can have: 2^15, so that a key group fits into the two bytes
/// that it takes in front of each key in state. Flink's `UPPER_BOUND_MAX_PARALLELISM`.
pub const MAX_PARALLELISM_LIMIT: MaxParallelism = MaxParallelism(1 << 15);

/// The slot sharing group of an operator that neither names one nor inherits one.
pub const SLOT_SHARING_GROUP_DEFAULT: &str = "default";

/// Bytes of an operator, vertex or job id: one Murmur3-128 hash.
pub const ID_BYTES: usize = 16;

/// Multiplier that folds the ids of the inputs into a structural operator id. It is Flink's,
/// so that a program without uids gets the ids that Flink would give it.
pub(super) const INPUT_ID_MULTIPLIER: u8 = 37;

const _: () = assert!(MAX_PARALLELISM_DEFAULT_MIN.0 < MAX_PARALLELISM_LIMIT.0);
const _: () = assert!(MAX_PARALLELISM_LIMIT.0 - 1 <= i16::MAX as u32);
const _: () = assert!(ID_BYTES * 8 == 128);

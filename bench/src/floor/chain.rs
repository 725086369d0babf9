//! The floor of `chain`: the same functions in one loop per thread.

use super::on_subtasks;
use crate::BenchError;
use crate::input::generator::{chain_first, chain_keep, chain_second, share};
use crate::run::measurement::Outcome;
use crate::workload::PARALLELISM;

/// Runs `total` longs through the chain's functions.
pub fn run(total: u64) -> Result<Outcome, BenchError> {
    on_subtasks(|subtask| {
        let start: u64 = (0..subtask).map(|before| share(total, before, PARALLELISM)).sum();
        let records = share(total, subtask, PARALLELISM);
        let kept = (start..start + records)
            .map(chain_first)
            .filter(|value| chain_keep(*value))
            .map(chain_second);
        Ok(Outcome { records, check: kept.fold(0, u64::wrapping_add) })
    })
}

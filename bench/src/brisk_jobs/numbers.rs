//! `exchange`, `keyed-count`, `chain` and `chain-cut`.

use super::check::CheckSum;
use super::records::{ArchivedKeyed, Keyed, KeyedRecords};
use super::{environment, measure};
use crate::BenchError;
use crate::input::generator::{chain_first, chain_keep, chain_second};
use crate::run::measurement::{Measurement, Outcome};
use brisk::prelude::*;

/// Whether the operators of a job may form chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chaining {
    /// As by default.
    On,
    /// Every edge is an exchange.
    Off,
}

/// `exchange`: the check is of `KeySum`. The consumer reads keys in place.
pub fn exchange(records: u64) -> Result<Measurement, BenchError> {
    let environment = environment()?;
    let check = describe_exchange(&environment, records);
    measure(&environment, || Outcome { records, ..check.total() })
}

/// The streams of `exchange`.
pub(super) fn describe_exchange(
    environment: &StreamExecutionEnvironment,
    records: u64,
) -> CheckSum {
    let check = CheckSum::new();
    environment
        .from_source(KeyedRecords::of(records), "records")
        .key_by(viewed(|record: &Keyed| record.key, |record| record.key.to_native()))
        .into_stream()
        .map_view(|record: &ArchivedKeyed| record.key.to_native())
        .sink_to(check.sink(|key: &u64| check_only(*key)));
    check
}

/// `keyed-count`: the check is of `CountSum`.
pub fn keyed_count(records: u64) -> Result<Measurement, BenchError> {
    let mut environment = environment()?;
    let check = describe_keyed_count(&mut environment, records);
    measure(&environment, || Outcome { records, ..check.total() })
}

/// The streams of `keyed-count`.
pub(super) fn describe_keyed_count(
    environment: &mut StreamExecutionEnvironment,
    records: u64,
) -> CheckSum {
    environment.set_runtime_mode(RuntimeMode::Streaming);
    let check = CheckSum::new();
    environment
        .from_source(KeyedRecords::of(records), "records")
        .key_by(viewed(|record: &Keyed| record.key, |record| record.key.to_native()))
        .count()
        .sink_to(check.sink(|(_key, count): &(u64, u64)| check_only(*count)));
    check
}

/// `chain` and `chain-cut`: the check is of `ChainSum`.
pub fn chain(records: u64, chaining: Chaining) -> Result<Measurement, BenchError> {
    let environment = environment()?;
    if chaining == Chaining::Off {
        environment.disable_operator_chaining();
    }
    let check = CheckSum::new();
    environment
        .from_sequence(0..=records as i64 - 1)
        .map(|value| chain_first(value as u64))
        .filter(|value| chain_keep(*value))
        .map(chain_second)
        .sink_to(check.sink(|value: &u64| check_only(*value)));
    measure(&environment, || Outcome { records, ..check.total() })
}

/// A part of the check value that counts no records: sources send as many as they are told, and not
/// counting them again is a tenth of `chain`'s time.
#[inline(always)]
fn check_only(check: u64) -> Outcome {
    Outcome { records: 0, check }
}

//! Whether the types of a state are still those it was written with.

use super::error::RestoreError;
use crate::checkpoint::handle::{StateKind, StateSchema};

/// Compares a state's types in a checkpoint with those of the program. `operator` is for messages.
///
/// # Errors
/// When kind or layout differ.
pub fn check_schema(
    operator: &str,
    stored: &StateSchema,
    now: &StateSchema,
) -> Result<(), RestoreError> {
    assert_eq!(stored.name, now.name, "the same state, then and now");
    if stored.kind == now.kind && stored.fingerprint == now.fingerprint {
        return Ok(());
    }
    let shown = |schema: &StateSchema| format!("{} of {}", kind_name(schema.kind), schema.shape);
    Err(RestoreError::Schema {
        state: now.name.clone(),
        operator: operator.to_owned(),
        stored: shown(stored),
        now: shown(now),
    })
}

fn kind_name(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Value => "a value",
        StateKind::List => "a list",
        StateKind::Map => "a map",
        StateKind::Reducing => "a reducing state",
        StateKind::Aggregating => "an aggregating state",
        StateKind::EventTimers => "event-time timers",
        StateKind::ProcessingTimers => "processing-time timers",
        StateKind::Elements => "a list of elements",
    }
}

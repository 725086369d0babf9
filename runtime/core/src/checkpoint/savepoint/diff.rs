//! What differs between two savepoints, or a savepoint and a checkpoint.

use std::fmt;

use serde::Serialize;

use super::inspect::{InspectedOperator, InspectedState, inspect};
use crate::checkpoint::handle::CompletedCheckpoint;

/// One difference from the first to the second.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The operator's id, with its name.
    pub operator: String,
    /// What it is about: `operator`, `parallelism`, `state 'x'` ...
    pub what: String,
    /// In the first; none when it isn't there.
    pub first: Option<String>,
    /// In the second; none when it isn't there.
    pub second: Option<String>,
}

/// The differences, operator by operator in the order of their ids. Bytes of state are compared by
/// their number only.
pub fn diff(first: &CompletedCheckpoint, second: &CompletedCheckpoint) -> Vec<Difference> {
    let (first, second) = (inspect(first), inspect(second));
    let mut differences = Vec::new();
    let mut ids: Vec<_> = first.operators.iter().chain(&second.operators).map(|op| op.id).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let find = |all: &[InspectedOperator]| all.iter().find(|op| op.id == id).cloned();
        operator(find(&first.operators), find(&second.operators), &mut differences);
    }
    differences
}

fn operator(
    first: Option<InspectedOperator>,
    second: Option<InspectedOperator>,
    out: &mut Vec<Difference>,
) {
    let either = first.as_ref().or(second.as_ref()).expect("one of the two has the id");
    let label = format!("{} '{}'", either.id, either.name);
    let mut note = |what: &str, first: Option<String>, second: Option<String>| {
        if first != second {
            let operator = label.clone();
            out.push(Difference { operator, what: what.to_owned(), first, second });
        }
    };
    let (Some(first), Some(second)) = (&first, &second) else {
        let there =
            |operator: &Option<InspectedOperator>| operator.as_ref().map(|_| "there".into());
        note("operator", there(&first), there(&second));
        return;
    };
    let mut number = |what: &str, first: u64, second: u64| {
        note(what, Some(first.to_string()), Some(second.to_string()));
    };
    number("parallelism", first.parallelism.into(), second.parallelism.into());
    number("max parallelism", first.max_parallelism.into(), second.max_parallelism.into());
    number("bytes of keyed state", first.keyed_bytes, second.keyed_bytes);
    number("bytes in flight", first.in_flight_bytes, second.in_flight_bytes);
    note("uid", first.uid.clone(), second.uid.clone());
    let mut names: Vec<_> =
        first.states.iter().chain(&second.states).map(|state| (state.mode, &state.name)).collect();
    names.sort_unstable();
    names.dedup();
    for (mode, name) in names {
        let shown = |states: &[InspectedState]| {
            let found = states.iter().find(|state| state.mode == mode && &state.name == name)?;
            let elements = found.elements.map(|elements| format!(", {elements} elements"));
            let (shape, fingerprint) = (&found.shape, found.fingerprint);
            Some(format!("{shape} ({fingerprint:016x}){}", elements.unwrap_or_default()))
        };
        note(&format!("{mode} state '{name}'"), shown(&first.states), shown(&second.states));
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        let (first, second) = (shown(&self.first), shown(&self.second));
        write!(f, "{}: {}: {first} -> {second}", self.operator, self.what)
    }
}

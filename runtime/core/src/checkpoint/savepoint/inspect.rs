//! What is in a savepoint or checkpoint, at a glance.

use std::fmt;

use serde::Serialize;

use crate::checkpoint::handle::{
    CompletedCheckpoint, OperatorState, RedistributionMode, StateHandle, StateSchema,
};
use crate::graph::{JobId, OperatorId};

/// A checkpoint without its bytes. `serde_json` writes it for programs, `Display` for people.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// The job that wrote it.
    pub job: JobId,
    /// Its number.
    pub id: u64,
    /// As the REST API writes it.
    pub kind: &'static str,
    /// `CANONICAL` or `NATIVE`, of a savepoint.
    pub format: Option<&'static str>,
    /// When it was triggered, in milliseconds since the epoch.
    pub triggered_at: u64,
    /// Bytes of all state.
    pub state_bytes: u64,
    /// By id.
    pub operators: Vec<InspectedOperator>,
}

/// One operator.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct InspectedOperator {
    /// What its state is found by.
    pub id: OperatorId,
    /// The uid that the program gave it.
    pub uid: Option<String>,
    /// What people call it.
    pub name: String,
    /// Subtasks.
    pub parallelism: u32,
    /// Key groups.
    pub max_parallelism: u32,
    /// Whether it had seen all its input.
    pub finished: bool,
    /// Bytes of keyed state.
    pub keyed_bytes: u64,
    /// Bytes of records in flight.
    pub in_flight_bytes: u64,
    /// Its states, keyed ones first.
    pub states: Vec<InspectedState>,
}

/// One state of an operator.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct InspectedState {
    /// Its name.
    pub name: String,
    /// `keyed`, `split`, `union` or `broadcast`.
    pub mode: &'static str,
    /// Its types.
    pub shape: String,
    /// Of its types.
    pub fingerprint: u64,
    /// Elements, of operator state.
    pub elements: Option<u64>,
    /// Bytes, of operator state.
    pub bytes: Option<u64>,
}

/// Looks at a checkpoint.
pub fn inspect(checkpoint: &CompletedCheckpoint) -> Inspection {
    Inspection {
        job: checkpoint.job,
        id: checkpoint.id.0,
        kind: checkpoint.kind.name(),
        format: checkpoint.kind.savepoint_format().map(|format| format.name()),
        triggered_at: checkpoint.triggered_at.0,
        state_bytes: checkpoint.state_size(),
        operators: checkpoint.operators.iter().map(inspect_operator).collect(),
    }
}

fn inspect_operator(operator: &OperatorState) -> InspectedOperator {
    let mut states: Vec<InspectedState> = Vec::new();
    let keyed = || operator.subtasks.iter().flat_map(|subtask| &subtask.keyed);
    for schema in keyed().flat_map(|keyed| &keyed.schemas) {
        entry(&mut states, schema, "keyed");
    }
    for state in operator.subtasks.iter().flat_map(|subtask| &subtask.operator) {
        let mode = match state.mode {
            RedistributionMode::Split => "split",
            RedistributionMode::Union => "union",
            RedistributionMode::Broadcast => "broadcast",
        };
        let shown = entry(&mut states, &state.schema, mode);
        *shown.elements.get_or_insert(0) += state.offsets.len() as u64;
        *shown.bytes.get_or_insert(0) += state.state.len();
    }
    let of_keyed = keyed().map(|keyed| {
        let shared = keyed.shared.iter().map(|shared| &shared.state);
        keyed.state.len() + shared.map(StateHandle::len).sum::<u64>()
    });
    let channels = operator.subtasks.iter().flat_map(|subtask| &subtask.channels);
    InspectedOperator {
        id: operator.id,
        uid: operator.uid.clone(),
        name: operator.name.clone(),
        parallelism: operator.parallelism().0,
        max_parallelism: operator.max_parallelism.0,
        finished: operator.is_finished(),
        keyed_bytes: of_keyed.sum(),
        in_flight_bytes: channels.map(|channel| channel.state.len()).sum(),
        states,
    }
}

fn entry<'a>(
    states: &'a mut Vec<InspectedState>,
    schema: &StateSchema,
    mode: &'static str,
) -> &'a mut InspectedState {
    let found = states.iter().position(|state| state.name == schema.name && state.mode == mode);
    let place = found.unwrap_or_else(|| {
        states.push(InspectedState {
            name: schema.name.clone(),
            mode,
            shape: schema.shape.clone(),
            fingerprint: schema.fingerprint,
            elements: None,
            bytes: None,
        });
        states.len() - 1
    });
    &mut states[place]
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = self.format.map(|format| format!(" {format}")).unwrap_or_default();
        writeln!(f, "{}{format} {} of job {}", self.kind, self.id, self.job)?;
        writeln!(f, "{} bytes of state, {} operators", self.state_bytes, self.operators.len())?;
        for operator in &self.operators {
            let uid = match &operator.uid {
                Some(uid) => format!("uid '{uid}'"),
                None => "no uid".to_owned(),
            };
            writeln!(f, "{}  '{}' ({uid})", operator.id, operator.name)?;
            let finished = if operator.finished { ", finished" } else { "" };
            writeln!(
                f,
                "  parallelism {} of {}, {} bytes keyed, {} bytes in flight{finished}",
                operator.parallelism,
                operator.max_parallelism,
                operator.keyed_bytes,
                operator.in_flight_bytes
            )?;
            for state in &operator.states {
                write!(f, "  {} '{}': {}", state.mode, state.name, state.shape)?;
                if let (Some(elements), Some(bytes)) = (state.elements, state.bytes) {
                    write!(f, ", {elements} elements, {bytes} bytes")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

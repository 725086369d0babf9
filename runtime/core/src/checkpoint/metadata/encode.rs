//! From a checkpoint to bytes.

use super::decode::{HEAD, METADATA, OPERATOR};
use super::section::{Section, write_sections};
use crate::checkpoint::handle::{
    BackendKind, ChannelSide, ChannelStateHandle, CompletedCheckpoint, KeyedStateHandle,
    OperatorState, OperatorStateHandle, Place, RedistributionMode, StateHandle, StateKind,
    StateSchema, SubtaskState,
};
use crate::checkpoint::wire::Writer;
use crate::checkpoint::{AfterSavepoint, CheckpointKind, SavepointFormat};

/// The bytes of the metadata file.
pub fn encode(checkpoint: &CompletedCheckpoint) -> Vec<u8> {
    let mut head = Writer::default();
    head.id(checkpoint.job.as_bytes());
    head.u64(checkpoint.id.0);
    head.u8(kind_code(checkpoint.kind));
    head.u64(checkpoint.triggered_at.0);
    head.u64(checkpoint.completed_at.0);
    let mut sections = vec![Section { tag: HEAD, body: head.into_bytes() }];
    let mut operators: Vec<_> = checkpoint.operators.iter().collect();
    operators.sort_by_key(|operator| operator.id);
    sections.extend(operators.into_iter().map(|operator| Section {
        tag: OPERATOR,
        body: {
            let mut body = Writer::default();
            write_operator(&mut body, operator);
            body.into_bytes()
        },
    }));
    write_sections(METADATA, &sections)
}

pub(crate) fn kind_code(kind: CheckpointKind) -> u8 {
    match kind {
        CheckpointKind::Checkpoint { unaligned } => u8::from(unaligned),
        CheckpointKind::Savepoint { format, after } => {
            let first = match format {
                SavepointFormat::Canonical => 2,
                SavepointFormat::Native => 5,
            };
            first
                + match after {
                    AfterSavepoint::Continue => 0,
                    AfterSavepoint::Suspend => 1,
                    AfterSavepoint::Drain => 2,
                }
        }
    }
}

fn write_operator(body: &mut Writer, operator: &OperatorState) {
    body.id(operator.id.as_bytes());
    match &operator.uid {
        None => body.u8(0),
        Some(uid) => {
            body.u8(1);
            body.text(uid);
        }
    }
    body.text(&operator.name);
    body.u32(operator.max_parallelism.0);
    body.count(operator.subtasks.len());
    for subtask in &operator.subtasks {
        write_subtask(body, subtask);
    }
}

pub(crate) fn write_subtask(body: &mut Writer, subtask: &SubtaskState) {
    body.u8(u8::from(subtask.finished));
    body.count(subtask.keyed.len());
    subtask.keyed.iter().for_each(|keyed| write_keyed(body, keyed));
    body.count(subtask.operator.len());
    subtask.operator.iter().for_each(|operator| write_operator_state(body, operator));
    body.count(subtask.channels.len());
    subtask.channels.iter().for_each(|channel| write_channel(body, channel));
}

fn write_keyed(body: &mut Writer, keyed: &KeyedStateHandle) {
    body.u8(match keyed.backend {
        BackendKind::Canonical => 0,
        BackendKind::HashMap => 1,
        BackendKind::RocksDb => 2,
    });
    let first = keyed.range.first().expect("keyed state has key groups");
    let last = keyed.range.last().expect("keyed state has key groups");
    body.u32(first.0);
    body.u32(last.0 + 1);
    body.count(keyed.schemas.len());
    keyed.schemas.iter().for_each(|schema| write_schema(body, schema));
    body.count(keyed.offsets.len());
    for group in &keyed.offsets {
        body.u32(group.group.0);
        body.u64(group.offset);
    }
    write_state(body, &keyed.state);
    body.count(keyed.shared.len());
    for shared in &keyed.shared {
        body.text(&shared.name);
        write_state(body, &shared.state);
    }
}

fn write_operator_state(body: &mut Writer, operator: &OperatorStateHandle) {
    write_schema(body, &operator.schema);
    body.u8(match operator.mode {
        RedistributionMode::Split => 0,
        RedistributionMode::Union => 1,
        RedistributionMode::Broadcast => 2,
    });
    write_offsets(body, &operator.offsets);
    write_state(body, &operator.state);
}

fn write_channel(body: &mut Writer, channel: &ChannelStateHandle) {
    let (side, outer, inner) = match channel.side {
        ChannelSide::Input { gate, channel } => (0, gate, channel),
        ChannelSide::Output { partition, subpartition } => (1, partition, subpartition),
    };
    body.u8(side);
    body.u32(outer);
    body.u32(inner);
    match channel.watermark {
        None => body.u8(0),
        Some(watermark) => {
            body.u8(1);
            body.i64(watermark);
        }
    }
    write_offsets(body, &channel.offsets);
    write_state(body, &channel.state);
}

fn write_offsets(body: &mut Writer, offsets: &[u64]) {
    body.count(offsets.len());
    offsets.iter().for_each(|offset| body.u64(*offset));
}

fn write_schema(body: &mut Writer, schema: &StateSchema) {
    body.text(&schema.name);
    body.u8(match schema.kind {
        StateKind::Value => 0,
        StateKind::List => 1,
        StateKind::Map => 2,
        StateKind::Reducing => 3,
        StateKind::Aggregating => 4,
        StateKind::EventTimers => 5,
        StateKind::ProcessingTimers => 6,
        StateKind::Elements => 7,
    });
    body.u64(schema.fingerprint);
    body.text(&schema.shape);
}

fn write_state(body: &mut Writer, state: &StateHandle) {
    match state {
        StateHandle::Inline(bytes) => {
            body.u8(0);
            body.bytes(bytes);
        }
        StateHandle::File(slice) => {
            body.u8(1);
            body.u8(match slice.path.place() {
                Place::Checkpoint => 0,
                Place::Shared => 1,
                Place::TaskOwned => 2,
            });
            body.text(slice.path.name());
            body.u64(slice.offset);
            body.u64(slice.stored_len);
            body.u64(slice.len);
            body.u32(slice.checksum);
        }
    }
}

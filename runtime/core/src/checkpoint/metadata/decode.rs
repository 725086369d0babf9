//! From bytes to a checkpoint.

use std::path::Path;

use super::section::read_sections;
use super::{FileKind, MetadataError};
use crate::checkpoint::handle::{
    BackendKind, ChannelSide, ChannelStateHandle, CompletedCheckpoint, FileSlice, KeyGroupOffset,
    KeyedStateHandle, NamedState, OperatorState, OperatorStateHandle, Place, RedistributionMode,
    StateHandle, StateKind, StatePath, StateSchema, SubtaskState,
};
use crate::checkpoint::wire::{Fault, Reader};
use crate::checkpoint::{AfterSavepoint, CheckpointId, CheckpointKind, Millis, SavepointFormat};
use crate::graph::{JobId, KeyGroup, KeyGroupRange, MaxParallelism, OperatorId};

pub(super) const METADATA: FileKind =
    FileKind { magic: b"BRISKCKP", version: 1, name: "the metadata of a checkpoint" };
pub(super) const HEAD: [u8; 4] = *b"HEAD";
pub(super) const OPERATOR: [u8; 4] = *b"OPER";

/// The checkpoint that these bytes of a metadata file describe. `path` is for messages.
///
/// # Errors
/// When anything is not as the module's page says; the message names the file, the place and what is
/// wrong there.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<CompletedCheckpoint, MetadataError> {
    read(bytes).map_err(|fault| MetadataError::of(path, fault))
}

fn read(bytes: &[u8]) -> Result<CompletedCheckpoint, Fault> {
    let mut sections = read_sections(METADATA, bytes)?.into_iter();
    let Some(mut head) = sections.next().filter(|section| section.tag == HEAD) else {
        return Reader::new(&[], 0).fault("the first section is not HEAD");
    };
    let mut checkpoint = read_head(&mut head.body)?;
    for mut section in sections {
        if section.tag != OPERATOR {
            let tag = String::from_utf8_lossy(&section.tag).into_owned();
            return section.body.fault(format_args!("there is no section '{tag}' in this version"));
        }
        let operator = read_operator(&mut section.body)?;
        if checkpoint.operators.last().is_some_and(|last| last.id >= operator.id) {
            return section.body.fault(format_args!("operator {} is out of order", operator.id));
        }
        checkpoint.operators.push(operator);
    }
    Ok(checkpoint)
}

fn read_head(body: &mut Reader<'_>) -> Result<CompletedCheckpoint, Fault> {
    let job = JobId::from_bytes(body.id("the job's id")?);
    let id = CheckpointId(body.u64("the checkpoint's number")?);
    let kind = read_kind(body)?;
    let triggered_at = Millis(body.u64("the time of the trigger")?);
    let completed_at = Millis(body.u64("the time of the completion")?);
    body.end("section HEAD")?;
    // The next number must exist.
    if id.0 == 0 || id.0 == u64::MAX {
        return body.fault(format_args!("{id} is no number of a checkpoint"));
    }
    let operators = Vec::new();
    Ok(CompletedCheckpoint { job, id, kind, triggered_at, completed_at, operators })
}

pub(crate) fn read_kind(body: &mut Reader<'_>) -> Result<CheckpointKind, Fault> {
    let savepoint = |format, after| CheckpointKind::Savepoint { format, after };
    Ok(match body.u8("the kind")? {
        0 => CheckpointKind::Checkpoint { unaligned: false },
        1 => CheckpointKind::Checkpoint { unaligned: true },
        2 => savepoint(SavepointFormat::Canonical, AfterSavepoint::Continue),
        3 => savepoint(SavepointFormat::Canonical, AfterSavepoint::Suspend),
        4 => savepoint(SavepointFormat::Canonical, AfterSavepoint::Drain),
        5 => savepoint(SavepointFormat::Native, AfterSavepoint::Continue),
        6 => savepoint(SavepointFormat::Native, AfterSavepoint::Suspend),
        7 => savepoint(SavepointFormat::Native, AfterSavepoint::Drain),
        other => return unknown(body, "kind of checkpoint", other),
    })
}

fn unknown<T>(body: &Reader<'_>, what: &str, code: u8) -> Result<T, Fault> {
    body.fault(format_args!("{code} stands for no {what}"))
}

fn read_option<'a, T>(
    body: &mut Reader<'a>,
    what: &str,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    match body.u8(what)? {
        0 => Ok(None),
        1 => read(body).map(Some),
        other => unknown(body, what, other),
    }
}

fn read_operator(body: &mut Reader<'_>) -> Result<OperatorState, Fault> {
    let id = OperatorId::from_bytes(body.id("the operator's id")?);
    let uid = read_option(body, "the operator's uid", |body| body.text("the operator's uid"))?;
    let name = body.text("the operator's name")?;
    let max_parallelism = MaxParallelism(body.u32("the max parallelism")?);
    if !max_parallelism.is_valid() {
        return body.fault(format_args!("{max_parallelism} is no max parallelism"));
    }
    let subtasks =
        body.list("the subtasks", SUBTASK_BYTES_MIN, |body| read_subtask(body, max_parallelism))?;
    if subtasks.is_empty() || subtasks.len() > max_parallelism.0 as usize {
        let count = subtasks.len();
        return body.fault(format_args!("{count} subtasks with {max_parallelism} key groups"));
    }
    body.end("section OPER")?;
    Ok(OperatorState { id, uid, name, max_parallelism, subtasks })
}

/// The least that each takes, so that a count says how much can follow.
pub(crate) const SUBTASK_BYTES_MIN: usize = 13;
const STATE_BYTES_MIN: usize = 5;
const SCHEMA_BYTES_MIN: usize = 17;
const KEYED_BYTES_MIN: usize = 21 + STATE_BYTES_MIN;
const OPERATOR_STATE_BYTES_MIN: usize = SCHEMA_BYTES_MIN + 5 + STATE_BYTES_MIN;
const CHANNEL_BYTES_MIN: usize = 14 + STATE_BYTES_MIN;

pub(crate) fn read_subtask(
    body: &mut Reader<'_>,
    groups: MaxParallelism,
) -> Result<SubtaskState, Fault> {
    let finished = match body.u8("whether a subtask has finished")? {
        0 => false,
        1 => true,
        other => return unknown(body, "standing of a subtask", other),
    };
    Ok(SubtaskState {
        finished,
        keyed: body.list("keyed state", KEYED_BYTES_MIN, |body| read_keyed(body, groups))?,
        operator: body.list("operator state", OPERATOR_STATE_BYTES_MIN, read_operator_state)?,
        channels: body.list("channel state", CHANNEL_BYTES_MIN, read_channel)?,
    })
}

fn read_keyed(body: &mut Reader<'_>, groups: MaxParallelism) -> Result<KeyedStateHandle, Fault> {
    let backend = match body.u8("the backend")? {
        0 => BackendKind::Canonical,
        1 => BackendKind::HashMap,
        2 => BackendKind::RocksDb,
        other => return unknown(body, "backend", other),
    };
    let first = body.u32("the first key group")?;
    let end = body.u32("the end of the key groups")?;
    if first >= end || end > groups.0 {
        return body.fault(format_args!("key groups {first} to {end} of {groups}"));
    }
    let range = KeyGroupRange::new(KeyGroup(first), KeyGroup(end));
    let schemas = body.list("schemas", SCHEMA_BYTES_MIN, read_schema)?;
    let offsets = body.list("offsets of key groups", 12, |body| {
        let group = KeyGroup(body.u32("a key group")?);
        Ok(KeyGroupOffset { group, offset: body.u64("the offset of a key group")? })
    })?;
    let state = read_state(body)?;
    let sorted = offsets
        .windows(2)
        .all(|pair| pair[0].group < pair[1].group && pair[0].offset <= pair[1].offset);
    let inside = offsets.iter().all(|at| range.contains(at.group) && at.offset <= state.len());
    if !sorted || !inside {
        return body.fault("the offsets of key groups are out of order or out of bounds");
    }
    let shared = body.list("shared state", 4 + STATE_BYTES_MIN, |body| {
        Ok(NamedState { name: body.text("the name of shared state")?, state: read_state(body)? })
    })?;
    Ok(KeyedStateHandle { backend, range, schemas, offsets, state, shared })
}

fn read_operator_state(body: &mut Reader<'_>) -> Result<OperatorStateHandle, Fault> {
    let schema = read_schema(body)?;
    let mode = match body.u8("the mode of redistribution")? {
        0 => RedistributionMode::Split,
        1 => RedistributionMode::Union,
        2 => RedistributionMode::Broadcast,
        other => return unknown(body, "mode of redistribution", other),
    };
    let (offsets, state) = read_pieces(body)?;
    Ok(OperatorStateHandle { schema, mode, offsets, state })
}

fn read_channel(body: &mut Reader<'_>) -> Result<ChannelStateHandle, Fault> {
    let side = body.u8("the side of a channel")?;
    let outer = body.u32("the gate or partition")?;
    let inner = body.u32("the channel or subpartition")?;
    let side = match side {
        0 => ChannelSide::Input { gate: outer, channel: inner },
        1 => ChannelSide::Output { partition: outer, subpartition: inner },
        other => return unknown(body, "side of a channel", other),
    };
    let watermark = read_option(body, "a watermark", |body| body.i64("a watermark"))?;
    let (offsets, state) = read_pieces(body)?;
    Ok(ChannelStateHandle { side, watermark, offsets, state })
}

/// Offsets, and the state that they cut into pieces.
fn read_pieces(body: &mut Reader<'_>) -> Result<(Vec<u64>, StateHandle), Fault> {
    let offsets = body.list("offsets", 8, |body| body.u64("an offset"))?;
    let state = read_state(body)?;
    if !offsets.is_sorted() || offsets.last().is_some_and(|last| *last > state.len()) {
        return body.fault("the offsets are out of order or out of bounds");
    }
    Ok((offsets, state))
}

fn read_schema(body: &mut Reader<'_>) -> Result<StateSchema, Fault> {
    let name = body.text("the name of a state")?;
    let kind = match body.u8("the kind of a state")? {
        0 => StateKind::Value,
        1 => StateKind::List,
        2 => StateKind::Map,
        3 => StateKind::Reducing,
        4 => StateKind::Aggregating,
        5 => StateKind::EventTimers,
        6 => StateKind::ProcessingTimers,
        7 => StateKind::Elements,
        other => return unknown(body, "kind of state", other),
    };
    let fingerprint = body.u64("the fingerprint of a state")?;
    Ok(StateSchema { name, kind, fingerprint, shape: body.text("the shape of a state")? })
}

fn read_state(body: &mut Reader<'_>) -> Result<StateHandle, Fault> {
    match body.u8("where state is")? {
        0 => Ok(StateHandle::Inline(body.bytes("inline state")?.into())),
        1 => read_slice(body).map(StateHandle::File),
        other => unknown(body, "place of state", other),
    }
}

fn read_slice(body: &mut Reader<'_>) -> Result<FileSlice, Fault> {
    let place = match body.u8("the folder of a file")? {
        0 => Place::Checkpoint,
        1 => Place::Shared,
        2 => Place::TaskOwned,
        other => return unknown(body, "folder", other),
    };
    let name = body.text("the name of a file")?;
    let path = match StatePath::new(place, &name) {
        Ok(path) => path,
        Err(error) => return body.fault(error),
    };
    let offset = body.u64("the offset of state in its file")?;
    let stored_len = body.u64("the stored length of state")?;
    let len = body.u64("the length of state")?;
    let checksum = body.u32("the checksum of state")?;
    if offset.checked_add(stored_len).is_none() {
        return body.fault(format_args!("{stored_len} bytes at {offset} of a file are too many"));
    }
    Ok(FileSlice { path, offset, stored_len, len, checksum })
}

/// Any bytes as the body of each section.
pub(super) fn exercise_bodies(bytes: &[u8]) {
    let refused = [
        read_head(&mut Reader::new(bytes, 0)).err(),
        read_operator(&mut Reader::new(bytes, 0)).err(),
    ];
    for fault in refused.into_iter().flatten() {
        assert!(fault.offset <= bytes.len() as u64, "{fault:?}");
    }
}

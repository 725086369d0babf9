//! The parts of messages between processes, as bytes.

use std::time::Duration;

use super::{
    WorkerAddress,
    message::{SentError, TaskReportBody, read_address},
};
use crate::{
    checkpoint::{
        Alignment, CheckpointId, Millis,
        coordinator::{
            BarrierOptions, CheckpointTarget, DeclineReason, SnapshotMetrics, TaskSnapshot,
        },
        metadata::parts,
        wire::{Fault, Reader, Writer},
    },
    error::Severity,
    graph::OperatorId,
    task::{
        TaskCounts, TaskTimes, WorkerId,
        accumulator::{AccumulatorSnapshot, AccumulatorValue},
    },
};

/// The least that a report takes: its counts, its times and the number of accumulators.
pub(super) const REPORT_BYTES_MIN: usize = 8 * 8 + 2 * 4 + 3 * 8 + 4;

pub(super) fn read_flag(input: &mut Reader<'_>, what: &str) -> Result<bool, Fault> {
    match input.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        other => input.fault(format_args!("{what}: {other} is neither 0 nor 1")),
    }
}

pub(super) fn write_duration(out: &mut Writer, duration: Duration) {
    out.u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

pub(super) fn read_duration(input: &mut Reader<'_>, what: &str) -> Result<Duration, Fault> {
    input.u64(what).map(Duration::from_nanos)
}

pub(super) fn write_places(out: &mut Writer, places: &[WorkerAddress]) {
    out.count(places.len());
    for (worker, address) in places {
        out.u32(worker.0);
        out.text(&address.to_string());
    }
}

pub(super) fn read_places(input: &mut Reader<'_>) -> Result<Vec<WorkerAddress>, Fault> {
    input.list("workers", 8, |input| {
        let worker = WorkerId(input.u32("a worker")?);
        Ok((worker, read_address(input)?))
    })
}

pub(super) fn write_error(out: &mut Writer, error: &SentError) {
    out.u8(match error.severity {
        Severity::Retry => 0,
        Severity::FailTask => 1,
        Severity::FailJob => 2,
        Severity::FailProcess => 3,
    });
    out.text(&error.text);
}

pub(super) fn read_error(input: &mut Reader<'_>) -> Result<SentError, Fault> {
    let severity = match input.u8("the severity")? {
        0 => Severity::Retry,
        1 => Severity::FailTask,
        2 => Severity::FailJob,
        3 => Severity::FailProcess,
        other => return input.fault(format_args!("{other} is no severity")),
    };
    Ok(SentError { severity, text: input.text("the error")? })
}

pub(super) fn write_report_body(out: &mut Writer, body: &TaskReportBody) {
    let TaskCounts {
        records_in,
        buffers_in,
        bytes_in,
        records_emitted,
        late_records_dropped,
        records_out,
        buffers_out,
        bytes_out,
        segments_used,
        segments_max,
        state_bytes_spilled,
        state_bytes_read_back,
        state_segments_on_disk,
    } = body.counts;
    let counts = [records_in, buffers_in, bytes_in, records_emitted, late_records_dropped];
    counts.into_iter().for_each(|count| out.u64(count));
    [records_out, buffers_out, bytes_out].into_iter().for_each(|count| out.u64(count));
    out.u32(segments_used);
    out.u32(segments_max);
    let state = [state_bytes_spilled, state_bytes_read_back, state_segments_on_disk];
    state.into_iter().for_each(|count| out.u64(count));
    let TaskTimes { busy_ns, idle_ns, backpressured_ns } = body.times;
    [busy_ns, idle_ns, backpressured_ns].into_iter().for_each(|time| out.u64(time));
    let values: Vec<_> = body.accumulators.entries().collect();
    out.count(values.len());
    for (name, value, operator) in values {
        out.text(name);
        out.text(operator);
        write_value(out, value);
    }
}

pub(super) fn read_report_body(input: &mut Reader<'_>) -> Result<TaskReportBody, Fault> {
    let counts = TaskCounts {
        records_in: input.u64("a count")?,
        buffers_in: input.u64("a count")?,
        bytes_in: input.u64("a count")?,
        records_emitted: input.u64("a count")?,
        late_records_dropped: input.u64("a count")?,
        records_out: input.u64("a count")?,
        buffers_out: input.u64("a count")?,
        bytes_out: input.u64("a count")?,
        segments_used: input.u32("a count")?,
        segments_max: input.u32("a count")?,
        state_bytes_spilled: input.u64("a count")?,
        state_bytes_read_back: input.u64("a count")?,
        state_segments_on_disk: input.u64("a count")?,
    };
    let times = TaskTimes {
        busy_ns: input.u64("a time")?,
        idle_ns: input.u64("a time")?,
        backpressured_ns: input.u64("a time")?,
    };
    let values = input.list("accumulators", 9, |input| {
        let (name, operator) = (input.text("a name")?, input.text("an operator")?);
        Ok((name, read_value(input)?, operator))
    })?;
    let accumulators = AccumulatorSnapshot::of_entries(values);
    Ok(TaskReportBody { counts, times, accumulators })
}

fn write_value(out: &mut Writer, value: &AccumulatorValue) {
    match value {
        AccumulatorValue::Int(sum) => {
            out.u8(0);
            out.i64(i64::from(*sum));
        }
        AccumulatorValue::Long(sum) => {
            out.u8(1);
            out.i64(*sum);
        }
        AccumulatorValue::Double(sum) => {
            out.u8(2);
            out.u64(sum.to_bits());
        }
        AccumulatorValue::Histogram(counts) => {
            out.u8(3);
            out.count(counts.len());
            for (value, count) in counts {
                out.i64(i64::from(*value));
                out.u64(*count);
            }
        }
    }
}

fn read_value(input: &mut Reader<'_>) -> Result<AccumulatorValue, Fault> {
    Ok(match input.u8("the kind of an accumulator")? {
        0 => AccumulatorValue::Int(read_int(input)?),
        1 => AccumulatorValue::Long(input.i64("a sum")?),
        2 => AccumulatorValue::Double(f64::from_bits(input.u64("a sum")?)),
        3 => {
            let counts =
                input.list("counts", 16, |input| Ok((read_int(input)?, input.u64("a count")?)))?;
            AccumulatorValue::Histogram(counts.into_iter().collect())
        }
        other => return input.fault(format_args!("{other} is no kind of accumulator")),
    })
}

fn read_int(input: &mut Reader<'_>) -> Result<i32, Fault> {
    let wide = input.i64("a number")?;
    match i32::try_from(wide) {
        Ok(number) => Ok(number),
        Err(_) => input.fault(format_args!("{wide} has more than 32 bits")),
    }
}

pub(super) fn write_options(out: &mut Writer, options: &BarrierOptions) {
    out.u64(options.id.0);
    out.u8(parts::kind_code(options.kind));
    out.u64(options.triggered_at.0);
    let (code, limit) = match options.alignment {
        Alignment::AtLeastOnce => (0, Duration::ZERO),
        Alignment::Aligned => (1, Duration::ZERO),
        Alignment::AlignedUntil(limit) => (2, limit),
        Alignment::Unaligned => (3, Duration::ZERO),
    };
    out.u8(code);
    write_duration(out, limit);
    // Checkpoints are numbered from 1.
    out.u64(options.base.map_or(0, |base| base.0));
    match &options.target {
        CheckpointTarget::Checkpoint => out.u8(0),
        CheckpointTarget::Folder(folder) => {
            out.u8(1);
            out.text(folder);
        }
    }
}

pub(super) fn read_options(input: &mut Reader<'_>) -> Result<BarrierOptions, Fault> {
    let id = CheckpointId(input.u64("the checkpoint")?);
    let kind = parts::read_kind(input)?;
    let triggered_at = Millis(input.u64("the time of the trigger")?);
    let code = input.u8("the alignment")?;
    let limit = read_duration(input, "the time of the alignment")?;
    let alignment = match code {
        0 => Alignment::AtLeastOnce,
        1 => Alignment::Aligned,
        2 => Alignment::AlignedUntil(limit),
        3 => Alignment::Unaligned,
        other => return input.fault(format_args!("{other} is no alignment")),
    };
    let base = Some(CheckpointId(input.u64("the base")?)).filter(|base| base.0 > 0);
    let target = match read_flag(input, "the target")? {
        false => CheckpointTarget::Checkpoint,
        true => CheckpointTarget::Folder(input.text("the folder")?),
    };
    Ok(BarrierOptions { id, kind, triggered_at, alignment, base, target })
}

pub(super) fn write_snapshot(out: &mut Writer, snapshot: &TaskSnapshot) {
    let SnapshotMetrics {
        checkpointed_bytes,
        start_delay,
        alignment,
        sync,
        longest_piece,
        write,
        processed_bytes,
        persisted_bytes,
        unaligned,
    } = snapshot.metrics;
    for bytes in [checkpointed_bytes, processed_bytes, persisted_bytes] {
        out.u64(bytes);
    }
    for time in [start_delay, alignment, sync, longest_piece, write] {
        write_duration(out, time);
    }
    out.u8(u8::from(unaligned));
    out.count(snapshot.operators.len());
    for (operator, state) in &snapshot.operators {
        out.id(operator.as_bytes());
        parts::write_subtask(out, state);
    }
}

pub(super) fn read_snapshot(input: &mut Reader<'_>) -> Result<TaskSnapshot, Fault> {
    let mut bytes = || input.u64("a number of bytes");
    let (checkpointed_bytes, processed_bytes, persisted_bytes) = (bytes()?, bytes()?, bytes()?);
    let mut time = || read_duration(input, "a time");
    let metrics = SnapshotMetrics {
        checkpointed_bytes,
        start_delay: time()?,
        alignment: time()?,
        sync: time()?,
        longest_piece: time()?,
        write: time()?,
        processed_bytes,
        persisted_bytes,
        unaligned: read_flag(input, "whether the barrier overtook")?,
    };
    let operators = input.list("operators", 16 + parts::SUBTASK_BYTES_MIN, |input| {
        let operator = OperatorId::from_bytes(input.id("an operator")?);
        Ok((operator, parts::read_subtask(input, parts::GROUPS_MAX)?))
    })?;
    Ok(TaskSnapshot { operators, metrics })
}

pub(super) fn write_reason(out: &mut Writer, reason: &DeclineReason) {
    match reason {
        DeclineReason::NotReady => out.u8(0),
        DeclineReason::Closing => out.u8(1),
        DeclineReason::Overtaken => out.u8(2),
        DeclineReason::InputEnded => out.u8(3),
        DeclineReason::Failed { cause } => {
            out.u8(4);
            out.text(cause);
        }
    }
}

pub(super) fn read_reason(input: &mut Reader<'_>) -> Result<DeclineReason, Fault> {
    Ok(match input.u8("a reason")? {
        0 => DeclineReason::NotReady,
        1 => DeclineReason::Closing,
        2 => DeclineReason::Overtaken,
        3 => DeclineReason::InputEnded,
        4 => DeclineReason::Failed { cause: input.text("the cause")? },
        other => return input.fault(format_args!("{other} is no reason")),
    })
}

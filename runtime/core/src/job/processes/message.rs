//! What the leading process tells the others, and what they report.
//!
//! One frame each: a kind, the job, and the rest as `bytes.rs` writes it.

use std::{net::SocketAddr, time::Duration};

use super::{WorkerAddress, bytes};
use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{BarrierOptions, DeclineReason, TaskSnapshot},
        wire::{Fault, Reader, Writer},
    },
    error::Severity,
    graph::{JobId, TaskId},
    task::{Attempt, CheckpointEnd, WorkerId},
    worker::TaskReport,
};

/// A run of a job, for a process that takes part in it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) struct DeployOrder {
    /// Of the graph, which has to be the same.
    pub(super) fingerprint: u64,
    pub(super) attempt: Attempt,
    /// The worker of each task and where it listens.
    pub(super) places: Vec<WorkerAddress>,
    /// The metadata of the checkpoint that it starts from, and where its files are.
    pub(super) from: Option<(Vec<u8>, String)>,
}

/// An error on its way to another process.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) struct SentError {
    pub(super) severity: Severity,
    pub(super) text: String,
}

/// How a job has ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) enum JobOver {
    Canceled,
    Failed(SentError),
}

/// What the leading process tells another about a job.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) enum Order {
    /// Make room for your tasks, then say so.
    Deploy(DeployOrder),
    /// Let them go.
    Start,
    /// Stop them.
    Cancel,
    /// Know of this checkpoint, and say whether you can take part.
    Prepare(BarrierOptions),
    /// Begin it at those of these tasks that are yours.
    Trigger { id: CheckpointId, tasks: Vec<TaskId> },
    /// It has ended.
    EndCheckpoint(CheckpointEnd),
    /// The job has finished: how long it took, and what each task did.
    Finished(Duration, Vec<SentReport>),
    /// The job has ended otherwise.
    Over(JobOver),
}

/// A task's report without its name, which is another in each process.
pub(super) type SentReport = TaskReportBody;

/// What a task did.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) struct TaskReportBody {
    pub(super) counts: crate::task::TaskCounts,
    pub(super) times: crate::task::TaskTimes,
    pub(super) accumulators: crate::task::accumulator::AccumulatorSnapshot,
}

impl From<TaskReport> for TaskReportBody {
    fn from(report: TaskReport) -> Self {
        let TaskReport { counts, times, accumulators, .. } = report;
        Self { counts, times, accumulators }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) enum SentEnd {
    Finished,
    Canceled,
    Failed(SentError),
}

/// What a process reports of its part of a job.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::job) enum Report {
    /// A worker has made room for its tasks.
    Deployed(Attempt, WorkerId),
    /// A task is over.
    TaskEnded { attempt: Attempt, task: TaskId, body: TaskReportBody, end: SentEnd },
    /// A task has its part of a checkpoint in a safe place.
    Acknowledged { id: CheckpointId, task: TaskId, snapshot: TaskSnapshot },
    /// A task can't take part in a checkpoint.
    Declined { id: CheckpointId, task: TaskId, reason: DeclineReason },
    /// A checkpoint is known of.
    Prepared { id: CheckpointId, ready: bool },
}

/// All that goes over a control connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// To the leader, first: where workers listen.
    Hello(Vec<WorkerAddress>),
    /// To the others, when all are there: what jobs' names are made from.
    Welcome(u128),
    /// To the others.
    Order(JobId, Order),
    /// To the leader.
    Report(JobId, Report),
}

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const DEPLOY: u8 = 3;
const START: u8 = 4;
const CANCEL: u8 = 5;
const PREPARE: u8 = 6;
const TRIGGER: u8 = 7;
const COMPLETED: u8 = 8;
const ABORTED: u8 = 9;
const FINISHED: u8 = 10;
const OVER: u8 = 11;
const DEPLOYED: u8 = 12;
const TASK_ENDED: u8 = 13;
const ACKNOWLEDGED: u8 = 14;
const DECLINED: u8 = 15;
const PREPARED: u8 = 16;

impl Message {
    /// Its bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Hello(workers) => {
                out.u8(HELLO);
                bytes::write_places(&mut out, workers);
            }
            Self::Welcome(seed) => {
                out.u8(WELCOME);
                out.id(&seed.to_le_bytes());
            }
            Self::Order(job, order) => write_order(&mut out, *job, order),
            Self::Report(job, report) => write_report(&mut out, *job, report),
        }
        out.into_bytes()
    }

    /// The message that these bytes are.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut input = Reader::new(bytes, 0);
        let kind = input.u8("the kind of a message")?;
        let message = match kind {
            HELLO => Self::Hello(bytes::read_places(&mut input)?),
            WELCOME => Self::Welcome(u128::from_le_bytes(input.id("the seed")?)),
            DEPLOY..=OVER => {
                let job = JobId::from_bytes(input.id("the job")?);
                Self::Order(job, read_order(&mut input, kind)?)
            }
            DEPLOYED..=PREPARED => {
                let job = JobId::from_bytes(input.id("the job")?);
                Self::Report(job, read_report(&mut input, kind)?)
            }
            other => return input.fault(format_args!("{other} is no kind of message")),
        };
        input.end("a message")?;
        Ok(message)
    }
}

fn write_order(out: &mut Writer, job: JobId, order: &Order) {
    let mut kind = |kind: u8| {
        out.u8(kind);
        out.id(job.as_bytes());
    };
    match order {
        Order::Deploy(deploy) => {
            kind(DEPLOY);
            out.u64(deploy.fingerprint);
            out.u32(deploy.attempt.0);
            bytes::write_places(out, &deploy.places);
            out.u8(u8::from(deploy.from.is_some()));
            if let Some((metadata, location)) = &deploy.from {
                out.bytes(metadata);
                out.text(location);
            }
        }
        Order::Start => kind(START),
        Order::Cancel => kind(CANCEL),
        Order::Prepare(options) => {
            kind(PREPARE);
            bytes::write_options(out, options);
        }
        Order::Trigger { id, tasks } => {
            kind(TRIGGER);
            out.u64(id.0);
            out.count(tasks.len());
            tasks.iter().for_each(|task| out.u32(task.0));
        }
        Order::EndCheckpoint(CheckpointEnd::Completed(id)) => {
            kind(COMPLETED);
            out.u64(id.0);
        }
        Order::EndCheckpoint(CheckpointEnd::Aborted(id)) => {
            kind(ABORTED);
            out.u64(id.0);
        }
        Order::Finished(runtime, reports) => {
            kind(FINISHED);
            bytes::write_duration(out, *runtime);
            out.count(reports.len());
            reports.iter().for_each(|report| bytes::write_report_body(out, report));
        }
        Order::Over(over) => {
            kind(OVER);
            match over {
                JobOver::Canceled => out.u8(0),
                JobOver::Failed(error) => {
                    out.u8(1);
                    bytes::write_error(out, error);
                }
            }
        }
    }
}

fn read_order(input: &mut Reader<'_>, kind: u8) -> Result<Order, Fault> {
    Ok(match kind {
        DEPLOY => Order::Deploy(DeployOrder {
            fingerprint: input.u64("the fingerprint of the graph")?,
            attempt: Attempt(input.u32("the attempt")?),
            places: bytes::read_places(input)?,
            from: match bytes::read_flag(input, "whether there is a checkpoint")? {
                false => None,
                true => Some((
                    input.bytes("the metadata")?.to_vec(),
                    input.text("the checkpoint's folder")?,
                )),
            },
        }),
        START => Order::Start,
        CANCEL => Order::Cancel,
        PREPARE => Order::Prepare(bytes::read_options(input)?),
        TRIGGER => Order::Trigger {
            id: CheckpointId(input.u64("the checkpoint")?),
            tasks: input.list("tasks", 4, |input| input.u32("a task").map(TaskId))?,
        },
        COMPLETED => {
            let id = CheckpointId(input.u64("the checkpoint")?);
            Order::EndCheckpoint(CheckpointEnd::Completed(id))
        }
        ABORTED => {
            let id = CheckpointId(input.u64("the checkpoint")?);
            Order::EndCheckpoint(CheckpointEnd::Aborted(id))
        }
        FINISHED => Order::Finished(
            bytes::read_duration(input, "the job's time")?,
            input.list("reports", bytes::REPORT_BYTES_MIN, bytes::read_report_body)?,
        ),
        _ => Order::Over(match bytes::read_flag(input, "how the job has ended")? {
            false => JobOver::Canceled,
            true => JobOver::Failed(bytes::read_error(input)?),
        }),
    })
}

fn write_report(out: &mut Writer, job: JobId, report: &Report) {
    let mut kind = |kind: u8| {
        out.u8(kind);
        out.id(job.as_bytes());
    };
    match report {
        Report::Deployed(attempt, worker) => {
            kind(DEPLOYED);
            out.u32(attempt.0);
            out.u32(worker.0);
        }
        Report::TaskEnded { attempt, task, body, end } => {
            kind(TASK_ENDED);
            out.u32(attempt.0);
            out.u32(task.0);
            bytes::write_report_body(out, body);
            match end {
                SentEnd::Finished => out.u8(0),
                SentEnd::Canceled => out.u8(1),
                SentEnd::Failed(error) => {
                    out.u8(2);
                    bytes::write_error(out, error);
                }
            }
        }
        Report::Acknowledged { id, task, snapshot } => {
            kind(ACKNOWLEDGED);
            out.u64(id.0);
            out.u32(task.0);
            bytes::write_snapshot(out, snapshot);
        }
        Report::Declined { id, task, reason } => {
            kind(DECLINED);
            out.u64(id.0);
            out.u32(task.0);
            bytes::write_reason(out, reason);
        }
        Report::Prepared { id, ready } => {
            kind(PREPARED);
            out.u64(id.0);
            out.u8(u8::from(*ready));
        }
    }
}

fn read_report(input: &mut Reader<'_>, kind: u8) -> Result<Report, Fault> {
    Ok(match kind {
        DEPLOYED => {
            let attempt = Attempt(input.u32("the attempt")?);
            Report::Deployed(attempt, WorkerId(input.u32("the worker")?))
        }
        TASK_ENDED => Report::TaskEnded {
            attempt: Attempt(input.u32("the attempt")?),
            task: TaskId(input.u32("the task")?),
            body: bytes::read_report_body(input)?,
            end: match input.u8("how the task has ended")? {
                0 => SentEnd::Finished,
                1 => SentEnd::Canceled,
                2 => SentEnd::Failed(bytes::read_error(input)?),
                other => return input.fault(format_args!("{other} is no end of a task")),
            },
        },
        ACKNOWLEDGED => Report::Acknowledged {
            id: CheckpointId(input.u64("the checkpoint")?),
            task: TaskId(input.u32("the task")?),
            snapshot: bytes::read_snapshot(input)?,
        },
        DECLINED => Report::Declined {
            id: CheckpointId(input.u64("the checkpoint")?),
            task: TaskId(input.u32("the task")?),
            reason: bytes::read_reason(input)?,
        },
        _ => Report::Prepared {
            id: CheckpointId(input.u64("the checkpoint")?),
            ready: bytes::read_flag(input, "whether it is ready")?,
        },
    })
}

/// Reads an address as text.
pub(super) fn read_address(input: &mut Reader<'_>) -> Result<SocketAddr, Fault> {
    let text = input.text("an address")?;
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => input.fault(format_args!("'{text}' is no address")),
    }
}

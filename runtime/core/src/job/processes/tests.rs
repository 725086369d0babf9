//! Messages: each comes back as it was sent, and nothing else is taken for one.

use std::{net::SocketAddr, time::Duration};

use super::message::{
    DeployOrder, JobOver, Message, Order, Report, SentEnd, SentError, TaskReportBody,
};
use crate::{
    checkpoint::{
        AfterSavepoint, Alignment, CheckpointId, CheckpointKind, Millis, SavepointFormat,
        coordinator::{
            BarrierOptions, CheckpointTarget, DeclineReason, SnapshotMetrics, TaskSnapshot,
        },
        metadata::tests::sample,
    },
    error::Severity,
    graph::{JobId, OperatorId, TaskId},
    task::{
        Attempt, CheckpointEnd, TaskCounts, TaskTimes, WorkerId,
        accumulator::{AccumulatorSnapshot, AccumulatorValue},
    },
};

fn body() -> TaskReportBody {
    let entry = |name: &str, value| (name.to_owned(), value, "an operator".to_owned());
    TaskReportBody {
        counts: TaskCounts { records_in: 1, bytes_out: 2, segments_max: 3, ..Default::default() },
        times: TaskTimes { busy_ns: 4, idle_ns: 5, backpressured_ns: 6 },
        accumulators: AccumulatorSnapshot::of_entries(vec![
            entry("int", AccumulatorValue::Int(-7)),
            entry("long", AccumulatorValue::Long(i64::MIN)),
            entry("double", AccumulatorValue::Double(0.5)),
            entry("histogram", AccumulatorValue::Histogram([(-1, 2), (3, 4)].into())),
        ]),
    }
}

fn options(kind: CheckpointKind, alignment: Alignment) -> BarrierOptions {
    BarrierOptions {
        id: CheckpointId(9),
        kind,
        triggered_at: Millis(10),
        alignment,
        base: Some(CheckpointId(8)),
        target: CheckpointTarget::Folder("/a folder".to_owned()),
    }
}

fn orders() -> Vec<Order> {
    let address: SocketAddr = "127.0.0.1:70".parse().unwrap();
    let savepoint =
        CheckpointKind::Savepoint { format: SavepointFormat::Native, after: AfterSavepoint::Drain };
    let deploy = DeployOrder {
        fingerprint: 1,
        attempt: Attempt(2),
        places: vec![(WorkerId(3), address), (WorkerId(1 << 20), "[::1]:7".parse().unwrap())],
        from: None,
    };
    let restored = DeployOrder { from: Some((vec![1, 2], "/chk-1".to_owned())), ..deploy.clone() };
    let unaligned = CheckpointKind::Checkpoint { unaligned: true };
    let whole = BarrierOptions {
        base: None,
        target: CheckpointTarget::Checkpoint,
        ..options(unaligned, Alignment::Unaligned)
    };
    let error = SentError { severity: Severity::FailJob, text: "why".to_owned() };
    vec![
        Order::Deploy(deploy),
        Order::Deploy(restored),
        Order::Start,
        Order::Cancel,
        Order::Prepare(options(savepoint, Alignment::AlignedUntil(Duration::from_millis(5)))),
        Order::Prepare(options(savepoint, Alignment::AtLeastOnce)),
        Order::Prepare(options(savepoint, Alignment::Aligned)),
        Order::Prepare(whole),
        Order::Trigger { id: CheckpointId(9), tasks: vec![TaskId(0), TaskId(5)] },
        Order::EndCheckpoint(CheckpointEnd::Completed(CheckpointId(9))),
        Order::EndCheckpoint(CheckpointEnd::Aborted(CheckpointId(9))),
        Order::Finished(Duration::from_secs(1), vec![body(), body()]),
        Order::Over(JobOver::Canceled),
        Order::Over(JobOver::Failed(error)),
    ]
}

fn reports() -> Vec<Report> {
    let ended = |end| Report::TaskEnded { attempt: Attempt(1), task: TaskId(2), body: body(), end };
    let error = SentError { severity: Severity::Retry, text: "why".to_owned() };
    let (id, task) = (CheckpointId(3), TaskId(4));
    let metrics = SnapshotMetrics { unaligned: true, persisted_bytes: 5, ..Default::default() };
    let operators =
        vec![(OperatorId::from_bytes([6; 16]), sample().operators[0].subtasks[0].clone())];
    let snapshot = TaskSnapshot { operators, metrics };
    let declined = |reason| Report::Declined { id, task, reason };
    vec![
        Report::Deployed(Attempt(1), WorkerId(2)),
        ended(SentEnd::Finished),
        ended(SentEnd::Canceled),
        ended(SentEnd::Failed(error)),
        Report::Acknowledged { id, task, snapshot },
        declined(DeclineReason::NotReady),
        declined(DeclineReason::Closing),
        declined(DeclineReason::Overtaken),
        declined(DeclineReason::InputEnded),
        declined(DeclineReason::Failed { cause: "why".to_owned() }),
        Report::Prepared { id, ready: true },
        Report::Prepared { id, ready: false },
    ]
}

fn messages() -> Vec<Message> {
    let job = JobId::from_bytes([7; 16]);
    let mut messages = vec![
        Message::Hello(vec![(WorkerId(1), "127.0.0.1:1".parse().unwrap())]),
        Message::Hello(Vec::new()),
        Message::Welcome(u128::MAX - 1),
    ];
    messages.extend(orders().into_iter().map(|order| Message::Order(job, order)));
    messages.extend(reports().into_iter().map(|report| Message::Report(job, report)));
    messages
}

#[test]
fn messages_come_back_as_they_were_sent() {
    for message in messages() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn cut_messages_and_longer_ones_are_refused() {
    for message in messages() {
        let mut bytes = message.encode();
        for end in 0..bytes.len() {
            let found = Message::decode(&bytes[..end]);
            assert!(found.is_err(), "{end} bytes of {message:?} are {found:?}");
        }
        bytes.push(0);
        assert!(Message::decode(&bytes).is_err(), "a byte more than {message:?}");
    }
}

#[test]
fn damaged_messages_are_refused_or_other_ones() {
    // Either will do here: their frame has a checksum. They must not panic, nor ask for much memory.
    for message in messages() {
        let bytes = message.encode();
        for at in 0..bytes.len() {
            for flipped in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flipped;
                let _ = Message::decode(&damaged);
            }
        }
    }
}

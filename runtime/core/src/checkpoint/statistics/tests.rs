use std::time::Duration;

use serde_json::json;

use super::*;
use crate::checkpoint::coordinator::SnapshotMetrics;
use crate::checkpoint::{AfterSavepoint, SavepointFormat};
use crate::graph::{OperatorId, SubtaskIndex, VertexIndex};

fn vertex(number: u8) -> VertexId {
    VertexId::from(OperatorId::from_bytes([number; 16]))
}

fn begun(kind: CheckpointKind) -> Triggered {
    Triggered { kind, vertices: vec![(vertex(1), Parallelism(1)), (vertex(2), Parallelism(2))] }
}

const CHECKPOINT: CheckpointKind = CheckpointKind::Checkpoint { unaligned: false };

fn report(bytes: u64) -> SubtaskReport {
    let metrics = SnapshotMetrics {
        checkpointed_bytes: bytes,
        start_delay: Duration::from_millis(1),
        alignment: Duration::from_millis(2),
        sync: Duration::from_millis(3),
        longest_piece: Duration::ZERO,
        write: Duration::from_millis(4),
        processed_bytes: 5,
        persisted_bytes: 6,
        unaligned: false,
    };
    SubtaskReport { metrics, state_size: bytes * 2 }
}

fn subtask(vertex: u32, index: u32) -> Subtask {
    Subtask { vertex: VertexIndex(vertex), index: SubtaskIndex(index) }
}

fn complete(statistics: &mut Statistics, id: u64, kind: CheckpointKind) {
    let id = CheckpointId(id);
    statistics.triggered(id, Millis(1000), begun(kind));
    statistics.acknowledged(id, Millis(1010), subtask(0, 0), report(100));
    statistics.acknowledged(id, Millis(1020), subtask(1, 0), report(200));
    statistics.acknowledged(id, Millis(1030), subtask(1, 1), report(300));
    statistics.completed(id, WrittenTo { location: "/c/chk".to_owned(), bytes: 50 });
    statistics.verify_invariants();
}

#[test]
fn nothing_yet() {
    let shown = serde_json::to_value(Statistics::new(10).overview()).unwrap();
    let none = json!({"min": 0, "max": 0, "avg": 0, "p50": "NaN", "p90": "NaN", "p95": "NaN",
        "p99": "NaN", "p999": "NaN"});
    assert_eq!(
        shown,
        json!({
            "counts": {"restored": 0, "total": 0, "in_progress": 0, "completed": 0, "failed": 0},
            "summary": {"checkpointed_size": none, "state_size": none, "end_to_end_duration": none,
                "alignment_buffered": none, "processed_data": none, "persisted_data": none},
            "latest": {"completed": null, "savepoint": null, "failed": null, "restored": null},
            "history": []
        })
    );
}

#[test]
fn a_completed_checkpoint_in_the_shape_of_the_api() {
    let mut statistics = Statistics::new(10);
    complete(&mut statistics, 1, CHECKPOINT);
    let shown = serde_json::to_value(statistics.details(CheckpointId(1)).unwrap()).unwrap();
    let task = |latest: u64, size: u64, duration: u64, subtasks: u64| {
        json!({"id": 1, "status": "COMPLETED", "latest_ack_timestamp": latest,
            "checkpointed_size": size, "state_size": 2 * size, "end_to_end_duration": duration,
            "alignment_buffered": 0, "processed_data": 5 * subtasks, "persisted_data": 6 * subtasks,
            "num_subtasks": subtasks, "num_acknowledged_subtasks": subtasks})
    };
    let (first, second) = (vertex(1).to_string(), vertex(2).to_string());
    assert_eq!(
        shown,
        json!({
            "className": "completed", "id": 1, "status": "COMPLETED", "is_savepoint": false,
            "savepointFormat": null, "trigger_timestamp": 1000, "latest_ack_timestamp": 1030,
            "checkpointed_size": 600, "state_size": 1200, "end_to_end_duration": 30,
            "alignment_buffered": 0, "processed_data": 15, "persisted_data": 18,
            "num_subtasks": 3, "num_acknowledged_subtasks": 3, "checkpoint_type": "CHECKPOINT",
            "tasks": {first: task(1010, 100, 10, 1), second: task(1030, 500, 30, 2)},
            "external_path": "/c/chk", "discarded": false
        })
    );
    let listed = serde_json::to_value(statistics.overview()).unwrap();
    assert_eq!(listed["history"][0]["tasks"], json!({}), "the list goes without tasks");
    assert_eq!(listed["summary"]["state_size"]["p99"], json!(1200.0));
    statistics.discarded(CheckpointId(1));
    let listed = serde_json::to_value(statistics.overview()).unwrap();
    assert_eq!(listed["latest"]["completed"]["discarded"], json!(true));
}

#[test]
fn subtasks_in_the_shape_of_the_api() {
    let mut statistics = Statistics::new(10);
    let id = CheckpointId(1);
    statistics.triggered(id, Millis(1000), begun(CHECKPOINT));
    statistics.acknowledged(id, Millis(1020), subtask(1, 1), report(200));
    let shown = serde_json::to_value(statistics.subtasks(id, vertex(2)).unwrap()).unwrap();
    assert_eq!(shown["status"], "IN_PROGRESS");
    assert_eq!(shown["num_acknowledged_subtasks"], 1);
    assert_eq!(shown["summary"]["checkpoint_duration"]["async"]["max"], 4);
    assert_eq!(shown["summary"]["alignment"]["persisted"]["avg"], 6);
    assert_eq!(
        shown["subtasks"],
        json!([
            {"className": "pending", "index": 0, "status": "pending_or_failed"},
            {"className": "completed", "index": 1, "ack_timestamp": 1020,
                "end_to_end_duration": 20, "checkpointed_size": 200, "state_size": 400,
                "checkpoint": {"sync": 3, "async": 4},
                "alignment": {"buffered": 0, "processed": 5, "persisted": 6, "duration": 2},
                "start_delay": 1, "unaligned_checkpoint": false, "aborted": false,
                "status": "completed"}
        ])
    );
    assert_eq!(statistics.subtasks(id, vertex(3)), None);
    assert_eq!(statistics.subtasks(CheckpointId(2), vertex(2)), None);
}

#[test]
fn failures_savepoints_and_restores() {
    let mut statistics = Statistics::new(10);
    let format = SavepointFormat::Canonical;
    let after = AfterSavepoint::Suspend;
    complete(&mut statistics, 1, CheckpointKind::Savepoint { format, after });
    statistics.triggered(CheckpointId(2), Millis(2000), begun(CHECKPOINT));
    statistics.failed(CheckpointId(2), Millis(2500), "it expired".to_owned());
    statistics.failed(CheckpointId(2), Millis(2600), "once more".to_owned());
    let kind = RestoredKind { savepoint: true, location: "/s".to_owned() };
    statistics.restored(CheckpointId(1), Millis(3000), kind);
    statistics.failed_before_start();
    statistics.verify_invariants();
    let shown = serde_json::to_value(statistics.overview()).unwrap();
    assert_eq!(
        shown["counts"],
        json!({"restored": 1, "total": 3, "in_progress": 0, "completed": 1, "failed": 2})
    );
    let failed = &shown["latest"]["failed"];
    assert_eq!(failed["className"], "failed");
    assert_eq!(failed["failure_message"], "it expired");
    assert_eq!(failed["failure_timestamp"], 2500);
    assert_eq!(failed["end_to_end_duration"], 500);
    assert_eq!(failed["latest_ack_timestamp"], -1);
    assert!(failed.get("external_path").is_none());
    assert_eq!(shown["latest"]["savepoint"]["checkpoint_type"], "SYNC_SAVEPOINT");
    assert_eq!(shown["latest"]["savepoint"]["savepointFormat"], "CANONICAL");
    assert_eq!(
        shown["latest"]["restored"],
        json!({"id": 1, "restore_timestamp": 3000, "is_savepoint": true, "external_path": "/s"})
    );
}

#[test]
fn the_history_is_bounded_and_newest_first() {
    let mut statistics = Statistics::new(3);
    statistics.triggered(CheckpointId(1), Millis(1), begun(CHECKPOINT));
    for id in 2..=9 {
        complete(&mut statistics, id, CHECKPOINT);
    }
    let ids: Vec<_> = statistics.overview().history.iter().map(|shown| shown.id).collect();
    assert_eq!(ids, [9, 8, 1], "what is in progress stays");
}

#[test]
fn quantiles_as_commons_math_estimates_them() {
    let check = |values: &[u64], expected: [f64; 5]| {
        let mut distribution = Distribution::default();
        values.iter().for_each(|value| distribution.add(*value));
        let stats = distribution.stats();
        let found = [stats.p50, stats.p90, stats.p95, stats.p99, stats.p999];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found.0.unwrap() - expected).abs() < 1e-9, "{stats:?}");
        }
    };
    check(&[7], [7.0; 5]);
    check(&[1, 2, 3, 4], [2.5, 4.0, 4.0, 4.0, 4.0]);
    let hundred: Vec<u64> = (1..=100).collect();
    check(&hundred, [50.5, 90.9, 95.95, 99.99, 100.0]);
    let mut long = Distribution::default();
    (0..5000).for_each(|value| long.add(value));
    let stats = long.stats();
    assert_eq!((stats.min, stats.max, stats.avg), (0, 4999, 2499), "over all");
    assert!(stats.p50.0.unwrap() > 4000.0, "over the last ones");
}

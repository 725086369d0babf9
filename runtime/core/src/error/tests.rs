use super::*;
use brisk_memory::MemoryError;

#[test]
fn failures_cost_what_they_must() {
    let task = |cause| Error::Task {
        job: "a job".to_string(),
        operator: "an operator".to_string(),
        subtask: 1,
        parallelism: 1,
        cause,
    };
    let io = |kind: io::ErrorKind| {
        task(TaskError::Io { what: "reading".to_string(), cause: io::Error::from(kind) })
    };
    let network = |needed| Error::InsufficientNetworkMemory {
        job: "a job".to_string(),
        needed,
        available: 3,
        total: 10,
        segment_bytes: 4096,
        arithmetic: String::new(),
    };
    let conservation = MemoryError::Conservation {
        region: brisk_memory::RegionKind::Network,
        finding: "one is lost".to_string(),
    };
    let check = |error: Error, expected| assert_eq!(error.severity(), expected, "{error}");
    check(io(io::ErrorKind::ConnectionReset), Severity::Retry);
    check(io(io::ErrorKind::StorageFull), Severity::FailTask);
    check(network(4), Severity::Retry);
    check(network(11), Severity::FailJob);
    check(task(TaskError::Panic("oh".to_string())), Severity::FailTask);
    check(task(TaskError::PartitionOutOfRange { chosen: 3, consumers: 2 }), Severity::FailJob);
    check(Error::Canceled { job: "a job".to_string() }, Severity::FailJob);
    check(task(TaskError::Memory(conservation)), Severity::FailProcess);
    let in_order = [Severity::Retry, Severity::FailTask, Severity::FailJob, Severity::FailProcess];
    assert!(in_order.is_sorted());
}

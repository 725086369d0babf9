//! What cannot be is refused with keys, sums and remedy.

use super::*;
use crate::config::tests::warnings_of;

fn check(lines: &str, expected: &str) {
    let message = task_manager(lines).unwrap_err().to_string();
    assert_eq!(message, expected, "{lines}");
}

fn check_job_manager(lines: &str, expected: &str) {
    let message = job_manager(lines).unwrap_err().to_string();
    assert_eq!(message, expected, "{lines}");
}

#[test]
fn nothing_set() {
    check(
        "",
        "no memory size is set: set taskmanager.memory.process.size (all memory of the process), \
         or taskmanager.memory.flink.size, or both taskmanager.memory.task.heap.size and \
         taskmanager.memory.managed.size",
    );
    check_job_manager(
        "",
        "no memory size is set: set jobmanager.memory.process.size (all memory of the process), or \
         jobmanager.memory.flink.size, or jobmanager.memory.heap.size",
    );
}

#[test]
fn parts_that_exceed_their_whole() {
    check(
        "taskmanager.memory.process.size: 600m",
        "taskmanager.memory.framework.heap.size (128 mb) + \
         taskmanager.memory.framework.off-heap.size (128 mb) + \
         taskmanager.memory.task.off-heap.size (0 bytes) + taskmanager.memory.managed (63753421 \
         bytes) + taskmanager.memory.network (64 mb) = 399297741 bytes exceed the flink size (152 \
         mb) by 239914189 bytes: raise taskmanager.memory.process.size or lower one of the others",
    );
    check(
        "taskmanager.memory.process.size: 2g; taskmanager.memory.managed.size: 3g",
        "taskmanager.memory.framework.heap.size (128 mb) + \
         taskmanager.memory.framework.off-heap.size (128 mb) + \
         taskmanager.memory.task.off-heap.size (0 bytes) + taskmanager.memory.managed (3 gb) + \
         taskmanager.memory.network (166429984 bytes) = 3656090912 bytes exceed the flink size \
         (1664299824 bytes) by 1991791088 bytes: raise taskmanager.memory.process.size or lower one \
         of the others",
    );
    check(
        "taskmanager.memory.process.size: 256m",
        "taskmanager.memory.jvm-metaspace.size (256 mb) + taskmanager.memory.jvm-overhead (192 mb) \
         = 448 mb exceed taskmanager.memory.process.size (256 mb) by 192 mb: raise \
         taskmanager.memory.process.size or lower one of the others",
    );
    check(
        "taskmanager.memory.process.size: 1g; taskmanager.memory.flink.size: 1g",
        "taskmanager.memory.flink.size (1 gb) + taskmanager.memory.jvm-metaspace.size (256 mb) = \
         1280 mb exceed taskmanager.memory.process.size (1 gb) by 256 mb: raise \
         taskmanager.memory.process.size or lower one of the others",
    );
    check(
        "taskmanager.memory.flink.size: 1g; taskmanager.memory.task.heap.size: 1g",
        "taskmanager.memory.framework.heap.size (128 mb) + \
         taskmanager.memory.framework.off-heap.size (128 mb) + \
         taskmanager.memory.task.off-heap.size (0 bytes) + taskmanager.memory.managed (429496736 \
         bytes) + taskmanager.memory.task.heap.size (1 gb) = 1771674016 bytes exceed \
         taskmanager.memory.flink.size (1 gb) by 697932192 bytes: raise \
         taskmanager.memory.flink.size or lower one of the others",
    );
    check_job_manager(
        "jobmanager.memory.flink.size: 100m",
        "jobmanager.memory.off-heap.size (128 mb) exceeds jobmanager.memory.flink.size (100 mb) by \
         28 mb: raise jobmanager.memory.flink.size or lower the other",
    );
    check_job_manager(
        "jobmanager.memory.flink.size: 1g; jobmanager.memory.heap.size: 2g",
        "jobmanager.memory.heap.size (2 gb) exceeds jobmanager.memory.flink.size (1 gb) by 1 gb: \
         raise jobmanager.memory.flink.size or lower the other",
    );
}

#[test]
fn what_is_left_lies_outside_of_its_bounds() {
    check(
        "taskmanager.memory.process.size: 8g; taskmanager.memory.flink.size: 1g",
        "taskmanager.memory.jvm-overhead would be 6912 mb, which is what is left of \
         taskmanager.memory.process.size (8 gb), but must lie within \
         taskmanager.memory.jvm-overhead.min (192 mb) and taskmanager.memory.jvm-overhead.max (1 \
         gb): change taskmanager.memory.process.size or one of the two bounds",
    );
    check(
        "taskmanager.memory.flink.size: 2g; taskmanager.memory.task.heap.size: 1g; \
         taskmanager.memory.managed.size: 760m",
        "taskmanager.memory.network would be 8 mb, which is what is left of \
         taskmanager.memory.flink.size (2 gb), but must lie within taskmanager.memory.network.min \
         (64 mb) and taskmanager.memory.network.max (9223372036854775807 bytes): change \
         taskmanager.memory.flink.size or one of the two bounds",
    );
    check(
        "taskmanager.memory.process.size: 2g; taskmanager.memory.network.max: 1m",
        "taskmanager.memory.network.min (64 mb) is above taskmanager.memory.network.max (1 mb): \
         lower the first or raise the second",
    );
}

#[test]
fn a_refused_value_names_its_place() {
    let message = task_manager("a: 1; taskmanager.memory.managed.fraction: 40%");
    let message = message.unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("at least 0 and below 1"), "{message}");
}

#[test]
fn the_keys_of_1x_are_mapped_with_one_warning() {
    let lines = config("taskmanager.heap.size: 1280m");
    let warnings = warnings_of(|| {
        for _ in 0..2 {
            let memory = TaskManagerMemory::from_configuration(&lines, &boundless()).unwrap();
            assert_eq!(memory.flink(), mib(1280));
        }
    });
    assert_eq!(
        warnings,
        ["taskmanager.heap.size (conf/flink-conf.yaml line 1) is deprecated and read as \
          taskmanager.memory.flink.size; write taskmanager.memory.flink.size instead"]
    );
    let inside = TaskManagerMemory::from_configuration(
        &config("taskmanager.heap.size: 1728m"),
        &container(mib(2048)),
    );
    assert_eq!(inside.unwrap().process(), mib(1728));
    let both = config("taskmanager.heap.size: 9g\ntaskmanager.memory.process.size: 2g");
    let warnings = warnings_of(|| {
        let memory = TaskManagerMemory::from_configuration(&both, &boundless()).unwrap();
        assert_eq!(memory.process(), mib(2048));
    });
    assert_eq!(
        warnings,
        ["taskmanager.heap.size (conf/flink-conf.yaml line 1) is ignored because newer keys are \
          set; remove it"]
    );
    let warnings = warnings_of(|| {
        let memory = job_manager("jobmanager.heap.size: 1024m").unwrap();
        assert_eq!((memory.heap, memory.off_heap), (mib(1024), mib(128)));
        assert_eq!(job_manager("jobmanager.memory.heap.size: 64m").unwrap().heap, mib(64));
    });
    assert_eq!(
        warnings,
        [
            "jobmanager.heap.size (conf/flink-conf.yaml line 1) is deprecated; write \
             jobmanager.memory.heap.size instead",
            "the JobManager's heap is 64 mb, less than the recommended 128 mb: raise \
             jobmanager.memory.heap.size",
        ]
    );
}

#[test]
fn a_default_off_heap_gives_way_and_a_set_one_must_agree() {
    let both = "jobmanager.memory.flink.size: 1g; jobmanager.memory.heap.size: 768m";
    assert_eq!(job_manager(both).unwrap().off_heap, mib(256));
    let agreeing = format!("{both}; jobmanager.memory.off-heap.size: 256m");
    assert_eq!(job_manager(&agreeing).unwrap().off_heap, mib(256));
    check_job_manager(
        &format!("{both}; jobmanager.memory.off-heap.size: 1m"),
        "jobmanager.memory.heap.size (768 mb) + jobmanager.memory.off-heap.size (1 mb) = 769 mb, \
         but jobmanager.memory.flink.size is 1 gb: make them agree or leave one of them out",
    );
}

#[test]
fn a_process_larger_than_its_container() {
    let refuse = |lines: &str| {
        let host = container(mib(1024));
        TaskManagerMemory::from_configuration(&config(lines), &host).unwrap_err().to_string()
    };
    assert_eq!(
        refuse("taskmanager.memory.process.size: 1728m"),
        "the process would take 1728 mb (as set), but the container is limited to 1 gb by \
         /sys/fs/cgroup/memory.max: lower taskmanager.memory.process.size to at most 1 gb, or raise \
         the container's limit"
    );
    let message = refuse("taskmanager.memory.flink.size: 1g");
    assert!(message.contains("1472 mb (derived)"), "{message}");
    assert!(message.contains("lower taskmanager.memory.flink.size or raise"), "{message}");
    let exact = config("taskmanager.memory.process.size: 1728m");
    assert!(TaskManagerMemory::from_configuration(&exact, &container(mib(1728))).is_ok());
    let jobs = config("jobmanager.memory.process.size: 1600m");
    let message = JobManagerMemory::from_configuration(&jobs, &container(mib(1599)));
    assert!(message.unwrap_err().to_string().contains("limited to 1599 mb"));
}

#[test]
fn a_process_larger_than_its_machine_is_a_warning() {
    let host = HostMemory { machine: Some(mib(512)), container: None };
    let lines = config("taskmanager.memory.process.size: 1728m");
    let warnings = warnings_of(|| {
        TaskManagerMemory::from_configuration(&lines, &host).unwrap();
    });
    assert_eq!(
        warnings,
        ["the process is to take 1728 mb, but the machine has only 512 mb: lower \
          taskmanager.memory.process.size"]
    );
}

//! The small plan of an embedded program.

use super::*;

/// `expected`: network, managed, overhead, task heap in MiB, rounded down.
fn check(available: u64, slot_count: u32, lines: &str, expected: [u64; 4]) {
    let config = config(&lines.replace("; ", "\n"));
    let host = HostMemory { machine: Some(mib(available)), container: None };
    let memory = TaskManagerMemory::for_embedded(&config, &host, slots(slot_count)).unwrap();
    let found = [memory.network, memory.managed, memory.overhead, memory.task_heap];
    assert_eq!(found.map(|size| size.bytes() >> 20), expected, "{available} {slot_count} {lines}");
    assert_eq!(memory.slots, slots(slot_count));
}

#[test]
fn small_pools_by_slots_within_what_there_is() {
    check(16384, 1, "", [64, 2048, 1024, 13248]);
    check(16384, 8, "", [128, 2048, 1024, 13184]);
    check(16384, 1000, "", [1024, 2048, 1024, 12288]);
    check(2048, 64, "", [256, 512, 204, 1075]);
    check(256, 2, "", [32, 64, 25, 134]);
    check(8, 2, "", [1, 2, 0, 4]);
    check(0, 2, "", [0, 0, 0, 0]);
}

#[test]
fn explicit_keys_are_honoured() {
    check(16384, 1, "taskmanager.memory.managed.size: 1g", [64, 1024, 1024, 14272]);
    check(16384, 1, "taskmanager.memory.network.min: 100m", [100, 2048, 1024, 13212]);
    check(16384, 1, "taskmanager.memory.network.max: 64m", [64, 2048, 1024, 13248]);
    check(16384, 64, "taskmanager.memory.network.max: 100m", [100, 2048, 1024, 13212]);
    check(16384, 1, "taskmanager.memory.network.fraction: 0.5", [8192, 2048, 1024, 5120]);
    check(16384, 1, "taskmanager.memory.task.heap.size: 1g", [64, 2048, 1024, 1024]);
    check(16384, 1, "taskmanager.memory.jvm-overhead.max: 200m", [64, 2048, 200, 14072]);
    check(1024, 1, "taskmanager.memory.jvm-overhead.min: 200m", [64, 256, 200, 504]);
    let framework = "taskmanager.memory.framework.heap.size: 100m; \
                     taskmanager.memory.jvm-metaspace.size: 68m";
    check(16384, 1, framework, [64, 2048, 1024, 13080]);
    // A size that decides: the whole plan is a TaskManager's.
    check(16384, 4, "taskmanager.memory.process.size: 1728m", [128, 512, 192, 383]);
}

#[test]
fn parts_larger_than_the_machine_are_refused() {
    let config = config("taskmanager.memory.managed.size: 2g");
    let host = HostMemory { machine: Some(mib(1024)), container: None };
    let error = TaskManagerMemory::for_embedded(&config, &host, slots(1)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("taskmanager.memory.managed (2 gb)"), "{message}");
    assert!(message.contains("exceed the memory there is (1 gb) by"), "{message}");
}

#[test]
fn an_unknown_machine_is_taken_for_a_small_one() {
    let memory = TaskManagerMemory::for_embedded(&config(""), &boundless(), slots(2)).unwrap();
    assert_eq!(memory.process(), mib(1728));
    assert!(memory.explain().contains("what is left of 1.688 gb (assumed)"));
}

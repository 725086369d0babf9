//! Sizes equal Flink's to the byte.

use proptest::prelude::*;

use super::*;

/// `expected`: task heap, managed, network, overhead in bytes.
fn check(lines: &str, expected: [u64; 4]) {
    let memory = task_manager(lines).unwrap();
    let found = [memory.task_heap, memory.managed, memory.network, memory.overhead];
    assert_eq!(found.map(MemorySize::bytes), expected, "{lines}");
}

fn check_job_manager(lines: &str, heap: u64) {
    assert_eq!(job_manager(lines).unwrap().heap.bytes(), heap, "{lines}");
}

#[test]
fn the_vectors_of_the_contract() {
    const P: &str = "taskmanager.memory.process.size";
    const F: &str = "taskmanager.memory.flink.size";
    check(&format!("{P}: 1728m"), [402_653_174, 536_870_920, 134_217_730, 201_326_592]);
    check(&format!("{P}: 4g"), [1_530_082_070, 1_438_814_063, 359_703_515, 429_496_736]);
    check(&format!("{P}: 16g"), [7_650_410_378, 6_335_076_856, 1_583_769_214, 1_073_741_824]);
    check(&format!("{P}: 64g"), [33_420_213_770, 26_950_920_184, 6_737_730_046, 1_073_741_824]);
    check(
        &format!("{P}: 64g; taskmanager.memory.network.max: 1g"),
        [39_084_201_992, 26_950_920_184, 1_073_741_824, 1_073_741_824],
    );
    check(
        &format!("{P}: 4g; taskmanager.memory.managed.fraction: 0.0"),
        [2_968_896_133, 0, 359_703_515, 429_496_736],
    );
    check(
        &format!("{P}: 4g; taskmanager.network.memory.fraction: 0.2"),
        [1_170_378_554, 1_438_814_063, 719_407_031, 429_496_736],
    );
    check(&format!("{F}: 1280m"), [402_653_174, 536_870_920, 134_217_730, 201_326_592]);
    check(&format!("{F}: 4g"), [1_879_048_160, 1_717_986_944, 429_496_736, 507_044_758]);
    check(&format!("{P}: 2g; {F}: 1g"), [268_435_448, 429_496_736, 107_374_184, 805_306_368]);
    check(
        "taskmanager.memory.task.heap.size: 1g; taskmanager.memory.managed.size: 1g",
        [1_073_741_824, 1_073_741_824, 268_435_460, 328_087_785],
    );
    check_job_manager("jobmanager.memory.process.size: 1600m", 1_073_741_824);
    check_job_manager("jobmanager.memory.process.size: 16g", 15_703_474_176);
    check_job_manager("jobmanager.memory.flink.size: 1g", 939_524_096);
}

/// Random configurations with what `TaskExecutorProcessUtils` and `JobManagerProcessUtils` of Flink
/// 2.2.0 made of them: kind, keys, and the parts in the order of our fields, or `error`.
const RECORDED: &str = include_str!("recorded-2.2.0.tsv");

#[test]
fn the_recorded_vectors() {
    let mut count = 0;
    for line in RECORDED.lines() {
        let mut fields = line.split('\t');
        let [kind, keys, expected] = std::array::from_fn(|_| fields.next().unwrap());
        let found = match kind {
            "tm" => task_manager(keys).map(|m| {
                vec![
                    m.framework_heap,
                    m.task_heap,
                    m.framework_off_heap,
                    m.task_off_heap,
                    m.managed,
                    m.network,
                    m.metaspace,
                    m.overhead,
                ]
            }),
            _ => job_manager(keys).map(|m| vec![m.heap, m.off_heap, m.metaspace, m.overhead]),
        };
        let found = match found {
            Err(_) => "error".to_owned(),
            Ok(parts) => {
                let bytes: Vec<String> =
                    parts.iter().map(|size| size.bytes().to_string()).collect();
                bytes.join(",")
            }
        };
        assert_eq!(found, expected, "{keys}");
        count += 1;
    }
    assert!(count >= 250, "only {count} vectors");
}

proptest! {
    #[test]
    fn no_sizes_panic_and_each_plan_adds_up(
        sizes in proptest::collection::vec(proptest::option::of(0..=i64::MAX as u64), 9),
        small in any::<bool>(),
        slots in 1u32..100,
    ) {
        let keys = [
            "process.size", "flink.size", "task.heap.size", "managed.size", "framework.heap.size",
            "task.off-heap.size", "network.min", "network.max", "jvm-metaspace.size",
        ];
        let mut lines = format!("taskmanager.numberOfTaskSlots: {slots}\n");
        for (key, size) in keys.iter().zip(&sizes) {
            if let Some(size) = size {
                let size = if small { size % (8 << 30) } else { *size };
                lines.push_str(&format!("taskmanager.memory.{key}: {size}\n"));
            }
        }
        if let Ok(memory) = task_manager(&lines) {
            memory.verify_invariants();
            prop_assert!(memory.slot_share().managed * u64::from(slots) <= memory.managed);
            prop_assert!(memory.explain().lines().count() > 16);
        }
        let lines = lines.replace("taskmanager", "jobmanager").replace("task.heap", "heap");
        if let Ok(memory) = job_manager(&lines) {
            memory.verify_invariants();
        }
    }
}

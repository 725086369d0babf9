//! Derived totals and the table that explains them.

use super::*;

#[test]
fn totals_segments_and_shares() {
    let memory =
        task_manager("taskmanager.memory.process.size: 1728m; taskmanager.numberOfTaskSlots: 4")
            .unwrap();
    assert_eq!(memory.process(), mib(1728));
    assert_eq!(memory.flink(), mib(1280));
    assert_eq!(memory.heap_limit().bytes(), 134_217_728 + 402_653_174);
    assert_eq!(memory.direct_limit().bytes(), 134_217_728 + 134_217_730);
    assert_eq!(memory.network_segments(), 4096);
    assert_eq!(memory.managed_segments(), 16384);
    let regions = memory.regions();
    assert_eq!(regions.unmanaged.bytes(), 2 * 134_217_728 + 402_653_174);
    assert_eq!(regions.reserve, mib(448));
    assert_eq!(regions.total(), mib(1728));
    assert_eq!(memory.slot_share().managed.bytes(), 134_217_730);
}

#[test]
fn the_table_names_the_origin_of_every_value() {
    let lines = "taskmanager.memory.process.size: 4g; taskmanager.network.memory.max: 128m; \
                 taskmanager.memory.framework.heap.size: 64m";
    let expected = "\
TaskManager memory              size                 bytes  from
process size                    4 gb            4294967296  sum of flink size and reserve
  flink size                3.350 gb            3597035104  sum of the six below
    framework heap             64 mb              67108864  conf/flink-conf.yaml line 3
    framework off-heap        128 mb             134217728  default
    task heap               1.697 gb            1822676721  what is left of the flink size
    task off-heap            0 bytes                     0  default
    managed                 1.340 gb            1438814063  0.4 (default) of the flink size
    network                   128 mb             134217728  0.1 (default) of the flink size, lowered \
to taskmanager.memory.network.max (conf/flink-conf.yaml line 2 as taskmanager.network.memory.max)
";
    let table = task_manager(lines).unwrap().explain();
    assert!(table.starts_with(expected), "{table}");
    assert!(table.contains("4096 network segments and 43909 managed segments of 32 kb"), "{table}");
    let table = job_manager("jobmanager.memory.process.size: 1600m").unwrap().explain();
    assert!(table.contains("heap                   1 gb"), "{table}");
}

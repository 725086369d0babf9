//! A function that keeps too much fails its job with an error that names it; the process lives on.

use brisk::{memory::heap::CountingAllocator, prelude::*};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();

const LIMIT_MIB: u64 = 64;

/// The heap's limit is the process's, so this file has one test.
#[test]
fn a_leaking_operator_is_named_and_the_process_lives_on() {
    let mut config = Configuration::new();
    config.set("taskmanager.memory.task.heap.size", format!("{LIMIT_MIB}m"));
    let env = StreamExecutionEnvironment::with_configuration(config).expect("it is right");
    env.set_parallelism(2);
    let leaking = |env: &StreamExecutionEnvironment| {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let numbers = env.from_sequence(0..=1_000_000).rebalance();
        let lengths = numbers.map(move |_| {
            // Freed with the function, so that the next job finds room.
            kept.push(vec![1; 4 << 10]);
            kept.len() as u64
        });
        lengths.name("hoarder").rebalance().discard();
    };
    for _ in 0..3 {
        leaking(&env);
        let error = env.execute("leaking").expect_err("it keeps 4 GB").to_string();
        let parts = ["job 'leaking' failed", "operator 'hoarder'", "its limit is 64", "held by"];
        for part in parts {
            assert!(error.contains(part), "'{part}' is not in: {error}");
        }
        let holder = error.split("held by ").nth(1).expect("checked above");
        assert!(holder.starts_with("leaking/hoarder"), "the largest first: {error}");
    }
    let collected = env.from_sequence(1..=10).rebalance().map(|n| n * 2).collect();
    env.execute("modest").expect("there is room again");
    assert_eq!(collected.take().len(), 10);
}

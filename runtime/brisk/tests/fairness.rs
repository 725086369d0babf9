//! A task that becomes slow leaves its worker to others in between.

#[path = "support/mod.rs"]
mod support;

use brisk::prelude::*;
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};
use support::{assert_all_returned, cluster, environment};

/// Records that cost nothing, so that the task's quantum grows to its largest.
const FAST: u64 = 2_000_000;
/// Records of a millisecond: together some twenty seconds.
const SLOW: u64 = 20_000;

#[test]
fn a_task_that_becomes_slow_lets_others_run() {
    let cluster = cluster(&[], 1);
    let env = environment(&cluster, 1);
    let (requests, source) = channel_source::<i64>(8);
    let (sink, answers) = channel_sink(8);
    env.from_source(source, "requests").map(|n| n * 2).sink_to(sink);
    let service = env.execute_async("service").expect("it starts");
    let env = environment(&cluster, 1);
    let (started, becomes_slow) = mpsc::channel();
    let step = move |n: u64| {
        if n == FAST {
            started.send(()).expect("the test waits for it");
        }
        let until = Instant::now() + Duration::from_millis(u64::from(n >= FAST));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        n
    };
    let numbers = env.from_generator(Some(FAST + SLOW), RateLimit::Unlimited, |n| n);
    numbers.rebalance().map(step).discard();
    let slow = env.execute_async("slow").expect("it starts");
    becomes_slow.recv().expect("it becomes slow");
    let began = Instant::now();
    for n in 0..5 {
        requests.send(n).expect("the service runs");
        assert_eq!(answers.recv(), Some(2 * n));
    }
    eprintln!("five answers took {:?}", began.elapsed());
    let tasks = slow.tasks();
    let map = tasks.iter().find(|task| task.task.starts_with("Map"));
    assert!(map.is_some(), "the slow job goes on meanwhile: {tasks:?}");
    slow.cancel();
    assert!(matches!(slow.wait(), Err(Error::Canceled { .. })));
    drop(requests);
    service.wait().expect("it ends with its input");
    assert_all_returned(&cluster);
}

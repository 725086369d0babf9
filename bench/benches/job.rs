//! Whole jobs on a cluster that is up: a chain, the hand-over within a worker and between workers,
//! and what starting and ending a job costs by itself.

use brisk::prelude::*;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

const LONGS: u64 = 1_000_000;

fn environment(parallelism: u32) -> StreamExecutionEnvironment {
    let environment = StreamExecutionEnvironment::new().expect("the defaults are legal");
    environment.set_parallelism(parallelism);
    environment
}

/// The time of `turns` jobs, each as `describe` describes it.
fn jobs(
    environment: &StreamExecutionEnvironment,
    turns: u64,
    describe: impl Fn(&StreamExecutionEnvironment),
) -> Duration {
    let run = |_| {
        describe(environment);
        environment.execute("bench").expect("the job runs").net_runtime
    };
    (0..turns).map(run).sum()
}

fn start(criterion: &mut Criterion) {
    let environment = environment(2);
    criterion.bench_function("job/start and end", |bencher| {
        bencher.iter_custom(|turns| {
            jobs(&environment, turns, |environment| {
                environment.from_sequence(1..=1).discard();
            })
        });
    });
}

fn chain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("job/1 M longs, one worker");
    group.throughput(Throughput::Elements(LONGS));
    let environment = environment(1);
    group.bench_function("map, filter, map in one chain", |bencher| {
        bencher.iter_custom(|turns| {
            jobs(&environment, turns, |environment| {
                environment
                    .from_sequence(1..=LONGS as i64)
                    .map(|value| value.wrapping_mul(3))
                    .filter(|value| value & 7 != 0)
                    .map(|value| value ^ (value >> 3))
                    .discard();
            })
        });
    });
    group.bench_function("one hand-over within the worker", |bencher| {
        bencher.iter_custom(|turns| {
            jobs(&environment, turns, |environment| {
                environment
                    .from_sequence(1..=LONGS as i64)
                    .map(|value| value.wrapping_mul(3))
                    .start_new_chain()
                    .discard();
            })
        });
    });
    group.finish();
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("job/1 M longs, two workers");
    group.throughput(Throughput::Elements(LONGS));
    let environment = environment(2);
    group.bench_function("each record to the other or the same", |bencher| {
        bencher.iter_custom(|turns| {
            jobs(&environment, turns, |environment| {
                environment.from_sequence(1..=LONGS as i64).rebalance().discard();
            })
        });
    });
    group.bench_function("by key", |bencher| {
        bencher.iter_custom(|turns| {
            jobs(&environment, turns, |environment| {
                let longs = environment.from_sequence(1..=LONGS as i64);
                longs.key_by(|value: &i64| *value).into_stream().discard();
            })
        });
    });
    group.finish();
}

criterion_group!(benches, start, chain, hand_over);
criterion_main!(benches);

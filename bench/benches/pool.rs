//! What a pool costs: taking segments and giving them back, on one thread and across two. The
//! floor of the crossing is the same channel carrying plain numbers.

use brisk_memory::{Arena, ArenaOptions, Buffer, Pool, PoolOptions, SegmentCount, Taken};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

const SEGMENTS: u32 = 256;

/// Segments that are out at once on one thread.
const OUT: usize = 64;

fn arena() -> Arena {
    let options = ArenaOptions { network: SegmentCount(SEGMENTS), ..ArenaOptions::default() };
    Arena::map(options).expect("256 segments can be mapped")
}

fn pool(arena: &Arena) -> Pool {
    arena
        .network()
        .create_pool(PoolOptions {
            owner: "bench pool".to_owned(),
            required: SegmentCount(OUT as u32),
            max: SegmentCount(SEGMENTS),
            overdraft: SegmentCount(0),
            waker: Waker::noop().clone(),
        })
        .expect("the region has room")
}

/// A segment, when there is one.
fn take(pool: &mut Pool) -> Option<Buffer> {
    match pool.take() {
        Taken::Segment(mut segment) => {
            segment.as_mut_slice()[0] = 1;
            Some(segment.freeze(1))
        }
        Taken::Overdraft(_) => panic!("this pool has no overdraft"),
        Taken::Exhausted => None,
    }
}

fn one_thread(criterion: &mut Criterion) {
    let arena = arena();
    let mut pool = pool(&arena);
    let mut out = Vec::with_capacity(OUT);
    let mut group = criterion.benchmark_group("pool/one thread");
    group.throughput(Throughput::Elements(OUT as u64));
    group.bench_function("take 64, give 64 back", |bencher| {
        bencher.iter(|| {
            out.extend((0..OUT).map(|_| take(&mut pool).expect("they all came back")));
            out.clear();
        });
    });
    group.finish();
}

fn two_threads(criterion: &mut Criterion) {
    let arena = arena();
    let mut group = criterion.benchmark_group("pool/two threads");
    group.throughput(Throughput::Elements(1));
    group.bench_function("take, hand over, give back", |bencher| {
        let mut pool = pool(&arena);
        bencher.iter_custom(|turns| {
            hand_over(turns, || {
                loop {
                    match take(&mut pool) {
                        Some(buffer) => return buffer,
                        None => thread::yield_now(),
                    }
                }
            })
        });
    });
    group.bench_function("floor: the channel alone", |bencher| {
        bencher.iter_custom(|turns| hand_over(turns, || 1u64));
    });
    group.finish();
}

/// Time to send `turns` items to another thread, which drops them.
fn hand_over<T: Send>(turns: u64, mut make: impl FnMut() -> T) -> Duration {
    let (sender, receiver) = sync_channel(64);
    thread::scope(|scope| {
        let start = Instant::now();
        let consumer = scope.spawn(move || {
            for item in receiver {
                drop(black_box(item));
            }
        });
        for _ in 0..turns {
            sender.send(make()).expect("the consumer takes all");
        }
        drop(sender);
        consumer.join().expect("dropping doesn't panic");
        start.elapsed()
    })
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);

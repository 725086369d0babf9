//! What a segment costs: writing into it, freezing it, sharing it, slicing it, giving it back.
//! Beside each, the floor: the same on a plain box of bytes.

use brisk_memory::{Arena, ArenaOptions, Pool, PoolOptions, Segment, SegmentCount, Taken};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::task::Waker;

const RECORD: [u8; 100] = [7; 100];

fn pool(arena: &Arena) -> Pool {
    arena
        .network()
        .create_pool(PoolOptions {
            owner: "bench segment".to_owned(),
            required: SegmentCount(16),
            max: SegmentCount(16),
            overdraft: SegmentCount(0),
            waker: Waker::noop().clone(),
        })
        .expect("the region has room")
}

fn take(pool: &mut Pool) -> Segment {
    match pool.take() {
        Taken::Segment(segment) => segment,
        other => panic!("every segment came back, and yet: {other:?}"),
    }
}

fn arena() -> Arena {
    let options = ArenaOptions { network: SegmentCount(64), ..ArenaOptions::default() };
    Arena::map(options).expect("64 segments can be mapped")
}

fn fill(bytes: &mut [u8]) {
    for record in bytes.chunks_exact_mut(RECORD.len()) {
        record.copy_from_slice(black_box(&RECORD));
    }
}

fn writing(criterion: &mut Criterion) {
    let arena = arena();
    let mut pool = pool(&arena);
    let mut segment = take(&mut pool);
    let mut plain = vec![0u8; segment.as_slice().len()];
    let mut group = criterion.benchmark_group("segment/write 100-byte records");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("segment", |bencher| bencher.iter(|| fill(segment.as_mut_slice())));
    group.bench_function("floor: box of bytes", |bencher| bencher.iter(|| fill(&mut plain)));
    group.finish();
}

fn handles(criterion: &mut Criterion) {
    let arena = arena();
    let mut pool = pool(&arena);
    let mut group = criterion.benchmark_group("segment/handles");
    group.bench_function("take, freeze, drop", |bencher| {
        bencher.iter(|| drop(black_box(take(&mut pool).freeze(100))));
    });
    let buffer = take(&mut pool).freeze(1_000);
    group.bench_function("clone and drop a buffer", |bencher| {
        bencher.iter(|| drop(black_box(buffer.clone())));
    });
    group.bench_function("slice a buffer", |bencher| {
        bencher.iter(|| drop(black_box(buffer.slice(black_box(100..200)))));
    });
    group.bench_function("freeze and thaw", |bencher| {
        bencher.iter_batched(
            || take(&mut pool),
            |segment| segment.freeze(100).try_into_segment().expect("it has one owner"),
            BatchSize::NumIterations(8),
        );
    });
    group.finish();
}

criterion_group!(benches, writing, handles);
criterion_main!(benches);

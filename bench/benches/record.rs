//! What a record costs on its way into a buffer and out of it. Floors: the same bytes copied.

use brisk::record::{Archived, RecordEncoder, decode};
use compact_str::CompactString;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Deserialize, Serialize};
use std::hint::black_box;

/// The record of `exchange`.
#[derive(Archive, Serialize, Deserialize, Clone)]
struct Fixed {
    key: u64,
    payload: [u8; 92],
}

/// The record of batch `wordcount`.
type Counted = (CompactString, u64);

fn aligned(bytes: usize) -> AlignedVec<16> {
    let mut aligned = AlignedVec::with_capacity(bytes);
    aligned.resize(bytes, 0);
    aligned
}

fn fixed(criterion: &mut Criterion) {
    let record = Fixed { key: 7, payload: [1; 92] };
    let mut encoder = RecordEncoder::new();
    let mut out = aligned(256);
    let length = encoder.encode(&record, &mut out).expect("it fits");
    let mut group = criterion.benchmark_group("record/8-byte key and 92 bytes");
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| encoder.encode(black_box(&record), &mut out));
    });
    let view = rkyv::access::<Archived<Fixed>, Error>(&out[..length]).expect("it was encoded");
    group.bench_function("read the key in place", |bencher| {
        bencher.iter(|| black_box(view).key.to_native());
    });
    group.bench_function("decode", |bencher| bencher.iter(|| decode::<Fixed>(black_box(view))));
    let plain = [1u8; 104];
    let mut copy = [0u8; 104];
    group.bench_function("floor: copy", |bencher| {
        bencher.iter(|| copy.copy_from_slice(black_box(&plain)));
    });
    group.finish();
}

fn counted(criterion: &mut Criterion) {
    let record: Counted = (CompactString::from("identifier"), 42);
    let mut encoder = RecordEncoder::new();
    let mut out = aligned(256);
    let length = encoder.encode(&record, &mut out).expect("it fits");
    let mut group = criterion.benchmark_group("record/word and count");
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| encoder.encode(black_box(&record), &mut out));
    });
    let view = rkyv::access::<Archived<Counted>, Error>(&out[..length]).expect("it was encoded");
    group.bench_function("decode", |bencher| bencher.iter(|| decode::<Counted>(black_box(view))));
    group.finish();
}

criterion_group!(benches, fixed, counted);
criterion_main!(benches);

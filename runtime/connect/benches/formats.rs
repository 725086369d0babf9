//! Finding records in data that is in the cache, against two floors of the same run: counting the
//! newlines, and copying the bytes.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;

use brisk_connect::format::{Framing, InvalidUtf8, LineOptions, Lines, TextLines};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const CHUNK: usize = 512 * 1024;

/// Source-like text: lines of 0 to 80 bytes, 35 on average.
fn text(average: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CHUNK + 200);
    let mut state = 12345u64;
    while bytes.len() < CHUNK {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let length = (state >> 33) as usize % (2 * average + 1);
        bytes.extend((0..length).map(|i| b'a' + (i % 26) as u8));
        bytes.push(b'\n');
    }
    bytes
}

fn drain<F: Framing>(framing: &mut F, bytes: &[u8], length: impl Fn(&F::Record) -> usize) -> usize {
    framing.start(&Path::new("bench").into(), 0..u64::MAX);
    let mut sum = 0;
    let fed = framing.split(bytes, &mut |record| {
        sum += black_box(length(record));
        ControlFlow::Continue(())
    });
    black_box(fed.expect("valid lines"));
    sum
}

fn lines(criterion: &mut Criterion) {
    for average in [8, 35, 120] {
        let bytes = text(average);
        let mut group = criterion.benchmark_group(format!("lines of {average} bytes"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("floor: count newlines", |b| {
            b.iter(|| memchr::memchr_iter(b'\n', black_box(&bytes)).count());
        });
        let mut copy = vec![0u8; bytes.len()];
        group.bench_function("floor: copy", |b| {
            b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&bytes)));
        });
        let mut raw = Lines::new(LineOptions::default());
        group.bench_function("bytes", |b| {
            b.iter(|| drain(&mut raw, black_box(&bytes), <[u8]>::len));
        });
        let mut text = TextLines::new(LineOptions::default(), InvalidUtf8::Replace);
        group.bench_function("text", |b| b.iter(|| drain(&mut text, black_box(&bytes), str::len)));
        group.finish();
    }
}

criterion_group!(benches, lines);
criterion_main!(benches);

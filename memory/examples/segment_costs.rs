//! Prints what segments cost: `cargo run --release -p brisk-memory --example segment_costs`.
//!
//! One thread takes, freezes and drops; then one thread takes and freezes while another drops, in
//! batches of 1 and of 64, beside the same channel carrying plain numbers as a floor.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use brisk_memory::{
    Arena, ArenaOptions, Buffer, MemoryError, Pool, PoolOptions, SegmentCount, Taken,
};

const ROUNDS: usize = 5;
const TURNS: usize = 4_000_000;
const SEGMENTS: u32 = 1024;

fn main() -> Result<(), MemoryError> {
    let arena =
        Arena::map(ArenaOptions { network: SegmentCount(SEGMENTS), ..ArenaOptions::default() })?;
    for _ in 0..ROUNDS {
        let (same, ahead) = (one_thread(&mut pool(&arena)?, 1), one_thread(&mut pool(&arena)?, 64));
        println!(
            "take+freeze+drop, one thread: {same:.1} ns of CPU; 64 at a time: {ahead:.1} ns; \
             floor, two compare-and-swaps: {:.1} ns",
            floor()
        );
        for batch in [1, 64] {
            let segments = two_threads(batch, pool(&arena)?, take);
            let floor = two_threads(batch, (), |_, at| at);
            println!(
                "hand-over to another thread, batches of {batch}: {segments:.1} ns, \
                 {floor:.1} ns of them the channel's"
            );
        }
        arena.verify_conservation()?;
    }
    Ok(())
}

fn pool(arena: &Arena) -> Result<Pool, MemoryError> {
    arena.network().create_pool(PoolOptions {
        owner: "example".to_owned(),
        required: SegmentCount(64),
        max: SegmentCount(512),
        overdraft: SegmentCount::ZERO,
        waker: std::task::Waker::noop().clone(),
    })
}

fn take(pool: &mut Pool, at: usize) -> Buffer {
    loop {
        if let Taken::Segment(mut segment) = pool.take() {
            segment.as_mut_slice()[0] = at as u8;
            return segment.freeze(1);
        }
        std::hint::spin_loop();
    }
}

/// What this thread has run, so that neighbours on the machine do not count.
fn cpu_ns() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(f64::NAN)
}

fn floor() -> f64 {
    let word = AtomicU64::new(0);
    let start = cpu_ns();
    for at in 0..TURNS as u64 {
        for (from, to) in [(at, at + 9), (at + 9, at + 1)] {
            let swapped = word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
            black_box(swapped.is_ok());
        }
    }
    (cpu_ns() - start) / TURNS as f64
}

fn one_thread(pool: &mut Pool, batch: usize) -> f64 {
    let mut held = Vec::with_capacity(batch);
    let start = cpu_ns();
    for at in 0..TURNS / batch {
        if batch == 1 {
            let buffer = take(pool, at);
            black_box(buffer[0]);
            continue;
        }
        held.extend((0..batch).map(|_| take(pool, at)));
        held.clear();
    }
    (cpu_ns() - start) / TURNS as f64
}

fn two_threads<S: Send, T: Send>(
    batch: usize,
    mut source: S,
    make: impl Fn(&mut S, usize) -> T + Send,
) -> f64 {
    let (to, from) = sync_channel::<Vec<T>>(256 / batch);
    let (back, empty) = sync_channel::<Vec<T>>(256);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for at in 0..TURNS / batch {
                let mut full = empty.try_recv().unwrap_or_default();
                full.extend((0..batch).map(|_| make(&mut source, at)));
                if to.send(full).is_err() {
                    return;
                }
            }
        });
        for mut full in from {
            full.clear();
            drop(back.try_send(full));
        }
    });
    start.elapsed().as_nanos() as f64 / TURNS as f64
}

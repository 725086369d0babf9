//! The ledger of a process that has allocated a lot adds up to what the kernel says it has.

use std::sync::Barrier;

use brisk_memory::heap::{CountingAllocator, HeapOwner, Scope};
use brisk_memory::{Arena, ArenaOptions, Ledger, Part, PoolOptions, Region, Segment};
use brisk_memory::{SegmentCount, Taken};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();

const MIB: i64 = 1 << 20;

fn written(region: &Region, owner: &str, segments: u32) -> Vec<Segment> {
    let pool = region.create_pool(PoolOptions {
        owner: owner.to_owned(),
        required: SegmentCount(segments),
        max: SegmentCount(segments),
        overdraft: SegmentCount::ZERO,
        waker: std::task::Waker::noop().clone(),
    });
    let mut pool = pool.expect("the region has room");
    let mut take = || match pool.take() {
        Taken::Segment(mut segment) => {
            segment.as_mut_slice().fill(1);
            segment
        }
        other => panic!("{other:?}"),
    };
    (0..segments).map(|_| take()).collect()
}

/// 160 MiB in pieces of many sizes.
fn pieces() -> Vec<Vec<u8>> {
    let sizes = [40, 100, 1000, 5000, 30_000, 1 << 20];
    let piece = |at: usize| vec![1_u8; sizes[at % sizes.len()]];
    let mut left = 160 * MIB;
    let some = |piece: &Vec<u8>| {
        left -= piece.len() as i64;
        left > 0
    };
    (0..).map(piece).take_while(some).collect()
}

/// Uses 4 MiB of its stack.
fn deep(barrier: &Barrier) {
    let mut frame = [0_u8; 4 << 20];
    std::hint::black_box(&mut frame).fill(1);
    barrier.wait();
    barrier.wait();
    std::hint::black_box(&frame);
}

#[track_caller]
fn check_within_3_percent(bytes: i64, of: i64) {
    assert!(bytes.abs_diff(of) * 100 <= of.unsigned_abs() * 3, "{bytes} is not near {of}");
}

#[test]
fn the_ledger_adds_up_to_what_is_resident() {
    let arena = Arena::map(ArenaOptions {
        network: SegmentCount(2000),
        managed: SegmentCount(1000),
        ..ArenaOptions::default()
    });
    let arena = arena.unwrap();
    let map = written(arena.network(), "job/map 1", 640);
    let sort = written(arena.managed(), "job/sort 1", 960);
    let owner = HeapOwner::register("job/flat_map 2");
    let pieces = {
        let _scope = Scope::enter(owner.id());
        pieces()
    };
    let barrier = Barrier::new(3);
    let ledger = std::thread::scope(|scope| {
        for _ in 0..2 {
            let deep = || deep(&barrier);
            std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, deep).unwrap();
        }
        barrier.wait();
        let ledger = Ledger::take(std::slice::from_ref(&arena));
        barrier.wait();
        ledger.unwrap()
    });
    println!("{ledger}");
    let resident = i64::try_from(ledger.resident()).unwrap();
    check_within_3_percent(ledger.sum(), resident);
    // Even without the line that closes the gap between the heap's count and its mappings.
    check_within_3_percent(ledger.sum() - ledger.sum_of(Part::Uncounted), resident);
    let held = |part, holder| {
        let line = ledger.lines().iter().find(|line| line.part == part && line.holder == holder);
        line.map_or(0, |line| line.bytes)
    };
    assert_eq!(held(Part::Network, "job/map 1"), 20 * MIB);
    assert_eq!(held(Part::Managed, "job/sort 1"), 30 * MIB);
    check_within_3_percent(held(Part::Heap, "job/flat_map 2"), 160 * MIB);
    check_within_3_percent(held(Part::Stacks, "threads"), 8 * MIB);
    drop((map, sort, pieces));
}

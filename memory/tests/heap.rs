//! The counting allocator as a program's global allocator, and what it shows: who holds the heap,
//! that a limit is a clear error, and that segments move without allocating.

use std::sync::{Mutex, MutexGuard, PoisonError};

use brisk_memory::heap::{self, CountingAllocator, HeapOwner, Scope};
use brisk_memory::{Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, Taken};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();

/// The total, the limit and the owners are the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What threads may not have handed on yet.
const LAG: u64 = 1 << 20;

#[track_caller]
fn check_near(bytes: u64, expected: u64) {
    assert!(bytes.abs_diff(expected) <= LAG, "{bytes} is far from {expected}");
}

#[test]
fn what_is_allocated_is_counted() {
    let _alone = alone();
    let before = heap::used();
    let mut bytes = vec![1_u8; 10 << 20];
    check_near(heap::used(), before + (10 << 20));
    bytes.reserve_exact(10 << 20);
    check_near(heap::used(), before + (20 << 20));
    bytes.truncate(5 << 20);
    bytes.shrink_to_fit();
    check_near(heap::used(), before + (5 << 20));
    drop(bytes);
    check_near(heap::used(), before);
}

#[test]
fn small_allocations_count_as_malloc_takes_them() {
    let _alone = alone();
    let before = heap::used();
    let boxes: Vec<Box<u64>> = (0..100_000).map(Box::new).collect();
    // 32 bytes each, and 8 for the pointer to it.
    check_near(heap::used(), before + 100_000 * 40);
    drop(boxes);
    check_near(heap::used(), before);
}

#[test]
fn what_threads_counted_is_not_lost_when_they_end() {
    let _alone = alone();
    let before = heap::used();
    let mut kept = Vec::new();
    for _ in 0..200 {
        kept.push(std::thread::spawn(|| vec![0_u8; 40 << 10]).join().unwrap());
    }
    check_near(heap::used(), before + 200 * (40 << 10));
    drop(kept);
    check_near(heap::used(), before);
}

#[test]
fn owners_are_told_apart() {
    let _alone = alone();
    let (map, sink) = (HeapOwner::register("job/map"), HeapOwner::register("job/sink"));
    let outer = Scope::enter(map.id());
    let first = vec![0_u8; 3 << 20];
    let second = {
        let _inner = Scope::enter(sink.id());
        vec![0_u8; 2 << 20]
    };
    let third = vec![0_u8; 1 << 20];
    drop(outer);
    check_near(map.bytes(), 4 << 20);
    check_near(sink.bytes(), 2 << 20);
    let holders = heap::holders();
    let named: Vec<_> = holders.iter().filter(|(owner, _)| owner.starts_with("job/")).collect();
    assert_eq!(named.iter().map(|holder| holder.0).collect::<Vec<_>>(), ["job/map", "job/sink"]);
    // Freed outside: the balance stays with who allocated, until its end.
    drop((first, second, third));
    check_near(map.bytes(), 4 << 20);
    drop((map, sink));
    assert!(heap::holders().iter().all(|(owner, _)| !owner.starts_with("job/")));
}

#[test]
fn places_of_owners_are_used_again() {
    let _alone = alone();
    for _ in 0..3 {
        let owners: Vec<_> = (0..5000).map(|at| HeapOwner::register(at.to_string())).collect();
        assert_eq!(owners[4999].bytes(), owners[4998].bytes());
    }
    let owner = HeapOwner::register("last");
    let _scope = Scope::enter(owner.id());
    let bytes = vec![0_u8; 1 << 20];
    check_near(owner.bytes(), 1 << 20);
    drop(bytes);
}

#[test]
fn beyond_the_limit_the_next_check_names_the_holders() {
    let _alone = alone();
    let owner = HeapOwner::register("job/greedy flat_map 3");
    heap::check().unwrap();
    heap::set_limit(Some(heap::used() + (50 << 20)));
    heap::check().unwrap();
    let bytes = {
        let _scope = Scope::enter(owner.id());
        vec![0_u8; 51 << 20]
    };
    let error = heap::check().unwrap_err();
    heap::set_limit(None);
    assert_eq!(error.holders.iter().next().unwrap().0, "job/greedy flat_map 3");
    let text = error.to_string();
    for words in ["its limit is", "job/greedy flat_map 3 (51.", "taskmanager.memory.task.heap.size"]
    {
        assert!(text.contains(words), "{text}");
    }
    heap::check().unwrap();
    drop(bytes);
}

#[test]
fn far_beyond_the_limit_allocations_are_refused() {
    let _alone = alone();
    let before = heap::used();
    heap::set_limit(Some(before + (100 << 20)));
    // Within 110 %: only the check complains.
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(105 << 20).unwrap();
    heap::check().unwrap_err();
    let refused = bytes.try_reserve_exact(300 << 20);
    let refused_anew = Vec::<u8>::new().try_reserve_exact(300 << 20);
    heap::set_limit(None);
    refused.unwrap_err();
    refused_anew.unwrap_err();
    check_near(heap::used(), before + (105 << 20));
    drop(bytes);
    check_near(heap::used(), before);
}

#[test]
fn what_the_system_refuses_is_not_counted() {
    let _alone = alone();
    let before = heap::used();
    Vec::<u8>::new().try_reserve_exact(1 << 60).unwrap_err();
    let mut bytes = vec![0_u8; 1 << 20];
    bytes.try_reserve_exact(1 << 60).unwrap_err();
    check_near(heap::used(), before + (1 << 20));
    drop(bytes);
}

fn pool(arena: &Arena, required: u32) -> Pool {
    let pool = arena.network().create_pool(PoolOptions {
        owner: "test".to_owned(),
        required: SegmentCount(required),
        max: SegmentCount(64),
        overdraft: SegmentCount(4),
        waker: std::task::Waker::noop().clone(),
    });
    pool.expect("the region has room")
}

/// A million segments through one thread, and a million handed to another, without an allocation on
/// either; beyond its quota a pool does not allocate either.
#[test]
fn segments_move_without_allocating() {
    let arena = Arena::map(ArenaOptions { network: SegmentCount(80), ..ArenaOptions::default() });
    let arena = arena.unwrap();
    let mut pool = pool(&arena, 10);
    let (to, from) = std::sync::mpsc::sync_channel(32);
    let (allocated, allocated_there) = std::thread::scope(|scope| {
        let consumer = scope.spawn(move || {
            let mut allocated = None;
            for buffer in from {
                // The channel allocates once, while it first waits.
                allocated.get_or_insert_with(heap::thread_allocations);
                drop(buffer);
            }
            heap::thread_allocations() - allocated.unwrap()
        });
        let mut held = Vec::with_capacity(100);
        let before = heap::thread_allocations();
        for turn in 0..1_000_000_u32 {
            match pool.take() {
                Taken::Segment(mut segment) => {
                    segment.as_mut_slice()[0] = 1;
                    let buffer = segment.freeze(100);
                    drop(buffer.slice(10..20));
                    drop(buffer.clone());
                    held.push(buffer.try_into_segment().unwrap().freeze(1));
                }
                Taken::Overdraft(segment) => held.push(segment.freeze(0)),
                Taken::Exhausted => held.clear(),
            }
            if turn % 100 > 80 {
                held.pop();
            }
        }
        held.clear();
        let alone = heap::thread_allocations() - before;
        for _ in 0..1_000_000_u32 {
            match pool.take() {
                Taken::Segment(segment) | Taken::Overdraft(segment) => {
                    to.send(segment.freeze(1)).unwrap();
                }
                Taken::Exhausted => std::hint::spin_loop(),
            }
        }
        drop(to);
        (alone, consumer.join().unwrap())
    });
    assert_eq!(allocated, 0);
    // The channel's own, when its consumer waits.
    assert!(allocated_there < 10, "{allocated_there} allocations");
    drop(pool);
    arena.verify_conservation().unwrap();
    assert_eq!(arena.network().available(), SegmentCount(80));
}

use super::*;
use crate::pool::{PoolOptions, Taken};
use std::io::Read;
use std::os::fd::AsFd;

fn check(segment_bytes: usize, network: u32, managed: u32) -> Arena {
    let options = ArenaOptions {
        segment_size: SegmentSize::new(segment_bytes).unwrap(),
        network: SegmentCount(network),
        managed: SegmentCount(managed),
        ..ArenaOptions::default()
    };
    let arena = Arena::map(options).unwrap();
    arena.verify_conservation().unwrap();
    assert_eq!(arena.network().available(), SegmentCount(network));
    assert_eq!(arena.managed().available(), SegmentCount(managed));
    arena
}

fn pool(region: &Region, segments: u32) -> crate::Pool {
    let options = PoolOptions {
        owner: "test".to_owned(),
        required: SegmentCount(segments),
        max: SegmentCount(segments),
        overdraft: SegmentCount::ZERO,
        waker: std::task::Waker::noop().clone(),
    };
    region.create_pool(options).unwrap()
}

fn take(pool: &mut crate::Pool) -> crate::Segment {
    match pool.take() {
        Taken::Segment(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn regions_follow_one_another_in_the_mapping() {
    let arena = check(4096, 3, 2);
    let (mut network, mut managed) = (pool(arena.network(), 3), pool(arena.managed(), 2));
    let mut all: Vec<_> = (0..3).map(|_| take(&mut network)).collect();
    all.extend((0..2).map(|_| take(&mut managed)));
    for (at, segment) in all.iter_mut().enumerate() {
        assert_eq!(segment.index().get() as usize, at);
        assert_eq!(segment.size(), 4096);
        assert!(segment.as_slice().iter().all(|byte| *byte == 0));
        segment.as_mut_slice().fill(at as u8 + 1);
    }
    let base = arena.as_iovec()[0].0 as usize;
    for (at, segment) in all.iter().enumerate() {
        assert_eq!(segment.as_slice().as_ptr() as usize, base + at * 4096);
        assert!(segment.as_slice().iter().all(|byte| *byte == at as u8 + 1));
    }
    arena.verify_conservation().unwrap();
}

#[test]
fn the_memfd_shows_what_segments_hold() {
    let arena = check(4096, 1, 0);
    let mut pool = pool(arena.network(), 1);
    let mut segment = take(&mut pool);
    segment.as_mut_slice().fill(7);
    let mut file =
        std::fs::File::from(arena.memfd().unwrap().as_fd().try_clone_to_owned().unwrap());
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes[..4096], [7; 4096]);
}

#[test]
fn parts_for_registration_cover_everything() {
    let arena = check(1 << 20, 1500, 700);
    let parts = arena.as_iovec();
    assert_eq!(parts.iter().map(|part| part.1).collect::<Vec<_>>(), [1 << 30, 1 << 30, 152 << 20]);
    assert_eq!(arena.iovec_of(SegmentIndex(1023)), 0);
    assert_eq!(arena.iovec_of(SegmentIndex(1024)), 1);
    assert_eq!(arena.iovec_of(SegmentIndex(2199)), 2);
}

#[test]
fn impossible_sizes_are_refused() {
    for bytes in [0, 1, 2048, 5000, 2 << 20, usize::MAX] {
        let error = SegmentSize::new(bytes).unwrap_err().to_string();
        assert!(error.contains("taskmanager.memory.segment-size"), "{error}");
    }
    for (network, managed) in [(0, 0), (u32::MAX, 0), (u32::MAX, 1)] {
        let options = ArenaOptions {
            network: SegmentCount(network),
            managed: SegmentCount(managed),
            ..ArenaOptions::default()
        };
        assert!(matches!(Arena::map(options), Err(MemoryError::ArenaSize { .. })));
    }
}

#[test]
fn prefault_touches_every_page_and_off_means_plain() {
    // More than one thread's part.
    let options = ArenaOptions {
        network: SegmentCount(3000),
        managed: SegmentCount(3001),
        huge_pages: HugePages::Off,
        prefault: true,
        ..ArenaOptions::default()
    };
    let arena = Arena::map(options).unwrap();
    assert_eq!(arena.pages(), PageKind::Plain);
    let stat = rustix::fs::fstat(arena.memfd().unwrap()).unwrap();
    assert_eq!(stat.st_blocks * 512, 6001 << 15);
}

#[test]
fn a_lock_beyond_the_limit_is_a_clear_error() {
    let options = ArenaOptions { network: SegmentCount(8), mlock: true, ..ArenaOptions::default() };
    // 256 KiB lie within every usual limit.
    Arena::map(options.clone()).unwrap();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    let Some(limit) = limit.filter(|limit| *limit < 1 << 40) else { return };
    let bytes = limit.next_multiple_of(1 << 20) + (1 << 20);
    let network = SegmentCount((bytes >> 15) as u32);
    match Arena::map(ArenaOptions { network, ..options }) {
        Ok(_) => {} // privileged processes have no limit
        Err(error) => assert!(error.to_string().contains("ulimit -l"), "{error}"),
    }
}

#[test]
fn segments_outlive_the_arena() {
    let arena = check(4096, 2, 0);
    let mut pool = pool(arena.network(), 2);
    let mut segment = take(&mut pool);
    segment.as_mut_slice().fill(3);
    let buffer = segment.freeze(4096);
    drop(pool);
    drop(arena);
    assert!(buffer.iter().all(|byte| *byte == 3));
    std::thread::spawn(move || drop(buffer)).join().unwrap();
}

#[test]
fn a_thread_draws_from_its_own_node_first() {
    let options = ArenaOptions { network: SegmentCount(9), ..ArenaOptions::default() };
    let arena = Arena::map_on(options, Topology::pretended(3)).unwrap();
    let mut pool = pool(arena.network(), 9);
    let all: Vec<_> = (0..9).map(|_| take(&mut pool)).collect();
    let order: Vec<_> = all.iter().map(|segment| segment.index().get()).collect();
    assert_eq!(order, [6, 7, 8, 0, 1, 2, 3, 4, 5]);
    drop((all, pool));
    arena.verify_conservation().unwrap();
    assert_eq!(arena.network().available(), SegmentCount(9));
}

/// The system has none in reserve, usually: then this shows the note's way out.
#[test]
fn huge_pages_are_used_when_there_are_any() {
    let options = ArenaOptions { managed: SegmentCount(64), ..ArenaOptions::default() };
    let reserved = std::fs::read_to_string("/proc/sys/vm/nr_hugepages").unwrap_or_default();
    let arena = Arena::map_on(options, Topology::pretended(2)).unwrap();
    if reserved.trim() == "0" {
        assert_ne!(arena.pages(), PageKind::HugeReserved);
    }
    let mut pool = pool(arena.managed(), 64);
    (0..64).for_each(|at| take(&mut pool).as_mut_slice().fill(at));
}

#[test]
fn private_memory_works_as_any_other() {
    let options =
        ArenaOptions { managed: SegmentCount(200), private: true, ..ArenaOptions::default() };
    let arena = Arena::map(options).unwrap();
    let mut pool = pool(arena.managed(), 200);
    for at in 0..200 {
        let mut segment = take(&mut pool);
        assert!(segment.as_slice()[0] == 0 || at > 0, "fresh memory is zeroed");
        segment.as_mut_slice().fill(at as u8);
    }
    drop(pool);
    arena.verify_conservation().unwrap();
}

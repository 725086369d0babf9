//! What the kernel is told in advance, and what it is told to forget.

use io_uring::IoUring;

use super::registered::{RegisteredFiles, RegisteredMemory};
use crate::driver::{AlignedBytes, Files, OpenOptions};
use crate::{Arena, ArenaOptions, SegmentCount};

#[test]
fn memory_of_the_arena_is_registered_by_parts() {
    let ring = IoUring::new(8).unwrap();
    let segments = SegmentCount(16);
    let arena = Arena::map(ArenaOptions { managed: segments, ..ArenaOptions::default() }).unwrap();
    let (start, bytes) = arena.as_iovec()[0];
    let size = arena.segment_size().bytes();
    let mut memory = RegisteredMemory::new(&ring, Some(arena));
    let mut number = |address: usize| memory.number_of(&ring.submitter(), address);
    let last = start.addr() + bytes - size;
    let found = [start.addr(), start.addr() + size - 1, start.addr() + size, last].map(&mut number);
    assert_eq!(found, [Some(0), Some(0), Some(1), Some(15)]);
    let heap = AlignedBytes::zeroed(100);
    assert_eq!(number(heap.as_slice().as_ptr().addr()), None);
    assert_eq!(number(start.addr() + bytes), None);
    assert_eq!(number(start.addr() - 1), None);
}

#[test]
fn without_an_arena_nothing_is_registered() {
    let ring = IoUring::new(8).unwrap();
    let mut memory = RegisteredMemory::new(&ring, None);
    assert_eq!(memory.number_of(&ring.submitter(), 4096), None);
}

#[test]
fn slots_of_closed_files_are_used_again() {
    let ring = IoUring::new(8).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = |name: u32| {
        Files::system()
            .open(&folder.path().join(name.to_string()), OpenOptions::CREATE_NEW)
            .unwrap()
    };
    let mut files = RegisteredFiles::new(&ring);
    let mut opened: Vec<_> = (0..40).map(open).collect();
    let submitter = ring.submitter();
    let slots: Vec<_> = opened.iter().map(|file| files.slot_of(&submitter, file)).collect();
    assert!(slots[..32].iter().all(Option::is_some), "{slots:?}");
    assert!(slots[32..].iter().all(Option::is_none), "{slots:?}");
    assert_eq!(files.slot_of(&submitter, &opened[7]), slots[7]);
    opened.remove(7);
    assert_eq!(files.slot_of(&submitter, &opened[38]), slots[7]);
    opened.remove(3);
    files.release_closed(&submitter);
    assert_eq!(files.slot_of(&submitter, &opened[36]), slots[3]);
}

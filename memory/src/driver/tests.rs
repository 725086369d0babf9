//! What every backend must do: each test runs on all of them.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

mod metadata;
mod refused;

/// Runs `test` with a driver of each kind, and an empty folder of its files.
fn check(test: impl Fn(&mut Driver, &Path)) {
    let world = SimulatedWorld::from_seed(42);
    // Beside the test and not in /tmp, which may be a tmpfs without direct transfers.
    let real = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
    for kind in [DriverKind::Uring, DriverKind::Epoll, DriverKind::Simulated(world)] {
        let mut driver = Driver::new(options(kind)).unwrap();
        let folder = real.path().join(driver.backend_name());
        driver.files().create_dir_all(&folder).unwrap();
        test(&mut driver, &folder);
    }
}

/// As `check`, for tests with threads.
fn check_real(test: impl Fn(&mut Driver, &Path)) {
    check(|driver, folder| {
        if driver.backend_name() != "simulated" {
            test(driver, folder);
        }
    });
}

fn options(kind: DriverKind) -> DriverOptions {
    DriverOptions { kind, depth: 4, ..DriverOptions::default() }
}

/// Parks until `wanted` operations have ended.
fn wait_for(driver: &mut Driver, wanted: usize) -> Vec<Completion> {
    let mut done = Vec::new();
    while done.len() < wanted {
        driver.park(None, &mut done);
    }
    assert_eq!(done.len(), wanted);
    done
}

fn one(driver: &mut Driver, operation: Operation) -> Completion {
    let id = driver.submit(operation);
    let mut done = wait_for(driver, 1);
    let completion = done.pop().unwrap();
    assert_eq!(completion.id, id);
    assert_eq!(driver.outstanding(), 0);
    completion
}

fn write(file: &File, offset: u64, bytes: &[u8]) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::copy_of(bytes));
    Operation::Write { file: file.clone(), offset, buffer, len: bytes.len() }
}

fn read(file: &File, offset: u64, len: usize) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(len));
    Operation::Read { file: file.clone(), offset, buffer, len }
}

/// What a completed read gave.
fn bytes_of(completion: Completion) -> Vec<u8> {
    let len = completion.result.unwrap();
    completion.buffer.unwrap().as_slice()[..len].to_vec()
}

fn new_file(driver: &Driver, folder: &Path, name: &str) -> File {
    driver.files().open(&folder.join(name), OpenOptions::CREATE_NEW).unwrap()
}

#[test]
fn written_bytes_are_read_back() {
    check(|driver, folder| {
        let file = new_file(driver, folder, "a");
        assert_eq!(one(driver, write(&file, 0, b"hello world")).result.unwrap(), 11);
        assert_eq!(one(driver, write(&file, 6, b"there")).result.unwrap(), 5);
        one(driver, Operation::Sync { file: file.clone() }).result.unwrap();
        assert_eq!(bytes_of(one(driver, read(&file, 0, 11))), b"hello there");
    });
}

#[test]
fn reads_are_short_only_at_the_end() {
    check(|driver, folder| {
        let file = new_file(driver, folder, "a");
        one(driver, write(&file, 0, b"hello")).result.unwrap();
        assert_eq!(bytes_of(one(driver, read(&file, 3, 100))), b"lo");
        assert_eq!(bytes_of(one(driver, read(&file, 5, 100))), b"");
        assert_eq!(bytes_of(one(driver, read(&file, 500, 100))), b"");
    });
}

#[test]
fn several_buffers_are_written_as_one() {
    check(|driver, folder| {
        let file = new_file(driver, folder, "several");
        let part = |bytes: &[u8], len| IoPart {
            buffer: IoBuffer::Heap(AlignedBytes::copy_of(bytes)),
            len,
        };
        let parts = vec![part(b"one,", 4), part(b"two, and more", 4), part(b"three", 5)];
        let written = one(driver, Operation::WriteSeveral { file: file.clone(), offset: 2, parts });
        assert_eq!(written.result.unwrap(), 13);
        assert!(written.buffer.is_none());
        assert_eq!(written.buffers[1].as_slice(), b"two, and more");
        assert_eq!(bytes_of(one(driver, read(&file, 0, 100))), b"\0\0one,two,three");
        let empty = |len| IoPart { buffer: IoBuffer::Heap(AlignedBytes::zeroed(len)), len };
        let parts = vec![empty(3), empty(4), empty(100), empty(7)];
        let back = one(driver, Operation::ReadSeveral { file: file.clone(), offset: 1, parts });
        assert_eq!(back.result.unwrap(), 14);
        let read: Vec<&[u8]> = back.buffers.iter().map(IoBuffer::as_slice).collect();
        assert_eq!([read[0], read[1], &read[2][..7]], [&b"\0on"[..], b"e,tw", b"o,three"]);
        let nothing = Operation::Read { file, offset: 3, buffer: empty(9).buffer, len: 0 };
        assert_eq!(one(driver, nothing).result.unwrap(), 0);
    });
}

#[test]
fn more_operations_than_depth_all_end() {
    check(|driver, folder| {
        let file = new_file(driver, folder, "a");
        for block in 0..100u8 {
            driver.submit(write(&file, u64::from(block) * 1000, &[block; 1000]));
        }
        let mut ids: Vec<_> = wait_for(driver, 100).into_iter().map(|done| done.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 100);
        for block in 0..100u8 {
            let bytes = bytes_of(one(driver, read(&file, u64::from(block) * 1000, 1000)));
            assert_eq!(bytes, [block; 1000]);
        }
    });
}

#[test]
fn errors_name_the_file_and_give_the_buffer_back() {
    check(|driver, folder| {
        let path = folder.join("readonly");
        new_file(driver, folder, "readonly");
        let file = driver.files().open(&path, OpenOptions::READ).unwrap();
        let failed = one(driver, write(&file, 7, b"abc"));
        let message = failed.result.unwrap_err().to_string();
        assert!(
            message.contains(&format!("writing 3 bytes at 7 of {}", path.display())),
            "{message}"
        );
        assert_eq!(failed.buffer.unwrap().as_slice(), b"abc");
    });
}

#[test]
fn timers_end_in_order_and_not_early() {
    check(|driver, _| {
        let start = driver.now();
        let at = |micros| start + Duration::from_micros(micros);
        let late = driver.submit(Operation::Timer { at: at(3000) });
        let soon = driver.submit(Operation::Timer { at: at(400) });
        let past = driver.submit(Operation::Timer { at: Instant64::from_nanos(0) });
        let mut done = Vec::new();
        while done.len() < 3 {
            let before = done.len();
            driver.park(None, &mut done);
            for completion in &done[before..] {
                let due = if completion.id == late { at(3000) } else { at(400) };
                assert!(completion.id == past || driver.now() >= due);
            }
        }
        let ids: Vec<_> = done.iter().map(|done| done.id).collect();
        assert_eq!(ids, [past, soon, late]);
    });
}

#[test]
fn park_ends_at_its_time() {
    check(|driver, _| {
        let until = driver.now() + Duration::from_micros(2300);
        let mut done = Vec::new();
        while driver.now() < until {
            driver.park(Some(until), &mut done);
        }
        assert!(done.is_empty());
        // A time that is past never blocks.
        driver.park(Some(Instant64::from_nanos(1)), &mut done);
        driver.park(Some(Instant64::from_nanos(1)), &mut done);
    });
}

#[test]
fn rings_wake_a_parked_worker() {
    check_real(|driver, _| {
        let (to_worker, inbox) = mpsc::channel();
        let (to_ringer, acknowledged) = mpsc::channel();
        let doorbell = driver.doorbell();
        let ringer = thread::spawn(move || {
            for item in 0..2000 {
                to_worker.send(item).unwrap();
                doorbell.ring();
                assert_eq!(acknowledged.recv().unwrap(), item);
            }
        });
        let mut done = Vec::new();
        for item in 0..2000 {
            let received = loop {
                match inbox.try_recv() {
                    Ok(received) => break received,
                    Err(_) => driver.park(None, &mut done),
                }
            };
            assert_eq!(received, item);
            to_ringer.send(item).unwrap();
        }
        ringer.join().unwrap();
    });
}

#[test]
fn a_waker_rings_and_outlives_its_driver() {
    check(|driver, _| {
        let waker = driver.doorbell().waker();
        thread::spawn(move || waker.wake()).join().unwrap();
        // Rung before: the first call returns at once.
        driver.park(None, &mut Vec::new());
    });
    let doorbell = Driver::new(options(DriverKind::Auto)).unwrap().doorbell();
    doorbell.ring();
}

#[test]
fn rings_during_transfers_lose_neither() {
    check_real(|driver, folder| {
        let file = new_file(driver, folder, "a");
        let doorbell = driver.doorbell();
        let (stop, stopped) = mpsc::channel::<()>();
        let ringer = thread::spawn(move || {
            while stopped.try_recv().is_err() {
                doorbell.ring();
            }
        });
        for round in 0..500u64 {
            one(driver, write(&file, round * 8, &round.to_le_bytes())).result.unwrap();
        }
        stop.send(()).unwrap();
        ringer.join().unwrap();
        assert_eq!(bytes_of(one(driver, read(&file, 0, 4000))).len(), 4000);
    });
}

#[test]
fn a_driver_dropped_in_the_middle_waits_for_its_transfers() {
    check(|driver, folder| {
        let kind = match driver.backend_name() {
            "simulated" => return,
            name => name.parse().unwrap(),
        };
        let mut second = Driver::new(options(kind)).unwrap();
        let file = new_file(&second, folder, "a");
        for block in 0..50 {
            second.submit(write(&file, block * 4096, &[1; 4096]));
        }
        second.poll(&mut Vec::new());
        drop(second);
        assert!(bytes_of(one(driver, read(&file, 0, 4096))).iter().all(|byte| *byte == 1));
    });
}

#[test]
fn a_read_that_would_never_end_does_not_keep_a_driver() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut driver = Driver::new(options(DriverKind::Auto)).unwrap();
    // Open for both, so that opening doesn't wait for the other end.
    let both = OpenOptions { write: true, ..OpenOptions::READ };
    let pipe = driver.files().open(&path, both).unwrap();
    driver.submit(read(&pipe, 0, 10));
    driver.poll(&mut Vec::new());
    drop(driver);
}

#[test]
fn direct_files_move_whole_blocks() {
    check(|driver, folder| {
        let path = folder.join("direct");
        let file = driver.files().open(&path, OpenOptions::CREATE_NEW.direct()).unwrap();
        let block: Vec<u8> = (0..8192u32).map(|byte| byte as u8).collect();
        assert_eq!(one(driver, write(&file, 4096, &block)).result.unwrap(), 8192);
        assert_eq!(bytes_of(one(driver, read(&file, 4096, 8192))), block);
        assert_eq!(bytes_of(one(driver, read(&file, 8192, 8192))), block[4096..]);
        assert_eq!(bytes_of(one(driver, read(&file, 0, 4096))), [0; 4096]);
    });
}

#[test]
fn the_choice_of_backend_follows_the_key() {
    assert!(matches!("auto".parse().unwrap(), DriverKind::Auto));
    assert!(matches!("uring".parse().unwrap(), DriverKind::Uring));
    assert!(matches!("epoll".parse().unwrap(), DriverKind::Epoll));
    let error = "kqueue".parse::<DriverKind>().unwrap_err().to_string();
    assert!(error.contains("'kqueue' is not one of auto, uring, epoll"), "{error}");
    assert_eq!(default_spin(3, 2), Duration::ZERO);
    assert!(default_spin(2, 2) > Duration::ZERO);
}

#[test]
fn polling_with_nothing_outstanding_finds_nothing() {
    check(|driver, _| {
        let mut done = Vec::new();
        assert_eq!(driver.poll(&mut done), 0);
        driver.submit(Operation::Timer { at: driver.now() });
        assert_eq!(driver.poll(&mut done), 1);
        assert_eq!(driver.poll(&mut done), 0);
    });
}

//! The simulated world: clock, order, faults and crashes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::driver::{
    AlignedBytes, Completion, Driver, DriverKind, DriverOptions, File, IoBuffer, IoPart,
    OpenOptions, Operation,
};

fn driver(world: &SimulatedWorld) -> Driver {
    let kind = DriverKind::Simulated(world.clone());
    Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap()
}

/// Parks until `wanted` operations have ended; the world must not come to a stop before.
fn wait_for(driver: &mut Driver, world: &SimulatedWorld, wanted: usize) -> Vec<Completion> {
    let mut done = Vec::new();
    while done.len() < wanted {
        assert!(!world.is_stuck(), "{} of {wanted} ended", done.len());
        driver.park(None, &mut done);
    }
    done
}

fn one(driver: &mut Driver, world: &SimulatedWorld, operation: Operation) -> Completion {
    driver.submit(operation);
    wait_for(driver, world, 1).pop().unwrap()
}

fn write(file: &File, offset: u64, bytes: &[u8]) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::copy_of(bytes));
    Operation::Write { file: file.clone(), offset, buffer, len: bytes.len() }
}

fn read(file: &File, offset: u64, len: usize) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(len));
    Operation::Read { file: file.clone(), offset, buffer, len }
}

fn sync(file: &File) -> Operation {
    Operation::Sync { file: file.clone() }
}

fn content(world: &SimulatedWorld, path: &str) -> Option<Vec<u8>> {
    world.set_faults(Faults::default());
    let mut driver = driver(world);
    let file = driver.files().open(Path::new(path), OpenOptions::READ).ok()?;
    let len = file.len().unwrap() as usize;
    let done = one(&mut driver, world, read(&file, 0, len.max(1)));
    Some(done.buffer.unwrap().as_slice()[..done.result.unwrap()].to_vec())
}

fn create(driver: &Driver, path: &str) -> File {
    driver.files().open(Path::new(path), OpenOptions::CREATE_NEW).unwrap()
}

/// Submits 50 writes and gives the order and times of their ends.
fn run_of(seed: u64) -> Vec<(u64, u64)> {
    let world = SimulatedWorld::from_seed(seed);
    let mut driver = driver(&world);
    let file = create(&driver, "/a");
    for block in 0..50 {
        driver.submit(write(&file, block * 100, &[1; 100]));
    }
    let mut ends = Vec::new();
    let mut done = Vec::new();
    while ends.len() < 50 {
        driver.park(None, &mut done);
        ends.extend(done.drain(..).map(|done| (done.id.0, driver.now().as_nanos())));
    }
    ends
}

#[test]
fn a_seed_gives_one_run() {
    assert_eq!(run_of(7), run_of(7));
    assert_ne!(run_of(7), run_of(8));
    let order: Vec<_> = run_of(7).into_iter().map(|(id, _)| id).collect();
    assert!(!order.is_sorted(), "operations that run together end in any order");
}

#[test]
fn the_clock_stands_still_while_a_driver_has_work() {
    let world = SimulatedWorld::from_seed(1);
    let (mut idle, mut busy) = (driver(&world), driver(&world));
    let start = world.now();
    let until = start + Duration::from_secs(3600);
    let mut done = Vec::new();
    for _ in 0..10 {
        idle.park(Some(until), &mut done);
        busy.poll(&mut done);
    }
    assert_eq!(world.now(), start);
    for _ in 0..2 {
        busy.park(None, &mut done);
    }
    assert_eq!(world.now(), until);
    assert!(done.is_empty());
}

#[test]
fn a_world_without_events_is_stuck_until_somebody_rings() {
    let world = SimulatedWorld::from_seed(1);
    let mut driver = driver(&world);
    let mut done = Vec::new();
    assert!(!world.is_stuck());
    for _ in 0..3 {
        driver.park(None, &mut done);
    }
    assert!(world.is_stuck());
    driver.doorbell().ring();
    assert!(!world.is_stuck());
    for _ in 0..2 {
        driver.park(None, &mut done);
    }
    assert!(world.is_stuck());
}

#[test]
fn two_workers_hand_items_to_and_fro() {
    let world = SimulatedWorld::from_seed(5);
    let mut workers = [driver(&world), driver(&world)];
    let queues: [Arc<Mutex<VecDeque<u32>>>; 2] = Default::default();
    queues[0].lock().unwrap().push_back(0);
    let mut done = Vec::new();
    let mut seen = 0;
    while seen < 1000 {
        for me in 0..2 {
            let item = queues[me].lock().unwrap().pop_front();
            match item {
                Some(item) => {
                    assert_eq!(item, seen);
                    seen += 1;
                    queues[1 - me].lock().unwrap().push_back(item + 1);
                    workers[1 - me].doorbell().ring();
                }
                None => workers[me].park(None, &mut done),
            }
        }
        assert!(!world.is_stuck());
    }
}

#[test]
fn short_transfers_are_continued_and_slow_ones_take_longer() {
    let run = |faults: Faults| {
        let world = SimulatedWorld::from_seed(3);
        world.set_faults(faults);
        let mut driver = driver(&world);
        let file = create(&driver, "/a");
        let start = driver.now();
        let bytes: Vec<u8> = (0..50_000u32).map(|byte| byte as u8).collect();
        assert_eq!(one(&mut driver, &world, write(&file, 0, &bytes)).result.unwrap(), 50_000);
        let back = one(&mut driver, &world, read(&file, 0, 50_000));
        assert_eq!(back.buffer.unwrap().as_slice(), bytes);
        let part = |bytes: &[u8]| IoPart {
            buffer: IoBuffer::Heap(AlignedBytes::copy_of(bytes)),
            len: bytes.len(),
        };
        let parts = bytes.chunks(1234).map(part).collect();
        let several = Operation::WriteSeveral { file: file.clone(), offset: 777, parts };
        assert_eq!(one(&mut driver, &world, several).result.unwrap(), 50_000);
        let empty = |len| IoPart { buffer: IoBuffer::Heap(AlignedBytes::zeroed(len)), len };
        let parts = (0..50).map(|_| empty(1000)).collect();
        let several = Operation::ReadSeveral { file: file.clone(), offset: 777, parts };
        let back = one(&mut driver, &world, several).buffers;
        assert_eq!(back.iter().flat_map(IoBuffer::as_slice).copied().collect::<Vec<_>>(), bytes);
        (world.operations_begun(), driver.now().saturating_since(start))
    };
    let (count, time) = run(Faults::default());
    assert_eq!(count, 5, "open, write, read, write, read");
    let half = PerMillion(500_000);
    assert!(run(Faults { short_transfer: half, ..Faults::default() }).0 > 5);
    let slow = PerMillion(1_000_000);
    assert!(run(Faults { slow, ..Faults::default() }).1 > time * 2);
}

#[test]
fn each_operation_can_fail_in_turn() {
    // Open, write, sync, close, rename, sync the folder: the usual way to publish a file.
    let publish = |world: &SimulatedWorld| -> Result<(), Box<dyn std::error::Error>> {
        let mut driver = driver(world);
        let files = driver.files().clone();
        let file = files.open(Path::new("/tmp"), OpenOptions::CREATE_NEW)?;
        one(&mut driver, world, write(&file, 0, b"whole")).result?;
        one(&mut driver, world, sync(&file)).result?;
        files.rename(Path::new("/tmp"), Path::new("/final"))?;
        files.sync_dir(Path::new("/"))?;
        Ok(())
    };
    let clean = SimulatedWorld::from_seed(9);
    publish(&clean).unwrap();
    let total = clean.operations_begun();
    assert_eq!(total, 5);
    for nth in 0..total {
        for fault in [PlannedFault::InputOutput, PlannedFault::NoSpace] {
            let world = SimulatedWorld::from_seed(9);
            world.fail_operation(nth, fault);
            publish(&world).unwrap_err();
            world.crash();
            let found = content(&world, "/final");
            assert!(found.is_none() || found.as_deref() == Some(b"whole"), "{nth}: {found:?}");
        }
        let world = SimulatedWorld::from_seed(9);
        world.fail_operation(nth, PlannedFault::Short);
        publish(&world).unwrap();
        world.crash();
        assert_eq!(content(&world, "/final").unwrap(), b"whole");
    }
}

#[test]
fn a_failed_sync_poisons_its_file() {
    let world = SimulatedWorld::from_seed(4);
    let mut driver = driver(&world);
    let file = create(&driver, "/a");
    one(&mut driver, &world, write(&file, 0, b"abc")).result.unwrap();
    world.fail_operation(world.operations_begun(), PlannedFault::InputOutput);
    let error = one(&mut driver, &world, sync(&file)).result.unwrap_err().to_string();
    assert!(error.contains("syncing /a"), "{error}");
    for operation in [sync(&file), write(&file, 0, b"x"), read(&file, 0, 1)] {
        let error = one(&mut driver, &world, operation).result.unwrap_err().to_string();
        assert!(error.contains("an earlier sync failed") && error.contains("/a"), "{error}");
    }
    // Another handle sees the bytes, but they are not on the disk and no sync brings them there.
    let again = driver.files().open(Path::new("/a"), OpenOptions::READ).unwrap();
    assert_eq!(again.len().unwrap(), 3);
}

#[test]
fn a_crash_keeps_what_was_synced_and_only_possible_parts_of_the_rest() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let world = SimulatedWorld::from_seed(seed);
        let mut driver = driver(&world);
        let file = create(&driver, "/a");
        one(&mut driver, &world, write(&file, 0, &[1; 1024])).result.unwrap();
        one(&mut driver, &world, sync(&file)).result.unwrap();
        driver.files().sync_dir(Path::new("/")).unwrap();
        one(&mut driver, &world, write(&file, 512, &[2; 1024])).result.unwrap();
        driver.submit(write(&file, 0, &[3; 512]));
        world.crash();
        let mut done = Vec::new();
        for _ in 0..3 {
            driver.park(None, &mut done);
        }
        assert!(done.is_empty(), "an operation under way in a crash never ends");
        let late = one(&mut driver, &world, read(&file, 0, 1)).result.unwrap_err().to_string();
        assert!(late.contains("crashed"), "{late}");
        drop(driver);
        let bytes = content(&world, "/a").expect("its name was synced");
        assert!(bytes.len() == 1024 || bytes.len() == 1536, "{}", bytes.len());
        let sectors: Vec<u8> = bytes.chunks(512).map(|sector| sector[0]).collect();
        assert!(bytes.chunks(512).zip(&sectors).all(|(s, first)| s.iter().all(|b| b == first)));
        assert!([1, 3].contains(&sectors[0]) && [1, 2].contains(&sectors[1]), "{sectors:?}");
        outcomes.insert(sectors);
    }
    assert!(outcomes.len() >= 8, "200 crashes gave only {outcomes:?}");
}

#[test]
fn a_crash_undoes_changes_of_names_that_were_not_synced() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..50 {
        let world = SimulatedWorld::from_seed(seed);
        let machine = world.machine("other");
        let driver = driver(&machine);
        let files = driver.files();
        files.create_dir_all(Path::new("/x/y")).unwrap();
        files.sync_dir(Path::new("/")).unwrap();
        files.sync_dir(Path::new("/x")).unwrap();
        create(&driver, "/x/y/old");
        files.sync_dir(Path::new("/x/y")).unwrap();
        files.rename(Path::new("/x/y/old"), Path::new("/x/y/new")).unwrap();
        machine.crash();
        let names = files.list(Path::new("/x/y")).unwrap();
        match names.iter().map(|name| name.to_str().unwrap()).collect::<Vec<_>>()[..] {
            ["/x/y/new"] => kept += 1,
            ["/x/y/old"] => lost += 1,
            _ => panic!("a rename is whole or not at all: {names:?}"),
        }
    }
    assert!(kept > 5 && lost > 5, "{kept} kept, {lost} lost");
}

#[test]
fn machines_have_disks_of_their_own() {
    let world = SimulatedWorld::from_seed(1);
    let other = world.machine("other");
    create(&driver(&world), "/a");
    assert!(driver(&other).files().metadata(Path::new("/a")).is_err());
    assert!(driver(&world.machine("first")).files().metadata(Path::new("/a")).is_ok());
    other.crash();
    assert!(driver(&world).files().metadata(Path::new("/a")).is_ok());
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let world = SimulatedWorld::from_seed(1);
    world.set_disk_capacity(Some(1000));
    let mut driver = driver(&world);
    let file = create(&driver, "/a");
    let error = one(&mut driver, &world, write(&file, 0, &[1; 1500])).result.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(world.disk_used(), 1000);
    one(&mut driver, &world, write(&file, 0, &[2; 1000])).result.unwrap();
    driver.files().unlink(Path::new("/a")).unwrap();
    assert_eq!(world.disk_used(), 1000, "an open file keeps its space");
    drop(file);
    assert_eq!(world.disk_used(), 0);
    let second = create(&driver, "/b");
    one(&mut driver, &world, write(&second, 0, &[2; 1000])).result.unwrap();
}

#[test]
fn direct_transfers_must_be_aligned() {
    let world = SimulatedWorld::from_seed(1);
    let mut driver = driver(&world);
    let options = OpenOptions::CREATE_NEW.direct();
    let file = driver.files().open(Path::new("/a"), options).unwrap();
    one(&mut driver, &world, write(&file, 512, &[1; 512])).result.unwrap();
    for wrong in [write(&file, 100, &[1; 512]), write(&file, 0, &[1; 100])] {
        let error = one(&mut driver, &world, wrong).result.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn time_goes_on_when_the_last_driver_that_is_awake_leaves() {
    let world = SimulatedWorld::from_seed(1);
    let (mut sleeper, leaver) = (driver(&world), driver(&world));
    let until = world.now() + Duration::from_secs(1);
    sleeper.park(Some(until), &mut Vec::new());
    sleeper.park(Some(until), &mut Vec::new());
    assert!(sleeper.is_parked() && world.now() < until, "the other might do something");
    drop(leaver);
    assert!(!sleeper.is_parked() && world.now() >= until);
}

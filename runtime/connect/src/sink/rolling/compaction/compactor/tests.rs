use std::cell::RefCell;
use std::collections::BTreeSet;

use brisk_memory::driver::{
    AlignedBytes, DriverKind, Instant64, IoBuffer, OpenOptions, Operation, PlannedFault,
    SimulatedWorld,
};

use super::super::super::name::RollingName;
use super::super::super::parts::Writer;
use super::super::super::policy::RollingPolicy;
use super::super::super::run::sweep;
use super::*;
use crate::constants::WRITE_BLOCK;
use crate::sink::publication::make_folder;
use crate::task_io::tests::DriverIo;

const OUT: &str = "/out";
const TOTAL: u32 = 21;
const PER_CHECKPOINT: u32 = 3;
/// A record: two digits and a newline.
const RECORD: u64 = 3;

fn parts_of(run: &str) -> Parts {
    let writer = Writer { folder: OUT.into(), subtask: 0, run: run.into() };
    // Two records.
    Parts::new(writer, RollingPolicy { max_bytes: 2 * RECORD, ..RollingPolicy::default() })
}

fn compactor() -> Compactor {
    Compactor::new(OUT.into(), Some(CompactionStrategy::at_bytes(4 * RECORD)))
}

/// What a complete checkpoint has.
#[derive(Debug, Clone, Default)]
struct Saved {
    sent: u32,
    transaction: PartFiles,
    held_back: Vec<PartFiles>,
}

fn power_lost() -> ConnectError {
    ConnectError::io("write to", Path::new(OUT), std::io::Error::other("power lost"))
}

/// Runs from the latest checkpoint to the end of the input, or to the first fault.
fn run(attempt: u32, saved: &mut Saved, io: &mut DriverIo) -> Result<(), ConnectError> {
    let (files, folder) = (io.files(), Path::new(OUT));
    let name = format!("r{attempt}");
    make_folder(&files, folder)?;
    let (mut compactor, mut parts) = (compactor(), parts_of(&name));
    let needed = RefCell::new(BTreeSet::new());
    for element in &saved.held_back {
        compactor.hold_back(element, &files, |path| {
            needed.borrow_mut().insert(path);
        })?;
    }
    commit(&files, folder, &saved.transaction)?;
    let needed = needed.into_inner();
    sweep(&files, folder, |path, run| run != name.as_bytes() && !needed.contains(path))?;
    let (mut sent, now) = (saved.sent, Instant64::from_nanos(0));
    while sent < TOTAL {
        let mut transaction = PartFiles::default();
        for _ in 0..PER_CHECKPOINT {
            let bucket = ["a", "b/c"][sent as usize % 2];
            let part = parts.part_for(bucket, now, &files, &mut transaction.parts)?;
            parts.output(part).blocks().push(format!("{sent:02}\n").as_bytes());
            parts.close_if_full(part, &mut transaction.parts);
            sent += 1;
        }
        if sent == TOTAL {
            compactor.input_ended();
        }
        parts.close_all(&mut transaction.parts);
        compactor.barrier(&mut transaction, &mut parts, &files)?;
        while !compactor.is_durable(&transaction, &mut parts, io)? {
            if !io.wait_on() {
                return Err(power_lost());
            }
        }
        *saved = Saved { sent, transaction, held_back: compactor.held_back() };
        commit(&files, folder, &saved.transaction)?;
    }
    Ok(())
}

/// Reads a file.
fn read(path: &Path, io: &mut DriverIo) -> Vec<u8> {
    let file = io.files().open(path, OpenOptions::READ).unwrap();
    let (len, mut bytes) = (file.len().unwrap() as usize, Vec::new());
    while bytes.len() < len {
        let buffer = IoBuffer::Heap(AlignedBytes::zeroed(4096));
        let (file, offset) = (file.clone(), bytes.len() as u64);
        let id = io.submit(Operation::Read { file, offset, buffer, len: 4096 });
        io.wait();
        let done = io.take_completion(|done| done == id).unwrap();
        let Some(IoBuffer::Heap(block)) = done.buffer else { unreachable!() };
        bytes.extend_from_slice(&block.as_slice()[..done.result.unwrap()]);
    }
    bytes
}

/// The contents of finished parts, and the number of files that are hidden.
fn visible(io: &mut DriverIo) -> (Vec<String>, usize) {
    let (mut contents, mut hidden) = (Vec::new(), 0);
    for folder in ["/out/a", "/out/b/c"] {
        for path in io.files().list(Path::new(folder)).unwrap_or_default() {
            match path.file_name().and_then(RollingName::parse) {
                Some(RollingName::Finished { .. }) => {
                    contents.push(String::from_utf8(read(&path, io)).unwrap());
                }
                Some(RollingName::InProgress { .. }) => hidden += 1,
                None => {}
            }
        }
    }
    (contents, hidden)
}

fn records(contents: &[String]) -> Vec<u32> {
    let lines = contents.iter().flat_map(|content| content.lines());
    let mut records: Vec<u32> = lines.map(|line| line.parse().unwrap()).collect();
    records.sort_unstable();
    records
}

#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// This operation fails, and the process goes on to another attempt.
    Fails(PlannedFault),
    /// It fails, and the machine loses power.
    FailsInTheEnd,
    /// The machine loses power when so many operations have begun.
    PowerLost,
}

/// One run that goes wrong at an operation, and one that runs to the end; whether the first one was
/// disturbed.
fn check(seed: u64, wrong: Wrong, operation: u64) -> bool {
    let world = SimulatedWorld::from_seed(seed);
    let mut io = DriverIo::new(DriverKind::Simulated(world.clone()));
    match wrong {
        Wrong::Fails(fault) => world.fail_operation(operation, fault),
        Wrong::FailsInTheEnd => world.fail_operation(operation, PlannedFault::InputOutput),
        Wrong::PowerLost => io.crash_at(world.clone(), operation),
    }
    let mut saved = Saved::default();
    let first = run(0, &mut saved, &mut io);
    if world.operations_begun() <= operation {
        // It came to its end before.
        return false;
    }
    if !matches!(wrong, Wrong::Fails(_)) {
        world.crash();
    }
    drop(io);
    let mut io = DriverIo::new(DriverKind::Simulated(world));
    let found = records(&visible(&mut io).0);
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{wrong:?} at {operation}: {found:?}");
    assert!(found.iter().all(|record| *record < saved.sent), "{wrong:?} at {operation}");
    run(1, &mut saved, &mut io).unwrap();
    let (contents, hidden) = visible(&mut io);
    let all: Vec<u32> = (0..TOTAL).collect();
    assert_eq!(records(&contents), all, "{wrong:?} at {operation}, first {first:?}");
    assert_eq!(hidden, 0, "{wrong:?} at {operation}: leftovers");
    first.is_err()
}

#[test]
fn each_record_is_visible_once_whatever_operation_fails() {
    let ways = [
        Wrong::Fails(PlannedFault::InputOutput),
        Wrong::Fails(PlannedFault::NoSpace),
        Wrong::FailsInTheEnd,
        Wrong::PowerLost,
    ];
    let world = SimulatedWorld::from_seed(3);
    let mut io = DriverIo::new(DriverKind::Simulated(world.clone()));
    run(0, &mut Saved::default(), &mut io).unwrap();
    let (contents, _) = visible(&mut io);
    let large = contents.iter().filter(|content| content.len() as u64 >= 4 * RECORD).count();
    // Of 21 records in groups of at least four; the last two of each bucket are fewer.
    assert_eq!((large, contents.len()), (4, 6), "{contents:?}");
    let operations = world.operations_begun();
    for wrong in ways {
        let disturbed = (0..operations).filter(|operation| check(3, wrong, *operation)).count();
        println!("{wrong:?}: {disturbed} of {operations} operations");
        assert!(disturbed > 20, "{wrong:?}: {disturbed} of {operations}");
    }
}

/// Closes a part for each content and merges them all; what appears.
fn merged(contents: &[&[u8]], delimiter: &[u8]) -> Vec<u8> {
    let mut io = DriverIo::new(DriverKind::Simulated(SimulatedWorld::from_seed(1)));
    let (files, folder) = (io.files(), Path::new(OUT));
    let (mut parts, now) = (parts_of("r"), Instant64::from_nanos(0));
    let strategy = CompactionStrategy::at_bytes(u64::MAX).delimited_by(delimiter);
    let mut compactor = Compactor::new(OUT.into(), Some(strategy));
    let mut transaction = PartFiles::default();
    for content in contents {
        let part = parts.part_for("", now, &files, &mut transaction.parts).unwrap();
        for piece in content.chunks(100_000) {
            while !parts.advance(&mut io).unwrap() {
                io.wait();
            }
            parts.output(part).blocks().push(piece);
        }
        parts.close_all(&mut transaction.parts);
    }
    compactor.input_ended();
    compactor.barrier(&mut transaction, &mut parts, &files).unwrap();
    while !compactor.is_durable(&transaction, &mut parts, &mut io).unwrap() {
        io.wait();
    }
    commit(&files, folder, &transaction).unwrap();
    assert_eq!(files.list(folder).unwrap().len(), 1, "one part and no other file");
    let path = transaction.parts[0].finished(folder).unwrap();
    let bytes = read(&path, &mut io);
    assert_eq!(bytes.len() as u64, transaction.parts[0].bytes);
    bytes
}

#[test]
fn contents_are_put_one_behind_the_other() {
    let large: Vec<u8> = (0..2 * WRITE_BLOCK + 12_345).map(|at| (at % 251) as u8).collect();
    let block = vec![7; WRITE_BLOCK];
    for contents in
        [&[&b"one"[..], b"two"][..], &[&large, b"", &block, b"end"], &[&block, &block], &[b"", b""]]
    {
        for delimiter in [&b""[..], b"--"] {
            assert!(merged(contents, delimiter) == contents.join(delimiter));
        }
    }
}

#[test]
fn a_part_that_was_changed_is_not_merged() {
    let mut io = DriverIo::new(DriverKind::Simulated(SimulatedWorld::from_seed(1)));
    let (files, folder) = (io.files(), Path::new(OUT));
    make_folder(&files, folder).unwrap();
    let part = |number, bytes| {
        let part = PartFile { bucket: String::new(), subtask: 0, number, run: "old".into(), bytes };
        files.open(&part.hidden(folder).unwrap(), OpenOptions::CREATE_NEW).unwrap();
        WaitingPart { part, checkpoints: 1 }
    };
    let element = PartFiles { waiting: vec![part(0, 0), part(1, 3)], ..PartFiles::default() };
    let (mut parts, mut compactor) = (parts_of("new"), compactor());
    compactor.hold_back(&element, &files, drop).unwrap();
    // One that is gone was merged by another run.
    let gone = PartFile { number: 9, ..element.waiting[0].part.clone() };
    let gone = vec![WaitingPart { part: gone, checkpoints: 1 }];
    compactor.hold_back(&PartFiles { waiting: gone, ..element.clone() }, &files, drop).unwrap();
    assert_eq!(compactor.held_back(), [element]);
    compactor.input_ended();
    let mut transaction = PartFiles::default();
    compactor.barrier(&mut transaction, &mut parts, &files).unwrap();
    let error = compactor.is_durable(&transaction, &mut parts, &mut io).unwrap_err().to_string();
    assert!(error.contains(".part-0-1.inprogress.old: has 0 bytes, not 3"), "{error}");
}

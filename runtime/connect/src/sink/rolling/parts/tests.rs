use std::time::Duration;

use brisk_memory::driver::{
    AlignedBytes, DriverKind, IoBuffer, Operation, PlannedFault, SimulatedWorld,
};

use super::super::run::sweep;
use super::*;
use crate::task_io::tests::DriverIo;

const OUT: &str = "/out";
/// Records of a whole run, each two digits and a newline, and so many between two checkpoints.
const TOTAL: u32 = 12;
const PER_CHECKPOINT: u32 = 4;

fn parts_of(run: &str, policy: RollingPolicy) -> Parts {
    let writer = Writer { folder: OUT.into(), subtask: 0, run: run.into() };
    Parts::new(writer, policy)
}

fn at(millis: u64) -> Instant64 {
    Instant64::from_nanos(millis * 1_000_000)
}

fn write(
    parts: &mut Parts,
    (bucket, text): (&str, &str),
    now: Instant64,
    io: &DriverIo,
    closed: &mut Vec<PartFile>,
) -> Result<(), ConnectError> {
    let part = match parts.part_of_last(bucket, now) {
        Some(part) => part,
        None => parts.part_for(bucket, now, &io.files(), closed)?,
    };
    parts.output(part).blocks().push(text.as_bytes());
    parts.close_if_full(part, closed);
    Ok(())
}

fn power_lost() -> ConnectError {
    ConnectError::io("write to", Path::new(OUT), std::io::Error::other("power lost"))
}

fn wait_durable(
    parts: &mut Parts,
    closed: &[PartFile],
    io: &mut DriverIo,
) -> Result<(), ConnectError> {
    while !parts.are_durable(closed.iter(), io)? {
        if !io.wait_on() {
            return Err(power_lost());
        }
    }
    Ok(())
}

/// What a complete checkpoint has.
#[derive(Debug, Default)]
struct Saved {
    sent: u32,
    parts: Vec<PartFile>,
}

/// Runs from the latest checkpoint to the end of the input, or to the first fault.
fn run(attempt: u32, saved: &mut Saved, io: &mut DriverIo) -> Result<(), ConnectError> {
    let (files, folder) = (io.files(), Path::new(OUT));
    let name = format!("r{attempt}");
    make_folder(&files, folder)?;
    show(&files, folder, &saved.parts)?;
    sweep(&files, folder, |_, run| run != name.as_bytes())?;
    // Two records.
    let policy = RollingPolicy { max_bytes: 6, ..RollingPolicy::default() };
    let mut parts = parts_of(&name, policy);
    let mut sent = saved.sent;
    while sent < TOTAL {
        let mut closed = Vec::new();
        for _ in 0..PER_CHECKPOINT {
            let bucket = ["a", "b/c", ""][sent as usize % 3];
            write(&mut parts, (bucket, &format!("{sent:02}\n")), at(0), io, &mut closed)?;
            parts.advance(io)?;
            sent += 1;
        }
        parts.close_all(&mut closed);
        wait_durable(&mut parts, &closed, io)?;
        *saved = Saved { sent, parts: closed };
        show(&files, folder, &saved.parts)?;
    }
    Ok(())
}

/// Reads a file, whose content is short.
fn read(path: &Path, io: &mut DriverIo) -> String {
    let file = io.files().open(path, OpenOptions::READ).unwrap();
    let len = file.len().unwrap() as usize;
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(4096));
    let id = io.submit(Operation::Read { file, offset: 0, buffer, len });
    io.wait();
    let done = io.take_completion(|done| done == id).unwrap();
    let Some(IoBuffer::Heap(bytes)) = done.buffer else { unreachable!() };
    String::from_utf8(bytes.as_slice()[..done.result.unwrap()].to_vec()).unwrap()
}

/// The records in finished parts, sorted, and the number of files that are hidden.
fn visible(io: &mut DriverIo) -> (Vec<u32>, usize) {
    let (mut records, mut hidden) = (Vec::new(), 0);
    for folder in [OUT, "/out/a", "/out/b", "/out/b/c"] {
        for path in io.files().list(Path::new(folder)).unwrap_or_default() {
            match path.file_name().and_then(RollingName::parse) {
                Some(RollingName::Finished { .. }) => {
                    records
                        .extend(read(&path, io).lines().map(|line| line.parse::<u32>().unwrap()));
                }
                Some(RollingName::InProgress { .. }) => hidden += 1,
                None => {}
            }
        }
    }
    records.sort_unstable();
    (records, hidden)
}

/// How a run goes wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// This operation fails, and the process goes on to another attempt.
    Fails(PlannedFault),
    /// It fails, and the machine loses power.
    FailsInTheEnd,
    /// The machine loses power when so many operations have begun.
    PowerLost,
}

/// One run that goes wrong at an operation, and runs until one comes to the end; false when the first
/// one was not disturbed.
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
    if !matches!(wrong, Wrong::Fails(_)) {
        world.crash();
    }
    // What was under way is of no concern to the next attempt.
    drop(io);
    let mut io = DriverIo::new(DriverKind::Simulated(world));
    let (records, _) = visible(&mut io);
    let pair_is_ordered = |pair: &[u32]| pair[0] < pair[1];
    assert!(records.windows(2).all(pair_is_ordered), "{wrong:?} at {operation}: {records:?}");
    assert!(records.iter().all(|record| *record < saved.sent), "{wrong:?} at {operation}");
    run(1, &mut saved, &mut io).unwrap();
    let (records, hidden) = visible(&mut io);
    let all: Vec<u32> = (0..TOTAL).collect();
    assert_eq!(records, all, "{wrong:?} at {operation}, first {first:?}");
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
    for seed in 0..2 {
        let world = SimulatedWorld::from_seed(seed);
        let mut io = DriverIo::new(DriverKind::Simulated(world.clone()));
        run(0, &mut Saved::default(), &mut io).unwrap();
        let operations = world.operations_begun();
        for wrong in ways {
            let each = (0..operations).filter(|operation| check(seed, wrong, *operation));
            let disturbed = each.count();
            println!("{wrong:?}: {disturbed} of {operations} operations");
            assert!(disturbed > 20, "{wrong:?}: {disturbed} of {operations}");
        }
    }
}

fn simulated() -> DriverIo {
    DriverIo::new(DriverKind::Simulated(SimulatedWorld::from_seed(1)))
}

#[test]
fn parts_are_closed_by_age_and_when_idle() {
    let io = simulated();
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let policy = RollingPolicy { max_bytes: 100, max_age: minute, max_idle: second };
    let mut parts = parts_of("r", policy);
    let mut closed = Vec::new();
    write(&mut parts, ("idle", "x"), at(0), &io, &mut closed).unwrap();
    for now in (0..60_000).step_by(500) {
        write(&mut parts, ("busy", "x"), at(now), &io, &mut closed).unwrap();
        parts.close_due(at(now), &mut closed);
        if now < 40_000 {
            assert_eq!(closed.len(), usize::from(now >= 1000), "at {now}");
            assert_eq!(parts.next_due(), Some(at(if now < 1000 { 1000 } else { now + 1000 })));
        }
        // Rolled by size every 50 s.
        assert_eq!(closed.len(), usize::from(now >= 1000) + usize::from(now >= 49_500), "at {now}");
    }
    parts.close_due(at(109_000), &mut closed);
    assert_eq!(closed.len(), 3);
    assert_eq!(parts.next_due(), None);
}

#[test]
fn numbers_go_on_behind_what_is_there() {
    let mut io = simulated();
    make_folder(&io.files(), Path::new("/out/b")).unwrap();
    for name in ["part-0-7", ".part-0-9.inprogress.old", "part-1-30", "notes"] {
        io.files().open(&Path::new("/out/b").join(name), OpenOptions::CREATE).unwrap();
    }
    let mut parts = parts_of("new", RollingPolicy::default());
    let mut closed = Vec::new();
    for bucket in ["a", "b"] {
        write(&mut parts, (bucket, "x"), at(0), &io, &mut closed).unwrap();
    }
    parts.close_all(&mut closed);
    wait_durable(&mut parts, &closed, &mut io).unwrap();
    let mut numbers: Vec<(&str, u32)> =
        closed.iter().map(|part| (part.bucket.as_str(), part.number)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [("a", 0), ("b", 10)]);
}

#[test]
fn the_part_that_was_idle_longest_makes_room() {
    let io = simulated();
    let mut parts = parts_of("r", RollingPolicy::default());
    let mut closed = Vec::new();
    for bucket in 0..OPEN_PARTS_MAX as u64 {
        write(&mut parts, (&bucket.to_string(), "x"), at(bucket), &io, &mut closed).unwrap();
    }
    write(&mut parts, ("0", "x"), at(500), &io, &mut closed).unwrap();
    assert!(closed.is_empty());
    write(&mut parts, ("one more", "x"), at(501), &io, &mut closed).unwrap();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].bucket, "1");
}

#[test]
fn committing_twice_changes_nothing_and_replaces_nothing() {
    let mut io = simulated();
    let files = io.files();
    let mut parts = parts_of("r", RollingPolicy::default());
    let mut closed = Vec::new();
    write(&mut parts, ("", "7\n"), at(0), &io, &mut closed).unwrap();
    parts.close_all(&mut closed);
    wait_durable(&mut parts, &closed, &mut io).unwrap();
    let folder = Path::new(OUT);
    for _ in 0..3 {
        show(&files, folder, &closed).unwrap();
        assert_eq!(visible(&mut io), (vec![7], 0));
    }
    remove(&files, folder, &closed).unwrap();
    assert_eq!(visible(&mut io), (vec![7], 0), "what is committed is not aborted");
    // A reader has taken it away.
    files.unlink(&closed[0].finished(folder).unwrap()).unwrap();
    show(&files, folder, &closed).unwrap();

    for path in [closed[0].hidden(folder), closed[0].finished(folder)] {
        files.open(&path.unwrap(), OpenOptions::CREATE).unwrap();
    }
    let error = show(&files, folder, &closed).unwrap_err().to_string();
    assert!(error.contains("part-0-0: is there already"), "{error}");
}

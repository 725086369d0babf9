use std::io;
use std::path::Path;

use brisk_memory::driver::{DriverKind, OpenOptions, PlannedFault, SimulatedWorld};

use super::*;
use crate::sink::publication::{Target, WriteMode};
use crate::task_io::tests::DriverIo;

fn share(subtask: u32, parallelism: u32) -> Share {
    Share { subtask, parallelism, writer: "a".into() }
}

fn publication(folder: &Path) -> Arc<Publication> {
    let target = Target { folder: folder.to_path_buf(), mode: WriteMode::Overwrite };
    Arc::new(Publication::new(target))
}

/// Writes numbered lines as subtask 0 of `parallelism`.
fn write(
    publication: &Arc<Publication>,
    parallelism: u32,
    lines: usize,
    io: &mut DriverIo,
) -> Result<(), ConnectError> {
    let share = share(0, parallelism);
    let mut writer = PartWriter::begin(publication, share, io)?;
    for line in 0..lines {
        writer.blocks().push(format!("line {line}\n").as_bytes());
        while !writer.blocks().has_room() && !writer.make_room(io)? {
            io.wait();
        }
    }
    while !writer.close_file(io)? {
        io.wait();
    }
    Ok(())
}

fn expected(lines: usize) -> String {
    (0..lines).map(|line| format!("line {line}\n")).collect()
}

#[test]
fn what_is_written_is_there() {
    for kind in [DriverKind::Auto, DriverKind::Epoll] {
        for lines in [0, 1, 200_000] {
            let dir = tempfile::tempdir().unwrap();
            let mut io = DriverIo::new(kind.clone());
            write(&publication(dir.path()), 1, lines, &mut io).unwrap();
            let written = std::fs::read_to_string(dir.path().join("part-0")).unwrap();
            assert!(written == expected(lines));
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }
}

#[test]
fn nothing_is_visible_before_all_subtasks_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let publication = publication(dir.path());
    write(&publication, 2, 10, &mut DriverIo::new(DriverKind::Auto)).unwrap();
    assert!(!dir.path().join("part-0").exists());
    let io = DriverIo::new(DriverKind::Auto);
    let other = PartWriter::begin(&publication, share(1, 2), &io).unwrap();
    drop(other);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the job was canceled");
}

/// Lets each operation fail in turn: nothing is left behind, and the message names file and cause.
#[test]
fn a_full_disk_at_every_operation() {
    let dir = tempfile::tempdir().unwrap();
    let lines = 60_000;
    let mut io = DriverIo::new(DriverKind::Epoll);
    write(&publication(dir.path()), 1, lines, &mut io).unwrap();
    let operations = io.submitted();
    assert!(operations > 3);
    std::fs::remove_file(dir.path().join("part-0")).unwrap();
    for operation in 0..operations {
        let mut io = DriverIo::with_fault(operation, io::ErrorKind::StorageFull);
        let error = write(&publication(dir.path()), 1, lines, &mut io).unwrap_err().to_string();
        assert!(error.starts_with("no room left to "), "{error}");
        assert!(error.contains(".part-0.inprogress."), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

/// A world whose disk has a folder for output, and the publication of two subtasks into it.
fn simulation(seed: u64) -> (SimulatedWorld, DriverIo, Arc<Publication>) {
    let world = SimulatedWorld::from_seed(seed);
    let io = DriverIo::new(DriverKind::Simulated(world.clone()));
    (world, io, publication(Path::new("/out")))
}

/// Both subtasks of a job, one after the other.
fn write_both(publication: &Arc<Publication>, io: &mut DriverIo) -> Result<(), ConnectError> {
    let mut writers = Vec::new();
    for subtask in 0..2 {
        let share = share(subtask, 2);
        let mut writer = PartWriter::begin(publication, share, io)?;
        writer.blocks().push(format!("of {subtask}\n").as_bytes());
        writers.push(writer);
    }
    for writer in &mut writers {
        while !writer.close_file(io)? {
            if !io.wait_on() {
                let error = io::Error::other("power lost");
                return Err(ConnectError::io("write to", Path::new("/out"), error));
            }
        }
    }
    Ok(())
}

/// The parts that a reader of the folder sees, with their sizes.
fn visible(io: &DriverIo) -> Vec<(String, u64)> {
    let files = io.files();
    let Ok(paths) = files.list(Path::new("/out")) else { return Vec::new() };
    let parts = paths.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let length = files.open(path, OpenOptions::READ).ok()?.len().ok()?;
        name.starts_with("part-").then_some((name, length))
    });
    parts.collect()
}

fn all_parts() -> Vec<(String, u64)> {
    vec![("part-0".into(), 5), ("part-1".into(), 5)]
}

#[test]
fn a_fault_at_every_operation_shows_all_parts_or_none() {
    let (world, mut io, publication) = simulation(1);
    write_both(&publication, &mut io).unwrap();
    let operations = world.operations_begun();
    assert!(operations > 10);
    assert_eq!(visible(&io), all_parts());
    for fault in [PlannedFault::InputOutput, PlannedFault::NoSpace, PlannedFault::Short] {
        for operation in 0..operations {
            let (world, mut io, publication) = simulation(1);
            world.fail_operation(operation, fault);
            let written = write_both(&publication, &mut io);
            let expected = if written.is_ok() { all_parts() } else { Vec::new() };
            assert_eq!(visible(&io), expected, "{fault:?} at {operation}: {written:?}");
        }
    }
}

#[test]
fn power_lost_at_any_moment_shows_all_parts_or_none() {
    for seed in 0..20 {
        let mut is_whole = false;
        for crash_at in 0.. {
            let (world, mut io, publication) = simulation(seed);
            io.crash_at(world.clone(), crash_at);
            let written = write_both(&publication, &mut io);
            is_whole = written.is_ok();
            world.crash();
            drop(io);
            let io = DriverIo::new(DriverKind::Simulated(world));
            let parts = visible(&io);
            assert!(parts.is_empty() || parts == all_parts(), "{parts:?}");
            assert!(!is_whole || parts == all_parts(), "what was finished stays");
            // The next job finds the folder usable, whatever was left in it.
            let mut io = io;
            write_both(&self::publication(Path::new("/out")), &mut io).unwrap();
            assert_eq!(visible(&io), all_parts());
            let left = io.files().list(Path::new("/out")).unwrap();
            assert_eq!(left.len(), 2, "{left:?}");
            if is_whole {
                break;
            }
        }
        assert!(is_whole);
    }
}

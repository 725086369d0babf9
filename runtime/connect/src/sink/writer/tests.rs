use std::path::Path;

use brisk_memory::driver::DriverKind;

use super::*;
use crate::sink::publication::{Target, WriteMode};
use crate::task_io::tests::DriverIo;

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
    let share = Share { subtask: 0, parallelism };
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
    let other = PartWriter::begin(&publication, Share { subtask: 1, parallelism: 2 }, &io).unwrap();
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

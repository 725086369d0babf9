use std::fs;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn share(subtask: u32, parallelism: u32) -> Share {
    Share { subtask, parallelism, writer: "a".into() }
}

fn publication(folder: &Path, mode: WriteMode) -> Publication {
    Publication::new(Target { folder: folder.to_path_buf(), mode })
}

/// What two subtasks do, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Begin(u32),
    Stage(u32),
    Leave(u32),
}

/// Carries out `acts` and checks after each that either no part or all parts are visible.
fn check(acts: &[Act], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let publication = publication(dir.path(), WriteMode::Overwrite);
    let mut parts: Vec<Option<(RunNumber, InProgress)>> = vec![None, None];
    let mut attempts = [0, 0];
    for act in acts {
        let share = |subtask| share(subtask, 2);
        match *act {
            Act::Begin(subtask) => {
                // Who begins again is of a job that was restarted.
                attempts[subtask as usize] += 1;
                let writer = format!("a-{}", attempts[subtask as usize]);
                let begun = publication.begin(&files, &Share { writer, ..share(subtask) }).unwrap();
                parts[subtask as usize] = Some(begun);
            }
            Act::Stage(subtask) => {
                let (run, part) = parts[subtask as usize].take().unwrap();
                publication.stage(run, part, &share(subtask)).unwrap();
            }
            Act::Leave(subtask) => {
                let (run, part) = parts[subtask as usize].take().unwrap();
                drop(part);
                publication.leave(run);
            }
        }
        let visible = names(dir.path()).iter().filter(|name| !name.starts_with('.')).count();
        assert!(visible == 0 || visible == 2, "{act:?} of {acts:?}");
    }
    assert_eq!(names(dir.path()), expected, "{acts:?}");
}

#[test]
fn all_parts_or_none() {
    use Act::{Begin, Leave, Stage};
    let both: &[&str] = &["part-0", "part-1"];
    check(&[Begin(0), Begin(1), Stage(1), Stage(0)], both);
    check(&[Begin(0), Stage(0), Begin(1), Stage(1)], both);
    check(&[Begin(0), Begin(1), Stage(0), Leave(1)], &[]);
    check(&[Begin(0), Begin(1), Leave(0), Stage(1)], &[]);
    check(&[Begin(0), Begin(1), Leave(0), Leave(1)], &[]);
    // The job is restarted: after a failure, before the old subtask has gone, and twice over.
    check(&[Begin(0), Begin(1), Stage(0), Leave(1), Begin(0), Begin(1), Stage(0), Stage(1)], both);
    check(&[Begin(0), Stage(0), Begin(0), Begin(1), Stage(0), Stage(1)], both);
    let twice = [Begin(0), Begin(1), Stage(0), Stage(1)].repeat(2);
    check(&twice, both);
}

#[test]
fn output_of_an_earlier_job() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    for name in ["part-0", "part-7", "notes.txt"] {
        fs::write(dir.path().join(name), "old").unwrap();
    }
    let share = share(0, 1);

    let refused =
        publication(dir.path(), WriteMode::NoOverwrite).begin(&files, &share).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("Overwrite") && message.contains(dir.path().to_str().unwrap()));
    assert_eq!(names(dir.path()), ["notes.txt", "part-0", "part-7"]);

    let publication = publication(dir.path(), WriteMode::Overwrite);
    let (run, part) = publication.begin(&files, &share).unwrap();
    assert_eq!(fs::read(dir.path().join("part-0")).unwrap(), b"old", "until the end");
    publication.stage(run, part, &share).unwrap();
    assert_eq!(names(dir.path()), ["notes.txt", "part-0"], "fewer parts than before");
    assert_eq!(fs::read(dir.path().join("part-0")).unwrap(), b"");
}

#[test]
fn another_job_was_faster() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let share = share(0, 1);
    let publication = publication(dir.path(), WriteMode::NoOverwrite);
    let (run, part) = publication.begin(&files, &share).unwrap();
    fs::write(dir.path().join("part-0"), "theirs").unwrap();
    let error = publication.stage(run, part, &share).unwrap_err();
    assert!(matches!(error, ConnectError::OutputExists { .. }), "{error}");
    assert_eq!(names(dir.path()), ["part-0"]);
    assert_eq!(fs::read(dir.path().join("part-0")).unwrap(), b"theirs");
}

#[test]
fn a_file_where_a_folder_should_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    fs::write(&path, "").unwrap();
    let share = share(0, 1);
    let publication = publication(&path, WriteMode::Overwrite);
    for _ in 0..2 {
        let error = publication.begin(&Files::system(), &share).unwrap_err();
        assert!(matches!(error, ConnectError::OutputNotFolder { .. }), "{error}");
    }
}

#[test]
fn leftovers_of_dead_jobs_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".part-9.inprogress.1-0"), "half").unwrap();
    let files = Files::system();
    let share = share(0, 1);
    let publication = publication(dir.path(), WriteMode::NoOverwrite);
    let (run, part) = publication.begin(&files, &share).unwrap();
    assert_eq!(names(dir.path()).len(), 1, "only the new one");
    publication.stage(run, part, &share).unwrap();
    assert_eq!(names(dir.path()), ["part-0"]);
}

#[test]
fn one_job_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let share = share(0, 2);
    let first = publication(dir.path(), WriteMode::Overwrite);
    let second = publication(dir.path(), WriteMode::Overwrite);
    let (run, part) = first.begin(&files, &share).unwrap();
    let error = second.begin(&files, &share).unwrap_err();
    assert!(matches!(error, ConnectError::OutputBusy { .. }), "{error}");
    assert_eq!(names(dir.path()).len(), 1, "the first one's file is still there");
    drop(part);
    first.leave(run);
    second.begin(&files, &share).unwrap();
}

/// Clones of a sink in one job: their parts would have the same names.
#[test]
fn a_subtask_that_begins_twice_in_one_attempt_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let publication = publication(dir.path(), WriteMode::NoOverwrite);
    let (run, part) = publication.begin(&files, &share(0, 1)).unwrap();
    let error = publication.begin(&files, &share(0, 1)).unwrap_err();
    assert!(matches!(error, ConnectError::OutputBusy { .. }), "{error}");
    publication.stage(run, part, &share(0, 1)).unwrap();
    assert_eq!(names(dir.path()), ["part-0"], "the first goes on");
}

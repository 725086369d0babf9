use super::*;

/// The names in a folder.
fn names(files: &Files, folder: &Path) -> Vec<String> {
    let paths = files.list(folder).unwrap();
    paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn share(subtask: u32) -> Share {
    Share { subtask, parallelism: 5, writer: "a".into() }
}

#[test]
fn renamed_or_removed() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let part = InProgress::create(&files, dir.path(), &share(3)).unwrap();
    let hidden = names(&files, dir.path()).remove(0);
    assert!(hidden.starts_with(".part-3.inprogress."), "{hidden}");
    part.rename().unwrap();
    assert_eq!(names(&files, dir.path()), ["part-3"]);
    drop(InProgress::create(&files, dir.path(), &share(4)).unwrap());
    assert_eq!(names(&files, dir.path()), ["part-3"]);
}

#[test]
fn only_files_in_progress_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    // A name that this run would take, as left by a dead one.
    let dead = PartName::in_progress(0, "a", 0);
    for name in [dead.to_str().unwrap(), ".part-7.inprogress.x", ".part-7", "part-0", "notes"] {
        files.open(&dir.path().join(name), OpenOptions::CREATE).unwrap();
    }
    let part = InProgress::create(&files, dir.path(), &share(0)).unwrap();
    assert_eq!(names(&files, dir.path()).len(), 6, "beside the dead one");
    part.rename().unwrap();
    sweep(&files, dir.path()).unwrap();
    assert_eq!(names(&files, dir.path()), [".part-7", "notes", "part-0"]);
}

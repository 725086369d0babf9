use super::*;

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn renamed_or_removed() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    let part = InProgress::create(&files, dir.path(), 3).unwrap();
    let hidden = names(dir.path()).remove(0);
    assert!(hidden.starts_with(".part-3.inprogress."), "{hidden}");
    part.rename().unwrap();
    assert_eq!(names(dir.path()), ["part-3"]);
    drop(InProgress::create(&files, dir.path(), 4).unwrap());
    assert_eq!(names(dir.path()), ["part-3"]);
}

#[test]
fn only_files_of_dead_writers_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::system();
    // A name that this process would take, as left by a dead one whose number is used again.
    let dead = PartName::in_progress(0, std::process::id(), 0);
    fs::write(dir.path().join(&dead), "half a li").unwrap();
    let alive = InProgress::create(&files, dir.path(), 0).unwrap();
    assert_eq!(names(dir.path()).len(), 2);
    for name in names(dir.path()) {
        sweep(&files, dir.path(), OsStr::new(&name)).unwrap();
    }
    assert_eq!(names(dir.path()).len(), 1);
    alive.rename().unwrap();
    assert_eq!(names(dir.path()), ["part-0"]);
}

#[test]
fn a_file_swept_before_it_was_locked_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    fs::write(&path, "").unwrap();
    let sweeper = fs::File::open(&path).unwrap();
    sweeper.try_lock().unwrap();
    assert!(matches!(lock(&path).unwrap(), Locking::Swept));
    assert!(matches!(lock(&dir.path().join("none")).unwrap(), Locking::Impossible));
}

//! The metadata side of files, on every driver.

use super::*;

fn names(files: &Files, folder: &Path) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.list(folder).unwrap().iter().map(name).collect()
}

#[test]
fn names_are_made_listed_renamed_and_removed() {
    check(|driver, folder| {
        let files = driver.files().clone();
        let deep = folder.join("x/y");
        files.create_dir_all(&deep).unwrap();
        files.create_dir_all(&deep).unwrap();
        let again = files.create_dir(&deep).unwrap_err();
        assert_eq!(again.kind(), Some(std::io::ErrorKind::AlreadyExists));
        assert!(again.to_string().contains(&deep.display().to_string()), "{again}");
        for name in ["c", "a", "b"] {
            new_file(driver, &deep, name);
        }
        assert_eq!(names(&files, &deep), ["a", "b", "c"]);
        files.rename(&deep.join("a"), &deep.join("c")).unwrap();
        assert_eq!(names(&files, &deep), ["b", "c"]);
        files.rename(&deep, &folder.join("z")).unwrap();
        assert_eq!(names(&files, &folder.join("z")), ["b", "c"]);
        assert!(files.remove_dir(&folder.join("z")).is_err(), "it is not empty");
        for name in ["b", "c"] {
            files.unlink(&folder.join("z").join(name)).unwrap();
        }
        files.remove_dir(&folder.join("z")).unwrap();
        files.sync_dir(folder).unwrap();
        let gone = files.metadata(&folder.join("z")).unwrap_err();
        assert_eq!(gone.kind(), Some(std::io::ErrorKind::NotFound));
    });
}

#[test]
fn metadata_tells_kind_length_and_identity() {
    check(|driver, folder| {
        let files = driver.files().clone();
        let file = new_file(driver, folder, "first");
        one(driver, write(&file, 0, b"12345")).result.unwrap();
        let path = folder.join("first");
        let known = files.metadata(&path).unwrap();
        assert_eq!((known.kind, known.len), (EntryKind::File, 5));
        assert_eq!(files.metadata(folder).unwrap().kind, EntryKind::Directory);
        let other = folder.join("second");
        new_file(driver, folder, "second");
        assert_ne!(files.metadata(&other).unwrap().id, known.id);
        files.rename(&path, &other).unwrap();
        assert_eq!(files.entry_metadata(&other).unwrap(), known);
        file.set_len(2).unwrap();
        assert_eq!(file.len().unwrap(), 2);
        assert!(!file.is_empty().unwrap());
        assert_eq!(bytes_of(one(driver, read(&file, 0, 9))), b"12");
    });
}

#[test]
fn links_and_what_is_no_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "abc").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let files = Files::system();
    assert_eq!(files.entry_metadata(&link).unwrap().kind, EntryKind::Link);
    assert_eq!(files.metadata(&link).unwrap(), files.metadata(&file).unwrap());
    let null = files.metadata(Path::new("/dev/null")).unwrap();
    assert_eq!(null.kind, EntryKind::Special("device"));
}

#[test]
fn a_lock_has_one_holder() {
    check(|driver, folder| {
        let files = driver.files().clone();
        new_file(driver, folder, "locked");
        for path in [folder.to_owned(), folder.join("locked")] {
            let held = files.try_lock(&path).unwrap().expect("nobody holds it");
            assert!(files.try_lock(&path).unwrap().is_none());
            drop(held);
            assert!(files.try_lock(&path).unwrap().is_some());
        }
        assert!(files.try_lock(&folder.join("missing")).is_err());
    });
}

#[test]
fn a_new_file_must_be_new() {
    check(|driver, folder| {
        let files = driver.files().clone();
        new_file(driver, folder, "a");
        for options in [OpenOptions::CREATE_NEW, OpenOptions::CREATE_NEW.direct()] {
            let error = files.open(&folder.join("a"), options).unwrap_err();
            assert_eq!(error.kind(), Some(std::io::ErrorKind::AlreadyExists));
        }
        let file = files.open(&folder.join("a"), OpenOptions::CREATE).unwrap();
        one(driver, write(&file, 0, b"abc")).result.unwrap();
        let emptied = files.open(&folder.join("a"), OpenOptions::CREATE).unwrap();
        assert!(emptied.is_empty().unwrap());
    });
}

#[test]
fn files_that_refuse_direct_transfers_are_opened_without() {
    check_real(|driver, _| {
        let path = Path::new("/proc/self/status");
        let file = driver.files().open(path, OpenOptions::READ.direct()).unwrap();
        assert!(!file.is_direct());
        assert!(bytes_of(one(driver, read(&file, 0, 100))).starts_with(b"Name:"));
    });
}

#[test]
#[should_panic(expected = "a thread for file operations panicked")]
fn a_panic_of_a_file_thread_reaches_the_worker() {
    let mut driver = Driver::new(options(DriverKind::Epoll)).unwrap();
    let world = SimulatedWorld::from_seed(1);
    let stray = Files::simulated(world).open(Path::new("/a"), OpenOptions::CREATE).unwrap();
    driver.submit(write(&stray, 0, b"a file of another world"));
    loop {
        driver.park(None, &mut Vec::new());
    }
}

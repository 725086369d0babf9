use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::*;

fn tree(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    dir
}

/// Lists `inputs` below `dir`; `Ok` has the names found, `Err` a part of the message.
fn check(dir: &Path, inputs: &[&str], expected: Result<&[&str], &str>) {
    let paths: Vec<PathBuf> = inputs.iter().map(|input| dir.join(input)).collect();
    match (list(&Files::system(), &paths, ListOptions::default()), expected) {
        (Ok(set), Ok(names)) => {
            let found: Vec<_> = set
                .files()
                .iter()
                .map(|file| file.path.strip_prefix(dir).unwrap().to_str().unwrap())
                .collect();
            assert_eq!(found, names);
            assert_eq!(set.total_bytes(), names.iter().map(|name| name.len() as u64).sum::<u64>());
        }
        (Err(error), Err(part)) => {
            let message = error.to_string();
            assert!(message.contains(part), "{message}");
            assert!(message.contains(dir.to_str().unwrap()), "names the path: {message}");
        }
        (got, _) => panic!("{got:?} instead of {expected:?}"),
    }
}

#[test]
fn inputs_keep_their_order_and_files_are_sorted() {
    let dir = tree(&["b/2", "b/10", "b/1", "a", "c.txt"]);
    check(dir.path(), &["c.txt", "b", "a"], Ok(&["c.txt", "b/1", "b/10", "b/2", "a"]));
    check(dir.path(), &["a", "a"], Ok(&["a", "a"]));
    check(dir.path(), &["**"], Ok(&["a", "b/1", "b/10", "b/2", "c.txt"]));
    check(dir.path(), &["**/*"], Ok(&["a", "b/1", "b/10", "b/2", "c.txt"]));
}

#[test]
fn a_path_that_exists_is_not_a_pattern() {
    let dir = tree(&["a[1].txt", "a1.txt"]);
    check(dir.path(), &["a[1].txt"], Ok(&["a[1].txt"]));
    check(dir.path(), &["a[1]*"], Ok(&["a1.txt"]));
}

#[test]
fn errors_name_the_path() {
    let dir = tree(&["a", "x/.hidden"]);
    check(dir.path(), &["missing"], Err("there is no such file"));
    check(dir.path(), &["a/below"], Err("there is no such file"));
    check(dir.path(), &["*.nope"], Err("matches no file"));
    check(dir.path(), &["x/*"], Err("matches no file"));
    check(dir.path(), &["x"], Ok(&[]));
    let refused =
        list(&Files::system(), &[PathBuf::from("/dev/null")], ListOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("/dev/null: is a device"), "{refused}");
}

#[test]
fn compression_goes_by_extension_unless_told() {
    let dir = tree(&["a.gz", "b.ZST", "c.txt", "d.bz2"]);
    let inputs = [dir.path().join("[abc].*")];
    let set = list(&Files::system(), &inputs, ListOptions::default()).unwrap();
    let found: Vec<_> = set.files().iter().map(|file| file.compression).collect();
    assert_eq!(found, [Compression::Gzip, Compression::Zstd, Compression::None]);
    check(dir.path(), &["d.bz2"], Err(".bz2 is not supported"));
    let raw = ListOptions { compression: Some(Compression::None), ..ListOptions::default() };
    assert_eq!(list(&Files::system(), &[dir.path().into()], raw).unwrap().files().len(), 4);
}

#[test]
fn names_that_are_not_utf8() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(OsString::from_vec(b"\xc3(\xff".to_vec()));
    std::fs::write(&path, "12345").unwrap();
    for input in [path.clone(), dir.path().to_path_buf()] {
        let set = list(&Files::system(), &[input], ListOptions::default()).unwrap();
        assert_eq!(&*set.files()[0].path, path.as_path());
        assert_eq!(set.total_bytes(), 5);
    }
}

#[test]
fn a_simulated_disk() {
    let files = Files::simulated(brisk_memory::driver::SimulatedWorld::from_seed(1));
    files.create_dir_all(Path::new("/in/sub")).unwrap();
    for name in ["/in/b", "/in/sub/a", "/in/.hidden"] {
        files.open(Path::new(name), brisk_memory::driver::OpenOptions::CREATE).unwrap();
    }
    for (input, expected) in
        [("/in", vec!["/in/b", "/in/sub/a"]), ("/in/**/?", vec!["/in/b", "/in/sub/a"])]
    {
        let set = list(&files, &[input.into()], ListOptions::default()).unwrap();
        let found: Vec<_> = set.files().iter().map(|file| file.path.to_str().unwrap()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_listing_that_is_no_longer_wanted_ends_at_the_next_file() {
    let names: Vec<String> = (0..300).map(|file| format!("{}/{file}", file % 3)).collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for input in ["", "*", "**/1*", "*/*"] {
        let inputs = [dir.path().join(input)];
        let list_at_most = |most: u32| {
            let asked = std::cell::Cell::new(0);
            let is_wanted = || {
                asked.set(asked.get() + 1);
                asked.get() <= most
            };
            let listed = list_while(&is_wanted, &Files::system(), &inputs, ListOptions::default());
            (listed, asked.get())
        };
        let (all, asked) = list_at_most(u32::MAX);
        assert!(all.unwrap().files().len() > 100 && asked >= 300, "{input}: asked {asked} times");
        for most in [0, 1, 7, asked - 1] {
            let (given_up, asked) = list_at_most(most);
            assert!(matches!(given_up, Err(ConnectError::ListingCanceled)), "{input}");
            assert_eq!(asked, most + 1, "{input}");
        }
    }
}

use std::os::unix::fs::symlink;

use brisk_memory::driver::Files;

use super::*;

/// Walks `root` and gives the paths below it, sorted.
fn check(root: &Path, expected: &[&str]) -> Vec<Skipped> {
    check_with(HiddenNames::Skip, root, expected)
}

fn check_with(hidden: HiddenNames, root: &Path, expected: &[&str]) -> Vec<Skipped> {
    let files = Files::system();
    let tree = Tree::new(&files, &|| true);
    let mut walk = Walk::new(&tree, hidden);
    walk.add_named(root, files.metadata(root).unwrap()).unwrap();
    let mut paths: Vec<String> = walk
        .files
        .iter()
        .map(|file| file.path.strip_prefix(root).unwrap().to_string_lossy().into_owned())
        .collect();
    paths.sort();
    assert_eq!(paths, expected);
    walk.skipped
}

fn write(root: &Path, name: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, name).unwrap();
}

#[test]
fn hidden_names_are_not_met() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", ".b", "_c", "d/e", "d/.f", ".g/h", "_i/j", "k_.l"] {
        write(dir.path(), name);
    }
    assert!(check(dir.path(), &["a", "d/e", "k_.l"]).is_empty());
    let all = [".b", ".g/h", "_c", "_i/j", "a", "d/.f", "d/e", "k_.l"];
    check_with(HiddenNames::Read, dir.path(), &all);
}

#[test]
fn what_a_sink_has_in_progress_is_never_met() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["part-0", ".part-1.inprogress.2f-0", ".part-1"] {
        write(dir.path(), name);
    }
    check(dir.path(), &["part-0"]);
    check_with(HiddenNames::Read, dir.path(), &[".part-1", "part-0"]);
}

#[test]
fn loops_end_and_links_into_the_folder_add_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "real/a");
    write(dir.path(), "z");
    symlink("..", dir.path().join("real/up")).unwrap();
    symlink("real", dir.path().join("again")).unwrap();
    symlink("z", dir.path().join("a-link")).unwrap();
    symlink("ring-b", dir.path().join("ring-a")).unwrap();
    symlink("ring-a", dir.path().join("ring-b")).unwrap();
    let skipped = check(dir.path(), &["real/a", "z"]);
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped.iter().all(|skip| skip.reason == SkipReason::DanglingLink));
}

#[test]
fn links_out_of_the_folder_are_followed_once() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "x/far");
    let dir = tempfile::tempdir().unwrap();
    symlink(outside.path().join("x"), dir.path().join("m")).unwrap();
    symlink(outside.path().join("x"), dir.path().join("n")).unwrap();
    symlink(outside.path().join("x/far"), dir.path().join("o")).unwrap();
    check(dir.path(), &["m/far"]);
}

#[test]
fn pipes_and_sockets_are_skipped_inside_and_refused_as_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let skipped = check(dir.path(), &[]);
    assert_eq!(skipped[0].reason, SkipReason::Special("socket"));
    let files = Files::system();
    let tree = Tree::new(&files, &|| true);
    let mut walk = Walk::new(&tree, HiddenNames::Skip);
    let refused = walk.add_named(&socket, files.metadata(&socket).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("is a socket"), "{refused}");
}

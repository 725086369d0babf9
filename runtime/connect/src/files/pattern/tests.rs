use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use brisk_memory::driver::Files;

use super::*;

const TREE: [&str; 9] = [
    "one.txt",
    "two.txt",
    ".hidden.txt",
    "_hidden.txt",
    "sub/three.txt",
    "sub/four.rs",
    "sub/deep/five.txt",
    "sub/.secret/six.txt",
    "other/seven.txt",
];

/// Expands a pattern below a fresh tree.
fn check(pattern: &str, expected: &[&str]) {
    check_with(HiddenNames::Skip, pattern, expected);
}

fn check_with(hidden: HiddenNames, pattern: &str, expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    for name in TREE {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let found =
        expand(&Tree::new(&Files::system(), &|| true), &dir.path().join(pattern), hidden).unwrap();
    let names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, expected, "{pattern}");
}

#[test]
fn names_and_folders() {
    check("*.txt", &["one.txt", "two.txt"]);
    check("???.txt", &["one.txt", "two.txt"]);
    check("[ot]*.txt", &["one.txt", "two.txt"]);
    check("*/three.txt", &["sub/three.txt"]);
    check("s*/*.rs", &["sub/four.rs"]);
    check("*", &["one.txt", "other", "sub", "two.txt"]);
    check("*/", &["other", "sub"]);
    check("nothing*", &[]);
    check("one.txt/*", &[]);
}

#[test]
fn any_folders() {
    check(
        "**/*.txt",
        &["one.txt", "other/seven.txt", "sub/deep/five.txt", "sub/three.txt", "two.txt"],
    );
    check("sub/**/*.txt", &["sub/deep/five.txt", "sub/three.txt"]);
    check("**/**/four.rs", &["sub/four.rs"]);
}

#[test]
fn hidden_names_only_by_their_first_character() {
    check(".*", &[".hidden.txt"]);
    check("_*", &["_hidden.txt"]);
    check("sub/.s*/*", &["sub/.secret/six.txt"]);
}

#[test]
fn patterns_as_a_shell_reads_them() {
    let check = |pattern, expected: &[&str]| check_with(HiddenNames::Read, pattern, expected);
    check("*.txt", &["_hidden.txt", "one.txt", "two.txt"]);
    check("?hidden.txt", &["_hidden.txt"]);
    check(".*", &[".hidden.txt"]);
    check("sub/**/six.txt", &[]);
    check("sub/.*/six.txt", &["sub/.secret/six.txt"]);
}

#[test]
fn names_that_are_not_utf8() {
    let dir = tempfile::tempdir().unwrap();
    let name = OsString::from_vec(b"bad\xff.log".to_vec());
    std::fs::write(dir.path().join(&name), "").unwrap();
    assert_eq!(
        expand(
            &Tree::new(&Files::system(), &|| true),
            &dir.path().join("*.log"),
            HiddenNames::Skip
        )
        .unwrap(),
        [dir.path().join(&name)]
    );
    assert_eq!(
        expand(
            &Tree::new(&Files::system(), &|| true),
            &dir.path().join("bad?.log"),
            HiddenNames::Skip
        )
        .unwrap(),
        [dir.path().join(&name)]
    );
}

#[test]
fn bad_patterns_say_why() {
    for pattern in ["a[", "a**b"] {
        let error =
            expand(&Tree::new(&Files::system(), &|| true), Path::new(pattern), HiddenNames::Skip)
                .unwrap_err()
                .to_string();
        assert!(error.contains(pattern) && error.contains("not a valid pattern"), "{error}");
    }
}

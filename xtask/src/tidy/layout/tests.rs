use super::check;
use crate::tidy::found;

fn paths(paths: &[&str]) -> Vec<String> {
    let mut files = vec![("a/Cargo.toml", "")];
    files.extend(paths.iter().map(|path| (*path, "")));
    found(check, &files)
}

#[test]
fn fifteen_entries_are_fine_and_sixteen_are_not() {
    let names: Vec<String> = (0..16).map(|n| format!("a/src/m{n}.rs")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["a/src/m0/tests.rs", "a/src/.hidden"]);
    assert!(paths(&names)[0].contains("a/src has 16 entries"), "{:?}", paths(&names));
    names.retain(|name| *name != "a/src/m15.rs");
    assert_eq!(paths(&names), [""; 0]);
}

#[test]
fn decisions_may_grow() {
    let names: Vec<String> = (0..30).map(|n| format!("docs/decisions/{n}.md")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(paths(&names), [""; 0]);
}

#[test]
fn three_levels_are_fine_and_four_are_not() {
    assert_eq!(paths(&["a/src/b/c/d/e.rs", "a/src/b/c/d/e/tests.rs"]), [""; 0]);
    let found = paths(&["a/src/b/c/d/e/f.rs"]);
    assert!(found[0].starts_with("a/src/b/c/d/e/f.rs:1: 4 folders"), "{found:?}");
}

#[test]
fn names_that_say_nothing_are_found() {
    for path in ["a/src/utils.rs", "a/src/common/b.rs", "a/src/io_helpers.rs", "a/src/impl/b.rs"] {
        let found = paths(&[path]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(found[0].starts_with(path), "{found:?}");
    }
    assert_eq!(paths(&["a/src/baseline.rs", "a/src/helpful.rs", "docs/common.md"]), [""; 0]);
}

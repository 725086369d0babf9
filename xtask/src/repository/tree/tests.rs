use super::{Tree, matches};
use std::fs;

fn tree(paths: &[&str]) -> Tree {
    Tree::of(paths.iter().map(|path| ((*path).to_owned(), String::new())))
}

#[test]
fn files_folders_and_patterns_are_found() {
    let tree = tree(&["a/b/c.rs", "a/d.rs", "README.md"]);
    for path in ["a", "a/", "a/b", "a/b/c.rs", "README.md", "a/*.rs", "*/b/c*"] {
        assert!(tree.has(path), "{path}");
    }
    for path in ["b", "a/b/d.rs", "a/d", "READ", "a/*.md", "README.md/x"] {
        assert!(!tree.has(path), "{path}");
    }
    assert_eq!(tree.entries("a").into_iter().collect::<Vec<_>>(), ["b", "d.rs"]);
    assert_eq!(tree.folders().into_iter().collect::<Vec<_>>(), ["", "a", "a/b"]);
}

#[test]
fn a_star_stands_for_any_part_of_a_name() {
    for (pattern, name) in [("0001-*.md", "0001-x.md"), ("*", "x"), ("a*", "a"), ("*b*", "abc")] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [("0001-*.md", "0002-x.md"), ("*.md", "x.rs"), ("a", "ab")] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn test_files_are_known_by_place_and_name() {
    let tree = tree(&[
        "a/src/b.rs",
        "a/src/b/tests.rs",
        "a/src/ring_tests.rs",
        "a/tests/c.rs",
        "a/benches/d.rs",
        "tests.md",
    ]);
    let tests: Vec<&str> =
        tree.files().iter().filter(|file| file.is_test()).map(|file| file.path.as_str()).collect();
    assert_eq!(
        tests,
        ["a/benches/d.rs", "a/src/b/tests.rs", "a/src/ring_tests.rs", "a/tests/c.rs"]
    );
}

#[test]
fn a_folder_is_read_without_what_was_built() {
    let folder = std::env::temp_dir().join(format!("brisk-tidy-{}", std::process::id()));
    fs::create_dir_all(folder.join("a/target/x")).expect("the temporary folder can be written");
    fs::write(folder.join("a/b.rs"), "fn b() {}\n").expect("a file can be written");
    fs::write(folder.join("a/target/x/c.rs"), "").expect("a file can be written");
    fs::write(folder.join("d.bin"), [0_u8, 159]).expect("a file can be written");

    let tree = Tree::read(&folder).expect("the folder can be read");
    fs::remove_dir_all(&folder).expect("the temporary folder can be removed");

    let paths: Vec<&str> = tree.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a/b.rs", "d.bin"]);
    assert_eq!(tree.file("a/b.rs").expect("it is there").text, "fn b() {}\n");
    assert_eq!(tree.file("d.bin").expect("it is there").text, "");
}

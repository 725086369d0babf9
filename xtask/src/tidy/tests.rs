use super::RULES;
use crate::repository::tree::Tree;
use std::fs;

/// A repository of a few files, each of which breaks one rule, read from a real folder.
#[test]
fn every_rule_finds_its_file_on_disk() {
    let broken = [
        ("edges", "memory/Cargo.toml", "[package]\nname = \"m\"\n[dependencies]\nrkyv = \"1\"\n"),
        ("length", "memory/src/long.rs", &"//\n".repeat(501)),
        ("layout", "memory/src/utils.rs", ""),
        ("unsafe", "memory/src/raw.rs", "fn f() { unsafe { x() } }\n"),
        ("atomics", "memory/src/count.rs", "use std::sync::atomic::AtomicU32;\n"),
        ("paths", "README.md", "See `memory/src/gone.rs`.\n"),
        ("words", "memory/src/lint.rs", "#[allow(dead_code)]\nfn f() {}\n"),
        ("dependencies", "docs/dependencies.md", "| `gone` | no one uses it |\n"),
    ];
    let root = std::env::temp_dir().join(format!("brisk-tidy-rules-{}", std::process::id()));
    for (_, path, text) in &broken {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder is made");
        fs::write(path, text).expect("a file is written");
    }
    let tree = Tree::read(&root).expect("the folder is read");
    fs::remove_dir_all(&root).expect("the folder is removed");

    assert_eq!(RULES.len(), broken.len());
    for ((name, rule), (expected, path, _)) in RULES.iter().zip(&broken) {
        assert_eq!(name, expected);
        let findings = rule(&tree);
        assert!(findings.iter().any(|finding| finding.path == *path), "{name}: {findings:?}");
    }
}

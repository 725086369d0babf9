use super::check;
use crate::tidy::found;

fn document(path: &str, text: &str) -> Vec<String> {
    found(check, &[(path, text), ("memory/src/lib.rs", ""), ("docs/testing.md", "")])
}

#[test]
fn paths_that_exist_are_fine() {
    for text in [
        "`memory/` and `memory/src/lib.rs`, `docs/*.md`, `README.md`",
        "[tests](docs/testing.md) [part](docs/testing.md#part) [web](https://example.org/a.md)",
        "```\nsort/src/gone.rs `gone.rs`\n```",
        "`--flag`, `a::b`, `tests.rs`, `config.yaml`, `word/count`, `taskmanager.memory.segment-size`, `n.md of <x>/`",
    ] {
        let found = document("README.md", text);
        assert_eq!(found, [""; 0], "{text}");
    }
}

#[test]
fn paths_that_are_gone_are_found_with_their_line() {
    for text in
        ["`memory/src/gone.rs`", "`sort/`", "`sort/src/a.rs`", "`gone.md`", "[x](docs/gone.md)"]
    {
        for path in ["README.md", "ARCHITECTURE.md", "docs/page.md"] {
            let found = document(path, &format!("# Title\n\n{text}\n"));
            assert_eq!(found.len(), 1, "{path} {text}: {found:?}");
            assert!(found[0].starts_with(&format!("{path}:3: ")), "{found:?}");
        }
    }
}

#[test]
fn a_page_may_point_from_where_it_stands() {
    assert_eq!(document("docs/page.md", "[x](testing.md) [y](../memory/src/lib.rs)"), [""; 0]);
    assert_eq!(document("docs/page.md", "[x](../../memory/src/lib.rs)").len(), 1);
}

#[test]
fn the_changelog_may_tell_of_what_was() {
    assert_eq!(document("CHANGELOG.md", "`memory/src/gone.rs` is gone"), [""; 0]);
}

#[test]
fn every_crate_stands_on_the_map() {
    let krate = ("memory/Cargo.toml", "[package]\nname = \"brisk-memory\"\n");
    assert_eq!(found(check, &[krate, ("ARCHITECTURE.md", "`memory/` holds it.")]), [""; 0]);
    let missing = found(check, &[krate, ("ARCHITECTURE.md", "Nothing.")]);
    assert!(missing[0].starts_with("ARCHITECTURE.md:1: the crate `memory/`"), "{missing:?}");
}

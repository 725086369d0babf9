use super::check;
use crate::tidy::found;

const MEMORY: (&str, &str) = ("memory/Cargo.toml", "[package]\nname = \"brisk-memory\"\n");
const CORE: (&str, &str) = (
    "runtime/core/Cargo.toml",
    "[package]\nname = \"brisk-core\"\n[dependencies]\nbrisk-memory.workspace = true\n",
);

#[test]
fn a_downward_edge_is_allowed() {
    assert_eq!(found(check, &[MEMORY, CORE]), [""; 0]);
}

#[test]
fn an_upward_edge_is_found_in_any_section() {
    for section in ["dependencies", "dev-dependencies", "target.\"cfg(unix)\".dependencies"] {
        let text = format!("[package]\nname = \"brisk-memory\"\n[{section}]\nbrisk-core = \"1\"\n");
        let found = found(check, &[("memory/Cargo.toml", &text), CORE]);
        assert_eq!(found.len(), 1, "{section}: {found:?}");
        assert!(
            found[0].starts_with("memory/Cargo.toml:4: memory must not depend on runtime/core")
        );
    }
}

#[test]
fn an_upward_edge_under_another_name_is_found() {
    let text = "[package]\nname = \"brisk-memory\"\n[dependencies]\n\
                x = { path = \"../runtime/core\", package = \"brisk-core\" }\n";
    assert_eq!(found(check, &[("memory/Cargo.toml", text), CORE]).len(), 1);
}

#[test]
fn neighbours_do_not_depend_on_each_other() {
    let cluster = ("runtime/cluster/Cargo.toml", "[package]\nname = \"brisk-cluster\"\n");
    let connect = (
        "runtime/connect/Cargo.toml",
        "[package]\nname = \"brisk-connect\"\n[dependencies]\nbrisk-cluster.workspace = true\n",
    );
    assert_eq!(found(check, &[cluster, connect]).len(), 1);
}

#[test]
fn a_crate_without_a_place_is_found() {
    let found = found(check, &[("runtime/new/Cargo.toml", "[package]\nname = \"brisk-new\"\n")]);
    assert!(found[0].starts_with("runtime/new/Cargo.toml:1: "), "{found:?}");
}

#[test]
fn byte_crates_do_not_name_records() {
    let text = "[package]\nname = \"brisk-memory\"\n[dependencies]\nrkyv = \"1\"\n";
    let code = "// what rkyv does\nfn f(r: &rkyv::Value) {}\nstruct RecordHeader;\n";
    let found = found(
        check,
        &[("memory/Cargo.toml", text), ("memory/src/a.rs", code), ("runtime/core/src/a.rs", code)],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("memory/Cargo.toml:4: "), "{found:?}");
    assert!(found[1].starts_with("memory/src/a.rs:2: "), "{found:?}");
}

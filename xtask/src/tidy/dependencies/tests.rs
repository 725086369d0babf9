use super::check;
use crate::tidy::found;

const REASONS: &str = "docs/dependencies.md";

fn with(reasons: &str, manifest: &str) -> Vec<String> {
    found(check, &[("Cargo.toml", manifest), (REASONS, reasons)])
}

const TWO: &str =
    "[workspace.dependencies]\nbrisk-a = { path = \"a\" }\nmio = \"1\"\nrkyv = \"0\"\n";

#[test]
fn each_dependency_with_its_reason_is_fine() {
    assert_eq!(with("| `mio` | epoll |\n| `rkyv` | records |\n", TWO), [""; 0]);
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    for reasons in ["| `mio` | epoll |\n", "| `mio` | epoll |\n| `rkyv` | |\n"] {
        let found = with(reasons, TWO);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Cargo.toml:4: `rkyv` has no reason"), "{found:?}");
    }
}

#[test]
fn a_reason_without_a_dependency_is_found() {
    let found = with("| `mio` | epoll |\n| `rkyv` | records |\n| `gone` | x |\n", TWO);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("docs/dependencies.md:3: `gone`"), "{found:?}");
}

#[test]
fn packages_outside_the_workspace_give_reasons_too() {
    let fuzz = "[package]\nname = \"f\"\n[dependencies]\nlibfuzzer-sys = \"0\"\n\
                brisk-memory = { path = \"../memory\" }\n";
    let found = found(check, &[("fuzz/Cargo.toml", fuzz), (REASONS, "")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("fuzz/Cargo.toml:4: "), "{found:?}");
}

#[test]
fn a_bench_that_tests_leave_out_is_found() {
    let bench = "[package]\nname = \"b\"\n[[bench]]\nname = \"x\"\nharness = false\n";
    assert_eq!(with("", bench).len(), 1);
    assert_eq!(with("", &format!("{bench}test = true\n")), [""; 0]);
}

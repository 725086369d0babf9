use super::check;
use crate::tidy::found;

const LIST: &str = "xtask/atomics-files.txt";
const USE: &str = "use std::sync::atomic::AtomicU32;\n";
const LOOM: &str = "#[cfg(loom)]\n#[test]\nfn loom_hand_over() {}\n";

#[test]
fn a_listed_file_with_a_loom_test_is_fine() {
    let with_test = format!("{USE}{LOOM}");
    let list = (LIST, "m/src/pool/stack.rs\n");
    assert_eq!(found(check, &[list, ("m/src/pool/stack.rs", &with_test)]), [""; 0]);
    for place in ["m/src/pool/stack/tests.rs", "m/src/pool/loom_tests.rs", "m/src/pool/tests/a.rs"]
    {
        let files = [list, ("m/src/pool/stack.rs", USE), (place, LOOM)];
        assert_eq!(found(check, &files), [""; 0], "{place}");
    }
}

#[test]
fn a_reason_stands_in_for_a_loom_test() {
    let list = (LIST, "m/src/a.rs  # no loom test: a plain counter\n");
    assert_eq!(found(check, &[list, ("m/src/a.rs", USE)]), [""; 0]);
}

#[test]
fn a_note_may_say_where_the_loom_test_is() {
    let list = (LIST, "m/src/a.rs  # loom: m/src/b/tests.rs\n");
    let place = ("m/src/b/tests.rs", LOOM);
    assert_eq!(found(check, &[list, ("m/src/a.rs", USE), place]), [""; 0]);
    assert_eq!(found(check, &[list, ("m/src/a.rs", USE), ("m/src/b/tests.rs", "")]).len(), 1);
    assert_eq!(found(check, &[list, ("m/src/a.rs", USE)]).len(), 1);
}

#[test]
fn a_listed_file_without_loom_test_or_reason_is_found() {
    for list in ["m/src/a.rs\n", "m/src/a.rs  # counter\n", "m/src/a.rs  # no loom test:\n"] {
        let elsewhere = ("m/src/b/tests.rs", LOOM);
        let found = found(check, &[(LIST, list), ("m/src/a.rs", USE), elsewhere]);
        assert_eq!(found.len(), 1, "{list}: {found:?}");
        assert!(found[0].starts_with("xtask/atomics-files.txt:1: "), "{found:?}");
    }
}

#[test]
fn atomics_that_are_not_listed_are_found() {
    for line in ["use std::sync::atomic::Ordering;", "x: AtomicBool,", "fence(SeqCst);"] {
        let found = found(check, &[(LIST, ""), ("m/src/a.rs", line)]);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].starts_with("m/src/a.rs:1: "), "{found:?}");
    }
    for line in ["// AtomicBool", "Atomically", "NonAtomicBool", "defence(x)", "\"AtomicBool\""] {
        assert_eq!(found(check, &[(LIST, ""), ("m/src/a.rs", line)]), [""; 0], "{line}");
    }
}

#[test]
fn tests_may_use_atomics() {
    let module = format!("#[cfg(test)]\nmod tests {{\n{USE}}}\n");
    let files = [(LIST, ""), ("m/src/a/tests.rs", USE), ("m/src/b.rs", &module)];
    assert_eq!(found(check, &files), [""; 0]);
}

#[test]
fn an_entry_without_atomics_has_to_go() {
    let list = (LIST, "m/src/a.rs  # no loom test: x\n");
    assert_eq!(found(check, &[list, ("m/src/a.rs", "fn f() {}\n")]).len(), 1);
    assert_eq!(found(check, &[list]).len(), 1);
}

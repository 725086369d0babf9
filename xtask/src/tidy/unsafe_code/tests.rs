use super::check;
use crate::tidy::found;

const LIST: (&str, &str) = ("xtask/unsafe-files.txt", "a.rs\n");

#[test]
fn a_listed_file_with_reasons_is_fine() {
    let text = "\
#![expect(unsafe_code, reason = \"x\")]
type Drop = unsafe fn(*const ());
// SAFETY: x is one thread's.
unsafe impl Send for X {}
fn f() {
    // SAFETY: p is valid for reads,
    // see new.
    let a = unsafe { p.read() };
}
/// # Safety
/// The caller holds p.
unsafe fn g() {}
";
    assert_eq!(found(check, &[LIST, ("a.rs", text)]), [""; 0]);
}

#[test]
fn a_file_that_is_not_listed_is_found() {
    for use_of in ["unsafe { x() }", "unsafe impl Send for X {}", "#[unsafe(no_mangle)]"] {
        let text = format!("// SAFETY: x\n{use_of}\n");
        let found = found(check, &[("xtask/unsafe-files.txt", ""), ("b.rs", &text)]);
        assert_eq!(found.len(), 1, "{use_of}: {found:?}");
        assert!(found[0].starts_with("b.rs:2: "), "{found:?}");
    }
}

#[test]
fn unsafe_code_in_tests_has_to_be_listed_too() {
    let text = "// SAFETY: x\nunsafe { x() }\n";
    assert_eq!(found(check, &[("xtask/unsafe-files.txt", ""), ("a/tests.rs", text)]).len(), 1);
}

#[test]
fn a_missing_reason_is_found() {
    let found = found(check, &[LIST, ("a.rs", "fn f() {\n    unsafe { x() }\n}\n")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("a.rs:2: no `// SAFETY:`"), "{found:?}");
}

#[test]
fn one_reason_serves_one_block() {
    let text = "// SAFETY: x\nlet a = unsafe { x() };\nlet b = unsafe { y() };\n";
    let found = found(check, &[LIST, ("a.rs", text)]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("a.rs:3: "), "{found:?}");
}

#[test]
fn a_listed_file_without_unsafe_code_is_found() {
    for text in ["fn f() {}\n", "// unsafe { }\n", "#![expect(unsafe_code)]\n"] {
        let found = found(check, &[LIST, ("a.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("xtask/unsafe-files.txt:1: "), "{found:?}");
    }
    assert_eq!(found(check, &[LIST]).len(), 1);
}

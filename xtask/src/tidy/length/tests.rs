use super::check;
use crate::tidy::found;

fn with_list(list: &str, files: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("xtask/exceptions.txt", list)];
    all.extend_from_slice(files);
    found(check, &all)
}

fn function(name: &str, lines: usize) -> String {
    format!("fn {name}() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
}

#[test]
fn limits_hold_to_the_line() {
    let file = "//\n".repeat(500) + "#[cfg(test)]\nmod tests {\n  fn a() {}\n}\n";
    assert_eq!(with_list("", &[("a.rs", &file), ("b.rs", &function("f", 70))]), [""; 0]);
    let found = with_list("", &[("a.rs", &"//\n".repeat(501)), ("b.rs", &function("f", 71))]);
    assert!(found[0].starts_with("a.rs:1: `a.rs` has 501 lines"), "{found:?}");
    assert!(found[1].starts_with("b.rs:1: `b.rs::f` has 71 lines"), "{found:?}");
}

#[test]
fn tests_may_be_longer() {
    let long = function("f", 600);
    assert_eq!(with_list("", &[("a/tests.rs", &long), ("a/tests/b.rs", &long)]), [""; 0]);
}

#[test]
fn an_exception_holds_at_its_very_number() {
    let (file, list) = (function("f", 80), "a.rs::f 80  # a table\n");
    assert_eq!(with_list(list, &[("a.rs", &file)]), [""; 0]);
    let grown = with_list(list, &[("a.rs", &function("f", 81))]);
    assert!(grown[0].starts_with("a.rs:1: `a.rs::f` grew from 80 to 81"), "{grown:?}");
    let shrunk = with_list(list, &[("a.rs", &function("f", 79))]);
    assert!(shrunk[0].starts_with("xtask/exceptions.txt:1: "), "{shrunk:?}");
}

#[test]
fn an_exception_that_is_not_needed_has_to_go() {
    for (list, text) in [
        ("a.rs::f 71  # x\n", function("f", 70)),
        ("a.rs 501  # x\n", "//\n".repeat(500)),
        ("gone.rs 600  # x\n", String::new()),
    ] {
        let found = with_list(list, &[("a.rs", &text)]);
        assert_eq!(found.len(), 1, "{list}: {found:?}");
        assert!(found[0].ends_with("remove the entry"), "{found:?}");
    }
}

#[test]
fn an_exception_needs_a_number_and_a_reason() {
    let file = function("f", 80);
    for list in ["a.rs::f 80\n", "a.rs::f  # why\n", "a.rs::f many  # why\n"] {
        let found = with_list(list, &[("a.rs", &file)]);
        assert!(found.iter().any(|f| f.starts_with("xtask/exceptions.txt:1: ")), "{list}");
    }
}

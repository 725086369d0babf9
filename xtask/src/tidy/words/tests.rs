use super::check;
use crate::tidy::found;

/// The findings of `text` as the only file.
fn file(path: &str, text: &str) -> Vec<String> {
    found(check, &[(path, text)])
}

#[test]
fn undone_work_is_found_in_comments_and_in_other_texts() {
    for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
        assert_eq!(file("a.rs", &format!("fn f() {{}}\n// {mark}: x\n")).len(), 1, "{mark}");
        assert_eq!(file("a.toml", &format!("# {mark}\n")).len(), 1, "{mark}");
        assert_eq!(file("a.rs", &format!("let x = \"{mark}\";\n")), [""; 0], "{mark}");
    }
    for call in ["todo!()", "unimplemented!(\"x\")"] {
        let found = file("a.rs", &format!("fn f() {{\n    {call}\n}}\n"));
        assert_eq!(found.len(), 1, "{call}");
        assert!(found[0].starts_with("a.rs:2: "), "{found:?}");
    }
}

#[test]
fn ignored_tests_are_found() {
    for text in ["#[ignore]", "#[ignore = \"slow\"]", "#[cfg_attr(miri, ignore)]", "/// ```ignore"]
    {
        assert_eq!(file("a.rs", &format!("{text}\nfn f() {{}}\n")).len(), 1, "{text}");
    }
    assert_eq!(file("a.rs", "fn ignore() {}\n"), [""; 0]);
}

#[test]
fn allow_is_found_and_expect_is_not() {
    for text in ["#[allow(dead_code)]", "#![allow(x)]", "#[cfg_attr(loom, allow(x))]"] {
        assert_eq!(file("a.rs", text).len(), 1, "{text}");
    }
    for text in ["#[expect(dead_code, reason = \"x\")]", "allow(x);", "// #[allow(x)]"] {
        assert_eq!(file("a.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn sleeping_tests_are_found_and_other_sleeps_are_not() {
    let sleep = "    std::thread::sleep(d);\n";
    assert_eq!(file("a/tests.rs", sleep).len(), 1);
    assert_eq!(file("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{sleep}}}\n")).len(), 1);
    assert_eq!(file("a.rs", sleep), [""; 0]);
}

#[test]
fn paths_of_a_machine_are_found_in_any_text() {
    for path in [concat!("/wo", "rk/x"), concat!("/ro", "ot/.cargo"), concat!("/ho", "me/me")] {
        for text in [format!("cd {path}"), format!("let p = \"{path}\";"), format!("`{path}`")] {
            assert_eq!(file("a.rs", &text).len(), 1, "{text}");
            assert_eq!(file("a.sh", &text).len(), 1, "{text}");
        }
        assert_eq!(file("a.md", &format!("the folder target{path} is ours")), [""; 0], "{path}");
    }
}

#[test]
fn addresses_of_registries_are_found() {
    for host in [concat!("https://", "crates.io/x"), concat!("https://", "pypi", ".org/simple")] {
        assert_eq!(file("README.md", host).len(), 1, "{host}");
        assert_eq!(file("Cargo.lock", host), [""; 0], "{host}");
    }
    assert_eq!(file("README.md", "installs from crates.io, with cargo"), [""; 0]);
}

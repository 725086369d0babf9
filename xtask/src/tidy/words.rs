//! Words that have no place in the tree: work left undone, tests that don't run or that wait by
//! the clock, lints switched off without a reason, and addresses of one machine or registry.

use super::Finding;
use crate::repository::source::{has_word, word_positions};
use crate::repository::tree::{File, Tree};

/// Marks of work left undone, in any text.
const UNDONE: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Macros for code that isn't there.
const UNDONE_MACROS: &[&str] = &["todo", "unimplemented"];

/// Calls that wait for time to pass instead of for the event.
const SLEEPS: &[&str] = &["thread::sleep", "time::sleep"];

/// Where paths of one machine begin.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Hosts of package registries; their clients know them.
const REGISTRIES: &[&str] = &[
    concat!("https://", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("static.", "rust-lang.org"),
    concat!("sh.", "rustup.rs"),
    concat!("pypi", ".org"),
    concat!("files.", "pythonhosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("repo1.", "maven.org"),
    concat!("repo.", "maven.apache.org"),
    concat!("proxy.", "golang.org"),
    concat!("sum.", "golang.org"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
];

/// Files that a package manager writes, with the addresses it likes.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json", "go.sum", "LICENSE"];

/// Finds words that have no place in the tree.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().iter().filter(|file| !LOCK_FILES.contains(&file.name())) {
        for (at, line) in file.text.lines().enumerate() {
            findings.extend(addresses(line).map(|what| Finding::new(&file.path, at + 1, what)));
        }
        if file.source.is_some() {
            findings.extend(code(file));
            findings.extend(comments(file));
        } else {
            for (at, line) in file.text.lines().enumerate() {
                findings.extend(undone(line).map(|what| Finding::new(&file.path, at + 1, what)));
            }
        }
    }
    findings
}

fn addresses(line: &str) -> impl Iterator<Item = String> {
    let machine = MACHINE_PATHS.iter().filter(|path| {
        let mut places = line.match_indices(**path).map(|(at, _)| at);
        places.any(|at| !line[..at].ends_with(|c: char| c.is_alphanumeric() || ".-_}/".contains(c)))
    });
    let machine = machine.map(|path| {
        format!("`{path}` is a path of one machine: take it from an argument or the environment")
    });
    let registries = REGISTRIES.iter().filter(|host| line.contains(**host)).map(|host| {
        format!("`{host}` is a registry's address: name the package, its client knows the rest")
    });
    machine.chain(registries)
}

fn undone(line: &str) -> impl Iterator<Item = String> {
    UNDONE.iter().filter(|mark| has_word(line, mark)).map(|mark| {
        format!("`{mark}`: do it now, or describe it where the project keeps its plans")
    })
}

fn comments(file: &File) -> Vec<Finding> {
    let Some(source) = &file.source else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, line) in source.comments() {
        findings.extend(undone(line).map(|what| Finding::new(&file.path, number, what)));
        let fence = line.split_once("```").map_or("", |(_, rest)| rest);
        if has_word(fence, "ignore") {
            let what = "an ignored example: make it run, or mark it `text` or `compile_fail`";
            findings.push(Finding::new(&file.path, number, what));
        }
    }
    findings
}

fn code(file: &File) -> Vec<Finding> {
    let Some(source) = &file.source else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, line) in source.code() {
        let mut add = |what: String| findings.push(Finding::new(&file.path, number, what));
        for name in UNDONE_MACROS {
            if word_positions(line, name).any(|at| line[at + name.len()..].starts_with('!')) {
                add(format!(
                    "`{name}!`: write the code, or return an error that says what is missing"
                ));
            }
        }
        for attribute in attributes(line) {
            if has_word(attribute, "ignore") {
                add("an ignored test: make it run, or delete it".to_owned());
            }
            if word_positions(attribute, "allow").any(|at| attribute[at..].starts_with("allow(")) {
                add("`allow` as an attribute: use `expect` with a reason, which goes stale aloud"
                    .to_owned());
            }
        }
        let test = file.is_test() || source.in_tests(number);
        if test && SLEEPS.iter().any(|sleep| line.contains(sleep)) {
            add("a test that sleeps: wait for the event it is about".to_owned());
        }
    }
    findings
}

/// The parts of a line that start an attribute.
fn attributes(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.match_indices('#').map(|(at, _)| &line[at..]);
    starts.filter(|rest| rest.starts_with("#[") || rest.starts_with("#!["))
}

#[cfg(test)]
mod tests;

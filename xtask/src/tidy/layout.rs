//! Folders one can take in at a glance, and names that say what is inside.

use super::Finding;
use crate::repository::tree::{File, Tree, below};
use std::collections::BTreeSet;

/// Entries of one folder; `foo.rs` and `foo/` are one.
const ENTRIES_MAX: usize = 15;

/// Folders below a crate's src.
const DEPTH_MAX: usize = 3;

/// Folders that grow by their nature: one page for each decision.
const MAY_GROW: &[&str] = &["docs/decisions"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helper", "helpers", "base", "impl", "misc", "stuff"];

/// Finds folders that are too full or too deep, and names that say nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in tree.folders() {
        let entries = modules(tree, folder);
        if entries.len() > ENTRIES_MAX && !MAY_GROW.contains(&folder) {
            let shown = if folder.is_empty() { "the root" } else { folder };
            let what = format!(
                "{shown} has {} entries, above {ENTRIES_MAX}: group some in a folder",
                entries.len()
            );
            findings.push(Finding::new(first_in(tree, folder), 1, what));
        }
    }
    for (file, _) in tree.rust() {
        findings.extend(depth(tree, file));
        findings.extend(name(file));
    }
    findings
}

/// The entries of `folder` that one sees: hidden ones don't count, `foo.rs` and `foo/` count once.
fn modules<'a>(tree: &'a Tree, folder: &str) -> BTreeSet<&'a str> {
    let entries = tree.entries(folder).into_iter();
    let shown = entries.filter(|name| !name.starts_with('.'));
    shown.map(|name| name.strip_suffix(".rs").unwrap_or(name)).collect()
}

/// A file to point at when a folder is meant.
fn first_in<'a>(tree: &'a Tree, folder: &str) -> &'a str {
    let mut files = tree.files().iter().map(|file| file.path.as_str());
    files.find(|path| below(folder, path).is_some()).unwrap_or_default()
}

fn depth(tree: &Tree, file: &File) -> Option<Finding> {
    let (krate, inside) = file.path.split_once("/src/")?;
    tree.file(&format!("{krate}/Cargo.toml"))?;
    let mut depth = inside.matches('/').count();
    // `foo/tests.rs` beside `foo.rs` is no level of its own.
    let (folder, _) = file.path.rsplit_once('/')?;
    let only_tests = |other: &File| below(folder, &other.path).is_none() || other.is_test();
    if tree.files().iter().all(only_tests) {
        depth = depth.saturating_sub(1);
    }
    (depth > DEPTH_MAX).then(|| {
        let what = format!(
            "{depth} folders below {krate}/src, above {DEPTH_MAX}: move it up, or make it a crate"
        );
        Finding::new(&file.path, 1, what)
    })
}

fn name(file: &File) -> Option<Finding> {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let says_nothing = |name: &str| {
        let mut names = EMPTY_NAMES.iter();
        names.any(|empty| {
            name == *empty || name.strip_suffix(empty).is_some_and(|s| s.ends_with('_'))
        })
    };
    let name = stem.split('/').find(|name| says_nothing(name))?;
    let what = format!("`{name}` says nothing about what is inside: name it by its noun");
    Some(Finding::new(&file.path, 1, what))
}

#[cfg(test)]
mod tests;

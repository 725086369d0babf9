//! Crates depend only downwards, and the crates that move bytes know no record.
//!
//! ```text
//! memory <- network <- core <- rocksdb, connect, cluster <- brisk <- bench, fuzz, xtask
//! memory <- sort    <- core
//! ```

use super::Finding;
use crate::repository::manifest::{self, Manifest};
use crate::repository::source::has_word;
use crate::repository::tree::{Tree, below};

/// Each crate's folder, and the folders that it may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("memory", &[]),
    ("network", &["memory"]),
    ("sort", &["memory"]),
    ("runtime/core", CORE),
    ("runtime/rocksdb", BESIDE_CORE),
    ("runtime/connect", BESIDE_CORE),
    ("runtime/cluster", BESIDE_CORE),
    ("runtime/brisk", BRISK),
    ("bench", ALL),
    ("bench/timely", ALL),
    ("fuzz", ALL),
    ("xtask", ALL),
];

const CORE: &[&str] = &["memory", "network", "sort"];
const BESIDE_CORE: &[&str] = &["memory", "network", "sort", "runtime/core"];
const BRISK: &[&str] = &[
    "memory",
    "network",
    "sort",
    "runtime/core",
    "runtime/rocksdb",
    "runtime/connect",
    "runtime/cluster",
];
const ALL: &[&str] = &[
    "memory",
    "network",
    "sort",
    "runtime/core",
    "runtime/rocksdb",
    "runtime/connect",
    "runtime/cluster",
    "runtime/brisk",
];

/// Crates that move bytes.
const BYTES_ONLY: &[&str] = &["memory", "network", "sort"];

/// Words by which code would name a record: the crate that archives them, and the one that owns
/// their traits.
const RECORD_WORDS: &[&str] = &["rkyv", "brisk_core"];

/// Finds edges that are not allowed, and crates that have no place yet.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = manifest::all(tree);
    let mut findings = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.package.is_some()) {
        findings.extend(edges(manifest, &manifests));
    }
    findings.extend(records(tree));
    findings
}

fn edges(manifest: &Manifest, manifests: &[Manifest]) -> Vec<Finding> {
    let place = MAY_DEPEND_ON.iter().find(|(folder, _)| *folder == manifest.folder);
    let Some((folder, allowed)) = place else {
        let what = "this crate has no place among the others: give it one in \
                    xtask/src/tidy/edges.rs and in ARCHITECTURE.md";
        return vec![Finding::new(&manifest.path, 1, what)];
    };
    let mut findings = Vec::new();
    for dependency in &manifest.dependencies {
        let named = |other: &&Manifest| other.package.as_ref() == Some(&dependency.package);
        if let Some(other) = manifests.iter().find(named)
            && !allowed.contains(&other.folder.as_str())
        {
            let what = format!(
                "{folder} must not depend on {}: crates depend only downwards; move what is \
                 needed down, or declare a trait here that the crate above implements",
                other.folder
            );
            findings.push(Finding::new(&manifest.path, dependency.line, what));
        }
        if dependency.package == "rkyv" && BYTES_ONLY.contains(folder) {
            let what = format!("{folder} moves bytes and must not depend on rkyv");
            findings.push(Finding::new(&manifest.path, dependency.line, what));
        }
    }
    findings
}

fn records(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        let Some(folder) = BYTES_ONLY.iter().find(|folder| below(folder, &file.path).is_some())
        else {
            continue;
        };
        for (number, line) in source.code() {
            for word in RECORD_WORDS.iter().filter(|word| has_word(line, word)) {
                let what = format!(
                    "{folder} moves bytes and must not name `{word}`: take bytes, or declare a \
                     small trait that runtime implements"
                );
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;

//! Each dependency has a reason, and tests run the benches so that they never rot.

use super::Finding;
use crate::repository::manifest::{self, Dependency, Manifest};
use crate::repository::source::is_word;
use crate::repository::tree::Tree;
use std::collections::BTreeMap;

const REASONS: &str = "docs/dependencies.md";

/// Finds dependencies without a reason, reasons without a dependency, and benches no test runs.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = manifest::all(tree);
    let text = tree.file(REASONS).map_or("", |file| file.text.as_str());
    let reasons = reasons(text);
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for manifest in &manifests {
        for dependency in outside(manifest) {
            known.push(dependency.package.clone());
            if !reasons.contains_key(dependency.package.as_str()) {
                let what = format!(
                    "`{0}` has no reason: add a row to {REASONS}, | `{0}` | what it does here |",
                    dependency.package
                );
                findings.push(Finding::new(&manifest.path, dependency.line, what));
            }
        }
        for line in &manifest.benches_without_test {
            let what = "`cargo test` leaves this bench out: add `test = true`, and keep its input \
                        tiny when it isn't run as a benchmark";
            findings.push(Finding::new(&manifest.path, *line, what));
        }
    }
    for (name, line) in reasons {
        if !known.iter().any(|package| package == name) {
            let what = format!("`{name}` is no dependency any more: remove the row");
            findings.push(Finding::new(REASONS, line, what));
        }
    }
    findings
}

/// What a manifest takes from outside the repository.
fn outside(manifest: &Manifest) -> impl Iterator<Item = &Dependency> {
    let all = manifest.workspace_dependencies.iter().chain(&manifest.dependencies);
    all.filter(|dependency| !dependency.by_path && !dependency.from_workspace)
}

/// The rows `` | `name` | reason | `` with their lines.
fn reasons(text: &str) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(name), Some(reason)) = (cells.next(), cells.next()) else {
            continue;
        };
        let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        let is_name = |name: &&str| name.chars().all(|c| is_word(c) || c == '-');
        if let Some(name) = name.filter(is_name)
            && !reason.is_empty()
        {
            reasons.insert(name, at + 1);
        }
    }
    reasons
}

#[cfg(test)]
mod tests;

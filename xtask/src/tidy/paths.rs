//! What documents point at is there, and every crate stands on the map.

use super::Finding;
use crate::repository::manifest;
use crate::repository::tree::{File, Tree};

const MAP: &str = "ARCHITECTURE.md";

/// Documents that this rule reads. CHANGELOG.md is not among them: it tells of what was.
fn is_checked(file: &File) -> bool {
    let top = file.path == MAP || file.path == "README.md";
    top || (file.path.starts_with("docs/") && file.path.ends_with(".md"))
}

/// Endings by which a name in a folder is taken for a path, whatever the folder is called. Without
/// a folder only documents are: `mod.rs` and `config.yaml` may be any.
const ENDINGS: &[&str] = &[".rs", ".md", ".toml", ".txt"];

/// Finds paths that are gone, and crates that the map leaves out.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().iter().filter(|file| is_checked(file)) {
        for (line, path) in named_paths(tree, &file.text) {
            if !exists(tree, file, &path) {
                let what = format!(
                    "`{path}` does not exist: correct it, or leave it out while it isn't there"
                );
                findings.push(Finding::new(&file.path, line, what));
            }
        }
    }
    let map = tree.file(MAP).map_or("", |file| file.text.as_str());
    for manifest in manifest::all(tree).iter().filter(|manifest| !manifest.folder.is_empty()) {
        if !map.contains(&format!("`{}/`", manifest.folder)) {
            let what = format!("the crate `{}/` is missing on the map: add it", manifest.folder);
            findings.push(Finding::new(MAP, 1, what));
        }
    }
    findings
}

fn exists(tree: &Tree, file: &File, path: &str) -> bool {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    tree.has(path) || resolve(folder, path).is_some_and(|path| tree.has(&path))
}

/// `path` as seen from `folder`, with `..` taken out; none when it leaves the tree.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "." | "" => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

/// Paths in code spans and in links, with their lines; fenced blocks hold programs, not paths.
fn named_paths(tree: &Tree, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let spans = line.split('`').skip(1).step_by(2).filter(|span| is_path(tree, span));
            found.extend(spans.map(|span| (at + 1, span.to_owned())));
            found.extend(links(line).map(|link| (at + 1, link.to_owned())));
        }
    }
    found
}

/// Whether a code span is meant as a path of this repository.
fn is_path(tree: &Tree, span: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
    if span.is_empty() || !span.chars().all(legal) || span.starts_with(['-', '/']) {
        return false;
    }
    match span.split_once('/') {
        Some((first, _)) => {
            let ours = !first.is_empty() && tree.entries("").contains(first);
            ours || span.ends_with('/') || ENDINGS.iter().any(|ending| span.ends_with(ending))
        }
        None => span.len() > 3 && span.ends_with(".md"),
    }
}

/// The targets of `[text](target)` that lead to files.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ', '#']).next()?;
        let outside = target.contains("://") || target.starts_with("mailto:");
        (!target.is_empty() && !outside).then_some(target)
    })
}

#[cfg(test)]
mod tests;

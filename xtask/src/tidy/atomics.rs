//! Atomics only in listed files, each with a loom test or a reason why it needs none.

use super::{Finding, list};
use crate::repository::source::{Source, has_word, is_word, word_positions};
use crate::repository::tree::{File, Tree, below};

const LISTED: &str = "xtask/atomics-files.txt";

/// How a note begins that says in which file the loom test is.
const LOOM: &str = "loom:";

/// How a note begins that says why there is no loom test.
const NO_LOOM: &str = "no loom test:";

/// Finds atomics that are not listed, and entries without atomics or without a loom test.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let (entries, mut findings) = list::read(tree, LISTED);
    for entry in &entries {
        let file = tree.file(&entry.text);
        let source = file.and_then(|file| file.source.as_ref());
        if source.is_none_or(|source| uses(source).next().is_none()) {
            let what = format!("`{}` is gone or holds no atomics: remove the line", entry.text);
            findings.push(Finding::new(LISTED, entry.line, what));
            continue;
        }
        let near = file.is_some_and(|file| has_loom_test(tree, file));
        if !near && !note_suffices(tree, &entry.note) {
            let what = format!(
                "`{}` has no test named loom_... in itself or its module folder: write one, or \
                 say behind the path where it is, as `# {LOOM} path`, or why there is none, as \
                 `# {NO_LOOM} reason`",
                entry.text
            );
            findings.push(Finding::new(LISTED, entry.line, what));
        }
    }
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test()) {
        if entries.iter().any(|entry| entry.text == file.path) {
            continue;
        }
        if let Some(line) = uses(source).next() {
            let what = format!(
                "atomics in a file that is not listed: send a message or use what a listed file \
                 offers, or add this path to {LISTED}"
            );
            findings.push(Finding::new(&file.path, line, what));
        }
    }
    findings
}

/// The lines outside test modules that name an atomic type, a fence or the module of both.
fn uses(source: &Source) -> impl Iterator<Item = usize> {
    source
        .code()
        .filter(|(number, line)| !source.in_tests(*number) && names_atomics(line))
        .map(|(number, _)| number)
}

fn names_atomics(line: &str) -> bool {
    let of_type = line.match_indices("Atomic").any(|(at, word)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && after.is_some_and(|c| c.is_ascii_uppercase())
    });
    let called =
        |name| word_positions(line, name).any(|at| line[at + str::len(name)..].starts_with('('));
    of_type || line.contains("sync::atomic") || called("fence") || has_word(line, "compiler_fence")
}

/// Whether the note behind a path gives a reason, or names a file with loom tests.
fn note_suffices(tree: &Tree, note: &str) -> bool {
    if let Some(reason) = note.strip_prefix(NO_LOOM) {
        return !reason.trim().is_empty();
    }
    let named = note.strip_prefix(LOOM).and_then(|path| tree.file(path.trim()));
    named.and_then(|file| file.source.as_ref()).is_some_and(holds_loom_test)
}

fn holds_loom_test(source: &Source) -> bool {
    source.code().any(|(_, line)| line.contains("fn loom_"))
}

/// Whether the file, or a file of its module folder, has a function named loom_...
fn has_loom_test(tree: &Tree, file: &File) -> bool {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    // The folder of the module that the file is a part of; a crate's src is too wide to count.
    let around = if folder.ends_with("src") { None } else { Some(folder) };
    let own = if name == "mod" || name == "lib" { None } else { Some(stem) };
    let inside = |path: &str| {
        [around, own].into_iter().flatten().any(|folder| below(folder, path).is_some())
    };
    tree.rust()
        .filter(|(other, _)| other.path == file.path || inside(&other.path))
        .any(|(_, source)| holds_loom_test(source))
}

#[cfg(test)]
mod tests;

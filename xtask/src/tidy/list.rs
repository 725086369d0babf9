//! The list files beside xtask's manifest: one entry a line, sorted, a reason behind `#`.

use super::Finding;
use crate::repository::tree::Tree;

/// One line of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What stands before the `#`.
    pub(crate) text: String,
    /// What stands behind it.
    pub(crate) note: String,
}

/// The entries of the list at `path`, and what is wrong with the list as such.
pub(crate) fn read(tree: &Tree, path: &str) -> (Vec<Entry>, Vec<Finding>) {
    let mut findings = Vec::new();
    let Some(file) = tree.file(path) else {
        return (Vec::new(), vec![Finding::new(path, 1, "the list is missing: create it empty")]);
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let (text, note) = line.split_once('#').unwrap_or((line, ""));
        let entry =
            Entry { line: at + 1, text: text.trim().to_owned(), note: note.trim().to_owned() };
        if entry.text.is_empty() {
            continue;
        }
        if let Some(before) = entries.last()
            && before.text >= entry.text
        {
            let what = format!("`{}` stands behind `{}`: sort the list", entry.text, before.text);
            findings.push(Finding::new(path, entry.line, what));
        }
        entries.push(entry);
    }
    (entries, findings)
}

#[cfg(test)]
mod tests;

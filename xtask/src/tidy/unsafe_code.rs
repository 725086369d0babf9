//! Unsafe code only in listed files, each use with its reason.

use super::{Finding, list};
use crate::repository::source::{Source, is_word, word_positions};
use crate::repository::tree::Tree;

const LISTED: &str = "xtask/unsafe-files.txt";

/// How far above its code a reason may start.
const REASON_LINES_MAX: usize = 12;

/// Finds unsafe code that is not listed or gives no reason, and entries without unsafe code.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let (entries, mut findings) = list::read(tree, LISTED);
    for entry in &entries {
        let source = tree.file(&entry.text).and_then(|file| file.source.as_ref());
        if source.is_none_or(|source| uses(source).next().is_none()) {
            let what = format!("`{}` is gone or holds no unsafe code: remove the line", entry.text);
            findings.push(Finding::new(LISTED, entry.line, what));
        }
    }
    for (file, source) in tree.rust() {
        let listed = entries.iter().any(|entry| entry.text == file.path);
        for line in uses(source) {
            if !listed {
                let what = format!(
                    "unsafe code in a file that is not listed: use what a listed file offers, or \
                     add this path to {LISTED}"
                );
                findings.push(Finding::new(&file.path, line, what));
            }
            if !has_reason(source, line) {
                let what = "no `// SAFETY:` comment (`# Safety` for a function) right above: name \
                            the invariant and who upholds it";
                findings.push(Finding::new(&file.path, line, what));
            }
        }
    }
    findings
}

/// The lines with unsafe blocks, functions, traits and impls; types of function pointers are none.
fn uses(source: &Source) -> impl Iterator<Item = usize> {
    source
        .code()
        .filter(|(_, line)| word_positions(line, "unsafe").any(|at| is_use(&line[at..])))
        .map(|(number, _)| number)
}

/// Whether what starts with the word `unsafe` is more than a type like `unsafe fn(u8)`.
fn is_use(text: &str) -> bool {
    let rest = text["unsafe".len()..].trim_start();
    let rest = match rest.strip_prefix("extern") {
        Some(rest) => rest.trim_start().trim_start_matches('"').trim_start(),
        None => rest,
    };
    match rest.strip_prefix("fn") {
        Some(rest) => rest.trim_start().starts_with(is_word),
        None => true,
    }
}

/// Whether the lines above, up to the next other use of unsafe, hold a reason.
fn has_reason(source: &Source, line: usize) -> bool {
    let first = line.saturating_sub(REASON_LINES_MAX);
    for number in (first..=line).rev() {
        let comment = source.comment(number);
        if comment.contains("SAFETY:") || comment.contains("# Safety") {
            return true;
        }
        let other =
            number < line && word_positions(source.code_at(number), "unsafe").next().is_some();
        if other {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests;

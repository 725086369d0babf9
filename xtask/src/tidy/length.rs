//! Files up to 500 lines without their tests, functions up to 70, and a list of exceptions that
//! may only shrink.

use super::Finding;
use super::list::{self, Entry};
use crate::repository::tree::Tree;
use std::collections::BTreeMap;

const EXCEPTIONS: &str = "xtask/exceptions.txt";

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// A file, or a function as `path::name`, with its size.
struct Measured {
    path: String,
    line: usize,
    lines: usize,
    limit: usize,
}

/// Finds what is too long, and exceptions that are not true any more.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let (entries, mut findings) = list::read(tree, EXCEPTIONS);
    let too_long = measure(tree);
    let mut used = Vec::new();
    for entry in &entries {
        match exception(entry) {
            Ok((name, _)) if too_long.contains_key(name) => used.push(name),
            Ok((name, _)) => {
                let what = format!("`{name}` is within its limit or gone: remove the entry");
                findings.push(Finding::new(EXCEPTIONS, entry.line, what));
            }
            Err(what) => findings.push(Finding::new(EXCEPTIONS, entry.line, what)),
        }
    }
    for (name, measured) in &too_long {
        let recorded = entries.iter().find_map(|entry| {
            let (excepted, lines) = exception(entry).ok()?;
            (excepted == name).then_some((entry.line, lines))
        });
        let Measured { path, line, lines, limit } = measured;
        match recorded {
            None => {
                let what = format!("`{name}` has {lines} lines, above {limit}: split it");
                findings.push(Finding::new(path, *line, what));
            }
            Some((_, recorded)) if recorded < *lines => {
                let what =
                    format!("`{name}` grew from {recorded} to {lines} lines: split off the rest");
                findings.push(Finding::new(path, *line, what));
            }
            Some((at, recorded)) if recorded > *lines => {
                let what = format!("`{name}` has {lines} lines now: write {lines} here");
                findings.push(Finding::new(EXCEPTIONS, at, what));
            }
            Some(_) => {}
        }
    }
    findings
}

/// All that is above its limit, by name.
fn measure(tree: &Tree) -> BTreeMap<String, Measured> {
    let mut too_long = BTreeMap::new();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let path = file.path.clone();
        let lines = source.lines_without_tests();
        if lines > FILE_LINES_MAX {
            let measured = Measured { path: path.clone(), line: 1, lines, limit: FILE_LINES_MAX };
            too_long.insert(path.clone(), measured);
        }
        for function in source.functions() {
            if function.lines > FUNCTION_LINES_MAX {
                let name = format!("{path}::{}", function.name);
                let (line, lines) = (function.line, function.lines);
                let measured =
                    Measured { path: path.clone(), line, lines, limit: FUNCTION_LINES_MAX };
                // Of functions with one name in one file the longest stands for all.
                let known = too_long.get(&name).map_or(0, |known: &Measured| known.lines);
                if lines > known {
                    too_long.insert(name, measured);
                }
            }
        }
    }
    too_long
}

/// The name and number of an entry `name number  # reason`.
fn exception(entry: &Entry) -> Result<(&str, usize), String> {
    let wrong = || format!("`{}` is not `path lines` or `path::function lines`", entry.text);
    let (name, lines) = entry.text.split_once(' ').ok_or_else(wrong)?;
    let lines = lines.trim().parse().map_err(|_| wrong())?;
    if entry.note.is_empty() {
        return Err(format!("`{name}` needs a reason behind `#`"));
    }
    Ok((name, lines))
}

#[cfg(test)]
mod tests;

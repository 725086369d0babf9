//! Patterns of paths: `*`, `?` and `[...]` within a name, `**` for any number of folders.
//!
//! Names are matched one path component at a time, so a folder is listed only where a component has
//! a wildcard. Hidden names (`.` or `_` first; [`HiddenNames`]) are matched only by a component that
//! begins with the same character. Names that are not UTF-8 are matched with U+FFFD in place of what is invalid, so
//! `*` and `?` find them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use brisk_memory::driver::EntryKind;

use super::tree::Tree;
use super::walk::HiddenNames;
use crate::error::{ConnectError, is_absent};

/// Whether a path has a character that makes it a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    has_wildcard(path.as_os_str().as_bytes())
}

/// The paths a pattern matches, sorted, each once.
pub(super) fn expand(
    tree: &Tree<'_>,
    pattern: &Path,
    hidden: HiddenNames,
) -> Result<Vec<PathBuf>, ConnectError> {
    let bytes = pattern.as_os_str().as_bytes();
    let root = if bytes.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() };
    let mut paths = vec![root];
    let parts: Vec<&[u8]> = bytes.split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len() && !bytes.ends_with(b"/");
        paths = match Component::parse(pattern, part)? {
            Component::Literal(name) => paths
                .iter()
                .map(|path| path.join(name))
                .filter(|path| tree.entry_metadata(path).is_ok())
                .collect(),
            Component::AnyFolders => with_subfolders(tree, paths, hidden)?,
            Component::Wildcard(name) => {
                let mark = hidden.mark_of(OsStr::from_bytes(part));
                let wildcard = Wildcard { name, hidden, mark, is_last };
                let mut matched = Vec::new();
                for path in &paths {
                    tree.go_on()?;
                    let Some(entries) = entries_if_folder(tree, path)? else { continue };
                    matched.append(&mut wildcard.matches_of(tree, path, entries)?);
                }
                matched
            }
        };
    }
    for path in paths.iter_mut().filter(|path| path.as_os_str().is_empty()) {
        *path = PathBuf::from(".");
    }
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    paths.dedup();
    Ok(paths)
}

enum Component<'a> {
    Literal(&'a OsStr),
    AnyFolders,
    Wildcard(glob::Pattern),
}

impl<'a> Component<'a> {
    fn parse(pattern: &Path, part: &'a [u8]) -> Result<Component<'a>, ConnectError> {
        let bad = |reason: String| ConnectError::BadPattern { pattern: pattern.into(), reason };
        if !has_wildcard(part) {
            return Ok(Component::Literal(OsStr::from_bytes(part)));
        }
        if part == b"**" {
            return Ok(Component::AnyFolders);
        }
        let text = std::str::from_utf8(part)
            .map_err(|_| bad("a name with a wildcard must be UTF-8".into()))?;
        let name = glob::Pattern::new(text).map_err(|error| bad(error.to_string()))?;
        Ok(Component::Wildcard(name))
    }
}

struct Wildcard {
    name: glob::Pattern,
    hidden: HiddenNames,
    /// The character the pattern begins with, if it is one that hides names.
    mark: Option<u8>,
    is_last: bool,
}

impl Wildcard {
    /// The paths of those entries of a folder that match, as the pattern writes the folder.
    fn matches_of(
        &self,
        tree: &Tree<'_>,
        folder: &Path,
        entries: Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, ConnectError> {
        let mut matched = Vec::new();
        for path in entries {
            tree.go_on()?;
            let name = path.file_name().expect("an entry has a name");
            let mark = self.hidden.mark_of(name);
            let is_hidden = mark.is_some() && mark != self.mark;
            if is_hidden || !self.name.matches(&name.to_string_lossy()) {
                continue;
            }
            let is_wanted = self.is_last
                || matches!(
                    tree.entry_metadata(&path)?.kind,
                    EntryKind::Directory | EntryKind::Link
                );
            if is_wanted {
                matched.push(folder.join(name));
            }
        }
        Ok(matched)
    }
}

fn has_wildcard(part: &[u8]) -> bool {
    part.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// The folders given and all visible ones below them; links are not followed, so this ends.
fn with_subfolders(
    tree: &Tree<'_>,
    folders: Vec<PathBuf>,
    hidden: HiddenNames,
) -> Result<Vec<PathBuf>, ConnectError> {
    let mut pending = folders;
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while let Some(folder) = pending.pop() {
        tree.go_on()?;
        let Some(entries) = entries_if_folder(tree, &folder)? else { continue };
        if !seen.insert(folder.clone()) {
            continue;
        }
        for path in entries {
            tree.go_on()?;
            let name = path.file_name().expect("an entry has a name");
            let is_visible = hidden.mark_of(name).is_none();
            if is_visible && tree.entry_metadata(&path)?.kind == EntryKind::Directory {
                pending.push(folder.join(name));
            }
        }
        found.push(folder);
    }
    Ok(found)
}

/// What is in a folder; `None` if the path is something else, which a pattern just doesn't match.
fn entries_if_folder(tree: &Tree<'_>, path: &Path) -> Result<Option<Vec<PathBuf>>, ConnectError> {
    let folder = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    match tree.list(folder) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

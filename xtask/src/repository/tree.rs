//! The repository's files as the rules see them: paths and texts, read once.

use super::source::Source;
use crate::failure::Failure;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// All files that are, or could be, under version control.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with `/` between the names.
    pub(crate) path: String,
    /// Its text; empty when it isn't text.
    pub(crate) text: String,
    /// Its code and comments told apart, when it is Rust.
    pub(crate) source: Option<Source>,
}

/// Folders that hold what was built or fetched; looked at only where git can't say.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "corpus", "artifacts"];

impl Tree {
    /// Reads the files below `root` that git does not ignore; all files where there is no git.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let paths = match git_files(root) {
            Some(paths) => paths,
            None => {
                let mut paths = Vec::new();
                walk(root, "", &mut paths).map_err(|e| {
                    Failure::Environment(format!("cannot read {}: {e}", root.display()))
                })?;
                paths
            }
        };
        let files = paths.into_iter().filter_map(|path| {
            // A file that is listed but gone was deleted and not committed yet.
            let bytes = fs::read(root.join(&path)).ok()?;
            let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
            Some((path, text.unwrap_or_default()))
        });
        Ok(Tree::of(files))
    }

    /// A tree of given files.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<File> = files
            .into_iter()
            .map(|(path, text)| {
                let source = path.ends_with(".rs").then(|| Source::new(&text));
                File { path, text, source }
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Tree { files }
    }

    /// All files, sorted by path.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[at])
    }

    /// All Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files.iter().filter_map(|file| Some((file, file.source.as_ref()?)))
    }

    /// Whether `path` is a file or a folder of the tree. A `*` stands for any part of a name.
    pub(crate) fn has(&self, path: &str) -> bool {
        let wanted: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        self.files.iter().any(|file| {
            let mut names = file.path.split('/');
            wanted.iter().all(|want| names.next().is_some_and(|name| matches(want, name)))
        })
    }

    /// All folders that hold files, the root (an empty path) included.
    pub(crate) fn folders(&self) -> BTreeSet<&str> {
        let mut folders = BTreeSet::new();
        for file in &self.files {
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                folders.insert(folder);
                path = folder;
            }
            folders.insert("");
        }
        folders
    }

    /// The names directly in `folder`.
    pub(crate) fn entries(&self, folder: &str) -> BTreeSet<&str> {
        self.files.iter().filter_map(|file| below(folder, &file.path)?.split('/').next()).collect()
    }
}

impl File {
    /// The last name of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether the whole file is test code, by its place or name.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.name();
        let folders = || self.path.split('/').rev().skip(1);
        name == "tests.rs"
            || name.ends_with("_tests.rs")
            || folders().any(|folder| folder == "tests" || folder == "benches")
    }
}

/// The rest of `path` behind `folder`.
pub(crate) fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => match name.strip_prefix(start) {
            None => false,
            Some(name) if rest.is_empty() => !name.is_empty() || !start.is_empty(),
            Some(name) => name.char_indices().any(|(at, _)| matches(rest, &name[at..])),
        },
    }
}

fn git_files(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths: BTreeSet<&str> = text.split('\0').filter(|path| !path.is_empty()).collect();
    Some(paths.into_iter().map(str::to_owned).collect())
}

fn walk(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if !entry.file_type()?.is_dir() {
            paths.push(path);
        } else if !NOT_OURS.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), paths)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

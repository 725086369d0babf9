//! What the rules need from a Cargo manifest, read line by line.
//!
//! Not a TOML parser: it knows sections, keys, and values that go on over several lines. That is
//! all that our manifests use, and a real parser would make xtask slow to build.

use super::tree::{File, Tree};

/// One Cargo.toml.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The path of the file.
    pub(crate) path: String,
    /// The folder it stands in; empty for the root.
    pub(crate) folder: String,
    /// The package's name; none for a workspace without a package.
    pub(crate) package: Option<String>,
    /// All dependencies: ordinary, for tests, for builds, for some targets.
    pub(crate) dependencies: Vec<Dependency>,
    /// What `[workspace.dependencies]` lists.
    pub(crate) workspace_dependencies: Vec<Dependency>,
    /// The names of `[[bin]]` sections.
    pub(crate) programs: Vec<String>,
    /// The lines of `[[bench]]` sections that `cargo test` does not run.
    pub(crate) benches_without_test: Vec<usize>,
}

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// Counted from 1.
    pub(crate) line: usize,
    /// The name of the package, whatever it is called in the code.
    pub(crate) package: String,
    /// Whether it is one of the repository's own, by path.
    pub(crate) by_path: bool,
    /// Whether the workspace says which version it is.
    pub(crate) from_workspace: bool,
}

/// All manifests of the tree.
pub(crate) fn all(tree: &Tree) -> Vec<Manifest> {
    tree.files().iter().filter(|file| file.name() == "Cargo.toml").map(read).collect()
}

fn read(file: &File) -> Manifest {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut manifest =
        Manifest { path: file.path.clone(), folder: folder.to_owned(), ..Manifest::default() };
    let mut section: Vec<String> = Vec::new();
    let mut open = 0_i32;
    for (at, line) in file.text.lines().enumerate() {
        let line = line.trim();
        let continued = open > 0;
        if !continued && line.starts_with('[') {
            section = header(line);
            manifest.section(&section, at + 1);
            continue;
        }
        open += depth(line);
        let Some((key, value)) = line.split_once('=').filter(|_| !continued) else {
            continue;
        };
        if !line.starts_with('#') {
            manifest.key(&section, Key { line: at + 1, name: key.trim(), value: value.trim() });
        }
    }
    manifest
}

#[derive(Clone, Copy)]
struct Key<'a> {
    line: usize,
    name: &'a str,
    value: &'a str,
}

impl Manifest {
    /// Whether any section lists `package`.
    pub(crate) fn depends_on(&self, package: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency.package == package)
    }

    fn section(&mut self, section: &[String], line: usize) {
        if section == ["[bench]"] {
            self.benches_without_test.push(line);
        }
        // `[dependencies.name]`: the keys of one dependency follow.
        if let [before @ .., name] = section
            && is_dependencies(before)
        {
            let by =
                Dependency { line, package: name.clone(), by_path: false, from_workspace: false };
            self.list(before).push(by);
        }
    }

    fn key(&mut self, section: &[String], key: Key<'_>) {
        if section == ["package"] && key.name == "name" {
            self.package = Some(unquoted(key.value).to_owned());
        } else if section == ["[bin]"] && key.name == "name" {
            self.programs.push(unquoted(key.value).to_owned());
        } else if section == ["[bench]"] && key.name == "test" && key.value == "true" {
            self.benches_without_test.pop();
        } else if is_dependencies(section) {
            let (name, attribute) = key.name.split_once('.').unwrap_or((key.name, ""));
            let package = inline(key.value, "package").unwrap_or(unquoted(name)).to_owned();
            let by_path = inline(key.value, "path").is_some() || attribute == "path";
            let from_workspace = attribute == "workspace" || key.value.contains("workspace = true");
            let dependency = Dependency { line: key.line, package, by_path, from_workspace };
            self.list(section).push(dependency);
        } else if let [before @ .., _] = section
            && is_dependencies(before)
            && let Some(last) = self.list(before).last_mut()
        {
            match key.name {
                "package" => last.package = unquoted(key.value).to_owned(),
                "path" => last.by_path = true,
                "workspace" => last.from_workspace = true,
                _ => {}
            }
        }
    }

    fn list(&mut self, section: &[String]) -> &mut Vec<Dependency> {
        let workspace = section.first().is_some_and(|name| name == "workspace");
        if workspace { &mut self.workspace_dependencies } else { &mut self.dependencies }
    }
}

fn is_dependencies(section: &[String]) -> bool {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    section.last().is_some_and(|name| kinds.contains(&name.as_str()))
}

/// The names of `[a.b."c.d"]`; those of `[[a]]` are `["[a]"]`.
fn header(line: &str) -> Vec<String> {
    let inner = line.strip_prefix('[').unwrap_or(line);
    let end = inner.rfind(']').unwrap_or(inner.len());
    let mut names = vec![String::new()];
    let mut quote = None;
    for c in inner[..end].chars() {
        let last = names.len() - 1;
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            '.' if quote.is_none() => names.push(String::new()),
            _ => names[last].push(c),
        }
    }
    names
}

/// By how much a line opens more brackets than it closes, outside strings.
fn depth(line: &str) -> i32 {
    let mut depth = 0;
    let mut inside = false;
    for c in line.chars() {
        match c {
            '"' => inside = !inside,
            '#' if !inside => break,
            '[' | '{' if !inside => depth += 1,
            ']' | '}' if !inside => depth -= 1,
            _ => {}
        }
    }
    depth
}

fn unquoted(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or(value).trim();
    value.trim_matches(['"', '\''])
}

/// The text value of `key` in `{ key = "value", ... }`.
fn inline<'a>(table: &'a str, key: &str) -> Option<&'a str> {
    let inner = table.strip_prefix('{')?;
    inner.split(',').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == key).then(|| unquoted(value.trim().trim_end_matches('}').trim_end()))
    })
}

#[cfg(test)]
mod tests;

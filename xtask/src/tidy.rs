//! `cargo xtask tidy`: the rules of docs/style.md that neither the compiler nor clippy knows.
//!
//! Each rule is a pure function from the tree of files to findings, in a file of its own. Rules
//! look at text: they take code for what it says, not for what a macro makes of it.

mod atomics;
mod dependencies;
mod edges;
mod layout;
mod length;
mod list;
mod paths;
mod unsafe_code;
mod words;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::repository::tree::Tree;
use crate::repository::workspace::Workspace;
use crate::steps::Steps;
use std::fmt;

/// What `cargo xtask tidy --help` prints.
pub(crate) const HELP: &str = "\
Checks the rules of docs/style.md that neither the compiler nor clippy knows.

Usage: cargo xtask tidy

  edges         crates depend only on crates below them; lower ones know no record type
  length        files up to 500 lines, functions up to 70; exceptions in xtask/exceptions.txt
  layout        15 entries a folder, three levels below src, names that say something
  unsafe        only in files of xtask/unsafe-files.txt, each with its SAFETY comment
  atomics       only in files of xtask/atomics-files.txt, each with a loom test
  paths         every path that a document names exists, every crate stands in ARCHITECTURE.md
  words         nothing ignored, allowed, left undone or slept for; no address, no machine's path
  dependencies  each has its reason in docs/dependencies.md

Each finding is printed as file:line with what to do. Exit codes: 0 none, 1 some.

Example:
  cargo xtask tidy";

/// One violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 1 when the finding is about the file as a whole.
    line: usize,
    /// What is wrong, and what to do.
    what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("edges", edges::check),
    ("length", length::check),
    ("layout", layout::check),
    ("unsafe", unsafe_code::check),
    ("atomics", atomics::check),
    ("paths", paths::check),
    ("words", words::check),
    ("dependencies", dependencies::check),
];

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    let mut steps = Steps::default();
    steps.step("tidy", || check(workspace));
    steps.finish()
}

/// Checks the repository, and prints what was found.
pub(crate) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let tree = Tree::read(workspace.root())?;
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&tree);
        findings.sort();
        findings.dedup();
        count += findings.len();
        for finding in findings {
            println!("{finding} [{name}]");
        }
    }
    match count {
        0 => Ok(format!("{} files, {} rules", tree.files().len(), RULES.len())),
        _ => Err(Failure::Found(format!("{count} findings, see the lines above"))),
    }
}

/// For the tests of the rules: a tree of files, and the findings of one rule as `path:line: what`.
#[cfg(test)]
fn found(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let mut findings = rule(&Tree::of(files));
    findings.sort();
    findings.iter().map(Finding::to_string).collect()
}

#[cfg(test)]
mod tests;

//! Installs what runs need: the text, Flink with our jobs, the timely programs. Each step says what
//! it does, and does nothing when its result is there already.

pub mod cache;
pub mod flink;
pub mod text;
pub mod timely;

use crate::BenchError;
use crate::run::process::output_of;
use crate::setup::cache::Cache;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder `bench/` of the sources this program was built from.
pub fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Something that is installed into a cache folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The Linux source text that `wordcount` reads.
    Text,
    /// Flink and our jobs on it.
    Flink,
    /// Our programs on timely.
    Timely,
}

impl Step {
    /// All of them.
    pub const ALL: [Step; 3] = [Step::Text, Step::Flink, Step::Timely];

    /// Makes sure that it is there.
    pub fn ensure(self, cache: &Cache) -> Result<(), BenchError> {
        match self {
            Step::Text => text::ensure(cache).map(drop),
            Step::Flink => flink::ensure(cache),
            Step::Timely => timely::ensure(cache),
        }
    }
}

/// Tells the user what is being done; stdout is for results.
fn say(step: &str, what: &str) {
    eprintln!("setup: {step}: {what}");
}

/// Runs a set-up command; its stderr is kept in the cache and shown when it fails.
fn run(cache: &Cache, command: &mut Command) -> Result<String, BenchError> {
    output_of(command, &cache.path("setup.stderr"))
}

/// Whether a program can be started by its name.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// A file that is complete when it is there: made beside and renamed.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

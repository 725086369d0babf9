//! Where a campaign works: programs, their input, what they wrote.

use super::job::{Backend, Job};
use crate::failure::Failure;
use crate::repository::workspace::Workspace;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Lines of one input file, and files.
const LINES: u64 = 600_000;
const FILES: u64 = 4;

/// The folder of a campaign, and the programs that it runs there.
pub(super) struct Place {
    programs: PathBuf,
    backend: Backend,
    pub(super) folder: PathBuf,
}

/// A job in a round: what it is to be called with.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) job: Job,
    /// The folder of the round.
    pub(super) name: &'a str,
    /// Settings of checkpoints.
    pub(super) settings: &'a [&'a str],
    /// How often an operator fails, and where that begins.
    pub(super) failures: u64,
    pub(super) seed: u64,
    pub(super) parallelism: u32,
    /// A fault that the job is to have, to see that it is found.
    pub(super) planted: Option<&'a str>,
}

fn environment(error: std::io::Error) -> Failure {
    Failure::Environment(error.to_string())
}

impl Place {
    pub(super) fn make(workspace: &Workspace, backend: Backend) -> Result<Self, Failure> {
        let programs = workspace.target().join("release/examples");
        let folder = std::env::temp_dir().join(format!("brisk-chaos-{}", std::process::id()));
        let input = folder.join("input");
        fs::create_dir_all(&input).map_err(environment)?;
        let mut text = String::new();
        for at in 0..LINES {
            let _ = writeln!(text, "word{} other{}", at % 977, at % 13);
        }
        for file in 0..FILES {
            fs::write(input.join(format!("{file}.txt")), &text).map_err(environment)?;
        }
        Ok(Place { programs, backend, folder })
    }

    /// The command of an attempt.
    pub(super) fn command(&self, attempt: &Attempt<'_>) -> Command {
        let Attempt { job, name, settings, failures, seed, parallelism, planted } = attempt;
        let mut command = Command::new(self.programs.join(job.program(self.backend)));
        command.arg("--output").arg(self.folder.join(name));
        command.arg("--checkpoint-dir").arg(self.folder.join(format!("{name}.checkpoints")));
        match job {
            Job::Words => {
                command.arg("--input").arg(self.folder.join("input"));
                command.args(["--interval", "50ms", "--resume"]);
            }
            Job::Everything => {
                command.args(["--failures", &failures.to_string(), "--seed", &seed.to_string()]);
                command.args(EVERYTHING);
                command.args(planted.iter().flat_map(|fault| ["--planted", fault]));
            }
        }
        command.args(*settings).args(["--parallelism", &parallelism.to_string()]);
        command.args(self.backend.settings());
        if self.backend == Backend::RocksDb {
            let local = self.folder.join("local");
            command.arg(format!("-Dstate.backend.rocksdb.localdir={}", local.display()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether the job had ended when its process was killed: lines are to be seen with the first
    /// checkpoint, and only a job that ends removes the last one.
    pub(super) fn is_over(&self, name: &str) -> Result<bool, Failure> {
        let (has_parts, has_checkpoints) = self.has(name)?;
        Ok(has_parts && !has_checkpoints)
    }

    /// Whether there are finished parts, and checkpoints.
    fn has(&self, name: &str) -> Result<(bool, bool), Failure> {
        let mut parts = Vec::new();
        find(&self.folder.join(name), |file| !file.starts_with('.'), &mut parts)
            .map_err(environment)?;
        let mut checkpoints = Vec::new();
        let folder = self.folder.join(format!("{name}.checkpoints"));
        find(&folder, |file| file == "_metadata", &mut checkpoints).map_err(environment)?;
        Ok((!parts.is_empty(), !checkpoints.is_empty()))
    }

    /// Removes what runs left that were killed before their first checkpoint: the next one begins anew,
    /// and touches nothing of jobs that it does not go on from.
    pub(super) fn forget_beginnings(&self, name: &str) -> Result<(), Failure> {
        if self.has(name)? == (false, false) {
            self.clear(name);
        }
        Ok(())
    }

    /// The lines of finished parts, sorted, and what should not be there.
    pub(super) fn lines(&self, name: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
        let (mut files, mut lines, mut left) = (Vec::new(), Vec::new(), Vec::new());
        find(&self.folder.join(name), |_| true, &mut files).map_err(environment)?;
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                left.push(name);
            } else {
                let text = fs::read_to_string(&file).map_err(environment)?;
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        lines.sort_unstable();
        Ok((lines, left))
    }

    /// Removes what a round left: the next one needs the room.
    pub(super) fn clear(&self, name: &str) {
        let _ = fs::remove_dir_all(self.folder.join(name));
        let _ = fs::remove_dir_all(self.folder.join(format!("{name}.checkpoints")));
    }
}

/// How a job goes on by itself after a failure, and how often it takes checkpoints.
const EVERYTHING: [&str; 4] = [
    "-Dexecution.checkpointing.interval=50 ms",
    "-Drestart-strategy.type=fixed-delay",
    "-Drestart-strategy.fixed-delay.attempts=1000",
    "-Drestart-strategy.fixed-delay.delay=5 ms",
];

/// The files below `folder` whose names are wanted.
fn find(
    folder: &Path,
    is_wanted: fn(&str) -> bool,
    found: &mut Vec<PathBuf>,
) -> Result<(), std::io::Error> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, is_wanted, found)?;
        } else if path.file_name().is_some_and(|file| is_wanted(&file.to_string_lossy())) {
            found.push(path);
        }
    }
    Ok(())
}

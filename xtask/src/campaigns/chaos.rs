//! `cargo xtask chaos`: a real job, killed again and again, writes each record once.
//!
//! The job is the example `exactly_once_files`, which counts the words of some files and writes a line
//! for each. It is killed with SIGKILL at random moments and started again with `--resume`, until it
//! ends by itself; then its lines are compared with those of a run without faults. That is repeated
//! until there were as many faults as wanted.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What `cargo xtask chaos --help` prints.
pub(crate) const HELP: &str = "\
Kills a real job at random moments, has it go on from its checkpoints, and compares what it wrote with
a run without faults.

Usage: cargo xtask chaos --faults N [--seed N] [--json]

  --faults N  how often the job is killed, over as many runs as that takes (20)
  --seed N    where the random moments begin (1); other work on the machine moves them as well
  --json      the report as one line of JSON, the last line of the output

The exit code is 1 if a line was lost, doubled or changed.

Examples:
  cargo xtask chaos --faults 200
  cargo xtask chaos --faults 50 --seed 7 --json";

/// Lines of one input file, and files.
const LINES: u64 = 600_000;
const FILES: u64 = 4;
/// A run is killed after up to this long.
const LIFE_MS_MAX: u64 = 300;
/// Without a fault the job takes a few seconds; a run that takes this long hangs.
const RUN_LIMIT: Duration = Duration::from_secs(120);
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A run that is not killed any more after so many faults ends its round.
const FAULTS_PER_ROUND: u64 = 8;

/// What came of it.
#[derive(Debug, Default)]
struct Report {
    rounds: u64,
    kills: u64,
    starts: u64,
    violations: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let faults = arguments.number("--faults")?.unwrap_or(20);
    let seed = arguments.number("--seed")?.unwrap_or(1);
    let json = arguments.flag("--json");
    arguments.finish()?;
    let mut build = workspace.cargo();
    build.args(["build", "--release", "-p", "brisk", "--example", "exactly_once_files"]);
    Run::new(build, BUILD_LIMIT).finish()?;
    let place = Place::make(workspace)?;
    let report = campaign(&place, faults, seed);
    // Left where it is when something is wrong with it.
    if report.as_ref().is_ok_and(|report| report.violations.is_empty()) {
        // A folder of the system's temporary ones, which it cleans up too.
        let _ = fs::remove_dir_all(&place.folder);
    }
    let report = report?;
    println!("{}", if json { report.json() } else { report.text() });
    match report.violations.len() {
        0 => Ok(()),
        found => Err(Failure::Found(format!("{found} violations; see {}", place.folder.display()))),
    }
}

/// Where a campaign works.
struct Place {
    program: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn make(workspace: &Workspace) -> Result<Self, Failure> {
        let program = workspace.target().join("release/examples/exactly_once_files");
        let folder = std::env::temp_dir().join(format!("brisk-chaos-{}", std::process::id()));
        let input = folder.join("input");
        fs::create_dir_all(&input).map_err(|error| Failure::Environment(error.to_string()))?;
        let mut text = String::new();
        for at in 0..LINES {
            let _ = writeln!(text, "word{} other{}", at % 977, at % 13);
        }
        for file in 0..FILES {
            let path = input.join(format!("{file}.txt"));
            fs::write(&path, &text).map_err(|error| Failure::Environment(error.to_string()))?;
        }
        Ok(Place { program, folder })
    }

    /// The job that writes to the folder `name`.
    fn job(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--input").arg(self.folder.join("input"));
        command.arg("--output").arg(self.folder.join(name));
        command.arg("--checkpoint-dir").arg(self.folder.join(format!("{name}.checkpoints")));
        command.args(["--interval", "50ms", "--resume"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Whether the job had ended when its process was killed: lines are to be seen with the first
    /// checkpoint, and only a job that ends removes the last one.
    fn is_over(&self, name: &str) -> Result<bool, Failure> {
        let mut parts = Vec::new();
        find(&self.folder.join(name), |file| !file.starts_with('.'), &mut parts)
            .map_err(|error| Failure::Environment(error.to_string()))?;
        let mut checkpoints = Vec::new();
        let folder = self.folder.join(format!("{name}.checkpoints"));
        find(&folder, |file| file == "_metadata", &mut checkpoints)
            .map_err(|error| Failure::Environment(error.to_string()))?;
        Ok(!parts.is_empty() && checkpoints.is_empty())
    }

    /// The lines of finished parts, sorted, and what should not be there.
    fn lines(&self, name: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
        let (mut lines, mut left) = (Vec::new(), Vec::new());
        collect(&self.folder.join(name), &mut lines, &mut left)
            .map_err(|error| Failure::Environment(error.to_string()))?;
        lines.sort_unstable();
        Ok((lines, left))
    }
}

fn collect(
    folder: &Path,
    lines: &mut Vec<String>,
    left: &mut Vec<String>,
) -> Result<(), std::io::Error> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            collect(&entry.path(), lines, left)?;
        } else if name.starts_with('.') {
            left.push(name);
        } else {
            let text = fs::read_to_string(entry.path())?;
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    Ok(())
}

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

/// A sequence of numbers that look random (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

fn campaign(place: &Place, faults: u64, seed: u64) -> Result<Report, Failure> {
    let mut report = Report::default();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    to_its_end(place, "calm", &mut report)?;
    let (expected, _) = place.lines("calm")?;
    while report.kills < faults && report.violations.is_empty() {
        report.rounds += 1;
        let name = format!("round-{}", report.rounds);
        let before = report.kills;
        let mut ended = false;
        while !ended && report.kills < faults && report.kills < before + FAULTS_PER_ROUND {
            let life = Duration::from_millis(random.below(LIFE_MS_MAX));
            ended = !killed(place, &name, life, &mut report)? || place.is_over(&name)?;
        }
        // A job that has ended leaves no checkpoint, and would begin anew.
        if !ended {
            to_its_end(place, &name, &mut report)?;
        }
        let (lines, left) = place.lines(&name)?;
        let kills = report.kills - before;
        if lines != expected {
            let (found, wanted) = (lines.len(), expected.len());
            let what = format!("{name}: {found} lines instead of {wanted}, after {kills} kills");
            report.violations.push(what);
        }
        if !left.is_empty() {
            report.violations.push(format!("{name}: left behind {}", left.join(", ")));
        }
        println!("round {}: {kills} kills, {} in all", report.rounds, report.kills);
        if report.violations.is_empty() {
            // The next round needs the room.
            let _ = fs::remove_dir_all(place.folder.join(&name));
            let _ = fs::remove_dir_all(place.folder.join(format!("{name}.checkpoints")));
        }
    }
    Ok(report)
}

/// Starts the job and kills it after `life`; false if it had ended by then.
fn killed(place: &Place, name: &str, life: Duration, report: &mut Report) -> Result<bool, Failure> {
    let mut command = place.job(name);
    command.stderr(Stdio::null());
    let failed = |error: std::io::Error| Failure::Environment(error.to_string());
    let mut child = command.spawn().map_err(failed)?;
    report.starts += 1;
    let until = Instant::now() + life;
    while Instant::now() < until {
        if child.try_wait().map_err(failed)?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().map_err(failed)?;
    child.wait().map_err(failed)?;
    report.kills += 1;
    Ok(true)
}

/// Starts the job and waits for its end.
fn to_its_end(place: &Place, name: &str, report: &mut Report) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Environment(error.to_string());
    let mut child = place.job(name).spawn().map_err(failed)?;
    report.starts += 1;
    let until = Instant::now() + RUN_LIMIT;
    while child.try_wait().map_err(failed)?.is_none() {
        if Instant::now() > until {
            child.kill().map_err(failed)?;
            report
                .violations
                .push(format!("{name}: hangs, {} s after its start", RUN_LIMIT.as_secs()));
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() && report.violations.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        report.violations.push(format!("{name}: {}: {said}", output.status));
    }
    Ok(())
}

impl Report {
    fn text(&self) -> String {
        let Report { rounds, kills, starts, violations } = self;
        let mut text = format!(
            "{rounds} rounds, {starts} starts, {kills} kills: {} violations",
            violations.len()
        );
        for violation in violations {
            let _ = write!(text, "\n  {violation}");
        }
        text
    }

    fn json(&self) -> String {
        let Report { rounds, kills, starts, violations } = self;
        let quoted: Vec<String> = violations.iter().map(|text| format!("{text:?}")).collect();
        format!(
            "{{\"rounds\":{rounds},\"starts\":{starts},\"faults\":{{\"kill\":{kills}}},\
             \"violations\":[{}]}}",
            quoted.join(",")
        )
    }
}

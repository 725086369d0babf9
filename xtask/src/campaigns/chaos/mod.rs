//! `cargo xtask chaos`: real jobs, killed again and again, write each record once.
//!
//! The jobs take turns, see [`job`]. A process is killed with SIGKILL at a random moment and started
//! again, to go on from its newest checkpoint, until it ends by itself; meanwhile its operators may fail
//! too, and it goes on at other parallelisms if its lines do not depend on that. In every other round other processes spin on all cores. Then the lines are compared with those of
//! a run without faults. That is repeated until there were as many faults as wanted.

mod contention;
mod job;
mod place;
mod report;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use contention::Spinners;
use job::{Backend, Job, SETTINGS};
use place::{Attempt, Place};
use report::Report;
use std::fs::{self, File};
use std::time::{Duration, Instant};

/// What `cargo xtask chaos --help` prints.
pub(crate) const HELP: &str = "\
Kills real jobs at random moments and fails their operators, has them go on from their checkpoints, and
compares what they wrote with a run without faults. In every other round other processes spin on all
cores.

Usage: cargo xtask chaos --faults N [--seed N] [--backend BACKEND] [--planted FAULT] [--json]

  --faults N       how many faults there are, kills and failures of operators, over as many runs as
                   that takes (20)
  --seed N         where the random moments begin (1); other work on the machine moves them as well
  --backend NAME   what keeps keyed state: hashmap (unless given) or rocksdb
  --planted FAULT  has the jobs make a fault, which shows that it would be found: forgotten-timer
  --json           the report as one line of JSON, the last line of the output

The exit code is 1 if a line was lost, doubled or changed.

Examples:
  cargo xtask chaos --faults 200
  cargo xtask chaos --faults 50 --seed 7 --json
  cargo xtask chaos --faults 50 --backend rocksdb";

/// A run is killed after up to this long.
const LIFE_MS_MAX: u64 = 400;
/// Without a fault a job takes a few seconds; a run that takes this long hangs.
const RUN_LIMIT: Duration = Duration::from_secs(240);
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A run that is not killed any more after so many kills ends its round.
const KILLS_PER_ROUND: u64 = 6;
/// Operators of one process fail up to so often.
const FAILURES_MAX: u64 = 3;

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let faults = arguments.number("--faults")?.unwrap_or(20);
    let seed = arguments.number("--seed")?.unwrap_or(1);
    let backend = match arguments.one_of("--backend", &["hashmap", "rocksdb"])? {
        Some("rocksdb") => Backend::RocksDb,
        _ => Backend::Memory,
    };
    let planted = arguments.one_of("--planted", &["forgotten-timer"])?;
    let json = arguments.flag("--json");
    arguments.finish()?;
    for job in Job::ALL {
        let mut build = workspace.cargo();
        build.args(["build", "--release", "-p", job.package(backend)]);
        build.args(["--example", job.program(backend)]).args(backend.features());
        Run::new(build, BUILD_LIMIT).finish()?;
    }
    let place = Place::make(workspace, backend)?;
    let plan = Plan { faults, seed, planted };
    let report = campaign(&place, &plan);
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

/// What a campaign is to do.
struct Plan<'a> {
    faults: u64,
    seed: u64,
    planted: Option<&'a str>,
}

fn campaign(place: &Place, plan: &Plan<'_>) -> Result<Report, Failure> {
    let Plan { faults, seed, planted } = *plan;
    let mut report = Report::default();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut expected = Vec::new();
    for job in Job::ALL {
        let name = format!("calm-{job:?}");
        let (parallelism, planted) = (job.parallelisms()[0], None);
        let calm =
            Attempt { job, name: &name, settings: &[], failures: 0, seed, parallelism, planted };
        to_its_end(place, &calm, &mut report)?;
        expected.push(place.lines(&name)?.0);
    }
    while report.faults() < faults && report.violations.is_empty() {
        let number = report.rounds as usize;
        report.rounds += 1;
        let spinners = if number % 2 == 1 { Some(Spinners::start()?) } else { None };
        report.contended += u64::from(spinners.is_some());
        // Both jobs without contention and with it, in all ways of checkpoints.
        let job = number / 2 % Job::ALL.len();
        let name = format!("round-{}", report.rounds);
        let settings = SETTINGS[number / 4 % SETTINGS.len()];
        let (job_now, failures) = (Job::ALL[job], 0);
        let parallelism = job_now.parallelisms()[0];
        let attempt =
            Attempt { job: job_now, name: &name, settings, failures, seed, parallelism, planted };
        round(place, attempt, faults, (&mut random, &mut report))?;
        drop(spinners);
        compare(place, &name, &expected[job], &mut report)?;
    }
    Ok(report)
}

/// Kills a job again and again until it ends, or was killed often enough.
fn round(
    place: &Place,
    attempt: Attempt<'_>,
    faults: u64,
    (random, report): (&mut Random, &mut Report),
) -> Result<(), Failure> {
    let before = report.kills;
    let draw = |random: &mut Random| {
        let (failures, seed) = match attempt.job {
            Job::Words => (0, 0),
            Job::Everything => (random.below(FAILURES_MAX + 1), random.below(1 << 20)),
        };
        let parallelisms = attempt.job.parallelisms();
        let parallelism = parallelisms[random.below(parallelisms.len() as u64) as usize];
        Attempt { failures, seed, parallelism, ..attempt }
    };
    while report.faults() < faults && report.kills < before + KILLS_PER_ROUND {
        let life = Duration::from_millis(random.below(LIFE_MS_MAX));
        let killed = killed(place, &draw(random), life, report)?;
        // A job that has ended leaves no checkpoint, and would begin anew.
        if !killed || place.is_over(attempt.name)? {
            return Ok(());
        }
    }
    to_its_end(place, &draw(random), report)
}

/// Compares what a round wrote with what it has to.
fn compare(
    place: &Place,
    name: &str,
    expected: &[String],
    report: &mut Report,
) -> Result<(), Failure> {
    let (lines, left) = place.lines(name)?;
    if lines != expected {
        let at = lines.iter().zip(expected).position(|(found, wanted)| found != wanted);
        let at = at.unwrap_or(lines.len().min(expected.len()));
        let (found, wanted) = (lines.len(), expected.len());
        report.violations.push(format!(
            "{name}: {found} lines instead of {wanted}; line {at} is {:?}, not {:?}",
            lines.get(at),
            expected.get(at)
        ));
    }
    if !left.is_empty() {
        report.violations.push(format!("{name}: left behind {}", left.join(", ")));
    }
    let Report { rounds, kills, operator_failures, .. } = report;
    println!("round {rounds}: {kills} kills and {operator_failures} failures in all");
    if report.violations.is_empty() {
        place.clear(name);
    }
    Ok(())
}

/// What a process said, and how many failures of operators it planned and met.
fn said(place: &Place, report: &mut Report) -> String {
    let text = fs::read_to_string(place.folder.join("stderr")).unwrap_or_default();
    report.operator_failures +=
        text.lines().filter(|line| *line == "a planned failure").count() as u64;
    text
}

fn failed(error: std::io::Error) -> Failure {
    Failure::Environment(error.to_string())
}

/// Starts the job and kills it after `life`; false if it had ended by then.
fn killed(
    place: &Place,
    attempt: &Attempt<'_>,
    life: Duration,
    report: &mut Report,
) -> Result<bool, Failure> {
    place.forget_beginnings(attempt.name)?;
    let mut command = place.command(attempt);
    command.stderr(File::create(place.folder.join("stderr")).map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    report.starts += 1;
    let until = Instant::now() + life;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let said = said(place, report);
            if !status.success() {
                let name = attempt.name;
                report.violations.push(format!("{name}: {status}: {}", said.trim()));
            }
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().map_err(failed)?;
    child.wait().map_err(failed)?;
    report.kills += 1;
    said(place, report);
    Ok(true)
}

/// Starts the job and waits for its end.
fn to_its_end(place: &Place, attempt: &Attempt<'_>, report: &mut Report) -> Result<(), Failure> {
    place.forget_beginnings(attempt.name)?;
    let mut command = place.command(attempt);
    command.stderr(File::create(place.folder.join("stderr")).map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    report.starts += 1;
    let (name, until) = (attempt.name, Instant::now() + RUN_LIMIT);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break Some(status);
        }
        if Instant::now() > until {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = said(place, report);
    match status {
        None => {
            let seconds = RUN_LIMIT.as_secs();
            report.violations.push(format!("{name}: hangs, {seconds} s after its start"));
        }
        Some(status) if !status.success() => {
            report.violations.push(format!("{name}: {status}: {}", said.trim()));
        }
        Some(_) => {}
    }
    Ok(())
}

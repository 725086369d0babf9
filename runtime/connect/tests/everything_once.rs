//! The job of `cargo xtask chaos` writes the same lines whatever happens, and a timer that no checkpoint
//! knows is found by that.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// The job's program, which cargo builds beside the tests.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a test has a file");
    let folder = test.parent().and_then(Path::parent).expect("it lies in target/*/deps");
    folder.join("examples/everything_once")
}

/// A run of the job in a folder.
struct Run<'a> {
    folder: &'a Path,
    arguments: &'a [&'a str],
}

impl Run<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("--output").arg(self.folder.join("output"));
        command.arg("--checkpoint-dir").arg(self.folder.join("checkpoints"));
        command.args(["--records", "200000", "--parallelism", "2"]).args(self.arguments);
        command.args([
            "-Dexecution.checkpointing.interval=10 ms",
            "-Drestart-strategy.type=fixed-delay",
            "-Drestart-strategy.fixed-delay.attempts=100",
            "-Drestart-strategy.fixed-delay.delay=1 ms",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end; how often an operator failed.
    fn finish(&self) -> usize {
        let ended = self.command().output().expect("it was built");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{said}");
        said.lines().filter(|line| *line == "a planned failure").count()
    }

    /// Kills it as soon as it has written `parts` files.
    fn kill_after(&self, parts: usize) {
        let mut child = self.command().stderr(Stdio::null()).spawn().expect("it was built");
        while child.try_wait().expect("it is our child").is_none() {
            let folder = self.folder.join("output/main");
            if fs::read_dir(folder).map_or(0, Iterator::count) >= parts {
                child.kill().expect("it is our child");
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// All lines, sorted.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for output in fs::read_dir(self.folder.join("output")).expect("it has written") {
            for part in fs::read_dir(output.expect("an entry").path()).expect("a folder") {
                let text = fs::read_to_string(part.expect("an entry").path()).expect("text");
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        lines.sort_unstable();
        lines
    }
}

/// The lines of a run with these arguments, and how often an operator failed.
fn lines(arguments: &[&str]) -> (Vec<String>, usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = Run { folder: folder.path(), arguments };
    let failures = run.finish();
    (run.lines(), failures)
}

#[test]
fn lines_are_the_same_whatever_fails() {
    let (calm, failures) = lines(&[]);
    assert_eq!(failures, 0);
    let mut met = 0;
    for seed in ["1", "2", "3"] {
        let (found, failures) = lines(&["--failures", "3", "--seed", seed]);
        met += failures;
        assert!(found == calm, "{} lines, not {}, with seed {seed}", found.len(), calm.len());
    }
    assert!(met > 3, "{met} failures");
    let unaligned = "-Dexecution.checkpointing.unaligned.enabled=true";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = Run { folder: folder.path(), arguments: &[unaligned, "--failures", "1"] };
    run.kill_after(3);
    run.kill_after(7);
    run.finish();
    assert!(run.lines() == calm, "killed twice");
}

#[test]
fn timers_that_no_checkpoint_knows_are_found() {
    let (calm, _) = lines(&[]);
    let found = ["1", "2", "3", "4"].iter().any(|seed| {
        let planted = ["--failures", "3", "--seed", seed, "--planted", "forgotten-timer"];
        lines(&planted).0 != calm
    });
    assert!(found, "lines are missing");
}

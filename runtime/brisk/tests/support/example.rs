//! Examples as processes: started, fed, ended, and what they left.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
};

/// All there are.
pub(crate) const EXAMPLES: [&str; 8] = [
    "wordcount",
    "embedded_service",
    "keyed_count",
    "side_outputs",
    "exactly_once_files",
    "nexmark",
    "slow_query_log",
    "sessions",
];

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; below zero the signal that ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command of an example, which is up to date.
pub(crate) fn example(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(build);
    let mut command = Command::new(folder.join(name));
    // What a stranger's shell does not have, and a closed standard input.
    command.env_remove("RUST_BACKTRACE").env_remove("FLINK_CONF_DIR").stdin(Stdio::null());
    command
}

/// Whether a program is at least as new as all of its sources, which cargo lists beside it.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(built) = modified(program) else { return false };
    let list = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let Some((_, sources)) = list.split_once(": ") else { return false };
    let mut sources = sources.split_whitespace();
    sources.all(|source| modified(Path::new(source)).is_some_and(|changed| changed <= built))
}

/// Where the examples are. Whoever runs all tests has built them; else they are built as the tests
/// were.
fn build() -> PathBuf {
    let test = env::current_exe().expect("a process knows its file");
    let folder = test.ancestors().nth(2).expect("tests are in PROFILE/deps");
    let examples = folder.join("examples");
    if EXAMPLES.iter().all(|name| is_fresh(&examples.join(name))) {
        return examples;
    }
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") => "test",
        Some(other) => other,
        None => panic!("{folder:?} names no profile"),
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "brisk", "--examples", "--profile", profile]);
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo is there");
    assert!(built.success(), "{built}");
    examples
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started"))
}

/// Waits for a process whose output is piped.
pub(crate) fn end(mut child: Child) -> Ended {
    let stdout = child.stdout.take().map(reader);
    let stderr = child.stderr.take().map(reader);
    let status = child.wait().expect("it was started");
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.map_or_else(String::new, |reader| reader.join().expect("reading does not panic"))
    };
    let signal = status.signal().map(|signal| -signal);
    let code = status.code().or(signal).expect("it ended one way or the other");
    Ended { code, stdout: text(stdout), stderr: text(stderr) }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8(bytes).expect("examples print text")
    })
}

/// Everything in a folder, hidden things too; nothing if it is not there.
pub(crate) fn content(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// Waits until a running process has something in `folder`.
pub(crate) fn wait_for_content(child: &mut Child, folder: &Path) {
    while content(folder).is_empty() {
        assert!(child.try_wait().expect("it was started").is_none(), "it ended too early");
        thread::yield_now();
    }
}

/// Sends a signal, by its name as `kill` has it.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

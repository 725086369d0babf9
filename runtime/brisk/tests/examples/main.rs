//! The examples as a stranger uses them: wrong arguments, broken inputs, closed outputs, signals.
//! Each ends with one error that names what is wrong, or with a whole result.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../support/example.rs"]
mod example;
#[expect(dead_code, reason = "the jobs of these tests run in processes of their own")]
#[path = "../support/words.rs"]
mod words;

mod logs;
mod nexmark;

use example::{EXAMPLES, Ended, content, end, example, run, signal, wait_for_content};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Child, Command, Stdio},
};
use words::{expected, lines_of, text_of};

/// Ends with `code` and one error that has all of `parts`; nothing is printed as a result.
fn check_refused(command: &mut Command, code: i32, parts: &[&str]) {
    let ended = run(command);
    assert_eq!(ended.code, code, "{command:?}: {ended:?}");
    assert_eq!(ended.stdout, "", "{command:?}");
    check_error(&ended, parts);
}

fn check_error(ended: &Ended, parts: &[&str]) {
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 1, "{ended:?}");
    for word in ["panicked", "ERROR"] {
        assert!(!ended.stderr.contains(word), "{ended:?}");
    }
    for part in parts {
        assert_eq!(ended.stderr.matches(part).count(), 1, "{part}: {}", ended.stderr);
    }
}

fn word_count(input: &Path) -> Command {
    let mut command = example("wordcount");
    command.arg("--input").arg(input);
    command
}

/// A file that takes very long to count, since it is named so often.
fn endless(file: &Path, output: &Path) -> Command {
    let mut command = word_count(file);
    for _ in 0..2_000 {
        command.arg("--input").arg(file);
    }
    command.arg("--output").arg(output);
    command
}

fn sorted_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn help_tells_all_options_and_examples() {
    for name in EXAMPLES {
        for argument in ["--help", "-h"] {
            let ended = run(example(name).arg(argument));
            assert_eq!(ended.code, 0, "{ended:?}");
            assert_eq!(ended.stderr, "");
            for part in ["-Dkey=value", "--config", "--parallelism", "--json", "Examples:"] {
                assert!(ended.stdout.contains(part), "{name} {argument}: {part}");
            }
        }
    }
}

#[test]
fn json_is_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    fs::write(&file, "to be or not to be").unwrap();
    let object = |command: &mut Command| -> serde_json::Value {
        let ended = run(command.arg("--json"));
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        serde_json::from_str(&ended.stdout).expect(&ended.stdout)
    };
    let counted = object(&mut word_count(&file));
    assert_eq!((&counted["records"], &counted["bytes"]), (&6.into(), &18.into()), "{counted}");
    for name in ["embedded_service", "keyed_count"] {
        let report = object(&mut example(name));
        for key in ["seconds", "bytes", "records", "busy_ratio"] {
            assert!(
                report[key].as_f64().is_some_and(|value| value > 0.0),
                "{name} {key}: {report}"
            );
        }
    }
    assert_eq!(object(&mut example("side_outputs"))["late"], 100);
}

#[test]
fn wrong_arguments() {
    for name in EXAMPLES {
        let refused = |arguments: &[&str], code, parts: &[&str]| {
            let mut command = example(name);
            let folder = tempfile::tempdir().unwrap();
            if !["embedded_service", "keyed_count", "side_outputs", "nexmark"].contains(&name) {
                command.args(["--input", "Cargo.toml"]);
            }
            if name == "nexmark" {
                command.args(["--query", "q1", "--events", "1000"]);
            }
            if name == "exactly_once_files" {
                command.arg("--output").arg(folder.path().join("out"));
                command.arg("--checkpoint-dir").arg(folder.path().join("checkpoints"));
            }
            check_refused(command.args(arguments), code, parts);
        };
        refused(&["--no-such-thing"], 2, &["--no-such-thing"]);
        refused(&["surplus"], 2, &["surplus"]);
        refused(&["--parallelism", "0"], 1, &["parallelism.default", "at least 1"]);
        refused(&["--parallelism"], 1, &["--parallelism needs a value"]);
        refused(&["-D"], 1, &["write -Dkey=value"]);
        refused(&["-Dtaskmanager.io.driver=telepathy"], 1, &["telepathy", "uring"]);
        refused(&["--config", "/no/such.yaml"], 1, &["/no/such.yaml", "No such file"]);
        let too_much = "-Dtaskmanager.memory.process.size=100tb";
        let keys = ["taskmanager.memory.network.max", "taskmanager.memory.managed.size"];
        refused(&[too_much], 1, &keys);
    }
    check_refused(&mut example("wordcount"), 2, &["required arguments were not provided"]);
    check_refused(example("keyed_count").args(["--keys", "0"]), 2, &["--keys"]);
    check_refused(&mut example("nexmark"), 1, &["--query", "--events-csv"]);
    check_refused(example("nexmark").args(["--query", "q6"]), 2, &["q6", "q7"]);
    check_refused(example("sessions").args(["--input", "x", "--gap-seconds", "0"]), 2, &["--gap"]);
    let bytes = OsStr::from_bytes(b"-Dkey=\xff");
    check_refused(example("side_outputs").arg(bytes), 1, &["is not UTF-8"]);
}

#[test]
fn a_key_that_is_a_slip_is_warned_of() {
    let ended = run(example("side_outputs").args(["-D", "taskmanager.memroy.network.max=64mb"]));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("did you mean taskmanager.memory.network.max?"), "{ended:?}");
}

#[test]
fn too_little_network_memory_tells_how_much_is_needed() {
    let size = "taskmanager.memory.network";
    let settings = [format!("-D{size}.min=32kb"), format!("-D{size}.max=32kb")];
    let parts = ["at least 6 network segments", "from 32 kb to at least 192 kb"];
    check_refused(example("keyed_count").args(settings).args(["--parallelism", "2"]), 1, &parts);
}

#[test]
fn memory_that_the_system_refuses() {
    let keyed_count = example("keyed_count").get_program().to_owned();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 1000000; exec \"$0\""]).arg(keyed_count);
    check_refused(
        &mut limited,
        1,
        &["cannot map the memory arena of", "Cannot allocate memory", "ulimit -v"],
    );
}

#[test]
fn inputs_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cut = || {
        let packed = zstd::encode_all(text_of(1, 10_000).as_bytes(), 1).unwrap();
        packed[..packed.len() / 2].to_vec()
    };
    fs::write(path("cut.zst"), cut()).unwrap();
    fs::write(path("wrong.gz"), "no gzip at all").unwrap();
    fs::write(path("archive.xz"), "no xz at all").unwrap();
    for (name, part) in [
        ("missing", "there is no such file or folder"),
        ("missing*", "the pattern matches no file"),
        ("[z", "not a valid pattern"),
        ("cut.zst", "it is incomplete"),
        ("wrong.gz", "corrupt gzip data"),
        ("archive.xz", ".xz is not supported"),
    ] {
        let (input, output) = (path(name), path("out"));
        let parts = [input.to_str().unwrap(), part];
        check_refused(word_count(&input).arg("--output").arg(&output), 1, &parts);
        assert_eq!(content(&output), [""; 0], "{name}");
    }
    check_refused(&mut word_count(Path::new("/dev/null")), 1, &["/dev/null", "is a device"]);
}

#[test]
fn inputs_that_are_strange_but_legal() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let ended = run(&mut word_count(&empty));
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    assert!(ended.stderr.contains("the input is empty"), "{ended:?}");

    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join(".git")).unwrap();
    let name = OsStr::from_bytes(b"caf\xe9");
    for file in [tree.join(name), tree.join("_under"), tree.join(".git/hidden")] {
        fs::write(file, "seen\n").unwrap();
    }
    assert_eq!(run(&mut word_count(&tree)).stdout, "seen 3\n");
    assert_eq!(run(&mut word_count(&tree.join(name))).stdout, "seen 1\n");

    let binary = folder.path().join("binary");
    fs::write(&binary, b"\xff\xfe\x00A\x00\xc3( a\n\xf0\x9f").unwrap();
    let ended = run(&mut word_count(&binary));
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "a 2\n"), "{ended:?}");
    assert!(ended.stderr.contains("2 lines were not valid UTF-8"), "{ended:?}");
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    fs::write(&file, "a b a\n").unwrap();
    let to = |output: &Path| {
        let mut command = word_count(&file);
        command.arg("--output").arg(output);
        command
    };
    check_refused(&mut to(&file), 1, &["is a file, but a folder is needed"]);
    check_refused(&mut to(&file.join("below")), 1, &["below", "Not a directory"]);
    let output = folder.path().join("out");
    assert_eq!(run(&mut to(&output)).code, 0);
    let before = lines_of(&output);
    let path = output.to_str().unwrap();
    check_refused(&mut to(&output), 1, &[path, "part files of an earlier job", "--overwrite"]);
    assert_eq!(lines_of(&output), before);
    assert_eq!(run(to(&output).arg("--overwrite")).code, 0);
    assert_eq!(lines_of(&output), before);
}

#[test]
fn standard_output_that_is_full() {
    for name in ["keyed_count", "side_outputs", "embedded_service"] {
        let mut command = example(name);
        let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
        for argument in [None, Some("--json")] {
            let child = command.args(argument).stdout(full()).stderr(Stdio::piped()).spawn();
            let ended = end(child.unwrap());
            assert_eq!(ended.code, 1, "{ended:?}");
            check_error(&ended, &["cannot write to standard output", "No space left on device"]);
        }
    }
}

#[test]
fn standard_output_that_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    let words: String = (0..200_000).map(|n| format!("word{n}\n")).collect();
    fs::write(&file, words).unwrap();
    let mut command = word_count(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ended = end(child);
    assert!(first.starts_with("word") && first.ends_with(" 1\n"), "{first}");
    assert_eq!(ended.code, 1, "{ended:?}");
    check_error(&ended, &["cannot write to standard output", "Broken pipe"]);
    // Nobody reads what went wrong either.
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(end(child).code, 1);
}

/// Starts an endless count and does something to it when it writes; gives how it ended.
fn interrupted(folder: &Path, interrupt: fn(&Child)) -> Ended {
    let file = folder.join("text");
    fs::write(&file, text_of(7, 100_000)).unwrap();
    let output = folder.join("out");
    let mut command = endless(&file, &output);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_content(&mut child, &output);
    interrupt(&child);
    end(child)
}

/// Counts into the folder of an interrupted count.
fn check_next(folder: &Path) {
    let (file, output) = (folder.join("next"), folder.join("out"));
    fs::write(&file, text_of(8, 1_000)).unwrap();
    let ended = run(word_count(&file).arg("--output").arg(&output));
    assert_eq!(ended.code, 0, "{ended:?}");
    // Which also says that nothing else is there.
    assert_eq!(lines_of(&output), expected([text_of(8, 1_000).as_str()]));
}

#[test]
fn signals_cancel_the_job_and_leave_nothing() {
    let check = |interrupt, code, name| {
        let folder = tempfile::tempdir().unwrap();
        let ended = interrupted(folder.path(), interrupt);
        assert_eq!(ended.code, code, "{ended:?}");
        check_error(&ended, &[name, "job 'WordCount' was canceled"]);
        assert_eq!(content(&folder.path().join("out")), [""; 0]);
        check_next(folder.path());
    };
    check(|child| signal(child, "INT"), 130, "SIGINT");
    check(|child| signal(child, "TERM"), 143, "SIGTERM");
}

#[test]
fn a_killed_process_shows_nothing_half_and_the_next_one_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let ended = interrupted(folder.path(), |child| signal(child, "KILL"));
    assert_eq!(ended.code, -9, "{ended:?}");
    let left = content(&folder.path().join("out"));
    assert!(left.iter().all(|name| name.starts_with(".part-")), "{left:?}");
    check_next(folder.path());
}

#[test]
fn counts_on_standard_output_are_those_of_a_plain_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    let text = text_of(3, 5_000);
    fs::write(&file, &text).unwrap();
    for parallelism in ["1", "3"] {
        let ended = run(word_count(&file).args(["--parallelism", parallelism]));
        assert_eq!(sorted_lines(&ended.stdout), expected([text.as_str()]));
    }
}

/// The lines in finished parts; an unfinished one has a hidden name.
fn finished_lines(output: &Path) -> Vec<String> {
    let entries = fs::read_dir(output).into_iter().flatten().map(|entry| entry.unwrap());
    let parts = entries.filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    let mut lines: Vec<String> = parts
        .flat_map(|part| {
            let text = fs::read_to_string(part.path()).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn files_exactly_once_though_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (output, input) = (folder.path().join("out"), folder.path().join("in"));
    fs::create_dir(&input).unwrap();
    let words: String = (0..400_000).map(|at| format!("w{} x{}\n", at % 977, at % 13)).collect();
    for file in 0..4 {
        fs::write(input.join(file.to_string()), &words).unwrap();
    }
    let command = |name: &Path| {
        let mut command = example("exactly_once_files");
        command.arg("--input").arg(&input).arg("--output").arg(name);
        command.arg("--checkpoint-dir").arg(name.with_extension("checkpoints"));
        command.args(["--interval", "20ms", "--resume"]);
        command
    };
    let calm = folder.path().join("calm");
    assert_eq!(run(&mut command(&calm)).code, 0);
    let expected = finished_lines(&calm);
    assert_eq!(expected.len(), 2 * 4 * 400_000);
    let mut kills = 0;
    let mut before = 0;
    for _ in 0..6 {
        let mut child = command(&output).stderr(Stdio::null()).spawn().unwrap();
        // Until something new is to be seen, or all is done.
        while child.try_wait().unwrap().is_none() {
            let parts = fs::read_dir(&output).map_or(0, Iterator::count);
            if parts > before + 4 {
                child.kill().unwrap();
                kills += 1;
                break;
            }
            std::thread::yield_now();
        }
        child.wait().unwrap();
        before = fs::read_dir(&output).map_or(0, Iterator::count);
    }
    assert!(kills > 1, "killed {kills} times");
    let ended = run(&mut command(&output));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(finished_lines(&output) == expected, "after {kills} kills");
    let hidden = fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(hidden.filter(|name| name.as_bytes().starts_with(b".")).count(), 0);
}

use super::*;

fn shell(script: &str) -> (Command, tempfile::TempDir) {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    (command, tempfile::tempdir().unwrap())
}

fn check_error(script: &str, parts: &[&str]) {
    let (mut command, folder) = shell(script);
    let error = json_of::<u32>(&mut command, &folder.path().join("stderr")).unwrap_err();
    let text = error.with_causes();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn the_last_line_is_read() {
    let (mut command, folder) = shell("echo starting; echo chatter >&2; echo 42");
    assert_eq!(json_of::<u32>(&mut command, &folder.path().join("stderr")).unwrap(), 42);
}

#[test]
fn failures_say_what_the_program_said() {
    check_error("echo it broke >&2; exit 3", &["sh -c", "exit status: 3", "it broke"]);
    check_error("echo no number", &["no number", "expected"]);
    check_error("true", &["printed no measurement"]);
}

#[test]
fn only_the_end_of_much_stderr_is_shown() {
    let (mut command, folder) = shell("seq 1 1000 >&2; exit 1");
    let error = output_of(&mut command, &folder.path().join("stderr")).unwrap_err().to_string();
    assert!(error.ends_with("\n  999\n  1000") && !error.contains("\n  985"), "{error}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("no-such-program-here");
    let error = output_of(&mut command, &folder.path().join("stderr")).unwrap_err();
    assert!(error.to_string().starts_with("`no-such-program-here` can't be started"), "{error}");
}

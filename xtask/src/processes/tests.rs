use super::{kill_tree, parse_stat, threads, tree};
use std::process::{Command, Stdio};

#[test]
fn a_stat_line_is_read_whatever_the_name_holds() {
    assert_eq!(parse_stat("12 (a) b) S 7 12 12"), Some((12, "a) b", 'S', 7)));
    assert_eq!(parse_stat("12 (cat) R x"), None);
    assert_eq!(parse_stat(""), None);
}

#[test]
fn a_tree_is_seen_and_ended_with_its_grandchildren() {
    let mut child = Command::new("sh")
        .args(["-c", "sh -c 'echo up; exec sleep 600' & wait"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    let mut up = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut stdout = std::io::BufReader::new(stdout);
    std::io::BufRead::read_line(&mut stdout, &mut up).expect("the grandchild says that it is up");

    assert!(tree(child.id()).len() >= 2, "{:?}", tree(child.id()));
    assert!(!threads(child.id()).is_empty());
    kill_tree(child.id());
    // The pipe ends when its last writer, the grandchild, is gone.
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut rest).expect("the pipe ends");
    assert!(!child.wait().expect("the child can be awaited").success());
}

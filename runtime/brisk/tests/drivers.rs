//! The same results with io_uring, with epoll, and where the system refuses io_uring.
#![expect(unsafe_code, reason = "seccomp is set by raw system calls")]
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/mod.rs"]
mod support;
#[path = "support/words.rs"]
mod words;

use std::{env, fs, process::Command};
use support::{assert_all_returned, cluster, environment, start};
use words::{count, expected, lines_of, text_of};

/// Set for a child process that is to be refused io_uring.
const CHILD: &str = "BRISK_TEST_REFUSED";

/// Counts words with this driver, from files to files, and compares.
fn check(driver: &str) {
    let cluster = cluster(&[("taskmanager.io.driver", driver)], 2);
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let texts: Vec<String> = (0..9).map(|file| text_of(file, 1 + file * 1000)).collect();
    for (number, text) in texts.iter().enumerate() {
        fs::write(input.path().join(format!("{number}.txt")), text).unwrap();
    }
    let expected = expected(texts.iter().map(String::as_str));
    for parallelism in [1, 3] {
        let folder = output.path().join(parallelism.to_string());
        count(environment(&cluster, parallelism), &[input.path().to_path_buf()], &folder).unwrap();
        assert!(lines_of(&folder) == expected, "{driver} at {parallelism}");
    }
    assert_all_returned(&cluster);
}

/// Answers io_uring calls of this thread, and of those it starts from now on, with `EPERM`.
fn refuse_io_uring() {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    const ANSWER: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        // The number of the call is the first word of the data.
        step(LOAD, 0, 0, 0),
        step(AT_LEAST, libc::SYS_io_uring_setup as u32, 0, 2),
        step(ABOVE, libc::SYS_io_uring_register as u32, 1, 0),
        step(ANSWER, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        step(ANSWER, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: takes plain numbers; without it an ordinary user may not install a filter.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(allowed, 0);
    // SAFETY: the program and its filter live until the call returns; the kernel copies them.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn every_driver_has_the_same_results() {
    for driver in ["uring", "epoll", "auto"] {
        check(driver);
    }
}

#[test]
fn where_io_uring_is_refused_auto_does_without() {
    const NAME: &str = "where_io_uring_is_refused_auto_does_without";
    if env::var_os(CHILD).is_none() {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&child.stdout);
        let complained = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{printed}{complained}");
        assert!(printed.contains("1 passed"), "the child ran no test: {printed}");
        return;
    }
    refuse_io_uring();
    let error = start(&[("taskmanager.io.driver", "uring")], 2)
        .expect_err("io_uring is refused")
        .to_string();
    for part in ["taskmanager.io.driver", "epoll or auto", "Operation not permitted"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    check("auto");
    check("epoll");
}

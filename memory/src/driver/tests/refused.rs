#![expect(unsafe_code, reason = "seccomp, capabilities and limits are set by raw system calls")]
//! What the system refuses costs no feature: io_uring by seccomp, registered memory by its limit.
//!
//! Each test runs itself again in a child process, which gives up the right in question for good.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::*;
use crate::{Arena, ArenaOptions, PoolOptions, SegmentCount, Taken};

const CHILD: &str = "BRISK_TEST_DRIVER_CHILD";

/// What this process is to be refused, if it is the child.
fn role() -> Option<String> {
    std::env::var(CHILD).ok()
}

fn run_child(test: &str, role: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("driver::tests::refused::{test}"), "--nocapture"])
        .env(CHILD, role)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{role}: {printed}{complained}");
    assert!(printed.contains("1 passed"), "{role}: the child ran no test: {printed}");
}

/// The lines that are logged on this thread during `work`.
fn logged(work: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Answers this thread's io_uring calls with `errno` from now on.
fn refuse_io_uring(errno: i32) {
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
        step(ANSWER, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0),
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

/// Gives up the right to lock more memory than the limit.
fn obey_the_limit_of_locked_memory() {
    #[repr(C)]
    struct Header {
        version: u32,
        process: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    const LOCK_MEMORY: u32 = 14;
    // Effective, permitted, inheritable; twice, for 64 capabilities.
    let mut sets = [[0u32; 3]; 2];
    let mut header = Header { version: VERSION_3, process: 0 };
    // SAFETY: header and sets have the kernel's layout for version 3.
    let got = unsafe { libc::syscall(libc::SYS_capget, &mut header, &mut sets) };
    assert_eq!(got, 0);
    for set in &mut sets[0] {
        *set &= !(1 << LOCK_MEMORY);
    }
    // SAFETY: as above; gives up a right of this thread only.
    let set = unsafe { libc::syscall(libc::SYS_capset, &mut header, &sets) };
    assert_eq!(set, 0);
}

/// No more memory of this process is locked from now on.
fn refuse_locked_memory() {
    let nothing = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: lowers a limit, which everybody may.
    let limited = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &nothing) };
    assert_eq!(limited, 0);
}

/// A bit of everything that a driver does.
fn exercise(driver: &mut Driver) {
    let folder = tempfile::tempdir().unwrap();
    let file = new_file(driver, folder.path(), "a");
    let mut blocks: VecDeque<u8> = (0..20).collect();
    for block in &blocks {
        driver.submit(write(&file, u64::from(*block) * 100, &[*block; 100]));
    }
    wait_for(driver, blocks.len());
    one(driver, Operation::Sync { file: file.clone() }).result.unwrap();
    while let Some(block) = blocks.pop_front() {
        let back = bytes_of(one(driver, read(&file, u64::from(block) * 100, 100)));
        assert_eq!(back, [block; 100]);
    }
    let at = driver.now() + Duration::from_micros(300);
    one(driver, Operation::Timer { at });
    let doorbell = driver.doorbell();
    let (sent, received) = mpsc::channel();
    let ringer = thread::spawn(move || {
        sent.send(1).unwrap();
        doorbell.ring();
    });
    while received.try_recv().is_err() {
        driver.park(None, &mut Vec::new());
    }
    ringer.join().unwrap();
}

#[test]
fn auto_takes_epoll_where_io_uring_is_refused() {
    match role() {
        None => {
            for errno in [libc::ENOSYS, libc::EPERM] {
                run_child("auto_takes_epoll_where_io_uring_is_refused", &errno.to_string());
            }
        }
        Some(errno) => {
            refuse_io_uring(errno.parse().unwrap());
            let messages = logged(|| {
                for _ in 0..3 {
                    let mut driver = Driver::new(options(DriverKind::Auto)).unwrap();
                    assert_eq!(driver.backend_name(), "epoll");
                    exercise(&mut driver);
                }
            });
            assert_eq!(messages.len(), 1, "one note for all drivers: {messages:?}");
            let reason = std::io::Error::from_raw_os_error(errno.parse().unwrap()).to_string();
            let says = messages[0].contains("using the epoll driver");
            assert!(says && messages[0].contains(&reason), "{messages:?}");
            let error = Driver::new(options(DriverKind::Uring)).unwrap_err().to_string();
            assert!(error.contains("set taskmanager.io.driver to epoll or auto"), "{error}");
        }
    }
}

/// Writes a segment to a file and reads it back.
fn exercise_segments(driver: &mut Driver, arena: &Arena) {
    let folder = tempfile::tempdir().unwrap();
    let file = new_file(driver, folder.path(), "a");
    let mut pool = arena
        .managed()
        .create_pool(PoolOptions {
            owner: "test".to_owned(),
            required: SegmentCount(4),
            max: SegmentCount(4),
            overdraft: SegmentCount(0),
            waker: driver.doorbell().waker(),
        })
        .unwrap();
    for round in 1..20u8 {
        let Taken::Segment(mut segment) = pool.take() else { panic!("the pool has four") };
        segment.as_mut_slice().fill(round);
        let len = segment.size();
        let buffer = IoBuffer::Segment(segment);
        let written = one(driver, Operation::Write { file: file.clone(), offset: 0, buffer, len });
        assert_eq!(written.result.unwrap(), len);
        let Taken::Segment(mut other) = pool.take() else { panic!("the pool has four") };
        other.as_mut_slice().fill(0);
        let buffer = IoBuffer::Segment(other);
        let back = one(driver, Operation::Read { file: file.clone(), offset: 0, buffer, len });
        let back = back.buffer.unwrap();
        assert!(back.as_slice().iter().all(|byte| *byte == round));
        let IoBuffer::Segment(segment) = back else { panic!("what went in comes out") };
        let shared = segment.freeze(100).slice(30..70);
        let buffer = IoBuffer::Buffer(shared.clone());
        let part = one(driver, Operation::Write { file: file.clone(), offset: 5, buffer, len: 40 });
        assert_eq!(part.result.unwrap(), 40);
    }
    assert_eq!(pool.outstanding(), SegmentCount(0));
}

fn arena() -> Arena {
    Arena::map(ArenaOptions { managed: SegmentCount(64), ..ArenaOptions::default() }).unwrap()
}

#[test]
fn segments_are_transferred_by_every_driver() {
    check_real(|driver, _| {
        let arena = arena();
        let kind = driver.backend_name().parse().unwrap();
        let with_arena = DriverOptions { arena: Some(arena.clone()), ..options(kind) };
        exercise_segments(&mut Driver::new(with_arena).unwrap(), &arena);
        // A driver that knows nothing of the arena.
        exercise_segments(driver, &arena);
        arena.verify_conservation().unwrap();
    });
}

#[test]
fn segments_are_transferred_without_registered_memory_too() {
    match role() {
        None => run_child("segments_are_transferred_without_registered_memory_too", "memory"),
        Some(_) => {
            obey_the_limit_of_locked_memory();
            let messages = logged(|| {
                let arena = arena();
                let kind = DriverKind::Uring;
                let options = DriverOptions { arena: Some(arena.clone()), ..options(kind) };
                let mut driver = Driver::new(options).unwrap();
                // The ring itself is locked memory too.
                refuse_locked_memory();
                exercise_segments(&mut driver, &arena);
                exercise(&mut driver);
            });
            let notes = messages.iter().filter(|text| text.contains("without registered memory"));
            assert_eq!(notes.count(), 1, "{messages:?}");
        }
    }
}

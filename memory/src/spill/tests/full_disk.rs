//! A disk that is really full: a small tmpfs, mounted in a name space of a child process.

use std::process::Command;

use super::*;

const CHILD: &str = "BRISK_TEST_FULL_DISK_CHILD";
const DISK_BYTES: usize = 1 << 20;

/// In the child, on the small disk.
fn fill_and_go_on(kind: DriverKind, folder: &Path) {
    let mut task = Task::new(kind, folder, |_| {}).unwrap();
    let error = task.spill(&blocks(2 * DISK_BYTES / SEGMENT, SEGMENT)).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, SpillError::DiskFull { .. }), "{message}");
    let advice = format!("free space in {}, or add a directory", folder.display());
    assert!(message.contains(&advice) && message.contains("job/task 1"), "{message}");
    task.drain();
    // The failed file has given its space back.
    let some = blocks(DISK_BYTES / SEGMENT / 2, SEGMENT);
    let file = task.spill(&some).unwrap();
    assert_eq!(task.unspill(&file, 2).unwrap(), bytes_of(&some));
    drop(file);
    task.end();
}

#[test]
fn a_disk_that_is_really_full_is_an_error_and_nothing_is_left() {
    if let Some(folder) = std::env::var_os(CHILD) {
        for kind in [DriverKind::Uring, DriverKind::Epoll] {
            fill_and_go_on(kind, Path::new(&folder));
        }
        println!("filled it");
        return;
    }
    let folder = real_folder();
    let name =
        "spill::tests::full_disk::a_disk_that_is_really_full_is_an_error_and_nothing_is_left";
    let script = format!(
        "mount -t tmpfs -o size={DISK_BYTES} small \"$1\" || {{ echo no mount; exit 0; }}; \
         exec \"$2\" --exact \"$3\" --nocapture"
    );
    // In a name space of users, so that it takes no rights outside.
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(CHILD, folder.path())
        .output();
    let Ok(output) = output else {
        println!("no `unshare` here: a full disk is shown by the simulation alone");
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if complained.contains("unshare: ") || printed.contains("no mount") {
        println!("no name spaces here: a full disk is shown by the simulation alone");
        return;
    }
    assert!(output.status.success(), "{printed}{complained}");
    assert!(printed.contains("filled it"), "{printed}{complained}");
}

//! Limits read from trees as the kernel shows them.

use std::path::Path;

use super::*;

/// The limit that the files give, and the file that states it.
fn check(files: &[(&str, &str)], expected: Option<(u64, &str)>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = HostMemory::read(root.path()).container;
    let found = found.map(|limit| (limit.size.bytes(), limit.file));
    let expected = expected.map(|(bytes, file)| (bytes, root.path().join(file)));
    assert_eq!(found, expected);
}

const SELF: &str = "proc/self/cgroup";

#[test]
fn without_cgroups_there_is_no_limit() {
    check(&[], None);
    check(&[(SELF, "")], None);
    check(&[(SELF, "0::/a\n")], None);
    check(&[(SELF, "nonsense\n::\n1:memory\n")], None);
}

#[test]
fn version_2_takes_the_smallest_limit_on_the_path() {
    let own = "sys/fs/cgroup/a/b/memory.max";
    let outer = "sys/fs/cgroup/a/memory.max";
    check(&[(SELF, "0::/a/b\n"), (own, "1048576\n")], Some((1 << 20, own)));
    check(&[(SELF, "0::/a/b\n"), (own, "2097152\n"), (outer, "1048576\n")], Some((1 << 20, outer)));
    check(&[(SELF, "0::/a/b\n"), (own, "max\n"), (outer, "4096\n")], Some((4096, outer)));
    check(&[(SELF, "0::/a/b\n"), (own, "max\n"), (outer, "max\n")], None);
    check(&[(SELF, "0::/a/b\n"), (own, "many\n")], None);
    check(&[(SELF, "0::/a/b\n"), ("sys/fs/cgroup/other/memory.max", "1\n")], None);
}

#[test]
fn version_2_in_a_namespace_is_the_mount() {
    let mount = "sys/fs/cgroup/memory.max";
    check(&[(SELF, "0::/\n"), (mount, "536870912\n")], Some((512 << 20, mount)));
    check(&[(SELF, "0::/../../other\n"), (mount, "4096\n")], Some((4096, mount)));
    check(&[(SELF, "0::/docker/0a1b\n"), (mount, "4096\n")], Some((4096, mount)));
}

#[test]
fn version_1_knows_its_memory_controller() {
    let groups = "12:cpu,cpuacct:/docker/x\n9:memory:/docker/x\n0::/docker/x\n";
    let own = "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes";
    let mount = "sys/fs/cgroup/memory/memory.limit_in_bytes";
    let none = "9223372036854771712\n";
    check(&[(SELF, groups), (own, "4194304\n"), (mount, none)], Some((4 << 20, own)));
    check(&[(SELF, groups), (own, none), (mount, none)], None);
    check(&[(SELF, groups), (mount, "8388608\n")], Some((8 << 20, mount)));
}

#[test]
fn the_hybrid_layout_is_read_on_both_sides() {
    let groups = "3:memory:/x\n0::/x\n";
    let old = "sys/fs/cgroup/memory/x/memory.limit_in_bytes";
    let new = "sys/fs/cgroup/unified/x/memory.max";
    check(&[(SELF, groups), (old, "8192\n"), (new, "4096\n")], Some((4096, new)));
    check(&[(SELF, groups), (old, "4096\n"), (new, "max\n")], Some((4096, old)));
}

#[test]
fn the_machine_has_what_meminfo_says() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("proc")).unwrap();
    for (text, expected) in [
        ("MemTotal:       16384 kB\nMemFree: 1 kB\n", Some(mib(16))),
        ("MemFree: 1 kB\n", None),
        ("MemTotal: lots\n", None),
    ] {
        std::fs::write(root.path().join("proc/meminfo"), text).unwrap();
        assert_eq!(HostMemory::read(root.path()).machine, expected);
    }
}

#[test]
fn the_smaller_of_machine_and_container_is_available() {
    let mut host = container(mib(100));
    assert_eq!(host.available(), Some(mib(100)));
    host.machine = Some(mib(50));
    assert_eq!(host.available(), Some(mib(50)));
    assert_eq!(boundless().available(), None);
    assert!(HostMemory::read(Path::new("/")).machine.is_some());
}

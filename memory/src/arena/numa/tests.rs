use super::*;

fn check_list(text: &str, expected: Option<&[(u32, u32)]>) {
    let bounds = |list: Vec<Range<u32>>| list.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>();
    assert_eq!(parse_list(text).map(bounds).as_deref(), expected, "{text}");
}

#[test]
fn lists_are_read_as_the_kernel_writes_them() {
    check_list("", Some(&[]));
    check_list("0", Some(&[(0, 1)]));
    check_list("0-3,8,10-11", Some(&[(0, 4), (8, 9), (10, 12)]));
    check_list("x", None);
    check_list("1-", None);
    check_list("4294967295", None);
}

fn machine(files: &[(&str, &str)]) -> Topology {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Topology::read(folder.path())
}

#[test]
fn nodes_with_memory_count() {
    let two = machine(&[
        ("has_memory", "0,2\n"),
        ("node0/cpulist", "0-3\n"),
        ("node1/cpulist", "8-11\n"),
        ("node2/cpulist", "4-7\n"),
    ]);
    let node = |id, cpus: Range<u32>| Node { id, cpus: vec![cpus] };
    assert_eq!(two.nodes, [node(0, 0..4), node(2, 4..8)]);
}

#[test]
fn what_is_not_understood_is_one_node() {
    for files in [
        vec![],
        vec![("has_memory", "0-1")],
        vec![("has_memory", "")],
        vec![("has_memory", "64"), ("node64/cpulist", "0")],
        vec![("has_memory", "0"), ("node0/cpulist", "?")],
    ] {
        assert_eq!(machine(&files).len(), 1, "{files:?}");
    }
}

#[test]
fn this_machine_has_the_node_we_run_on() {
    let topology = Topology::of_machine();
    assert!(topology.current().0 < topology.len());
}

#[test]
fn memory_can_be_bound_to_a_node() {
    let topology = Topology::of_machine();
    let map = memmap2::MmapMut::map_anon(1 << 20).unwrap();
    match topology.bind(NodePlace(0), map.as_ptr().cast_mut(), map.len()) {
        Ok(()) => {}
        // Containers forbid it, and some kernels are built without it.
        Err(error) => {
            assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)), "{error}")
        }
    }
}

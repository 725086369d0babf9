use super::smaps::{parse, stack_pointer};
use super::*;

const SMAPS: &str = "\
55e8a2a00000-55e8a2a21000 r-xp 00001000 fe:01 131 /usr/bin/a b
Size:                132 kB
Rss:                  64 kB
Pss:                  10 kB
VmFlags: rd ex mr mw me
7f0000000000-7f0000001000 ---p 00000000 00:00 0
Rss:                   0 kB
7f0000001000-7f0000201000 rw-p 00000000 00:00 0
Rss:                  16 kB
7f0000201000-7f0000301000 rw-p 00000000 00:00 0
Rss:                   8 kB
7f0000400000-7f0000600000 rw-s 00000000 00:10 7 /memfd:brisk-arena (deleted)
Rss:                   0 kB
Shared_Hugetlb:     2048 kB
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
Rss:                  12 kB
7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0 [vdso]
Rss:                   4 kB
";

#[test]
fn mappings_are_read_as_the_kernel_writes_them() {
    let mapped = parse(SMAPS);
    let stacks = Stacks::find(&mapped);
    let seen: Vec<_> = mapped
        .iter()
        .map(|mapping| {
            let part = mapping.part(&stacks);
            (part, mapping.holder(part), mapping.resident >> 10)
        })
        .collect();
    let line = |part, holder: &str, kib| (part, holder.to_owned(), kib);
    assert_eq!(
        seen,
        [
            line(Part::Files, "a b", 64),
            line(Part::Heap, "shared memory without a name", 0),
            line(Part::Stacks, "threads", 16),
            line(Part::Heap, "shared memory without a name", 8),
            line(Part::Rest, "/memfd:brisk-arena (deleted)", 2048),
            line(Part::Stacks, "main", 12),
            line(Part::Rest, "[vdso]", 4),
        ]
    );
}

#[test]
fn what_is_not_understood_is_skipped() {
    for text in ["", "Rss: 4 kB", "x-y rw-p", "0-1", "Rss: 18446744073709551616 kB\n0-1 rw-p\nRss"]
    {
        assert!(parse(text).iter().all(|mapping| mapping.resident == 0), "{text}");
    }
}

#[test]
fn stack_pointers_of_waiting_threads_are_found() {
    assert_eq!(stack_pointer("running\n"), None);
    assert_eq!(stack_pointer(""), None);
    assert_eq!(stack_pointer("-1 0x7ffd00 0x7f10\n"), Some(0x7f_fd00));
    assert_eq!(stack_pointer("202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffe10 0x7f20\n"), Some(0x7f_fe10));
}

use super::*;

const CHUNK: u64 = READ_CHUNK as u64;
const TAIL: u64 = TAIL_SLACK as u64;

/// The (offset, length) of all reads of a plan, `extensions` included.
fn check(plan: (u64, u64, u64), extensions: usize, expected: &[(u64, u64)]) {
    let mut plan = ReadPlan::new(plan.0..plan.1, plan.2, ReadSizes::default());
    let mut reads = Vec::new();
    for _ in 0..=extensions {
        reads.extend(std::iter::from_fn(|| plan.next_read()).map(|r| (r.offset, r.length as u64)));
        plan.extend();
    }
    assert_eq!(reads, expected);
}

#[test]
fn small_files_are_one_read() {
    check((0, 10, 10), 0, &[(0, 10)]);
    check((0, CHUNK, CHUNK), 0, &[(0, CHUNK)]);
    check((0, 0, 0), 1, &[]);
}

#[test]
fn the_last_read_takes_the_tail_with_it() {
    check((0, CHUNK, CHUNK * 9), 0, &[(0, CHUNK + TAIL)]);
    check((0, CHUNK + 1, CHUNK * 9), 0, &[(0, CHUNK), (CHUNK, 1 + TAIL)]);
    check((CHUNK - 1, CHUNK * 2, CHUNK * 2), 0, &[(CHUNK - 1, CHUNK + 1)]);
}

#[test]
fn a_long_last_record_takes_more_reads_up_to_the_end_of_the_file() {
    let end = 10 + TAIL;
    let size = end + CHUNK + 5;
    check((0, 10, size), 3, &[(0, end), (end, CHUNK), (end + CHUNK, 5)]);
}

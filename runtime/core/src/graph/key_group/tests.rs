use proptest::prelude::*;

use super::*;

fn check_default(parallelism: u32, expected: u32) {
    let max_parallelism = MaxParallelism::default_for(Parallelism(parallelism));
    assert_eq!(max_parallelism, MaxParallelism(expected), "of parallelism {parallelism}");
}

#[test]
fn default_max_parallelism_is_half_as_much_again_rounded_up() {
    check_default(0, 128);
    check_default(1, 128);
    check_default(85, 128);
    // 86 + 43 = 129.
    check_default(86, 256);
    check_default(128, 256);
    check_default(170, 256);
    check_default(171, 256);
    check_default(172, 512);
    check_default(20_000, 32_768);
    check_default(32_768, 32_768);
    check_default(u32::MAX, 32_768);
}

fn check_ranges(parallelism: u32, max_parallelism: u32, expected: &[(u32, u32)]) {
    let parallelism = Parallelism(parallelism);
    let ranges: Vec<_> = parallelism
        .subtasks()
        .map(|index| {
            let range =
                KeyGroupRange::of_subtask(index, parallelism, MaxParallelism(max_parallelism));
            (range.first().unwrap().0, range.last().unwrap().0)
        })
        .collect();
    assert_eq!(ranges, expected);
}

#[test]
fn ranges_of_subtasks() {
    check_ranges(1, 128, &[(0, 127)]);
    check_ranges(4, 128, &[(0, 31), (32, 63), (64, 95), (96, 127)]);
    check_ranges(3, 10, &[(0, 3), (4, 6), (7, 9)]);
    check_ranges(3, 3, &[(0, 0), (1, 1), (2, 2)]);
    // Flink's documented example: 128 groups on 7 subtasks.
    check_ranges(7, 128, &[(0, 18), (19, 36), (37, 54), (55, 73), (74, 91), (92, 109), (110, 127)]);
}

#[test]
fn range_operations() {
    let range = |first, end| KeyGroupRange::new(KeyGroup(first), KeyGroup(end));
    assert_eq!(range(3, 7).len(), 4);
    assert_eq!(range(3, 7).first(), Some(KeyGroup(3)));
    assert_eq!(range(3, 7).last(), Some(KeyGroup(6)));
    assert_eq!(range(3, 3).last(), None);
    assert!(range(3, 3).is_empty());
    assert!(range(3, 7).contains(KeyGroup(6)) && !range(3, 7).contains(KeyGroup(7)));
    assert_eq!(range(3, 7).intersection(range(5, 9)), range(5, 7));
    assert!(range(3, 7).intersection(range(8, 9)).is_empty());
    assert_eq!(range(3, 6).iter().map(|group| group.0).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
#[should_panic(expected = "is not within 1")]
fn more_subtasks_than_groups_is_a_bug() {
    operator_index_for_key_group(KeyGroup(0), Parallelism(3), MaxParallelism(2));
}

proptest! {
    /// Group to subtask and subtask to groups agree, and the ranges cover every group once.
    #[test]
    fn both_directions_agree(max in 1..=32_768_u32, share in 0.0..1.0_f64) {
        let parallelism = Parallelism(1 + (f64::from(max - 1) * share) as u32);
        let max_parallelism = MaxParallelism(max);
        let mut next = 0;
        for index in parallelism.subtasks() {
            let range = KeyGroupRange::of_subtask(index, parallelism, max_parallelism);
            let size = max / parallelism.0;
            prop_assert!((size..=size + 1).contains(&(range.len() as u32)));
            for group in range.iter() {
                prop_assert_eq!(group.0, next);
                let owner = operator_index_for_key_group(group, parallelism, max_parallelism);
                prop_assert_eq!(owner, index);
                next += 1;
            }
        }
        prop_assert_eq!(next, max);
    }
}

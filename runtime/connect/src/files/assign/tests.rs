use proptest::prelude::*;

use super::*;
use crate::constants::MIN_SPLIT;
use crate::files::split::tests::set_of;
use crate::files::split::{SplitRule, cut};

/// Cuts and assigns; checks that nothing is lost and that loads are level; gives the loads.
fn check(sizes: &[u64], subtasks: u32) -> Vec<u64> {
    let splits = cut(&set_of(sizes), SplitRule::Anywhere, subtasks);
    let largest = splits.iter().map(FileSplit::bytes).max().unwrap_or(0);
    let assigned = assign(splits.clone(), subtasks);
    assert_eq!(assigned, assign(splits.clone(), subtasks), "deterministic");
    let loads: Vec<u64> =
        assigned.iter().map(|list| list.iter().map(FileSplit::bytes).sum()).collect();
    assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= largest);
    assert!(assigned.iter().all(|list| list.is_sorted()));

    let mut all: Vec<FileSplit> = assigned.into_iter().flatten().collect();
    all.sort_unstable();
    let mut whole = splits;
    join_neighbours(&mut all);
    join_neighbours(&mut whole);
    assert_eq!(all, whole, "every byte once");
    loads
}

#[test]
fn one_large_file_is_shared_equally() {
    for subtasks in [1, 2, 3, 4, 7, 64] {
        let loads = check(&[MIN_SPLIT * 10_000], subtasks);
        let (most, least) = (loads.iter().max().unwrap(), loads.iter().min().unwrap());
        assert!(most - least <= most / 1000, "{subtasks}: {loads:?}");
    }
}

#[test]
fn many_small_files_are_shared_equally() {
    let sizes: Vec<u64> = (0..80_000u64).map(|i| (i * 7919) % 40_000).collect();
    for subtasks in [2, 4, 7] {
        let loads = check(&sizes, subtasks);
        assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 100, "{loads:?}");
    }
}

#[test]
fn more_subtasks_than_splits() {
    assert_eq!(check(&[5], 3), [5, 0, 0]);
    assert_eq!(check(&[], 2), [0, 0]);
}

proptest! {
    #[test]
    fn nothing_is_lost(sizes in proptest::collection::vec(0u64..MIN_SPLIT * 20, 0..40), subtasks in 1u32..9) {
        check(&sizes, subtasks);
    }
}

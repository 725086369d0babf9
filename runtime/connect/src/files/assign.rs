//! Which subtask reads which split: the largest first, each to the subtask with the fewest bytes so
//! far (the greedy rule of Graham 1969). The loads of two subtasks differ by at most the largest
//! split, and by about the smallest file when there are many. Ties go to the lower subtask, so the
//! same splits always give the same assignment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::split::FileSplit;

/// The splits of each subtask, in reading order; neighbours in one file are joined again.
///
/// # Panics
/// If there are no subtasks.
pub fn assign(mut splits: Vec<FileSplit>, subtasks: u32) -> Vec<Vec<FileSplit>> {
    assert!(subtasks > 0);
    let bytes: u64 = splits.iter().map(FileSplit::bytes).sum();
    splits.sort_unstable_by_key(|split| (Reverse(split.bytes()), split.file, split.start));
    let mut least_loaded: BinaryHeap<Reverse<(u64, usize)>> =
        (0..subtasks as usize).map(|subtask| Reverse((0, subtask))).collect();
    let mut assigned = vec![Vec::new(); subtasks as usize];
    for split in splits {
        let Reverse((load, subtask)) = least_loaded.pop().expect("there is a subtask");
        assigned[subtask].push(split);
        least_loaded.push(Reverse((load + split.bytes(), subtask)));
    }
    for list in &mut assigned {
        list.sort_unstable();
        join_neighbours(list);
    }
    assert_eq!(bytes, assigned.iter().flatten().map(FileSplit::bytes).sum::<u64>());
    assigned
}

fn join_neighbours(splits: &mut Vec<FileSplit>) {
    splits.dedup_by(|next, kept| {
        let joins = next.file == kept.file && next.start == kept.end;
        if joins {
            kept.end = next.end;
        }
        joins
    });
}

#[cfg(test)]
mod tests;

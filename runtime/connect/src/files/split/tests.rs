use super::*;
use crate::files::list::InputFile;

pub(in crate::files) fn set_of(sizes: &[u64]) -> FileSet {
    let file = |size: &u64| InputFile {
        path: Path::new("f").into(),
        size: *size,
        compression: Compression::None,
    };
    FileSet::of(sizes.iter().map(file).collect())
}

/// Cuts files of these sizes; gives (file, start, end).
fn check(sizes: &[u64], rule: SplitRule, subtasks: u32, expected: &[(u32, u64, u64)]) {
    let got: Vec<_> = cut(&set_of(sizes), rule, subtasks)
        .iter()
        .map(|split| (split.file.0, split.start, split.end))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn small_files_stay_whole_and_empty_ones_vanish() {
    check(&[10, 0, 20], SplitRule::Anywhere, 4, &[(0, 0, 10), (2, 0, 20)]);
    check(&[MIN_SPLIT * 2 - 1], SplitRule::Anywhere, 4, &[(0, 0, MIN_SPLIT * 2 - 1)]);
}

#[test]
fn one_subtask_gets_whole_files() {
    check(&[MIN_SPLIT * 1000, 5], SplitRule::Anywhere, 1, &[(0, 0, MIN_SPLIT * 1000), (1, 0, 5)]);
}

#[test]
fn a_large_file_is_cut_evenly() {
    let splits = cut(&set_of(&[MIN_SPLIT * 1000 + 7]), SplitRule::Anywhere, 4);
    assert_eq!(splits.len() as u64, 4 * SPLITS_PER_SUBTASK);
    let sizes = splits.iter().map(FileSplit::bytes);
    assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
}

#[test]
fn records_of_a_fixed_length_are_never_cut() {
    let length = 1000;
    let splits = cut(&set_of(&[length * 5000]), SplitRule::Every(length), 3);
    assert!(splits.len() > 3);
    assert!(splits.iter().all(|split| split.start % length == 0 && split.end % length == 0));
    let long = MIN_SPLIT * 64;
    check(&[long], SplitRule::Every(long), 4, &[(0, 0, long)]);
}

#[test]
fn whole_files_and_compressed_ones_are_one_split() {
    let size = MIN_SPLIT * 100;
    check(&[size, 0], SplitRule::Whole, 4, &[(0, 0, size)]);
    let gzip =
        |size| InputFile { path: Path::new("f.gz").into(), size, compression: Compression::Gzip };
    let splits = cut(&FileSet::of(vec![gzip(size), gzip(0)]), SplitRule::Anywhere, 4);
    let ends: Vec<_> = splits.iter().map(|split| (split.start, split.end)).collect();
    assert_eq!(ends, [(0, size), (0, 0)]);
}

use proptest::prelude::*;

use super::*;
use crate::format::tests::{Cuts, records};

fn check(length: usize, count: usize, borders: &[u64], cuts: &Cuts) {
    let content: Vec<u8> = (0..length * count).map(|i| (i * 31 % 251) as u8).collect();
    let mut borders = borders.to_vec();
    borders.extend([0, content.len() as u64]);
    borders.sort_unstable();
    borders.dedup();
    let mut framing = FixedRecords::new(length).unwrap();
    let mut found = Vec::new();
    for pair in borders.windows(2) {
        found.extend(records(&mut framing, &content, pair[0]..pair[1], cuts).unwrap());
    }
    let expected: Vec<Vec<u8>> = content.chunks(length).map(<[u8]>::to_vec).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let mut framing = FixedRecords::new(4).unwrap();
    let error = records(&mut framing, b"123456", 0..6, &Cuts::of(1)).unwrap_err();
    assert!(matches!(error, ConnectError::Truncated { offset: 6, .. }), "{error}");
}

#[test]
fn the_length_is_bounded() {
    assert!(FixedRecords::new(0).is_err());
    assert!(FixedRecords::new(MAX_RECORD + 1).is_err());
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_records(
        length in 1usize..20,
        count in 0usize..20,
        borders in proptest::collection::vec(0u64..400, 0..6),
        chunks in proptest::collection::vec(1usize..60, 1..5),
        pause_every in 1usize..5,
    ) {
        let borders: Vec<u64> =
            borders.into_iter().filter(|border| *border < (length * count) as u64).collect();
        check(length, count, &borders, &Cuts { chunks, pause_every });
    }
}

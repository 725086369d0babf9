use super::*;
use std::collections::BTreeMap;

fn outcome(kind: CheckKind, text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, text).unwrap();
    expected(kind, &Input::Text(path)).unwrap()
}

#[test]
fn counts_are_summed_up_to_one_value() {
    let text = "the cat, The dog; the end\n";
    let final_counts = [("the", 3), ("cat", 1), ("dog", 1), ("end", 1)]
        .iter()
        .fold(0, |sum: u64, (word, count)| sum.wrapping_add(word_check(word.as_bytes(), *count)));
    let check = |kind, check| assert_eq!(outcome(kind, text), Outcome { records: 6, check });
    check(CheckKind::FinalCounts, final_counts);
    check(CheckKind::UpdateSum, (1 + 2 + 3) + 1 + 1 + 1);
    let hashes = text.to_lowercase();
    let hashes = hashes.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    check(
        CheckKind::WordHashSum,
        hashes.fold(0, |sum: u64, word| sum.wrapping_add(quick_hash(word.as_bytes()))),
    );
}

/// Panes put together are windows one by one; here windows of 100 ms, by 100 or by 20.
#[test]
fn windows_equal_their_definition() {
    let total = 250_001;
    for apart in [5, 1] {
        let slide = 20 * apart as i64;
        let mut windows = BTreeMap::new();
        for subtask in 0..PARALLELISM {
            let mut bids = Bids::new(subtask, PARALLELISM);
            for _ in 0..share(total, subtask, PARALLELISM) {
                let (auction, price, time) = bids.next_bid();
                let time = time as i64;
                let mut start = time - time % slide;
                while start > time - 100 {
                    let (count, max) = windows.entry((auction, start)).or_insert((0, 0));
                    (*count, *max) = (*count + 1, price.max(*max));
                    start -= slide;
                }
            }
        }
        let check = |((auction, _), (count, max)): (&(u64, i64), &(u64, u64))| {
            window_check(*auction, *count, *max)
        };
        let check = windows.iter().map(check).fold(0, u64::wrapping_add);
        assert_eq!(window_sum(total, apart, 20), Outcome { records: total, check });
    }
}

#[test]
fn numeric_references_equal_their_definitions() {
    let total = 10_001;
    let mut by_key: BTreeMap<u64, u64> = BTreeMap::new();
    let mut keys_sum = 0;
    for_each_key(total, |key| {
        keys_sum += key;
        *by_key.entry(key).or_default() += 1;
    });
    assert_eq!(by_key.values().sum::<u64>(), total);
    let count_sum = by_key.values().map(|count| count * (count + 1) / 2).sum();
    let input = Input::Records(total);
    let check = |kind, check| {
        assert_eq!(expected(kind, &input).unwrap(), Outcome { records: total, check });
    };
    check(CheckKind::KeySum, keys_sum);
    check(CheckKind::CountSum, count_sum);
}

#[test]
fn a_check_of_words_needs_text() {
    let error = expected(CheckKind::FinalCounts, &Input::Records(1)).unwrap_err();
    assert!(error.to_string().contains("FinalCounts"), "{error}");
}

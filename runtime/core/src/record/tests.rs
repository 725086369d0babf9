use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Nested {
    id: u64,
    name: String,
    tags: Vec<String>,
    map: HashMap<u32, Option<String>>,
    wide: u128,
}

#[repr(align(16))]
struct Room([u8; 4096]);

/// Writes `record` as it would lie in a segment and reads it back.
fn check<T: Record + PartialEq + std::fmt::Debug>(record: &T) {
    let mut room = Room([0xff; 4096]);
    let mut encoder = RecordEncoder::new();
    let length = encoder.encode(record, &mut room.0).expect("4 KiB is enough");
    for short in [0, length / 2, length - length.min(1)] {
        if short < length {
            let mut narrow = Room([0; 4096]);
            assert_eq!(encoder.encode(record, &mut narrow.0[..short]), None);
        }
    }
    let payload = &room.0[..length];
    let validated = checked_view::<T>(payload).expect("valid");
    assert_eq!(&decode::<T>(validated), record);
    let large = encoder.encode_large(record, 1).expect("it fits into memory");
    let validated = checked_view::<T>(&large).expect("valid");
    assert_eq!(&decode::<T>(validated), record);
}

#[test]
fn records_of_all_shapes_come_back() {
    check(&());
    check(&7u64);
    check(&(1u8, 2u64, [3u8; 92]));
    check(&"a word".to_string());
    check(&compact_str::CompactString::from("a longer word than eight"));
    let tags = vec!["x".into(), "yy".repeat(20)];
    let map = HashMap::from([(1, None), (2, Some("z".repeat(30)))]);
    check(&Nested { id: 1, name: "n".into(), tags, map, wide: 1 << 100 });
}

proptest! {
    #[test]
    fn strings_come_back(text in ".{0,200}", numbers in proptest::collection::vec(any::<i64>(), 0..50)) {
        check(&(text, numbers));
    }

    #[test]
    fn a_prefix_hashes_differently(text in "[a-z]{1,40}") {
        let shorter = &text[..text.len() - 1];
        prop_assert_ne!(key_hash(text.as_str()), key_hash(shorter));
    }
}

#[test]
fn hashes_never_change() {
    // What savepoints and peers of another build rely on.
    let check = |found: u32, expected: u32| assert_eq!(found, expected, "{found:#010x}");
    check(key_hash(&0u64), GOLDEN[0]);
    check(key_hash(&1u64), GOLDEN[1]);
    check(key_hash("word"), GOLDEN[2]);
    check(key_hash("a string of more than sixteen bytes"), GOLDEN[3]);
    check(key_hash(&(1u32, "pair")), GOLDEN[4]);
}

const GOLDEN: [u32; 5] = [3_199_280_167, 1_678_446_086, 2_402_823_991, 406_019_685, 3_352_445_058];

#[test]
fn hashes_spread_over_key_groups_and_slots() {
    let mut groups = [0u32; 128];
    let mut slots = [0u32; 128];
    for n in 0..128_000u64 {
        let hash = key_hash(&n);
        groups[(hash >> 25) as usize] += 1;
        slots[(hash & 127) as usize] += 1;
    }
    for count in groups.iter().chain(&slots) {
        assert!((800..1200).contains(count), "1000 expected, {count} found");
    }
}

#[test]
fn bytes_that_are_no_record_are_refused_by_name() {
    let error = checked_view::<String>(&[0xff; 3]).expect_err("three bytes are too few");
    assert!(error.to_string().starts_with("3 bytes are not a "), "{error}");
    let mut encoder = RecordEncoder::new();
    let good = encoder.encode_large(&"a text that is not short".to_string(), 64).expect("it fits");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x80;
        exercise(&bad);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        exercise(&bytes);
    }
}

use proptest::prelude::*;

use super::*;
use crate::format::tests::{Cuts, records};

fn encode(payloads: &[Vec<u8>]) -> Vec<u8> {
    let prefixed = |payload: &Vec<u8>| {
        let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend(payload);
        bytes
    };
    payloads.iter().flat_map(prefixed).collect()
}

fn check(payloads: &[Vec<u8>], cuts: &Cuts) {
    let content = encode(payloads);
    let mut framing = DelimitedRecords::new(100).unwrap();
    let found = records(&mut framing, &content, 0..content.len() as u64, cuts).unwrap();
    assert_eq!(found, payloads);
}

/// The message for bytes that are not such records.
fn check_bad(content: &[u8], part: &str) {
    for chunk in 1..=content.len() {
        let mut framing = DelimitedRecords::new(100).unwrap();
        let error = records(&mut framing, content, 0..content.len() as u64, &Cuts::of(chunk))
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
        assert!(framing.carry.capacity() < 1000, "nothing is allocated for a bad length");
    }
}

#[test]
fn bad_lengths_and_ends() {
    check_bad(b"\xff\xff\xff\xff12345", "the record at byte 0 is longer than 100 bytes");
    check_bad(b"\x01\0\0\0a\x65\0\0\0", "the record at byte 5 is longer than 100 bytes");
    check_bad(b"\x01\0\0\0a\x05\0\0\0abcd", "ends at byte 13 in the middle of");
    check_bad(b"\x01\0\0\0a\x05\0", "ends at byte 7 in the middle of");
    assert!(DelimitedRecords::new(u32::MAX as usize).is_err());
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_records(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
        chunks in proptest::collection::vec(1usize..60, 1..5),
        pause_every in 1usize..5,
    ) {
        check(&payloads, &Cuts { chunks, pause_every });
    }
}

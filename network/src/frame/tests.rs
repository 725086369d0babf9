use super::*;
use proptest::prelude::*;

#[test]
fn frames_start_eight_past_a_multiple_of_sixteen() {
    let check = |end: usize, expected: usize| assert_eq!(next_frame(end), expected, "end {end}");
    check(16, 24);
    check(24, 24);
    check(25, 40);
    check(120, 120);
    check(8 + 8 + 1, 24);
}

proptest! {
    #[test]
    fn a_header_survives_its_bytes(length in 0usize..=FRAME_BYTES_MAX, kind in 0u8..4, key_hash: u32) {
        let kind = [FrameKind::Whole, FrameKind::First, FrameKind::Middle, FrameKind::Last][kind as usize];
        let header = FrameHeader::from_bytes(FrameHeader::new(length, kind, key_hash).to_bytes());
        prop_assert_eq!(header.length(), length);
        prop_assert_eq!(header.kind(), kind);
        prop_assert_eq!(header.is_plain_whole(), kind == FrameKind::Whole);
        prop_assert_eq!(header.key_hash, key_hash);
    }

    #[test]
    fn the_next_frame_is_the_nearest_legal_offset(end in 8usize..100_000) {
        let next = next_frame(end);
        prop_assert!(next >= end && next < end + PAYLOAD_ALIGN);
        prop_assert_eq!(next % PAYLOAD_ALIGN, FRAME_HEADER);
    }
}

use proptest::prelude::*;

use super::*;

fn check(bytes: &[u8]) {
    let expected: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at).collect();
    let mut found = Vec::new();
    let flow = each_newline(bytes, |at| {
        found.push(at);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    assert_eq!(found, expected);

    let mut first = None;
    let flow = each_newline(bytes, |at| {
        assert!(first.is_none(), "nothing after a break");
        first = Some(at);
        ControlFlow::Break(())
    });
    assert_eq!(flow.is_break(), !expected.is_empty());
    assert_eq!(first, expected.first().copied());
}

#[test]
fn every_place_in_a_block() {
    for at in 0..200 {
        let mut bytes = [b'x'; 200];
        bytes[at] = b'\n';
        check(&bytes);
    }
    check(&[b'\n'; 129]);
    check(b"");
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::array::uniform32(prop_oneof![Just(b'\n'), any::<u8>(), 8u8..13, 0x88u8..0x8c])) {
        let mut block = [0; BLOCK];
        block[..32].copy_from_slice(&bytes);
        block[32..].copy_from_slice(&bytes);
        prop_assert_eq!(newline_bits(&block), words::newline_bits(&block));
        check(&block);
        check(&block[3..]);
        prop_assert_eq!(as_text(&bytes), std::str::from_utf8(&bytes).ok());
    }
}

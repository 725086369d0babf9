use super::*;

/// Decodes a line that starts at offset 100.
fn check(policy: InvalidUtf8, line: &[u8], expected: Result<Option<&str>, u64>) -> Utf8Report {
    let mut utf8 = Utf8::new(policy);
    match (utf8.decode(line, &Path::new("f").into(), 100), expected) {
        (Ok(text), Ok(expected)) => assert_eq!(text, expected),
        (Err(ConnectError::InvalidUtf8 { offset, .. }), Err(at)) => assert_eq!(offset, at),
        (got, _) => panic!("{got:?} instead of {expected:?}"),
    }
    utf8.report().clone()
}

#[test]
fn valid_lines_pass_whatever_the_policy() {
    for policy in [InvalidUtf8::Replace, InvalidUtf8::Skip, InvalidUtf8::Fail] {
        assert_eq!(check(policy, "grün 😀".as_bytes(), Ok(Some("grün 😀"))).lines, 0);
    }
}

#[test]
fn invalid_lines() {
    let line = b"ab\xffcd\xe2\x82";
    let report = check(InvalidUtf8::Replace, line, Ok(Some("ab\u{fffd}cd\u{fffd}")));
    assert_eq!(report, Utf8Report { lines: 1, first: Some((Path::new("f").into(), 102)) });
    check(InvalidUtf8::Skip, line, Ok(None));
    check(InvalidUtf8::Fail, line, Err(102));
}

#[test]
fn replacement_is_that_of_the_standard_library() {
    let lines: [&[u8]; 4] =
        [b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"a\x80\x80b\xf4\x90\x80\x80"];
    for line in lines {
        check(InvalidUtf8::Replace, line, Ok(Some(&String::from_utf8_lossy(line))));
    }
}

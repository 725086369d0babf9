use proptest::prelude::*;

use super::*;
use crate::format::tests::{Cuts, records};

/// What the policy should make of whole lines.
fn naive(content: &[u8], policy: InvalidUtf8) -> (Vec<Vec<u8>>, u64) {
    let mut lines: Vec<&[u8]> = content.split(|b| *b == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let mut invalid = 0;
    let mut texts = Vec::new();
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_valid = std::str::from_utf8(line).is_ok();
        invalid += u64::from(!is_valid);
        if is_valid || policy == InvalidUtf8::Replace {
            texts.push(String::from_utf8_lossy(line).into_owned().into_bytes());
        }
    }
    (texts, invalid)
}

fn check(content: &[u8], cuts: &Cuts) {
    for policy in [InvalidUtf8::Replace, InvalidUtf8::Skip] {
        let mut lines = TextLines::new(LineOptions::default(), policy);
        let found = records(&mut lines, content, 0..content.len() as u64, cuts).unwrap();
        let (expected, invalid) = naive(content, policy);
        assert_eq!(found, expected);
        assert_eq!(lines.report().lines, invalid);
    }
}

#[test]
fn characters_may_be_cut_anywhere() {
    let content = "grün\nπ😀π\r\n日本語".as_bytes();
    for chunk in 1..=content.len() {
        check(content, &Cuts::of(chunk));
    }
}

#[test]
fn one_bad_line_among_many() {
    let mut content: Vec<u8> = (0..5000).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
    content[20_000] = 0xff;
    check(&content, &Cuts::whole());
    check(&content, &Cuts::of(4096));
}

#[test]
fn fail_names_the_byte_in_the_file() {
    let content = b"good\nbad\xff\ngood";
    for chunk in 1..=content.len() {
        let mut lines = TextLines::new(LineOptions::default(), InvalidUtf8::Fail);
        let error =
            records(&mut lines, content, 0..content.len() as u64, &Cuts::of(chunk)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "file input.txt: invalid UTF-8 at byte 8; set the source's invalid_utf8 to Replace or \
             Skip to read on"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_any_chunks(
        content in proptest::collection::vec(
            prop_oneof![2 => Just(b'\n'), 1 => Just(b'\r'), 4 => any::<u8>(), 4 => b'a'..=b'z'], 0..300),
        chunks in proptest::collection::vec(1usize..80, 1..5),
        pause_every in 1usize..5,
    ) {
        check(&content, &Cuts { chunks, pause_every });
    }
}

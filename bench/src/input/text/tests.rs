use super::*;
use std::io::Write;

/// The words of `text` by the definition, one byte at a time.
fn naive_words(text: &[u8]) -> Vec<String> {
    let words = text.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8(word.to_ascii_lowercase()).unwrap()).collect()
}

fn words(text: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(text, |word| {
        words.push(String::from_utf8(word.to_ascii_lowercase()).unwrap());
    });
    words
}

fn read_ranges(text: &[u8], count: u64) -> Vec<u8> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let mut all = Vec::new();
    for index in 0..count {
        let mut range = TextRange::open(file.path(), index, count).unwrap();
        while let Some(lines) = range.next_chunk().unwrap() {
            assert!(!lines.is_empty());
            all.extend_from_slice(lines);
        }
    }
    all
}

/// However many ranges there are, they hold the whole text in order.
fn check_ranges(text: &[u8]) {
    for count in 1..=9 {
        let read = read_ranges(text, count);
        assert!(read == text, "{} of {} bytes in {count} ranges", read.len(), text.len());
    }
}

#[test]
fn words_are_cut_by_the_definition() {
    for text in [
        &b""[..],
        b"word",
        b"  One, two_three 4\n",
        b"int main(void)\n{\n\treturn 0x1F;\n}\n",
        "na\u{ef}ve caf\u{e9}".as_bytes(),
        b"\xff\x00A\x80b",
    ] {
        assert_eq!(words(text), naive_words(text), "{text:?}");
    }
}

#[test]
fn words_are_cut_wherever_blocks_end() {
    for length in 0..200 {
        for spread in [1, 2, 3, 63, 64, 65] {
            let byte =
                |at: usize| if at.is_multiple_of(spread) { b'.' } else { b'a' + (at % 26) as u8 };
            let text: Vec<u8> = (1..=length).map(byte).collect();
            assert_eq!(words(&text), naive_words(&text), "{length} bytes, {spread} apart");
        }
    }
}

#[test]
fn every_byte_is_in_words_or_not() {
    for byte in 0..=u8::MAX {
        let text = [b'x', byte, b'y'];
        assert_eq!(words(&text), naive_words(&text), "byte {byte}");
    }
}

#[test]
fn ranges_share_nothing_and_leave_nothing_out() {
    check_ranges(b"");
    check_ranges(b"\n");
    check_ranges(b"\n\n\n\n\n\n\n\n\n\n\n\n");
    check_ranges(b"one line without an end");
    check_ranges(b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n");
    check_ranges(b"short\na line that is longer than the others\nx\n\nend");
}

#[test]
fn lines_may_be_longer_than_a_chunk() {
    let mut text = b"first\n".to_vec();
    text.extend(std::iter::repeat_n(b'x', 3 * CHUNK_BYTES));
    text.extend(b"\nlast\n");
    check_ranges(&text);
    let many: Vec<u8> = (0..200_000).flat_map(|n: u32| format!("{n}\n").into_bytes()).collect();
    check_ranges(&many);
}

#[test]
fn the_hash_of_words_is_fnv1a() {
    assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a(b"brisk"), 0xf8ec_4d1e_2453_b3ca);
}

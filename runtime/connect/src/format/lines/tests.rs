use proptest::prelude::*;

use super::*;
use crate::format::tests::{Cuts, records};

/// The lines of a whole file, the plain way.
fn naive(content: &[u8], strip: bool) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = content.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    for line in lines.iter_mut().filter(|line| strip && line.last() == Some(&b'\r')) {
        line.pop();
    }
    lines
}

/// Splits `content` at `borders`, reads each split in chunks, and compares with the plain way.
fn check(content: &[u8], borders: &[u64], cuts: &Cuts) {
    let mut borders = borders.to_vec();
    borders.extend([0, content.len() as u64]);
    borders.sort_unstable();
    borders.dedup();
    for carriage_return in [CarriageReturn::Strip, CarriageReturn::Keep] {
        let mut lines = Lines::new(LineOptions { carriage_return, ..LineOptions::default() });
        let mut found = Vec::new();
        for pair in borders.windows(2) {
            found.extend(records(&mut lines, content, pair[0]..pair[1], cuts).unwrap());
        }
        assert_eq!(found, naive(content, carriage_return == CarriageReturn::Strip));
    }
}

#[test]
fn ends_of_lines() {
    let contents: [&[u8]; 10] = [
        b"",
        b"\n",
        b"a",
        b"a\n",
        b"a\n\nb",
        b"\n\n",
        b"a\r\nb\r\n",
        b"a\r",
        b"\r\n\r",
        b"a\r\r\nb\rc",
    ];
    for content in contents {
        for chunk in 1..=content.len() + 1 {
            check(content, &[], &Cuts::of(chunk));
            for border in 0..content.len() as u64 {
                check(content, &[border], &Cuts::of(chunk));
            }
        }
    }
}

#[test]
fn a_split_inside_one_line_owns_nothing_and_stops_at_its_end() {
    let content = b"first\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nlast";
    check(content, &[10, 20, 30], &Cuts::of(3));
    let mut lines = Lines::new(LineOptions::default());
    let file: Arc<Path> = Path::new("f").into();
    assert_eq!(lines.first_byte(10), 9);
    lines.start(&file, 10..20);
    let fed = lines.split(&content[9..], &mut |_| unreachable!()).unwrap();
    assert_eq!(fed, Fed { consumed: 10, state: FedState::Done });
}

#[test]
fn lines_in_one_chunk_are_not_copied() {
    let content = b"one\ntwo\r\nthree\n";
    let mut lines = Lines::new(LineOptions::default());
    lines.start(&Path::new("f").into(), 0..content.len() as u64);
    let range = content.as_ptr_range();
    let fed = lines.split(content, &mut |line: &[u8]| {
        assert!(range.contains(&line.as_ptr()));
        ControlFlow::Continue(())
    });
    assert_eq!(fed.unwrap().state, FedState::Done);
    assert_eq!(lines.carry.capacity(), 0);
}

/// A limit of five bytes holds for every way to cut.
fn check_limit(content: &[u8], expected: Result<usize, u64>) {
    for chunk in 1..=content.len() {
        let options = LineOptions { max_line_length: 5, ..LineOptions::default() };
        let found =
            records(&mut Lines::new(options), content, 0..content.len() as u64, &Cuts::of(chunk));
        match (found, expected) {
            (Ok(lines), Ok(count)) => assert_eq!(lines.len(), count),
            (Err(ConnectError::RecordTooLong { offset, limit: 5, .. }), Err(at)) => {
                assert_eq!(offset, at);
            }
            (found, _) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_line_above_the_limit_is_an_error_with_its_place() {
    check_limit(b"12345\n12345\n12345", Ok(3));
    check_limit(b"12345\n123456\n", Err(6));
    check_limit(b"12345\n123456", Err(6));
    check_limit(b"1\n\n1234567890123", Err(3));
    let error = ConnectError::RecordTooLong {
        path: "a.txt".into(),
        offset: 7,
        limit: 5,
        option: "max_line_length",
    };
    let message = error.to_string();
    for part in ["a.txt", "byte 7", "5 bytes", "max_line_length"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_buffer_of_a_giant_line_is_given_back() {
    let mut content = vec![b'x'; CARRY_KEPT * 3];
    content.extend(b"\nsmall\n");
    let mut lines = Lines::new(LineOptions::default());
    let found = records(&mut lines, &content, 0..content.len() as u64, &Cuts::of(64 * 1024));
    assert_eq!(found.unwrap().len(), 2);
    assert!(lines.carry.capacity() <= CARRY_KEPT);
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 2 => Just(b'\r'), 8 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_lines(
        content in content(),
        borders in proptest::collection::vec(0u64..200, 0..6),
        chunks in proptest::collection::vec(1usize..60, 1..5),
        pause_every in 1usize..5,
    ) {
        let borders: Vec<u64> =
            borders.into_iter().filter(|border| *border < content.len() as u64).collect();
        check(&content, &borders, &Cuts { chunks, pause_every });
    }
}

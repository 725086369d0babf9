use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::files::{Compression, InputFile, SplitRule, assign, cut};
use crate::format::{LineOptions, Lines};

/// A file in memory.
type Stored = (Vec<u8>, Compression);

fn set_of(stored: &[Stored]) -> Arc<FileSet> {
    let file = |(content, compression): &Stored| InputFile {
        path: Path::new("f").into(),
        size: content.len() as u64,
        compression: *compression,
    };
    Arc::new(FileSet::of(stored.iter().map(file).collect()))
}

/// Answers the reads of a feed from memory, in an order that a number decides, and gives the lines.
fn run(
    stored: &[Stored],
    splits: Vec<FileSplit>,
    sizes: ReadSizes,
    mut order: u64,
) -> Vec<Vec<u8>> {
    let owned: u64 = splits.iter().map(FileSplit::bytes).sum();
    let work = Work { files: set_of(stored), splits };
    let mut feed = SplitFeed::new(work, Lines::new(LineOptions::default()), sizes);
    let mut under_way: Vec<FeedAsk> = Vec::new();
    let mut buffers = vec![Vec::new(); TICKETS];
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut progress = 0;
    loop {
        while let Some(ask) = feed.ask() {
            assert!(ask.request.length <= sizes.buffer() && ask.request.length > 0);
            assert!(under_way.iter().all(|other| other.ticket != ask.ticket));
            under_way.push(ask);
        }
        order = order.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let next = feed.next_step();
        let must_wait = next == FeedNext::Wait;
        assert!(!must_wait || !under_way.is_empty(), "somebody must move");
        if must_wait || (!under_way.is_empty() && order >> 63 == 0) {
            let ask = under_way.swap_remove((order >> 33) as usize % under_way.len());
            let at = ask.request.offset as usize;
            buffers[ask.ticket.0] =
                stored[ask.file.0 as usize].0[at..at + ask.request.length].to_vec();
            feed.complete(ask.ticket, ask.request.length).unwrap();
            continue;
        }
        let FeedNext::Parse(ticket, range) = next else { break };
        let bytes = ticket.map_or(&[][..], |ticket| &buffers[ticket.0][range]);
        let pause_every = 1 + (order >> 40) as usize % 4;
        feed.parse(bytes, &mut |line: &[u8]| {
            lines.push(line.to_vec());
            match lines.len() % pause_every {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
        progress += feed.take_progress();
        assert!(progress <= owned);
    }
    assert_eq!(progress, owned, "progress ends at the whole");
    lines
}

fn naive(content: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = content.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// Cuts files at `borders` (of each file), reads the splits, compares with the whole files.
fn check(contents: &[Vec<u8>], borders: &[u64], sizes: ReadSizes, order: u64) {
    let mut stored = Vec::new();
    let mut splits = Vec::new();
    let mut expected = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let file = FileIndex(at as u32);
        expected.extend(naive(content));
        if at % 3 == 2 {
            let packed = zstd::encode_all(&content[..], 1).unwrap();
            splits.push(FileSplit::new(file, 0..packed.len() as u64));
            stored.push((packed, Compression::Zstd));
            continue;
        }
        let size = content.len() as u64;
        let mut cuts: Vec<u64> = borders.iter().copied().filter(|border| *border < size).collect();
        cuts.extend([0, size]);
        cuts.sort_unstable();
        cuts.dedup();
        splits.extend(cuts.windows(2).map(|cut| FileSplit::new(file, cut[0]..cut[1])));
        stored.push((content.clone(), Compression::None));
    }
    assert_eq!(run(&stored, splits, sizes, order), expected);
}

#[test]
fn long_lines_at_the_ends_of_splits() {
    let long = [b"a\n".to_vec(), vec![b'x'; 500], b"\nend".to_vec()].concat();
    for order in 0..50 {
        let contents = [long.clone(), b"1\n2\n3".to_vec(), long.clone(), b"".to_vec()];
        check(&contents, &[1, 2, 3, 100, 499], ReadSizes { chunk: 16, tail: 4 }, order);
    }
}

#[test]
fn a_file_that_shrinks_is_an_error() {
    let stored = [(b"0123456789".to_vec(), Compression::None)];
    let splits = vec![FileSplit::new(FileIndex(0), 0..10)];
    let work = Work { files: set_of(&stored), splits };
    let mut feed = SplitFeed::new(work, Lines::new(LineOptions::default()), ReadSizes::default());
    let ask = feed.ask().unwrap();
    let error = feed.complete(ask.ticket, 7).unwrap_err();
    assert!(error.to_string().contains("shrank from 10 to 7 bytes"), "{error}");
}

#[test]
fn all_subtasks_together_read_each_line_once() {
    let line = |i: usize| format!("{i} {}\n", "y".repeat(i * 7919 % 90)).into_bytes();
    let stored: Vec<Stored> = (0..3)
        .map(|file| (0..20_000).flat_map(|i| line(file * 20_000 + i)).collect())
        .map(|content| (content, Compression::None))
        .collect();
    let mut expected: Vec<_> = stored.iter().flat_map(|(content, _)| naive(content)).collect();
    expected.sort();
    for subtasks in [1, 2, 4, 7] {
        let splits = cut(&set_of(&stored), SplitRule::Anywhere, subtasks);
        assert!(subtasks == 1 || splits.len() > 3);
        let mut found = Vec::new();
        for list in assign(splits, subtasks) {
            found.extend(run(&stored, list, ReadSizes { chunk: 5000, tail: 10 }, 1));
        }
        found.sort();
        assert!(found == expected, "{subtasks} subtasks");
    }
}

proptest! {
    #[test]
    fn any_files_any_splits_any_order(
        contents in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![1 => Just(b'\n'), 9 => any::<u8>().prop_filter("no cr", |b| *b != b'\r')], 0..150), 0..6),
        borders in proptest::collection::vec(0u64..150, 0..6),
        chunk in 1usize..40,
        tail in 0usize..8,
        order in any::<u64>(),
    ) {
        check(&contents, &borders, ReadSizes { chunk, tail }, order);
    }
}

use std::collections::VecDeque;
use std::io::Write;
use std::ops::ControlFlow;

use brisk_memory::driver::{DriverKind, Files};
use proptest::prelude::*;

use super::super::file_reader::{FileReader, Parsed};
use super::*;
use crate::constants::READ_CHUNK;
use crate::files::{ListOptions, SplitRule, assign, cut, list};
use crate::format::{
    DelimitedRecords, FixedRecords, Framing, InvalidUtf8, LineOptions, Lines, TextLines,
};
use crate::task_io::tests::DriverIo;

/// How records are laid out in the files of a test.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Text,
    Bytes,
    Fixed,
    Delimited,
}

const LAYOUTS: [Layout; 4] = [Layout::Text, Layout::Bytes, Layout::Fixed, Layout::Delimited];

impl Layout {
    fn file_of(self, records: &[String]) -> Vec<u8> {
        let record = |record: &String| match self {
            Layout::Text | Layout::Bytes => format!("{record}\n").into_bytes(),
            Layout::Fixed => record.clone().into_bytes(),
            Layout::Delimited => {
                [&(record.len() as u32).to_le_bytes()[..], record.as_bytes()].concat()
            }
        };
        let mut content: Vec<u8> = records.iter().flat_map(record).collect();
        if matches!(self, Layout::Text) && records.len() % 2 == 1 {
            content.pop();
        }
        content
    }

    fn rule(self) -> SplitRule {
        match self {
            Layout::Text | Layout::Bytes => SplitRule::Anywhere,
            Layout::Fixed => SplitRule::Every(8),
            Layout::Delimited => SplitRule::Whole,
        }
    }

    fn read(self, work: Work, limit: usize) -> (Vec<String>, Vec<SourceSplit>) {
        let options = LineOptions::default();
        match self {
            Layout::Text => read(work, TextLines::new(options, InvalidUtf8::Fail), limit),
            Layout::Bytes => read(work, Lines::new(options), limit),
            Layout::Fixed => read(work, FixedRecords::new(8).unwrap(), limit),
            Layout::Delimited => read(work, DelimitedRecords::default(), limit),
        }
    }
}

/// Reads at most `limit` records; gives them and what is left.
fn read<F>(work: Work, framing: F, limit: usize) -> (Vec<String>, Vec<SourceSplit>)
where
    F: Framing,
    F::Record: AsRef<[u8]>,
{
    let mut io = DriverIo::new(DriverKind::Epoll);
    let mut reader = FileReader::new(work, framing);
    let mut records = Vec::new();
    while records.len() < limit {
        reader.pump(&mut io).unwrap();
        let parsed = reader.parse(&mut |record: &F::Record| {
            records.push(String::from_utf8(record.as_ref().to_vec()).unwrap());
            if records.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match parsed.unwrap() {
            Parsed::Wait => io.wait(),
            Parsed::Ended => break,
            Parsed::Chunk | Parsed::Paused => {}
        }
    }
    let rest = remember(reader.files(), reader.rest(), [].iter() as std::slice::Iter<'_, u64>);
    (records, rest)
}

/// To bytes and back, as through a checkpoint.
fn stored(splits: &[SourceSplit]) -> Vec<SourceSplit> {
    let mut encoder = RecordEncoder::new();
    let bytes = splits.iter().map(|split| encoder.encode_large(split, 64).unwrap());
    bytes.map(|bytes| checked_copy(&bytes).unwrap()).collect()
}

fn pack(content: &[u8], file: usize) -> (Vec<u8>, &'static str) {
    match file % 3 {
        0 => (content.to_vec(), "bin"),
        1 => {
            let fast = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), fast);
            encoder.write_all(content).unwrap();
            (encoder.finish().unwrap(), "gz")
        }
        _ => (zstd::encode_all(content, 1).unwrap(), "zst"),
    }
}

/// Writes files of so many records, reads them with `readers[0]` readers, each stopped after a
/// number of records, deals what is left to `readers[1]` readers, and so on; all records come once.
fn check(layout: Layout, counts: &[usize], readers: &[u32], mut limits: VecDeque<usize>) {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for (file, count) in counts.iter().enumerate() {
        let records: Vec<String> =
            (0..*count).map(|at| format!("{:08}", file * 1_000_000 + at)).collect();
        let (content, extension) = pack(&layout.file_of(&records), file);
        std::fs::write(dir.path().join(format!("{file:03}.{extension}")), content).unwrap();
        expected.extend(records);
    }
    let inputs = [dir.path().to_path_buf()];
    let files = list(&Files::system(), &inputs, ListOptions::default());
    let files = Arc::new(files.unwrap());
    let shares = assign(cut(&files, layout.rule(), readers[0]), readers[0]);
    let mut work: Vec<Work> =
        shares.into_iter().map(|splits| Work { files: Arc::clone(&files), splits }).collect();
    let mut found = Vec::new();
    for next in readers.iter().skip(1).map(Some).chain([None]) {
        let mut left = Vec::new();
        for work in work {
            let limit = if next.is_some() { limits.pop_front().unwrap_or(3) } else { usize::MAX };
            let (records, rest) = layout.read(work, limit);
            found.extend(records);
            left.extend(stored(&rest));
        }
        let Some(next) = next else {
            assert!(left.is_empty(), "{left:?}");
            break;
        };
        let mut dealt = vec![Vec::new(); *next as usize];
        for (at, split) in left.into_iter().enumerate() {
            dealt[at % *next as usize].push(split);
        }
        work = dealt.iter().map(|splits| resume::<u64>(splits).unwrap().work).collect();
    }
    found.sort();
    assert!(found == expected, "{layout:?} {counts:?} {readers:?}: {found:?}");
}

#[test]
fn stopped_at_each_record() {
    for layout in LAYOUTS {
        for limit in 0..14 {
            check(layout, &[5, 4, 3], &[1, 1], [limit].into());
            check(layout, &[5, 4, 3], &[1, 2, 1], [limit, 1].into());
        }
    }
}

#[test]
fn large_files_dealt_over_other_readers() {
    let count = 6 * READ_CHUNK / 10;
    for layout in LAYOUTS {
        let limits = [1, 70_000, 9, 130_001, 0, 60_000, 8];
        check(layout, &[count, count / 2, count / 2], &[3, 2, 4, 1], limits.into());
    }
}

#[test]
fn waiting_records_come_first_and_once() {
    let file = InputFile { path: Path::new("f").into(), size: 9, compression: Compression::None };
    let files = FileSet::of(vec![file]);
    let rest = [FileSplit::new(FileIndex(0), 2..9)];
    let waiting = ["one".to_string(), "two".to_string()];

    let splits = stored(&remember(&files, rest.into_iter(), waiting.iter()));
    let resumed = resume::<String>(&splits).unwrap();
    assert_eq!(resumed.waiting, waiting);
    assert_eq!(resumed.work.splits, rest);

    let splits = stored(&remember(&files, [].into_iter(), waiting.iter()));
    let resumed = resume::<String>(&splits).unwrap();
    assert_eq!((resumed.waiting.len(), resumed.work.splits.len()), (2, 0));
}

#[test]
fn what_no_reader_left_is_an_error() {
    let good = SourceSplit { path: b"f".to_vec(), size: 9, end: 9, ..SourceSplit::without_file() };
    assert!(resume::<String>(std::slice::from_ref(&good)).is_ok());
    for bad in [
        SourceSplit { end: 10, ..good.clone() },
        SourceSplit { start: 10, ..good.clone() },
        SourceSplit { start: 1, compression: Compression::Gzip, ..good.clone() },
        SourceSplit { waiting: vec![vec![1, 2, 3]], ..good.clone() },
    ] {
        let error = resume::<String>(&[bad]).unwrap_err().to_string();
        assert!(error.contains("file f: the checkpoint says"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn stopped_anywhere_dealt_to_any_readers(
        layout in prop::sample::select(LAYOUTS.to_vec()),
        counts in prop::collection::vec(0usize..40, 0..6),
        readers in prop::collection::vec(1u32..5, 1..5),
        limits in prop::collection::vec(0usize..40, 12),
    ) {
        check(layout, &counts, &readers, limits.into());
    }
}

use std::io::Write;
use std::path::Path;

use super::*;
use crate::files::FileIndex;
use crate::format::{LineOptions, Lines};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The lines of a stored file, fed in chunks with a pause after every `pause_every` lines.
fn check(
    stored: &[u8],
    compression: Compression,
    chunk: usize,
    pause_every: usize,
) -> Result<Vec<Vec<u8>>, ConnectError> {
    let size = stored.len() as u64;
    let file = InputFile { path: Path::new("f").into(), size, compression };
    let mut reader = SplitReader::new(Lines::new(LineOptions::default()));
    reader.start(&FileSplit::new(FileIndex(0), 0..size), &file)?;
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut rest = stored;
    loop {
        let part = &rest[..chunk.min(rest.len())];
        let fed = reader.parse(part, &mut |line: &[u8]| {
            lines.push(line.to_vec());
            if lines.len().is_multiple_of(pause_every) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        rest = &rest[fed.consumed..];
        if fed.state == FedState::Done {
            assert!(rest.is_empty());
            return Ok(lines);
        }
    }
}

#[test]
fn packed_and_plain_files_give_the_same_lines() {
    let content: Vec<u8> =
        (0..60_000u64).flat_map(|i| format!("line {}\n", i * i % 97).into_bytes()).collect();
    let plain = check(&content, Compression::None, usize::MAX, usize::MAX).unwrap();
    assert_eq!(plain.len(), 60_000);
    for (chunk, pause_every) in [(1000, 7), (usize::MAX, 1), (100_000, usize::MAX)] {
        assert!(check(&content, Compression::None, chunk, pause_every).unwrap() == plain);
        assert!(check(&gzip(&content), Compression::Gzip, chunk, pause_every).unwrap() == plain);
        let zstd = zstd::encode_all(&content[..], 1).unwrap();
        assert!(check(&zstd, Compression::Zstd, chunk, pause_every).unwrap() == plain);
    }
}

#[test]
fn a_packed_file_that_is_cut_off_is_an_error() {
    let packed = gzip(b"one\ntwo");
    for length in 0..packed.len() {
        assert!(check(&packed[..length], Compression::Gzip, 10, 1).is_err());
    }
    assert_eq!(check(&packed, Compression::Gzip, 10, 1).unwrap(), [b"one", b"two"]);
}

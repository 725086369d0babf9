use std::io::Write;

use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// Compresses each part as a member or frame of its own.
fn pack(compression: Compression, parts: &[&[u8]]) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in parts {
        match compression {
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(part).unwrap();
                packed.extend(encoder.finish().unwrap());
            }
            Compression::Zstd => packed.extend(zstd::encode_all(*part, 3).unwrap()),
            Compression::None => packed.extend(*part),
        }
    }
    packed
}

fn unpack(
    compression: Compression,
    packed: &[u8],
    chunk: usize,
    block: usize,
) -> Result<Vec<u8>, ConnectError> {
    let mut inflate = Inflate::new(compression, &Path::new("in.gz").into())?.unwrap();
    let mut content = Vec::new();
    let mut output = vec![0; block];
    for mut input in packed.chunks(chunk) {
        loop {
            let step = inflate.step(input, &mut output)?;
            content.extend(&output[..step.produced]);
            input = &input[step.consumed..];
            if step.consumed == 0 && step.produced == 0 {
                break;
            }
        }
        assert!(input.is_empty());
    }
    inflate.finish().map(|()| content)
}

const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

#[test]
fn members_and_frames_one_after_another() {
    let large: Vec<u8> = (0..300_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    for compression in BOTH {
        let packed = pack(compression, &[b"one\n", b"", &large, b"last"]);
        let expected = [&b"one\n"[..], &large, b"last"].concat();
        for (chunk, block) in [(1, 7), (13, 4096), (usize::MAX, 64 * 1024)] {
            assert!(unpack(compression, &packed, chunk, block).unwrap() == expected);
        }
    }
}

#[test]
fn output_is_bounded_however_far_it_expands() {
    for compression in BOTH {
        let zeros = vec![0; 50_000_000];
        let packed = pack(compression, &[&zeros]);
        assert!(packed.len() < zeros.len() / 900);
        assert_eq!(unpack(compression, &packed, usize::MAX, 1000).unwrap().len(), zeros.len());
    }
}

#[test]
fn a_file_cut_anywhere_is_incomplete() {
    for compression in BOTH {
        let packed = pack(compression, &[b"some text that is packed", b"and more of it"]);
        let whole_first = pack(compression, &[b"some text that is packed"]).len();
        for length in (0..packed.len()).filter(|length| *length != whole_first) {
            let error = unpack(compression, &packed[..length], 5, 100).unwrap_err();
            match error {
                ConnectError::Truncated { offset, .. } => assert_eq!(offset, length as u64),
                other => panic!("{other} for {length} bytes"),
            }
        }
    }
}

#[test]
fn garbage_names_the_file_and_the_place() {
    for compression in BOTH {
        let mut packed = pack(compression, &[b"good"]);
        let good = packed.len();
        packed.extend(b"garbage which is not compressed");
        let error = unpack(compression, &packed, usize::MAX, 100).unwrap_err();
        let ConnectError::Corrupt { offset, .. } = error else { panic!("{error}") };
        assert!(offset >= good as u64 && offset < good as u64 + 10);
        assert!(error.to_string().contains("in.gz"), "{error}");
    }
}

#[test]
fn zeros_after_gzip_are_padding() {
    let mut packed = pack(Compression::Gzip, &[b"good"]);
    packed.extend([0; 100]);
    packed.extend(pack(Compression::Gzip, &[b" end"]));
    packed.extend([0; 100]);
    assert_eq!(unpack(Compression::Gzip, &packed, 3, 10).unwrap(), b"good end");
}

proptest! {
    /// Gzip has a checksum: damage is found, unless it is where nothing is stored (some flags, the
    /// time, bits that fill a byte).
    #[test]
    fn damage_is_never_read_as_content(content in proptest::collection::vec(any::<u8>(), 1..300), at in 0usize..1000, bit in 0u8..8) {
        let mut packed = pack(Compression::Gzip, &[&content]);
        let at = at % packed.len();
        packed[at] ^= 1 << bit;
        if let Ok(read) = unpack(Compression::Gzip, &packed, 11, 50) {
            prop_assert_eq!(read, content);
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), has_magic in any::<bool>()) {
        for (compression, magic) in [(Compression::Gzip, &b"\x1f\x8b\x08"[..]), (Compression::Zstd, b"\x28\xb5\x2f\xfd")] {
            let mut packed = if has_magic { magic.to_vec() } else { Vec::new() };
            packed.extend(&bytes);
            let _ = unpack(compression, &packed, 17, 64);
        }
    }
}

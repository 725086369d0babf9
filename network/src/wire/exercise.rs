//! For fuzzing: any bytes as a stream of frames.

use std::task::Waker;

use brisk_memory::{Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, SegmentSize, Taken};

use super::{
    Decoded, Decoder, DecoderOptions, Frame, Want, WireHeader,
    constants::{HEADER_BYTES, MAGIC, VERSION},
};

/// Segments that a run has: one in the decoder, one in a buffer.
const SEGMENTS: SegmentCount = SegmentCount(2);

/// Decodes `bytes` as they are, and with their checksums made right, cut where they say.
///
/// # Panics
/// If the decoder loses count, or what it takes for a header doesn't encode to what was read.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SEGMENTS,
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for two segments");
    let pool = arena.network().create_pool(PoolOptions {
        owner: "a stream of any bytes".to_string(),
        required: SEGMENTS,
        max: SEGMENTS,
        overdraft: SegmentCount::ZERO,
        waker: Waker::noop().clone(),
    });
    let mut pool = pool.expect("the arena has two segments");
    decode(bytes, &mut pool);
    decode(&repaired(bytes), &mut pool);
}

/// The same stream with magic, version, lengths and checksums made right, so that it gets further.
#[doc(hidden)]
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut stream) = (bytes, Vec::new());
    while let Some((head, behind)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let mut head = *head;
        let length = behind.len().min(usize::from(head[12]) | (usize::from(head[13] & 15) << 8));
        let (body, after) = behind.split_at(length);
        rest = after;
        head[..4].copy_from_slice(&MAGIC);
        head[4] = VERSION;
        head[12..16].copy_from_slice(&(length as u32).to_le_bytes());
        head[32..36].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        let checksum = crc32c::crc32c(&head[..36]);
        head[36..].copy_from_slice(&checksum.to_le_bytes());
        stream.extend_from_slice(&head);
        stream.extend_from_slice(body);
    }
    stream
}

fn decode(bytes: &[u8], pool: &mut Pool) {
    let payload_max = SegmentSize::MIN.bytes();
    let mut decoder = Decoder::new(DecoderOptions { payload_max });
    let mut at = 0;
    while at < bytes.len() {
        let piece = 1 + usize::from(bytes[at] % 64);
        let end = bytes.len().min(at + piece);
        let Ok((taken, decoded)) = decoder.feed(&bytes[at..end]) else {
            assert_eq!(decoder.want(), Want::Nothing);
            assert!(decoder.feed(b"more").is_err(), "what is refused stays refused");
            return;
        };
        at += taken;
        if let Want::Segment(header) = decoder.want() {
            assert!(header.length as usize <= payload_max, "lengths are checked first");
            let Taken::Segment(segment) = pool.take() else { panic!("buffers were let go") };
            decoder.supply(segment);
        } else {
            assert!(taken > 0, "a decoder that waits for bytes takes some");
        }
        let Some(Decoded { header, frame }) = decoded else { continue };
        let again = WireHeader::from_bytes(&header.to_bytes(), payload_max);
        assert_eq!(again, Ok(header), "a header encodes to what it was read from");
        if let Frame::Data(buffer) = frame {
            assert!((1..=payload_max).contains(&buffer.len()), "a payload has its bounds");
        }
    }
}

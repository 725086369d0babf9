use super::*;
use crate::{
    ChannelIndex, Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
};
use brisk_memory::{
    Arena, ArenaOptions, Pool, PoolOptions, Segment, SegmentCount, SegmentSize, Taken,
};
use proptest::{collection::vec, prelude::*};
use std::{task::Waker, time::Duration};

const SEGMENT: usize = 4096;

/// Segments for a decoder.
struct Memory {
    pool: Pool,
    _arena: Arena,
}

impl Memory {
    fn new(segments: u32) -> Self {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::new(SEGMENT).expect("a legal size"),
            network: SegmentCount(segments),
            ..ArenaOptions::default()
        });
        let arena = arena.expect("memory for a test");
        let pool = arena.network().create_pool(PoolOptions {
            owner: "a test".to_string(),
            required: SegmentCount(segments),
            max: SegmentCount(segments),
            overdraft: SegmentCount(0),
            waker: Waker::noop().clone(),
        });
        Self { pool: pool.expect("it fits"), _arena: arena }
    }

    fn lend(&mut self) -> Segment {
        let Taken::Segment(segment) = self.pool.take() else { panic!("there is one") };
        segment
    }
}

fn frame(header: WireHeader, body: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn header(kind: WireKind, body: &[u8]) -> WireHeader {
    WireHeader::new(kind, ChannelId(3), SeqNo(4), body)
}

fn data(body: &[u8]) -> Vec<u8> {
    frame(WireHeader { backlog: 7, ..header(WireKind::Data, body) }, body)
}

fn event(event: WireEvent) -> Vec<u8> {
    let body = event.to_bytes();
    frame(WireHeader { flags: event.flags(), ..header(WireKind::Event, &body) }, &body)
}

/// What a test compares of a frame.
fn told(decoded: &Decoded) -> String {
    match &decoded.frame {
        Frame::Data(buffer) => format!("data {:?} backlog {}", &buffer[..], decoded.header.backlog),
        Frame::AddCredit => format!("credit {}", decoded.header.credit),
        Frame::Backlog => format!("backlog {}", decoded.header.backlog),
        other => format!("{other:?}"),
    }
}

/// Decodes `bytes`, handed over in pieces.
fn decode(bytes: &[u8], piece: usize, memory: &mut Memory) -> Result<Vec<String>, WireError> {
    let mut decoder = Decoder::new(DecoderOptions { payload_max: SEGMENT });
    let mut found = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (taken, decoded) = decoder.feed(rest)?;
            rest = &rest[taken..];
            found.extend(decoded.as_ref().map(told));
            if let Want::Segment(_) = decoder.want() {
                decoder.supply(memory.lend());
            }
        }
    }
    assert!(decoder.may_end(), "all frames were whole");
    Ok(found)
}

fn error_of(bytes: &[u8]) -> WireError {
    decode(bytes, 1000, &mut Memory::new(2)).expect_err("it must be refused")
}

fn request() -> PartitionRequest {
    PartitionRequest {
        address: PartitionAddress {
            job: JobId(u128::MAX - 5),
            attempt: AttemptId(77),
            partition: PartitionId(u64::MAX),
            consumer: ChannelIndex(12),
        },
        holds_at_barriers: true,
    }
}

/// A stream with a frame of each kind.
fn all_kinds() -> (Vec<u8>, usize) {
    let barrier = |kind| CheckpointBarrier { checkpoint: CheckpointId(9), started_ms: -4, kind };
    let limited = barrier(BarrierKind::AlignedUntil(Duration::from_millis(1500)));
    let unaligned = barrier(BarrierKind::Unaligned);
    let credit = WireHeader { credit: 5, ..header(WireKind::AddCredit, &[]) };
    let backlog = WireHeader { backlog: 6, ..header(WireKind::Backlog, &[]) };
    let request = request().to_bytes();
    let mut room = [0; CONTROL_BODY_MAX];
    let length = PeerError::new(ErrorCode::TaskFailed, "it \x1b[2J broke").write(&mut room);
    let close = WireHeader::new(WireKind::Close, ChannelId(0), SeqNo::FIRST, &[]);
    let frames = [
        data(&[1, 2, 3]),
        event(WireEvent::InChannel(Event::EndOfPartition)),
        event(WireEvent::InChannel(Event::Barrier(unaligned))),
        event(WireEvent::InChannel(Event::CancelCheckpoint(CheckpointId(3)))),
        event(WireEvent::Announced(limited)),
        frame(credit, &[]),
        frame(backlog, &[]),
        frame(header(WireKind::Request, &request), &request),
        frame(header(WireKind::Resume, &[8; 8]), &[8; 8]),
        frame(header(WireKind::Cancel, &[]), &[]),
        frame(header(WireKind::Released, &[]), &[]),
        frame(header(WireKind::Error, &room[..length]), &room[..length]),
        data(&[9; SEGMENT]),
        frame(close, &[]),
    ];
    (frames.concat(), frames.len())
}

#[test]
fn every_kind_of_frame_is_read_wherever_it_is_cut() {
    let mut memory = Memory::new(3);
    let (bytes, frames) = all_kinds();
    let whole = decode(&bytes, bytes.len(), &mut memory).expect("it is well formed");
    assert_eq!(whole.len(), frames);
    assert_eq!(whole[0], "data [1, 2, 3] backlog 7");
    assert_eq!(whole[5..7], ["credit 5", "backlog 6"]);
    assert_eq!(whole[7], format!("{:?}", Frame::Request(request())));
    for piece in 1..200 {
        let cut = decode(&bytes, piece, &mut memory);
        assert_eq!(cut.as_ref(), Ok(&whole), "in pieces of {piece}");
    }
}

#[test]
fn a_text_of_a_peer_is_cut_and_shown_without_control_characters() {
    let error = PeerError::new(ErrorCode::TaskFailed, "it \x1b[2J broke\n");
    assert_eq!(error.to_string(), "its task failed: it \\u{1b}[2J broke\\n");
    let long = PeerError::new(ErrorCode::Protocol, &"ü".repeat(500));
    let mut room = [0; CONTROL_BODY_MAX];
    let length = long.write(&mut room);
    assert!(length <= CONTROL_BODY_MAX);
    assert_eq!(PeerError::from_bytes(&room[..length]), Ok(long));
}

#[test]
fn the_layout_of_a_header_is_the_documented_one() {
    let flags = WireFlags::PRIORITY;
    let header = WireHeader {
        kind: WireKind::Event,
        flags,
        channel: ChannelId(0x0403_0201),
        length: 32,
        sequence: SeqNo(0x0c0b_0a09_0807_0605),
        backlog: 0x100f_0e0d,
        credit: 0,
        body_checksum: 0x1413_1211,
    };
    let bytes = header.to_bytes();
    let expected = [
        b'B', b'R', b'S', b'K', 1, 2, 1, 0, 1, 2, 3, 4, 32, 0, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13,
        14, 15, 16, 0, 0, 0, 0, 17, 18, 19, 20,
    ];
    assert_eq!(bytes[..36], expected);
    assert_eq!(bytes[36..], crc32c::crc32c(&expected).to_le_bytes());
}

#[test]
fn every_flipped_bit_of_a_stream_is_found() {
    let bytes = [data(&[1, 2, 3]), event(WireEvent::InChannel(Event::EndOfPartition))].concat();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = error_of(&damaged);
    }
}

#[test]
fn lengths_fields_and_flags_are_checked_before_a_body_is_received() {
    let huge = WireHeader { length: u32::MAX, ..header(WireKind::Data, &[]) };
    let (length, least, most) = (u32::MAX, 1, SEGMENT);
    let kind = WireKind::Data;
    assert_eq!(error_of(&frame(huge, &[])), WireError::Length { kind, length, least, most });
    let empty = error_of(&data(&[]));
    assert_eq!(empty, WireError::Length { kind, length: 0, least, most });
    let credit = WireHeader { credit: 1, ..header(WireKind::Data, &[1]) };
    let field = "credit";
    assert_eq!(error_of(&frame(credit, &[1])), WireError::Field { kind, field });
    let flags = WireFlags::LZ4.with(WireFlags::ZSTD);
    let both = WireHeader { flags, ..header(WireKind::Data, &[1; 9]) };
    assert_eq!(error_of(&frame(both, &[1; 9])), WireError::Flags { kind, flags });
    let kind = WireKind::Close;
    let close = frame(header(kind, &[]), &[]);
    assert_eq!(error_of(&close), WireError::Field { kind, field: "channel" });
    let mut unknown = header(WireKind::Cancel, &[]).to_bytes();
    unknown[5] = 99;
    let checksum = crc32c::crc32c(&unknown[..36]).to_le_bytes();
    unknown[36..].copy_from_slice(&checksum);
    assert_eq!(error_of(&unknown), WireError::Kind { found: 99 });
}

#[test]
fn events_that_say_what_nobody_says_are_refused() {
    let kind = WireKind::Event;
    let check = |change: &dyn Fn(&mut [u8; EVENT_BYTES]), field| {
        let mut body = WireEvent::InChannel(Event::EndOfPartition).to_bytes();
        change(&mut body);
        assert_eq!(error_of(&frame(header(kind, &body), &body)), WireError::Field { kind, field });
    };
    check(&|body| body[0] = 0, "code");
    check(&|body| body[1] = 1, "unused part");
    check(&|body| body[8] = 1, "unused part");
    check(&|body| (body[0], body[1]) = (2, 3), "kind of barrier");
    check(&|body| body[0] = 4, "kind of announced barrier");
    let body = WireEvent::InChannel(Event::EndOfPartition).to_bytes();
    let flags = WireFlags::PRIORITY;
    let urgent = WireHeader { flags, ..header(kind, &body) };
    assert_eq!(error_of(&frame(urgent, &body)), WireError::Flags { kind, flags });
}

#[test]
fn a_payload_is_received_into_the_segment_itself() {
    let mut memory = Memory::new(1);
    let mut decoder = Decoder::new(DecoderOptions { payload_max: SEGMENT });
    let bytes = data(&[5; 1000]);
    let (taken, decoded) = decoder.feed(&bytes[..40]).expect("a good header");
    assert!((taken, decoded.is_none()) == (40, true));
    assert!(matches!(decoder.want(), Want::Segment(header) if header.length == 1000));
    let segment = memory.lend();
    let index = segment.index();
    decoder.supply(segment);
    let mut space = decoder.lend().expect("the payload is next");
    assert_eq!((space.at, space.bytes), (0, 1000));
    assert_eq!(decoder.want(), Want::Lent);
    space.segment.as_mut_slice()[..600].fill(5);
    assert!(decoder.take_back(space.segment, 600).expect("it goes on").is_none());
    let mut space = decoder.lend().expect("the rest is next");
    assert_eq!((space.at, space.bytes), (600, 400));
    space.segment.as_mut_slice()[600..1000].fill(5);
    let decoded = decoder.take_back(space.segment, 400).expect("it is whole").expect("a frame");
    let Frame::Data(buffer) = decoded.frame else { panic!("it is data") };
    assert_eq!((buffer.segment_index(), &buffer[..]), (index, &[5; 1000][..]));
}

fn compressed(codec: Codec, payload: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = Compressor::new(codec, SEGMENT).expect("memory for a test");
    let (flags, body) = compressor.compress(payload)?;
    let body = body.to_vec();
    Some(frame(WireHeader { flags, ..header(WireKind::Data, &body) }, &body))
}

#[test]
fn compressed_payloads_come_out_as_they_were() {
    let mut memory = Memory::new(2);
    let payload: Vec<u8> = (0..SEGMENT).map(|at| (at / 50) as u8).collect();
    for codec in [Codec::Lz4, Codec::Zstd] {
        let bytes = compressed(codec, &payload).expect("it compresses well");
        assert!(bytes.len() < SEGMENT / 4, "{codec:?}: {}", bytes.len());
        for piece in [1, 50, 10_000] {
            let found = decode(&bytes, piece, &mut memory).expect("it is well formed");
            assert_eq!(found, [format!("data {payload:?} backlog 0")]);
        }
    }
    let noise: Vec<u8> =
        (0..2000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(compressed(Codec::Lz4, &noise[..20]), None, "what doesn't shrink goes as it is");
    assert_eq!(compressed(Codec::None, &payload), None);
}

#[test]
fn compressed_payloads_never_come_to_more_than_they_say_or_a_segment_has() {
    let payload = [3; 3000];
    for codec in [Codec::Lz4, Codec::Zstd] {
        let bytes = compressed(codec, &payload).expect("it compresses well");
        let body = &bytes[HEADER_BYTES..];
        let flags = if codec == Codec::Lz4 { WireFlags::LZ4 } else { WireFlags::ZSTD };
        for plain in [0, 1, 2999, 3001, SEGMENT as u32 + 1, u32::MAX] {
            let mut body = body.to_vec();
            body[..4].copy_from_slice(&plain.to_le_bytes());
            let error =
                error_of(&frame(WireHeader { flags, ..header(WireKind::Data, &body) }, &body));
            let is_length = matches!(error, WireError::PlainLength { .. });
            assert_eq!(is_length, plain == 0 || plain > SEGMENT as u32, "{plain}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_decoded_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
    }

    #[test]
    fn well_formed_headers_with_any_fields_are_decoded_or_refused(
        kind in 0usize..10,
        flags in prop_oneof![Just(0u8), any::<u8>()],
        length in prop_oneof![0u32..300, any::<u32>()],
        fields in any::<(u32, u64, u32, u32)>(),
        body in vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = WireHeader {
            kind: WireKind::ALL[kind],
            flags: WireFlags::NONE,
            channel: ChannelId(fields.0),
            length,
            sequence: SeqNo(fields.1),
            backlog: fields.2,
            credit: fields.3,
            body_checksum: crc32c::crc32c(&body[..body.len().min(length as usize)]),
        }
        .to_bytes();
        bytes[6] = flags;
        let checksum = crc32c::crc32c(&bytes[..36]).to_le_bytes();
        bytes[36..].copy_from_slice(&checksum);
        exercise(&[&bytes[..], &body].concat());
    }
}

//! A peer that knows the secret and breaks the protocol in every way: each is an error that
//! names it, and it is told.

use proptest::{collection::vec, prelude::*};

use super::{tests::*, *};
use crate::{
    Event,
    barrier::CheckpointId,
    flow::FlowError,
    frame::FrameError,
    wire::{CREDIT_MAX, ErrorCode, SeqNo, WireError, WireEvent, WireFlags, WireHeader, WireKind},
};

fn frame(header: WireHeader, body: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn header(kind: WireKind, channel: u32, sequence: u64, body: &[u8]) -> WireHeader {
    WireHeader::new(kind, ChannelId(channel), SeqNo(sequence), body)
}

fn data(channel: u32, sequence: u64, body: &[u8]) -> Vec<u8> {
    frame(header(WireKind::Data, channel, sequence, body), body)
}

fn event(sequence: u64, event: Event) -> Vec<u8> {
    let event = WireEvent::InChannel(event);
    let body = event.to_bytes();
    frame(WireHeader { flags: event.flags(), ..header(WireKind::Event, 0, sequence, &body) }, &body)
}

fn requested(channel: u32, credit: u32) -> Vec<u8> {
    let body = request(channel).to_bytes();
    frame(WireHeader { credit, ..header(WireKind::Request, channel, 0, &body) }, &body)
}

/// The bytes of a well-formed buffer.
fn buffer() -> Vec<u8> {
    Memory::new(1).buffer(&[1; 20]).to_vec()
}

/// A consumer with one channel that has two credits, and all that it said.
fn consumer() -> Pair {
    let mut pair = Pair::new(10);
    pair.open(3, 2);
    pair.forth();
    pair
}

/// What `bytes` lead to at a consumer.
fn fault_at_consumer(bytes: &[u8]) -> ConnectionFault {
    let mut pair = consumer();
    let error = say(&mut pair.consumer, bytes, 64).expect_err("it breaks the protocol");
    let text = error.to_string();
    assert!(
        text.starts_with("the connection with the producer at 10.0.0.2:4000 failed: "),
        "{text}"
    );
    if let ConnectionFault::Flow { .. } | ConnectionFault::Records { .. } = error.fault {
        let job = "job 00000000000000000000000000000abc";
        assert!(text.contains(job) && text.contains("channel 0"), "{text}");
    }
    assert_eq!(pair.consumer.want(), crate::wire::Want::Nothing);
    let told = bytes_of(&mut pair.consumer, &mut pair.memory);
    let mut heard = connection(options("the consumer"));
    let error_heard = say(&mut heard, &told, 64).expect_err("it is told");
    assert!(matches!(error_heard.fault, ConnectionFault::Peer(_)), "{error_heard}");
    error.fault
}

/// What `bytes` lead to at a producer without channels.
fn fault_at_producer(bytes: &[u8]) -> ConnectionFault {
    let mut producer = connection(options("the consumer at 10.0.0.9:31"));
    let error = say(&mut producer, bytes, 64).expect_err("it breaks the protocol");
    assert!(error.to_string().contains("10.0.0.9:31"), "{error}");
    error.fault
}

#[test]
fn garbage_and_damaged_frames() {
    let fault = fault_at_consumer(b"GET /index.html HTTP/1.1 or whatever else there is");
    assert_eq!(fault, ConnectionFault::Wire(WireError::Magic { found: *b"GET " }));
    let mut damaged = data(0, 0, &buffer());
    damaged[50] ^= 1;
    let kind = WireKind::Data;
    assert_eq!(
        fault_at_consumer(&damaged),
        ConnectionFault::Wire(WireError::BodyChecksum { kind })
    );
}

#[test]
fn lost_repeated_and_reordered_frames() {
    let flow = |bytes: &[u8]| match fault_at_consumer(bytes) {
        ConnectionFault::Flow { source, .. } => source,
        other => panic!("{other:?}"),
    };
    let (expected, found) = (SeqNo(0), SeqNo(1));
    assert_eq!(flow(&data(0, 1, &buffer())), FlowError::Lost { expected, found });
    let twice = [data(0, 0, &buffer()), data(0, 0, &buffer())].concat();
    let (expected, found) = (SeqNo(1), SeqNo(0));
    assert_eq!(flow(&twice), FlowError::Repeated { expected, found });
}

#[test]
fn data_without_credit_or_channel() {
    let three = [data(0, 0, &buffer()), data(0, 1, &buffer()), data(0, 2, &buffer())].concat();
    let fault = fault_at_consumer(&three);
    assert!(matches!(fault, ConnectionFault::Flow { source: FlowError::NoCredit, .. }), "{fault}");
    let (kind, channel) = (WireKind::Data, ChannelId(8));
    let fault = fault_at_consumer(&data(8, 0, &buffer()));
    assert_eq!(fault, ConnectionFault::UnknownChannel { kind, channel });
    let behind = [event(0, Event::EndOfPartition), data(0, 1, &buffer())].concat();
    let channel = ChannelId(0);
    assert_eq!(fault_at_consumer(&behind), ConnectionFault::UnknownChannel { kind, channel });
}

#[test]
fn data_for_credit_that_was_not_told_yet() {
    let mut pair = Pair::new(10);
    let channel = pair.open(3, 0);
    pair.forth();
    pair.grant(channel, 1);
    let error = say(&mut pair.consumer, &data(0, 0, &buffer()), 64).expect_err("nobody told it");
    let source = FlowError::NoCredit;
    assert!(matches!(error.fault, ConnectionFault::Flow { source: s, .. } if s == source));
}

#[test]
fn buffers_whose_frames_can_not_be_walked() {
    let mut cut = buffer();
    cut.truncate(20);
    let fault = fault_at_consumer(&data(0, 0, &cut));
    let is_cut = |fault: &ConnectionFault| {
        matches!(fault, ConnectionFault::Records { source: FrameError::Cut { .. }, .. })
    };
    assert!(is_cut(&fault), "{fault}");
    let mut pair = Pair::with(
        10,
        ConnectionOptions { trust: Trust::Cluster, ..options("a peer that is trusted") },
        options("the consumer"),
    );
    pair.open(3, 2);
    pair.forth();
    assert!(say(&mut pair.consumer, &data(0, 0, &cut), 64).is_ok(), "as the key says");
}

#[test]
fn a_partition_that_ends_in_the_middle_of_a_record() {
    let mut builder = crate::BufferBuilder::new();
    let mut memory = Memory::new(1);
    builder.open(memory.segment(), usize::MAX);
    let header = crate::frame::FrameHeader::new(5, crate::frame::FrameKind::First, 0);
    builder.commit(header);
    let begun = builder.finish().expect("a frame").to_vec();
    let bytes = [data(0, 0, &begun), event(1, Event::EndOfPartition)].concat();
    let fault = fault_at_consumer(&bytes);
    assert!(matches!(fault, ConnectionFault::CutRecord { .. }), "{fault}");
}

#[test]
fn more_events_than_anybody_sends() {
    let cancel = |at| event(at, Event::CancelCheckpoint(CheckpointId(1)));
    let bytes: Vec<u8> = (0..2000).flat_map(cancel).collect();
    let fault = fault_at_consumer(&bytes);
    assert!(matches!(fault, ConnectionFault::Flow { source: FlowError::Events { .. }, .. }));
}

#[test]
fn channels_that_are_not_counted_or_too_many() {
    let expected = 0;
    let found = ChannelId(1);
    let fault = fault_at_producer(&requested(1, 0));
    assert_eq!(fault, ConnectionFault::ChannelNumber { expected, found });
    let many: Vec<u8> = (0..200).flat_map(|channel| requested(channel, 1)).collect();
    assert_eq!(fault_at_producer(&many), ConnectionFault::TooManyChannels { max: 100 });
    let again = [requested(0, 1), requested(0, 1)].concat();
    let (expected, found) = (1, ChannelId(0));
    assert_eq!(fault_at_producer(&again), ConnectionFault::ChannelNumber { expected, found });
}

#[test]
fn credit_out_of_nothing() {
    let kind = WireKind::AddCredit;
    let credit =
        |sequence, credit| frame(WireHeader { credit, ..header(kind, 0, sequence, &[]) }, &[]);
    let fault = fault_at_producer(&credit(0, 1));
    assert_eq!(fault, ConnectionFault::UnknownChannel { kind, channel: ChannelId(0) });
    let fault = fault_at_producer(&[requested(0, 1), credit(1, u32::MAX)].concat());
    let overflow = FlowError::CreditOverflow { before: 1, added: u32::MAX };
    assert!(matches!(fault, ConnectionFault::Flow { source, .. } if source == overflow), "{fault}");
    let fault = fault_at_producer(&requested(0, CREDIT_MAX + 1));
    assert!(matches!(fault, ConnectionFault::Flow { .. }), "{fault}");
}

#[test]
fn a_resumption_of_what_does_not_wait() {
    let body = 7u64.to_le_bytes();
    let resume = frame(header(WireKind::Resume, 0, 1, &body), &body);
    let fault = fault_at_producer(&[requested(0, 1), resume].concat());
    let resumed = FlowError::Resumed { checkpoint: CheckpointId(7) };
    assert!(matches!(fault, ConnectionFault::Flow { source, .. } if source == resumed), "{fault}");
}

#[test]
fn a_close_that_leaves_channels_or_is_not_the_last() {
    let close = frame(header(WireKind::Close, 0, 0, &[]), &[]);
    assert_eq!(fault_at_consumer(&close), ConnectionFault::ClosedEarly { open: 1 });
    let more = [close.clone(), requested(0, 1)].concat();
    let kind = WireKind::Request;
    assert_eq!(fault_at_producer(&more), ConnectionFault::AfterClose { kind });
    let more = [close, data(0, 0, &buffer())].concat();
    let kind = WireKind::Data;
    assert_eq!(fault_at_producer(&more), ConnectionFault::AfterClose { kind });
}

#[test]
fn a_peer_that_gives_up_is_heard() {
    let mut room = [0; crate::wire::CONTROL_BODY_MAX];
    let error = PeerError::new(ErrorCode::ShuttingDown, "");
    let length = error.write(&mut room);
    let body = &room[..length];
    let flags = WireFlags::WHOLE_CONNECTION;
    let bytes = frame(WireHeader { flags, ..header(WireKind::Error, 0, 0, body) }, body);
    assert_eq!(fault_at_producer(&bytes), ConnectionFault::Peer(error));
}

proptest! {
    #[test]
    fn whatever_comes_is_heard_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
    }

    #[test]
    fn well_formed_frames_in_any_order_never_panic(
        frames in vec((0usize..10, 0u32..3, 0u64..4, 0u32..4, any::<bool>()), 0..40),
    ) {
        let mut pair = consumer();
        let good = buffer();
        for (kind, channel, sequence, number, flag) in frames {
            let kind = WireKind::ALL[kind];
            let (body, flags) = match kind {
                WireKind::Data => (good.clone(), WireFlags::NONE),
                WireKind::Event => {
                    let event = WireEvent::InChannel(Event::EndOfPartition);
                    (event.to_bytes().to_vec(), event.flags())
                }
                WireKind::Request => (request(1).to_bytes().to_vec(), WireFlags::NONE),
                WireKind::Resume => (vec![0; 8], WireFlags::NONE),
                WireKind::Error => {
                    let flags = if flag { WireFlags::FROM_PRODUCER } else { WireFlags::NONE };
                    (vec![1, 0, 0, 0, 0, 0, 0, 0], flags)
                }
                _ => (Vec::new(), WireFlags::NONE),
            };
            let (channel, sequence) = if kind == WireKind::Close { (0, 0) } else { (channel, sequence) };
            let header = header(kind, channel, sequence, &body);
            let mut header = WireHeader { flags, ..header };
            match kind {
                WireKind::AddCredit | WireKind::Request => header.credit = number,
                WireKind::Data | WireKind::Event | WireKind::Backlog => header.backlog = number,
                _ => {}
            }
            let said = say(&mut pair.consumer, &frame(header, &body), 64);
            let failed = said.is_err();
            drop(said);
            if failed {
                break;
            }
        }
        // What is left to say can be said.
        let _ = bytes_of(&mut pair.consumer, &mut pair.memory);
        drop(pair.consumer);
        prop_assert_eq!(pair.memory.out(), 0);
    }
}

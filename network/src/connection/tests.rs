use std::task::Waker;

use super::*;
use crate::{
    BufferBuilder, ChannelIndex, Event,
    barrier::{BarrierKind, CheckpointBarrier},
    flow::Marks,
    wire::{AttemptId, Codec, ErrorCode, JobId, PartitionId, WireEvent},
};
use brisk_memory::{Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, SegmentSize, Taken};
use proptest::{collection::vec, prelude::*};

pub(super) const SEGMENT: usize = 4096;

/// Segments for both sides.
pub(super) struct Memory {
    pool: Pool,
    arena: Arena,
}

impl Memory {
    pub(super) fn new(segments: u32) -> Self {
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
        Self { pool: pool.expect("it fits"), arena }
    }

    pub(super) fn segment(&mut self) -> Segment {
        let Taken::Segment(segment) = self.pool.take() else { panic!("there is one") };
        segment
    }

    /// A buffer with one record.
    pub(super) fn buffer(&mut self, record: &[u8]) -> Buffer {
        let mut builder = BufferBuilder::new();
        builder.open(self.segment(), usize::MAX);
        assert!(builder.append(0, record), "it fits");
        builder.finish().expect("there is a record")
    }

    pub(super) fn out(&self) -> u32 {
        self.pool.outstanding().0
    }
}

pub(super) fn options(peer: &str) -> ConnectionOptions {
    ConnectionOptions {
        peer: PeerName::new(peer),
        segment_bytes: SEGMENT,
        codec: Codec::None,
        marks: ConnectionMarks::default(),
        channels_max: 100,
        trust: Trust::Validate,
    }
}

pub(super) fn connection(options: ConnectionOptions) -> Connection {
    Connection::new(options).expect("memory for a test")
}

pub(super) fn request(consumer: u32) -> PartitionRequest {
    let address = PartitionAddress {
        job: JobId(0xabc),
        attempt: AttemptId(1),
        partition: PartitionId(2),
        consumer: ChannelIndex(consumer),
    };
    PartitionRequest { address, holds_at_barriers: false }
}

pub(super) fn open(connection: &mut Connection, consumer: u32) -> ChannelId {
    let check = FrameCheck::new();
    connection.open(OpenOptions { request: request(consumer), check })
}

/// All bytes that a connection wants to send now.
pub(super) fn bytes_of(connection: &mut Connection, memory: &mut Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut batch = Batch::new();
    while connection.has_output() {
        let back = connection.fill(memory.segment(), &mut batch);
        assert!(back.is_none(), "there is something to send");
        for part in batch.parts() {
            bytes.extend_from_slice(part);
        }
        assert!(connection.written(&mut batch).is_some(), "the segment comes back");
    }
    bytes
}

/// Says `bytes` to a connection, so many at a time.
pub(super) fn say(
    connection: &mut Connection,
    bytes: &[u8],
    piece: usize,
) -> Result<Vec<Received>, ConnectionError> {
    let mut found = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (taken, received) = connection.feed(rest)?;
            rest = &rest[taken..];
            found.extend(received);
        }
    }
    Ok(found)
}

/// Two sides, the first of which reads from the second.
pub(super) struct Pair {
    pub(super) consumer: Connection,
    pub(super) producer: Connection,
    pub(super) memory: Memory,
    /// How many bytes are said at a time.
    pub(super) piece: usize,
}

impl Pair {
    pub(super) fn new(memory: u32) -> Self {
        Self::with(memory, options("the producer at 10.0.0.2:4000"), options("the consumer"))
    }

    pub(super) fn with(
        memory: u32,
        consumer: ConnectionOptions,
        producer: ConnectionOptions,
    ) -> Self {
        Self {
            consumer: connection(consumer),
            producer: connection(producer),
            memory: Memory::new(memory),
            piece: 333,
        }
    }

    /// Opens a channel with credit.
    pub(super) fn open(&mut self, consumer: u32, credit: u32) -> ChannelId {
        let channel = open(&mut self.consumer, consumer);
        self.grant(channel, credit);
        channel
    }

    pub(super) fn grant(&mut self, channel: ChannelId, credit: u32) {
        for _ in 0..credit {
            let segment = self.memory.segment();
            assert!(self.consumer.grant(channel, segment).is_none(), "the channel is open");
        }
    }

    /// What the producer hears.
    pub(super) fn forth(&mut self) -> Vec<Received> {
        let bytes = bytes_of(&mut self.consumer, &mut self.memory);
        say(&mut self.producer, &bytes, self.piece).expect("a peer of ours")
    }

    /// What the consumer hears.
    pub(super) fn back(&mut self) -> Vec<Received> {
        let bytes = bytes_of(&mut self.producer, &mut self.memory);
        say(&mut self.consumer, &bytes, self.piece).expect("a peer of ours")
    }

    pub(super) fn push(&mut self, channel: ChannelId, record: &[u8]) {
        let buffer = self.memory.buffer(record);
        assert!(self.producer.push(channel, Item::Buffer(buffer)).is_empty());
    }
}

/// Channel, number of the record and backlog of each buffer.
fn data(received: &[Received]) -> Vec<(u32, u8, u32)> {
    let data = received.iter().filter_map(|received| match received {
        Received::Data { channel, buffer, backlog } => {
            let frame = crate::frame::frame_at(buffer, 8).expect("a record");
            Some((channel.0, frame.payload[0], *backlog))
        }
        _ => None,
    });
    data.collect()
}

fn barrier(checkpoint: u64, kind: BarrierKind) -> Event {
    let checkpoint = CheckpointId(checkpoint);
    Event::Barrier(CheckpointBarrier { checkpoint, started_ms: 5, kind })
}

#[test]
fn a_partition_is_requested_sent_by_credit_and_ends() {
    let mut pair = Pair::new(20);
    let channel = pair.open(7, 2);
    let heard = pair.forth();
    let [Received::Requested { channel: found, request: wanted }] = heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((found, wanted), (channel, request(7)));
    assert_eq!(pair.producer.requested(channel), Some(request(7).address));
    (0..3).for_each(|number| pair.push(channel, &[number; 100]));
    let received = pair.back();
    assert_eq!(data(&received), [(0, 0, 2), (0, 1, 1)], "as far as credit goes");
    drop(received);
    pair.grant(channel, 1);
    assert!(pair.forth().is_empty());
    pair.producer.push(channel, Item::Event(Event::EndOfPartition));
    let received = pair.back();
    assert_eq!(data(&received), [(0, 2, 0)]);
    let end = WireEvent::InChannel(Event::EndOfPartition);
    assert!(matches!(received[1], Received::Event { event, .. } if event == end));
    drop(received);
    assert_eq!(pair.consumer.open_channels(), (0, 0));
    assert_eq!(pair.producer.open_channels(), (0, 0));
    pair.consumer.close();
    pair.producer.close();
    assert!(matches!(pair.forth()[..], [Received::Closed]));
    assert!(matches!(pair.back()[..], [Received::Closed]));
    assert!(pair.consumer.is_over() && pair.producer.is_over());
    assert_eq!((pair.consumer.ended(), pair.producer.ended()), (Ok(()), Ok(())));
    assert_eq!(pair.memory.out(), 0, "all segments are at home");
    pair.memory.arena.network();
}

#[test]
fn channels_take_turns_and_one_without_credit_holds_up_nobody() {
    let mut pair = Pair::new(40);
    let slow = pair.open(0, 1);
    let fast = pair.open(1, 5);
    pair.forth();
    for number in 0..5 {
        pair.push(slow, &[number; 100]);
        pair.push(fast, &[number; 100]);
    }
    let order: Vec<(u32, u8)> = data(&pair.back()).iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(order, [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);
}

#[test]
fn a_barrier_that_overtakes_goes_before_data_of_all_channels() {
    let mut pair = Pair::new(40);
    let (first, second) = (pair.open(0, 5), pair.open(1, 5));
    pair.forth();
    for number in 0..3 {
        pair.push(first, &[number; 100]);
        pair.push(second, &[number; 100]);
    }
    let overtaking = barrier(3, BarrierKind::Unaligned);
    let overtaken = pair.producer.push(second, Item::Event(overtaking));
    assert_eq!(overtaken.len(), 3, "they are captured");
    let received = pair.back();
    let Received::Event { channel, event, backlog } = received[0] else { panic!("{received:?}") };
    assert_eq!((channel, event), (second, WireEvent::InChannel(overtaking)));
    assert_eq!(backlog, 3);
    assert_eq!(data(&received).len(), 6);
}

#[test]
fn marks_bound_what_a_channel_and_the_connection_have_in_flight() {
    let marks =
        ConnectionMarks { connection: Marks::new(5000, 1000), channel: Marks::new(3000, 500) };
    let producer = ConnectionOptions { marks, ..options("the consumer") };
    let mut pair = Pair::with(60, options("the producer"), producer);
    let (first, second) = (pair.open(0, 10), pair.open(1, 10));
    pair.forth();
    for number in 0..8 {
        pair.push(first, &[number; 1000]);
        pair.push(second, &[number; 1000]);
    }
    let (mut one, mut two) = (Batch::new(), Batch::new());
    assert!(pair.producer.fill(pair.memory.segment(), &mut one).is_none());
    let channels: Vec<u32> = one.data.iter().map(|(channel, _)| channel.0).collect();
    assert_eq!(channels, [0, 1, 0, 1, 0], "5 times 1016 bytes reach the connection's mark");
    assert!(!pair.producer.has_output());
    let segment = pair.memory.segment();
    assert!(pair.producer.fill(segment, &mut two).is_some(), "nothing while that is in flight");
    pair.producer.written(&mut one);
    assert!(pair.producer.has_output());
}

#[test]
fn a_canceled_channel_is_received_until_the_producer_has_heard() {
    let mut pair = Pair::new(20);
    let channel = pair.open(0, 3);
    pair.forth();
    pair.push(channel, &[1; 10]);
    pair.consumer.cancel(channel);
    pair.push(channel, &[2; 10]);
    let sent = bytes_of(&mut pair.producer, &mut pair.memory);
    assert!(
        matches!(pair.forth()[..], [Received::Canceled { channel: c, error: None }] if c == channel)
    );
    let buffer = pair.memory.buffer(&[3; 10]);
    pair.producer.push(channel, Item::Buffer(buffer));
    let received = say(&mut pair.consumer, &sent, 50).expect("a peer of ours");
    assert_eq!(data(&received).len(), 2);
    drop(received);
    assert!(matches!(pair.back()[..], [Received::Released { .. }]));
    assert_eq!(pair.producer.open_channels(), (0, 0));
    assert_eq!(pair.memory.out(), 0, "what was granted and what waited are at home");
    let segment = pair.memory.segment();
    assert!(pair.consumer.grant(channel, segment).is_some(), "the channel is over");
}

#[test]
fn a_producer_that_fails_says_why_on_its_channel_alone() {
    let mut pair = Pair::new(20);
    let (broken, whole) = (pair.open(4, 1), pair.open(5, 1));
    pair.forth();
    pair.producer.fail(broken, PeerError::new(ErrorCode::TaskFailed, "division by zero"));
    pair.push(whole, &[9; 10]);
    let received = pair.back();
    let Received::Failed { channel, place, error } = &received[0] else { panic!("{received:?}") };
    assert_eq!((*channel, place.address), (broken, request(4).address));
    assert_eq!(error.to_string(), "its task failed: division by zero");
    assert_eq!(data(&received), [(1, 9, 0)]);
}

#[test]
fn credit_for_a_channel_that_has_ended_is_ignored() {
    let mut pair = Pair::new(20);
    let channel = pair.open(0, 1);
    pair.forth();
    pair.producer.push(channel, Item::Event(Event::EndOfPartition));
    let end = bytes_of(&mut pair.producer, &mut pair.memory);
    pair.grant(channel, 1);
    pair.consumer.cancel(channel);
    assert!(pair.forth().is_empty(), "the producer is through with it");
    assert_eq!(say(&mut pair.consumer, &end, 1).map(|found| found.len()), Ok(1));
}

#[test]
fn a_cut_connection_is_told_from_one_that_was_closed() {
    let mut pair = Pair::new(20);
    pair.open(0, 1);
    pair.forth();
    let error = pair.producer.ended().expect_err("it was cut");
    assert_eq!(error.fault, ConnectionFault::Cut { open: 1 });
    let text = pair.consumer.ended().expect_err("it was cut").to_string();
    let expected = "the connection with the producer at 10.0.0.2:4000 failed: the connection was \
                    cut with 1 channels open: its process or the network failed";
    assert_eq!(text, expected);
    assert!(!pair.consumer.has_output(), "there is nobody to tell");
}

#[test]
fn compressed_buffers_travel_in_the_segment_of_headers() {
    let producer = ConnectionOptions { codec: Codec::Lz4, ..options("the consumer") };
    let mut pair = Pair::with(40, options("the producer"), producer);
    let channel = pair.open(0, 10);
    pair.forth();
    (0..10).for_each(|number| pair.push(channel, &[number; 3000]));
    let bytes = bytes_of(&mut pair.producer, &mut pair.memory);
    assert!(bytes.len() < 3000, "{} bytes for 30,000", bytes.len());
    let received = say(&mut pair.consumer, &bytes, 77).expect("a peer of ours");
    let numbers: Vec<u8> = data(&received).iter().map(|it| it.1).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<u8>>());
}

#[test]
fn a_batch_that_was_sent_in_part_lets_go_what_was_sent() {
    let mut pair = Pair::new(20);
    let channel = pair.open(0, 2);
    pair.forth();
    pair.push(channel, &[1; 1000]);
    pair.push(channel, &[2; 1000]);
    let mut batch = Batch::new();
    let output = pair.memory.segment();
    pair.producer.fill(output, &mut batch);
    let before = pair.memory.out();
    let whole: Vec<u8> = batch.parts().iter().flat_map(|part| part.to_vec()).collect();
    assert_eq!(whole.len() as u64, batch.bytes());
    batch.sent(40 + 1016 + 10);
    assert_eq!(pair.memory.out(), before - 1, "the first buffer is at home");
    let rest: Vec<u8> = batch.parts().iter().flat_map(|part| part.to_vec()).collect();
    assert_eq!(rest, whole[40 + 1016 + 10..]);
    batch.sent(rest.len());
    assert!(batch.is_sent());
}

proptest! {
    /// Any order of producing, granting and talking brings all to the other side, in order.
    #[test]
    fn everything_arrives_in_order(
        steps in vec((0u32..3, 0u8..4), 0..150),
        piece in 1usize..2000,
        packed in any::<bool>(),
    ) {
        let codec = if packed { Codec::Lz4 } else { Codec::None };
        let producer = ConnectionOptions { codec, ..options("the consumer") };
        let mut pair = Pair::with(400, options("the producer"), producer);
        pair.piece = piece;
        let channels: Vec<ChannelId> = (0..3).map(|at| pair.open(at, 1)).collect();
        pair.forth();
        let (mut made, mut found) = ([0u8; 3], vec![Vec::new(); 3]);
        let talk = |pair: &mut Pair, found: &mut Vec<Vec<u8>>| {
            pair.forth();
            for (channel, number, _) in data(&pair.back()) {
                found[channel as usize].push(number);
            }
        };
        for (at, step) in steps {
            let channel = channels[at as usize];
            match step {
                0 | 1 => {
                    pair.push(channel, &[made[at as usize]; 50]);
                    made[at as usize] += 1;
                }
                2 => pair.grant(channel, 1),
                _ => talk(&mut pair, &mut found),
            }
        }
        for (channel, made) in channels.iter().zip(made) {
            pair.grant(*channel, u32::from(made));
            pair.producer.push(*channel, Item::Event(Event::EndOfPartition));
        }
        talk(&mut pair, &mut found);
        talk(&mut pair, &mut found);
        for (found, made) in found.iter().zip(made) {
            prop_assert_eq!(found, &(0..made).collect::<Vec<u8>>());
        }
        prop_assert_eq!(pair.consumer.open_channels(), (0, 0));
        prop_assert_eq!(pair.producer.open_channels(), (0, 0));
        prop_assert_eq!(pair.memory.out(), 0);
    }
}

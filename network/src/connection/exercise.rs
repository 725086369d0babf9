//! For fuzzing: a peer that says anything.

use std::task::Waker;

use brisk_memory::{Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, SegmentSize, Taken};

use super::{
    Batch, Connection, ConnectionMarks, ConnectionOptions, OpenOptions, PeerName, Received, Trust,
};
use crate::{
    ChannelIndex, Item,
    frame::FrameCheck,
    wire::{AttemptId, Codec, JobId, PartitionAddress, PartitionId, PartitionRequest, repaired},
};

const SEGMENTS: SegmentCount = SegmentCount(8);
const CREDIT: usize = 3;

/// Says `bytes`, as they are and with their checksums made right, to a connection that reads a
/// channel and takes any request.
///
/// # Panics
/// If the connection panics, goes on after an error, or loses a segment.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SEGMENTS,
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for a few segments");
    let pool = arena.network().create_pool(PoolOptions {
        owner: "a peer that says anything".to_string(),
        required: SEGMENTS,
        max: SEGMENTS,
        overdraft: SegmentCount::ZERO,
        waker: Waker::noop().clone(),
    });
    let mut pool = pool.expect("the arena has as many");
    hear(bytes, &mut pool);
    hear(&repaired(bytes), &mut pool);
    assert_eq!(pool.outstanding(), SegmentCount::ZERO, "all segments are at home");
}

fn hear(bytes: &[u8], pool: &mut Pool) {
    let options = ConnectionOptions {
        peer: PeerName::new("anybody"),
        segment_bytes: SegmentSize::MIN.bytes(),
        codec: Codec::Lz4,
        marks: ConnectionMarks::default(),
        channels_max: 4,
        trust: Trust::Validate,
    };
    let mut connection = Connection::new(options).expect("memory for compression");
    let address = PartitionAddress {
        job: JobId(1),
        attempt: AttemptId(2),
        partition: PartitionId(3),
        consumer: ChannelIndex(4),
    };
    let request = PartitionRequest { address, holds_at_barriers: false };
    let channel = connection.open(OpenOptions { request, check: FrameCheck::new() });
    for _ in 0..CREDIT {
        let Taken::Segment(segment) = pool.take() else { panic!("there are more") };
        connection.grant(channel, segment);
    }
    let mut batch = Batch::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        talk(&mut connection, &mut batch, pool);
        let piece = rest.len().min(1 + usize::from(*first));
        match connection.feed(&rest[..piece]) {
            Ok((taken, received)) => {
                rest = &rest[taken..];
                match received {
                    Some(Received::Data { buffer, .. }) => {
                        connection.push(channel, Item::Buffer(buffer));
                    }
                    Some(Received::Event { channel, .. }) => connection.events_read(channel, 1),
                    _ => {}
                }
            }
            Err(_) => {
                assert!(connection.feed(&rest[..1]).is_err(), "an error is the end");
                break;
            }
        }
    }
    talk(&mut connection, &mut batch, pool);
}

/// Has the connection say what it has to say.
fn talk(connection: &mut Connection, batch: &mut Batch, pool: &mut Pool) {
    while connection.has_output() {
        let Taken::Segment(output) = pool.take() else { panic!("there is one for headers") };
        assert!(connection.fill(output, batch).is_none(), "it has output");
        batch.sent(batch.parts().iter().map(|part| part.len()).sum());
        assert!(connection.written(batch).is_some(), "the segment of headers comes back");
    }
}

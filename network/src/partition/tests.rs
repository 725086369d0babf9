use super::*;
use crate::{
    GateAddress, InputGate, LocalPort, PeerPort, Polled, ReadyList,
    frame::{self, BUFFER_HEADER, FrameKind},
    mailbox,
};
use brisk_memory::{
    Arena, ArenaOptions, LaneOptions, PoolOptions, SegmentCount, SegmentSize,
    driver::{Driver, DriverOptions},
};
use proptest::prelude::*;
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

struct Set {
    arena: Arena,
    partition: ResultPartition,
    gates: Vec<LocalPort>,
}

/// A partition with `consumers` gates beside it, and a pool of `segments` of 4 KiB.
fn set(consumers: u32, segments: u32, overdraft: u32, broadcast: bool) -> Set {
    set_with(consumers, segments, overdraft, broadcast, None)
}

/// As [`set`], of whose segments each subpartition may have `lane_max`.
fn set_with(
    consumers: u32,
    segments: u32,
    overdraft: u32,
    broadcast: bool,
    lane_max: Option<u32>,
) -> Set {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(4096).expect("a legal size"),
        network: SegmentCount(segments + overdraft),
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for a test");
    let options = PoolOptions {
        owner: "a test".to_string(),
        required: SegmentCount(segments),
        max: SegmentCount(segments),
        overdraft: SegmentCount(overdraft),
        waker: Waker::noop().clone(),
    };
    let lanes = lane_max.map_or(LaneOptions::NONE, |max| LaneOptions {
        count: if broadcast { 1 } else { consumers },
        segments_max: SegmentCount(max),
    });
    let pool = arena.network().create_pool_with_lanes(options, lanes);
    let list = ReadyList::new();
    let gate = |key| Rc::new(RefCell::new(InputGate::new(1, list.signal(key))));
    let gates: Vec<LocalPort> = (0..u64::from(consumers)).map(gate).collect();
    let port = |gate: &LocalPort| Port::Local { gate: Rc::clone(gate), channel: ChannelIndex(0) };
    let ports = gates.iter().map(port).collect();
    let options = PartitionOptions { pool: pool.expect("it fits"), ports, broadcast };
    Set { arena, partition: ResultPartition::new(options), gates }
}

/// Everything that `gate` has, pieces joined; whether it has ended.
fn read(gate: &LocalPort, partial: &mut Vec<u8>) -> (Vec<(u32, Vec<u8>)>, bool) {
    let mut records = Vec::new();
    loop {
        match gate.borrow_mut().poll() {
            Polled::Item(_, Item::Buffer(buffer)) => {
                let mut position = BUFFER_HEADER;
                let mut begun = 0;
                while let Some(found) = frame::frame_at(&buffer, position) {
                    position = found.next;
                    partial.extend_from_slice(found.payload);
                    let kind = found.header.kind();
                    begun += u32::from(matches!(kind, FrameKind::Whole | FrameKind::First));
                    if matches!(kind, FrameKind::Whole | FrameKind::Last) {
                        records.push((found.header.key_hash, std::mem::take(partial)));
                    }
                }
                assert_eq!(begun, frame::record_count(&buffer));
            }
            Polled::Item(_, Item::Event(_)) | Polled::Announced(..) | Polled::Closed(..) => {}
            Polled::Empty => return (records, false),
            Polled::Ended => return (records, true),
        }
    }
}

fn write(partition: &mut ResultPartition, channel: u32, hash: u32, bytes: &[u8]) -> Room {
    let channel = ChannelIndex(channel);
    if partition.builder(channel).append(hash, bytes) {
        return Room::Free;
    }
    if partition.roll(channel) && partition.builder(channel).append(hash, bytes) {
        return partition.room();
    }
    partition.append_large(Outgoing { channel, key_hash: hash, class: FrameClass::Plain, bytes })
}

#[test]
fn a_partition_without_segments_keeps_what_it_was_given_until_some_return() {
    let mut set = set(1, 2, 0, false);
    let record = [9u8; 3000];
    assert_eq!(write(&mut set.partition, 0, 1, &record), Room::Free);
    assert_eq!(write(&mut set.partition, 0, 2, &record), Room::Free);
    assert_eq!(write(&mut set.partition, 0, 3, &record), Room::Short);
    assert!(!set.partition.has_room());
    let (records, _) = read(&set.gates[0], &mut Vec::new());
    assert_eq!(records.len(), 2);
    assert!(set.partition.has_room() && set.partition.end());
    let (records, ended) = read(&set.gates[0], &mut Vec::new());
    assert_eq!(records, [(3, record.to_vec())]);
    assert!(ended);
}

#[test]
fn overdraft_lets_one_more_buffer_out_and_then_rests() {
    let mut set = set(1, 2, 1, false);
    let record = [9u8; 3000];
    let rooms: Vec<Room> = (0..3).map(|n| write(&mut set.partition, 0, n, &record)).collect();
    assert_eq!(rooms, [Room::Free, Room::Free, Room::Short]);
    assert_eq!(read(&set.gates[0], &mut Vec::new()).0.len(), 2, "the third is in an open buffer");
    assert!(set.partition.has_room());
}

#[test]
fn a_full_subpartition_leaves_the_others_their_segments() {
    let mut set = set_with(2, 8, 0, false, Some(3));
    let record = [9u8; 3000];
    let rooms: Vec<Room> = (0..5).map(|n| write(&mut set.partition, 0, n, &record)).collect();
    let full_with_the_third = [Room::Free, Room::Free, Room::Short, Room::Short, Room::Short];
    assert_eq!(rooms, full_with_the_third);
    assert_eq!(set.partition.pool_usage().0, 3, "the last two wait on the heap");
    assert!(!set.partition.has_room());
    for n in 0..4 {
        assert_eq!(write(&mut set.partition, 1, n, &record), Room::Short);
        assert_eq!(read(&set.gates[1], &mut Vec::new()).0.len(), usize::from(n > 0));
    }
    assert!(set.partition.pool_usage().0 <= 4, "one open beside the full one");
    let mut found = Vec::new();
    while !set.partition.end() {
        found.extend(read(&set.gates[0], &mut Vec::new()).0);
    }
    found.extend(read(&set.gates[0], &mut Vec::new()).0);
    assert!(found.iter().map(|(number, _)| *number).eq(0..5), "all, and in order");
}

#[test]
fn a_subpartition_of_one_segment_sends_it_before_it_waits() {
    let mut set = set_with(1, 2, 0, false, Some(1));
    for n in 0..3 {
        assert_eq!(write(&mut set.partition, 0, n, b"few bytes"), Room::Short);
        assert!(!set.partition.has_room());
        assert_eq!(read(&set.gates[0], &mut Vec::new()).0, [(n, b"few bytes".to_vec())]);
        assert!(set.partition.has_room());
    }
}

#[test]
fn a_broadcast_hands_the_same_bytes_to_all() {
    let mut set = set(3, 2, 0, true);
    assert_eq!(write(&mut set.partition, 0, 0, b"to all"), Room::Free);
    assert!(set.partition.end());
    assert_eq!(set.partition.stats(), PartitionStats { records: 1, buffers: 1, bytes: 22 });
    for gate in &set.gates {
        assert_eq!(read(gate, &mut Vec::new()), (vec![(0, b"to all".to_vec())], true));
    }
}

#[derive(Default)]
struct Rings(AtomicUsize);

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_a_full_mailbox_refuses_waits_in_order_and_is_rung_for() {
    let (sender, mut receiver) = mailbox(2);
    let driver = Driver::new(DriverOptions::default()).expect("a driver");
    let rings = Arc::new(Rings::default());
    let peer = PeerPort::new(sender, driver.doorbell(), Waker::from(Arc::clone(&rings)));
    let gate = GateAddress(1);
    for channel in (0..5).map(ChannelIndex) {
        let port = Port::Peer { peer: Rc::clone(&peer), gate, channel };
        port.send(Item::Event(Event::EndOfPartition));
    }
    let mut received = Vec::new();
    for round in 1..=2 {
        assert!(peer.has_waiting() && !peer.send_waiting(), "nothing can be sent");
        assert!(!peer.send_waiting(), "asked again, it is still rung once");
        let taken = receiver.drain(8, |delivery| received.push(delivery.channel.0));
        assert_eq!((taken, rings.0.load(Ordering::SeqCst)), (2, round));
        assert!(peer.send_waiting());
    }
    assert!(!peer.has_waiting());
    receiver.drain(8, |delivery| received.push(delivery.channel.0));
    assert_eq!(received, [0, 1, 2, 3, 4]);
}

#[test]
fn what_waits_for_a_worker_that_ended_is_dropped() {
    let (sender, receiver) = mailbox(2);
    let driver = Driver::new(DriverOptions::default()).expect("a driver");
    let rings = Arc::new(Rings::default());
    let peer = PeerPort::new(sender, driver.doorbell(), Waker::from(Arc::clone(&rings)));
    let port =
        Port::Peer { peer: Rc::clone(&peer), gate: GateAddress(1), channel: ChannelIndex(0) };
    (0..3).for_each(|_| port.send(Item::Event(Event::EndOfPartition)));
    assert!(!peer.send_waiting());
    drop(receiver);
    assert_eq!(rings.0.load(Ordering::SeqCst), 1);
    assert!(peer.send_waiting() && !peer.has_waiting());
}

proptest! {
    #[test]
    fn records_of_all_sizes_arrive_whole_and_in_order(
        records in proptest::collection::vec((0u32..3, any::<u32>(), 0usize..20_000), 1..40),
        segments in 4u32..8,
        overdraft in 0u32..3,
        lane_max in proptest::option::of(1u32..5),
    ) {
        let mut set = set_with(3, segments, overdraft, false, lane_max);
        let mut expected: HashMap<u32, Vec<(u32, Vec<u8>)>> = HashMap::new();
        let mut found: HashMap<u32, Vec<(u32, Vec<u8>)>> = HashMap::new();
        let mut partials = vec![Vec::new(); 3];
        let mut drain = |set: &Set| {
            for (channel, gate) in (0..).zip(&set.gates) {
                let (records, _) = read(gate, &mut partials[channel as usize]);
                found.entry(channel).or_default().extend(records);
            }
        };
        for (number, (channel, hash, size)) in records.into_iter().enumerate() {
            let bytes = vec![number as u8; size];
            if write(&mut set.partition, channel, hash, &bytes) == Room::Short {
                while !set.partition.has_room() {
                    for lane in (0..3).map(Lane).filter(|_| lane_max.is_some()) {
                        let out = set.partition.pool.lane_outstanding(lane).0;
                        prop_assert!(Some(out) <= lane_max, "{out} of a lane of {lane_max:?}");
                    }
                    drain(&set);
                }
            }
            expected.entry(channel).or_default().push((hash, bytes));
        }
        while !set.partition.end() {
            drain(&set);
        }
        drain(&set);
        for (channel, records) in expected {
            prop_assert_eq!(found.remove(&channel), Some(records));
        }
        let Set { arena, partition, gates } = set;
        drop((partition, gates));
        prop_assert!(arena.verify_conservation().is_ok());
        prop_assert_eq!(arena.network().lent(), SegmentCount(0));
    }
}

/// Buffers end at the limit that the consumer has set; records that are longer are cut.
#[test]
fn buffers_are_as_large_as_their_limit() {
    let Set { partition, gates, .. } = set(1, 8, 0, false);
    let limit = crate::BufferLimit::new();
    let mut partition = partition.limited(vec![limit.clone()]);
    let mut check = |bytes_max: u32, lengths: &[usize], expected: usize| {
        limit.set(bytes_max);
        for length in lengths {
            let (channel, class) = (ChannelIndex(0), FrameClass::Plain);
            let bytes = &vec![7; *length];
            let _ = partition.append_large(Outgoing { channel, key_hash: 0, class, bytes });
        }
        assert!(partition.flush(), "the consumer keeps up");
        let mut sizes = Vec::new();
        while let Polled::Item(_, Item::Buffer(buffer)) = gates[0].borrow_mut().poll() {
            sizes.push(buffer.len());
        }
        let most = bytes_max.max(crate::BUFFER_LIMIT_MIN) as usize;
        assert!(sizes.iter().all(|size| *size <= most), "{sizes:?} above {most}");
        assert_eq!(sizes.len(), expected, "{sizes:?}");
    };
    check(u32::MAX, &[1500, 1500], 1);
    check(600, &[100, 100, 100, 1500], 4);
    check(1, &[300], 2);
    check(u32::MAX, &[1500, 1500], 1);
}

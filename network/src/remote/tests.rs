//! A partition and a gate with a network between them, on every backend of the driver.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use brisk_memory::{
    Arena, ArenaOptions, LaneOptions, Pool, PoolOptions, SegmentCount, SegmentSize,
    driver::{Completion, Driver, DriverKind, DriverOptions, Instant64, SimulatedWorld},
};

use super::*;
use crate::{
    ChannelIndex, Event, GateAddress, InputGate, Item, LocalPort, Outgoing, PartitionOptions,
    Polled, Port, ReadyList, ResultPartition, Room,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
    flow::ShareOptions,
    frame::{self, BUFFER_HEADER, FrameCheck, FrameClass},
    wire::{
        AttemptId, ErrorCode, JobId, PartitionAddress, PartitionId, PeerError,
        handshake::{ClusterSecret, HandshakeError, Nonce, Refusal},
    },
};

mod failures;
mod simulated;
mod threads;

const SEGMENT: usize = 4096;
const RECORD_BYTES: usize = 100;
/// Longer than anything here takes on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(60);
const GATE: GateAddress = GateAddress(5);

fn address(consumer: u32) -> PartitionAddress {
    PartitionAddress {
        job: JobId(0xabc),
        attempt: AttemptId(1),
        partition: PartitionId(2),
        consumer: ChannelIndex(consumer),
    }
}

/// A worker's part: a driver, a transport, and memory.
struct Side {
    driver: Driver,
    transport: Transport,
    done: Vec<Completion>,
    /// What is none of the transport's.
    others: Vec<Completion>,
    arena: Arena,
}

impl Side {
    fn new(kind: DriverKind, secret: &str, link: impl FnOnce(&mut LinkOptions)) -> Self {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::new(SEGMENT).expect("a legal size"),
            network: SegmentCount(200),
            ..ArenaOptions::default()
        });
        let arena = arena.expect("memory for a test");
        let driver = Driver::new(DriverOptions { kind, depth: 16, ..DriverOptions::default() });
        let mut options = LinkOptions::new(SEGMENT);
        link(&mut options);
        let mut count = 0;
        let nonces = move || {
            count += 1;
            Nonce([count; 32])
        };
        let headers = pool(&arena, "headers", 4, 0, Waker::noop().clone());
        let transport = Transport::new(TransportOptions {
            secret: ClusterSecret::new(secret.as_bytes()).expect("it is long enough"),
            nonces: Box::new(nonces),
            headers,
            link: options,
        });
        Self {
            driver: driver.expect("a driver"),
            transport,
            done: Vec::new(),
            others: Vec::new(),
            arena,
        }
    }

    /// A turn of a worker that has only this to do.
    fn turn(&mut self) -> Option<Instant64> {
        self.driver.poll(&mut self.done);
        let done = std::mem::take(&mut self.done);
        for completion in done {
            self.others.extend(self.transport.completed(&mut self.driver, completion));
        }
        self.transport.turn(&mut self.driver)
    }

    /// A partition of so many subpartitions, whose consumers are elsewhere.
    fn partition(&mut self, consumers: u32) -> ResultPartition {
        let ends: Vec<_> = (0..consumers).map(|_| RemoteSubpartition::new()).collect();
        for (consumer, end) in (0..).zip(&ends) {
            self.transport.add_subpartition(address(consumer), Rc::clone(end));
        }
        let waker = self.driver.doorbell().waker();
        let pool = pool(&self.arena, "a partition", 10 * consumers, consumers, waker);
        let ports = ends.into_iter().map(Port::Remote).collect();
        ResultPartition::new(PartitionOptions { pool, ports, broadcast: false })
    }

    /// A gate with a channel for each subpartition of a partition at `peer`.
    fn gate(&mut self, peer: SocketAddr, channels: u32, shares: ShareOptions) -> LocalPort {
        let gate = InputGate::new(channels as usize, ReadyList::new().signal(1));
        let gate = Rc::new(RefCell::new(gate));
        let waker = self.driver.doorbell().waker();
        let producer = |channel| {
            let check = FrameCheck::new();
            Producer { channel: ChannelIndex(channel), peer, address: address(channel), check }
        };
        let options = GateOptions {
            address: GATE,
            gate: Rc::clone(&gate),
            pool: pool(&self.arena, "a gate", shares.total(channels), channels, waker),
            shares,
            producers: (0..channels).map(producer).collect(),
        };
        self.transport.open_gate(&mut self.driver, options);
        gate
    }

    fn failures(&mut self) -> Vec<String> {
        let failures = self.transport.take_failures().into_iter().map(|failure| match failure {
            RemoteFailure::Gate(gate, error) => format!("gate {}: {error}", gate.0),
            RemoteFailure::Partition(address, error) => format!("{address}: {error}"),
            RemoteFailure::Nobody(error) => format!("nobody: {error}"),
        });
        failures.collect()
    }
}

fn pool(arena: &Arena, owner: &str, segments: u32, lanes: u32, waker: Waker) -> Pool {
    let options = PoolOptions {
        owner: owner.to_string(),
        required: SegmentCount(segments),
        max: SegmentCount(segments),
        overdraft: SegmentCount(0),
        waker,
    };
    let lanes = LaneOptions { count: lanes, segments_max: SegmentCount(segments) };
    arena.network().create_pool_with_lanes(options, lanes).expect("it fits")
}

/// Writes numbered records to all channels in turn.
struct Writer {
    partition: ResultPartition,
    channels: u64,
    next: u64,
    records: u64,
    ended: bool,
}

impl Writer {
    fn new(side: &mut Side, channels: u32, records: u64) -> Self {
        let partition = side.partition(channels);
        Self { partition, channels: u64::from(channels), next: 0, records, ended: false }
    }

    /// As much as there is room for, at most some; then what is there is sent.
    fn write(&mut self) {
        for _ in 0..2000 {
            let has_room = self.partition.room() == Room::Free || self.partition.has_room();
            if self.next == self.records || !has_room {
                break;
            }
            let mut record = [7; RECORD_BYTES];
            record[..8].copy_from_slice(&self.next.to_le_bytes());
            let channel = ChannelIndex((self.next % self.channels) as u32);
            let partition = &mut self.partition;
            let fits = partition.builder(channel).append(0, &record)
                || partition.roll(channel) && partition.builder(channel).append(0, &record);
            if !fits {
                let class = FrameClass::Plain;
                let outgoing = Outgoing { channel, key_hash: 0, class, bytes: &record };
                let _ = partition.append_large(outgoing);
            }
            self.next += 1;
        }
        self.partition.flush();
        if self.next == self.records {
            self.ended = self.partition.end();
        }
    }
}

/// The numbers of the records in a buffer.
fn numbers(buffer: &[u8]) -> Vec<u64> {
    let (mut position, mut found) = (BUFFER_HEADER, Vec::new());
    while let Some(frame) = frame::frame_at(buffer, position) {
        let number = frame.payload.first_chunk().expect("a record begins with its number");
        found.push(u64::from_le_bytes(*number));
        position = frame.next;
    }
    found
}

/// Reads numbered records and checks their order.
struct Reader {
    gate: LocalPort,
    next: Vec<u64>,
    records: u64,
    ended: bool,
}

impl Reader {
    fn new(gate: LocalPort, channels: u32) -> Self {
        Self { gate, next: (0..u64::from(channels)).collect(), records: 0, ended: false }
    }

    fn read(&mut self) {
        loop {
            let polled = self.gate.borrow_mut().poll();
            match polled {
                Polled::Item(channel, Item::Buffer(buffer)) => {
                    let channels = self.next.len() as u64;
                    let next = &mut self.next[channel.position()];
                    for number in numbers(&buffer) {
                        assert_eq!(number, *next, "in order, none lost, none twice");
                        *next += channels;
                        self.records += 1;
                    }
                }
                Polled::Item(..) | Polled::Announced(..) | Polled::Closed(..) => {}
                Polled::Empty => return,
                Polled::Ended => {
                    self.ended = true;
                    return;
                }
            }
        }
    }
}

/// Two sides on one thread: who produces, and who consumes.
struct Pair {
    producer: Side,
    consumer: Side,
    world: Option<SimulatedWorld>,
    at: SocketAddr,
}

/// Runs `test` with drivers of each kind.
fn check(test: impl Fn(Pair)) {
    for kind in ["uring", "epoll", "simulated"] {
        test(Pair::of(kind, "a secret of the cluster", |_| {}));
    }
}

impl Pair {
    fn of(kind: &str, secret: &str, link: impl Fn(&mut LinkOptions)) -> Self {
        let world = (kind == "simulated").then(|| SimulatedWorld::from_seed(42));
        Self::in_world(kind, secret, world, link)
    }

    fn in_world(
        kind: &str,
        secret: &str,
        world: Option<SimulatedWorld>,
        link: impl Fn(&mut LinkOptions),
    ) -> Self {
        let of = |name: &str| match &world {
            Some(world) => DriverKind::Simulated(world.machine(name)),
            None => kind.parse().expect("a kind"),
        };
        let mut producer = Side::new(of("producer"), "a secret of the cluster", &link);
        let consumer = Side::new(of("consumer"), secret, &link);
        let ip = match &world {
            Some(world) => world.machine("producer").address(),
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let at = producer.transport.listen(&producer.driver, (ip, 0).into()).expect("a port");
        Self { producer, consumer, world, at }
    }

    /// A turn of each side, and some time.
    fn step(&mut self) {
        for side in [&mut self.producer, &mut self.consumer] {
            let until = side.turn();
            let soon = side.driver.now() + Duration::from_micros(50);
            let until = if self.world.is_some() { until } else { Some(soon) };
            side.driver.park(until, &mut side.done);
        }
    }

    /// Steps until `what` says so.
    fn until(&mut self, what: &str, mut over: impl FnMut(&mut Pair) -> bool) {
        let start = Instant::now();
        while !over(self) {
            assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
            self.step();
        }
    }

    /// Ends both sides; all segments are at home.
    fn end(mut self) {
        self.consumer.transport.close();
        self.until("the end of connections", |pair| {
            pair.consumer.transport.connections() + pair.producer.transport.connections() == 0
        });
        assert_eq!(self.producer.failures(), Vec::<String>::new());
        assert_eq!(self.consumer.failures(), Vec::<String>::new());
    }
}

#[test]
fn all_records_come_in_order_and_their_segments_go_home() {
    check(|mut pair| {
        let (channels, records) = (3, 30_000);
        let mut writer = Writer::new(&mut pair.producer, channels, records);
        let shares = ShareOptions { exclusive: 2, floating: 4 };
        let mut reader = Reader::new(pair.consumer.gate(pair.at, channels, shares), channels);
        pair.until("all records", |_| {
            writer.write();
            reader.read();
            writer.ended && reader.ended
        });
        assert_eq!(reader.records, records);
        assert!(pair.consumer.transport.gate_is_over(GATE));
        assert_eq!(pair.consumer.transport.connections(), 1, "channels share a connection");
        drop(writer);
        pair.end();
    });
}

#[test]
fn a_gate_without_exclusive_segments_takes_turns() {
    check(|mut pair| {
        let mut writer = Writer::new(&mut pair.producer, 3, 3000);
        let shares = ShareOptions { exclusive: 0, floating: 1 };
        let mut reader = Reader::new(pair.consumer.gate(pair.at, 3, shares), 3);
        pair.until("all records", |_| {
            writer.write();
            reader.read();
            writer.ended && reader.ended
        });
        assert_eq!(reader.records, 3000);
        pair.end();
    });
}

#[test]
fn what_a_barrier_overtakes_is_captured_once_on_either_side() {
    check(|mut pair| {
        let mut writer = Writer::new(&mut pair.producer, 1, u64::MAX);
        let gate = pair.consumer.gate(pair.at, 1, ShareOptions { exclusive: 2, floating: 1 });
        let mut still = 0;
        pair.until("a partition that can't go on", |_| {
            let before = writer.next;
            writer.write();
            still = if writer.next == before { still + 1 } else { 0 };
            still > 100
        });
        let kind = BarrierKind::Unaligned;
        let barrier = CheckpointBarrier { checkpoint: CheckpointId(1), started_ms: 0, kind };
        let overtaken = writer.partition.send_barrier(barrier);
        let mut found = None;
        pair.until("the barrier", |_| {
            let polled = gate.borrow_mut().poll_urgent();
            found = found.take().or(polled);
            found.is_some()
        });
        let expected = Event::Barrier(barrier);
        assert!(matches!(&found, Some(Polled::Item(_, Item::Event(event))) if *event == expected));
        gate.borrow_mut().capture(ChannelIndex(0), barrier.checkpoint);
        let captured = gate.borrow_mut().take_captured(barrier.checkpoint);
        let here: Vec<u64> =
            captured.iter().flat_map(|it| &it.1).flat_map(|it| numbers(it)).collect();
        assert!(!here.is_empty(), "the gate's segments are full");
        let there = overtaken.iter().flat_map(|it| &it.buffers).flat_map(|it| numbers(it));
        let there: Vec<u64> = there.collect();
        assert!(!there.is_empty(), "more waits for credit");
        let waiting = overtaken.iter().flat_map(|it| &it.waiting);
        let waiting = waiting.map(|it| numbers_of_bytes(&it.bytes));
        let cut: Vec<u64> = here.into_iter().chain(there).chain(waiting).collect();
        assert_eq!(cut, (0..writer.next).collect::<Vec<u64>>());
    });
}

fn numbers_of_bytes(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("a record begins with its number"))
}

//! What an exchange between two processes does over the loopback interface, one thread on each
//! side, beside the floor: plain blocks of 32 KiB from one thread to another.
//!
//! `cargo run --release -p brisk-network --example exchange [RECORDS]`

use std::{
    cell::RefCell,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    rc::Rc,
    sync::mpsc,
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use brisk_memory::{
    Arena, ArenaOptions, LaneOptions, Pool, PoolOptions, SegmentCount,
    driver::{Completion, Driver, DriverOptions},
};
use brisk_network::{
    ChannelIndex, GateAddress, InputGate, Item, PartitionOptions, Polled, Port, ReadyList,
    ResultPartition, Room,
    connection::Trust,
    flow::ShareOptions,
    frame::{FrameCheck, record_count},
    remote::{GateOptions, LinkOptions, Producer, RemoteSubpartition, Transport, TransportOptions},
    wire::{
        AttemptId, Codec, JobId, PartitionAddress, PartitionId,
        handshake::{ClusterSecret, Nonce},
    },
};

const CHANNELS: u32 = 4;
const RECORD_BYTES: usize = 100;
const SEGMENT_BYTES: usize = 32 << 10;
const FLOOR_BYTES: usize = 2 << 30;

#[derive(Clone, Copy)]
struct Setting {
    kind: &'static str,
    codec: Codec,
    trust: Trust,
    records: u64,
}

struct Side {
    driver: Driver,
    transport: Transport,
    done: Vec<Completion>,
    arena: Arena,
}

impl Side {
    fn new(setting: Setting) -> Self {
        let network = SegmentCount(200);
        let arena = Arena::map(ArenaOptions { network, ..ArenaOptions::default() });
        let arena = arena.expect("6 MiB of memory");
        let kind = setting.kind.parse().expect("a driver's name");
        let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() });
        let mut link = LinkOptions::new(SEGMENT_BYTES);
        link.codec = setting.codec;
        link.trust = setting.trust;
        let transport = Transport::new(TransportOptions {
            secret: ClusterSecret::new(b"a secret of an example").expect("it is long enough"),
            // Nobody listens in on an example; a job takes random ones.
            nonces: Box::new(|| Nonce([7; 32])),
            headers: pool(&arena, 4, 0, Waker::noop().clone()),
            link,
        });
        Self { driver: driver.expect("the driver"), transport, done: Vec::new(), arena }
    }

    fn turn(&mut self, rests: bool) {
        self.driver.poll(&mut self.done);
        for completion in std::mem::take(&mut self.done) {
            let _ = self.transport.completed(&mut self.driver, completion);
        }
        self.transport.turn(&mut self.driver);
        if rests {
            let soon = self.driver.now() + Duration::from_millis(1);
            self.driver.park(Some(soon), &mut self.done);
        }
    }
}

fn pool(arena: &Arena, segments: u32, lanes: u32, waker: Waker) -> Pool {
    let options = PoolOptions {
        owner: "an example".to_string(),
        required: SegmentCount(segments),
        max: SegmentCount(segments),
        overdraft: SegmentCount(0),
        waker,
    };
    let lanes = LaneOptions { count: lanes, segments_max: SegmentCount(10) };
    arena.network().create_pool_with_lanes(options, lanes).expect("the arena has as many")
}

fn address(consumer: u32) -> PartitionAddress {
    PartitionAddress {
        job: JobId(1),
        attempt: AttemptId(1),
        partition: PartitionId(1),
        consumer: ChannelIndex(consumer),
    }
}

fn produce(setting: Setting, port: mpsc::Sender<SocketAddr>) {
    let mut side = Side::new(setting);
    let ends: Vec<_> = (0..CHANNELS).map(|_| RemoteSubpartition::new()).collect();
    for (consumer, end) in (0..).zip(&ends) {
        side.transport.add_subpartition(address(consumer), Rc::clone(end));
    }
    let pool = pool(&side.arena, 10 * CHANNELS, CHANNELS, side.driver.doorbell().waker());
    let ports = ends.into_iter().map(Port::Remote).collect();
    let mut partition = ResultPartition::new(PartitionOptions { pool, ports, broadcast: false });
    let at = side.transport.listen(&side.driver, (Ipv4Addr::LOCALHOST, 0).into());
    port.send(at.expect("a free port")).expect("the consumer waits for it");
    let (record, mut written, mut ended) = ([7; RECORD_BYTES], 0, false);
    while !ended {
        let before = written;
        for _ in 0..4096 {
            let has_room = partition.room() == Room::Free || partition.has_room();
            if written == setting.records || !has_room {
                break;
            }
            let channel = ChannelIndex(written as u32 % CHANNELS);
            let fits = partition.builder(channel).append(0, &record)
                || partition.roll(channel) && partition.builder(channel).append(0, &record);
            if !fits {
                break;
            }
            written += 1;
        }
        ended = written == setting.records && partition.end();
        side.turn(written == before);
    }
    while side.transport.connections() > 0 {
        side.turn(true);
    }
}

fn consume(setting: Setting, peer: SocketAddr) -> u64 {
    let mut side = Side::new(setting);
    let gate = InputGate::new(CHANNELS as usize, ReadyList::new().signal(1));
    let gate = Rc::new(RefCell::new(gate));
    let shares = ShareOptions { exclusive: 2, floating: 8 };
    let producer = |channel| {
        let check = FrameCheck::new();
        Producer { channel: ChannelIndex(channel), peer, address: address(channel), check }
    };
    let waker = side.driver.doorbell().waker();
    let options = GateOptions {
        address: GateAddress(1),
        gate: Rc::clone(&gate),
        pool: pool(&side.arena, shares.total(CHANNELS), CHANNELS, waker),
        shares,
        producers: (0..CHANNELS).map(producer).collect(),
    };
    side.transport.open_gate(&mut side.driver, options);
    let (mut records, mut ended) = (0, false);
    while !ended {
        let before = records;
        loop {
            match gate.borrow_mut().poll() {
                Polled::Item(_, Item::Buffer(buffer)) => {
                    records += u64::from(record_count(&buffer))
                }
                Polled::Item(..) | Polled::Announced(..) | Polled::Closed(..) => {}
                Polled::Empty => break,
                Polled::Ended => {
                    ended = true;
                    break;
                }
            }
        }
        side.turn(records == before);
    }
    side.transport.close();
    while side.transport.connections() > 0 {
        side.turn(true);
    }
    records
}

fn measure(setting: Setting) {
    let (port, opened) = mpsc::channel();
    let producer = thread::spawn(move || produce(setting, port));
    let peer = opened.recv().expect("the producer listens");
    let start = Instant::now();
    let records = consume(setting, peer);
    let seconds = start.elapsed().as_secs_f64();
    producer.join().expect("the producer ended well");
    let rate = records as f64 / seconds;
    println!(
        "{:6} {:?} {:?}: {:.2} million records/s, {:.2} GB/s",
        setting.kind,
        setting.codec,
        setting.trust,
        rate / 1e6,
        rate * RECORD_BYTES as f64 / 1e9
    );
}

fn floor() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let at = listener.local_addr().expect("it is bound");
    let writer = thread::spawn(move || {
        let mut stream = TcpStream::connect(at).expect("it listens");
        let block = vec![7; SEGMENT_BYTES];
        for _ in 0..FLOOR_BYTES / SEGMENT_BYTES {
            stream.write_all(&block).expect("the reader reads");
        }
    });
    let (mut stream, _) = listener.accept().expect("it connects");
    let start = Instant::now();
    let mut block = vec![0; SEGMENT_BYTES];
    for _ in 0..FLOOR_BYTES / SEGMENT_BYTES {
        stream.read_exact(&mut block).expect("the writer writes");
    }
    let seconds = start.elapsed().as_secs_f64();
    writer.join().expect("the writer ended well");
    println!("floor: {:.2} GB/s in blocks of 32 KiB", FLOOR_BYTES as f64 / seconds / 1e9);
}

fn main() {
    let given = std::env::args().nth(1);
    let records = given.map_or(10_000_000, |text| text.parse().expect("a number of records"));
    floor();
    for kind in ["uring", "epoll"] {
        let setting = Setting { kind, codec: Codec::None, trust: Trust::Validate, records };
        measure(setting);
        measure(Setting { trust: Trust::Cluster, ..setting });
        measure(Setting { codec: Codec::Lz4, ..setting });
    }
    floor();
}

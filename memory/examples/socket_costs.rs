//! Prints what sockets cost: `cargo run --release -p brisk-memory --example socket_costs`.
//!
//! One and two streams over the loopback interface, a thread at each end of each: first two plain
//! threads with blocking sockets as a floor, then the driver's operations, on io_uring and on epoll,
//! out of segments and into segments. CPU is of both ends together.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use brisk_memory::driver::{
    ConnectOptions, Driver, DriverKind, DriverOptions, Gather, IoBuffer, IoPart, Operation,
    OperationId, Socket, SocketOptions,
};
use brisk_memory::{Arena, ArenaOptions, Buffer, Pool, PoolOptions, SegmentCount, Taken};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ROUNDS: usize = 3;
const BYTES: u64 = 2 << 30;

/// Segments of one send, with a header of 40 bytes each; and the size of the floor's chunks.
const BATCH: usize = 8;
const HEADER: [u8; 40] = [7; 40];
const CHUNK: usize = 256 * 1024;

/// What one way of sending is like.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// None for the floor.
    driver: Option<&'static str>,
    zero_copy: bool,
    /// Segments of one receive.
    segments: usize,
}

const FLOOR: Way =
    Way { name: "floor, blocking sockets", driver: None, zero_copy: false, segments: 1 };
const URING: Way = Way { name: "io_uring", driver: Some("uring"), ..FLOOR };
const EPOLL: Way = Way { name: "epoll", driver: Some("epoll"), ..FLOOR };

const WAYS: [Way; 6] = [
    FLOOR,
    URING,
    Way { name: "io_uring, receiving into 8 segments", segments: 8, ..URING },
    Way { name: "io_uring, zero-copy sends", zero_copy: true, ..URING },
    EPOLL,
    Way { name: "epoll, receiving into 8 segments", segments: 8, ..EPOLL },
];

fn main() -> Outcome<()> {
    let bytes = match std::env::args().nth(1) {
        Some(given) => given.parse()?,
        None => BYTES,
    };
    for _ in 0..ROUNDS {
        for streams in [1, 2] {
            for way in WAYS {
                let (seconds, cpu) = measure(way, streams, bytes)?;
                let moved = bytes as f64 * streams as f64;
                println!(
                    "{streams} streams, {}: {:.2} GB/s, {:.3} ns of CPU per byte",
                    way.name,
                    moved / seconds / 1e9,
                    cpu / moved
                );
            }
        }
    }
    Ok(())
}

/// Seconds on the clock, and nanoseconds of CPU on both sides.
fn measure(way: Way, streams: usize, bytes: u64) -> Outcome<(f64, f64)> {
    let start = Instant::now();
    let cpu = thread::scope(|scope| {
        let mut ends = Vec::new();
        for _ in 0..streams {
            let (told, address) = std::sync::mpsc::channel();
            let named = |name: &str| thread::Builder::new().name(name.to_owned());
            ends.push(named("receiver").spawn_scoped(scope, move || match way.driver {
                None => receive_plainly(&told),
                Some(kind) => receive(kind, &told, way.segments),
            })?);
            ends.push(named("sender").spawn_scoped(scope, move || match way.driver {
                None => send_plainly(address.recv()?, bytes),
                Some(kind) => send(kind, address.recv()?, (bytes, way.zero_copy)),
            })?);
        }
        let mut cpu = 0.0;
        for end in ends {
            cpu += end.join().map_err(|_| "a thread panicked")??;
        }
        Outcome::Ok(cpu)
    })?;
    Ok((start.elapsed().as_secs_f64(), cpu))
}

type Told = std::sync::mpsc::Sender<SocketAddr>;

fn receive_plainly(told: &Told) -> Outcome<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    told.send(listener.local_addr()?)?;
    let (mut socket, _) = listener.accept()?;
    let mut chunk = vec![0; CHUNK];
    while socket.read(&mut chunk)? > 0 {}
    Ok(cpu_ns())
}

fn send_plainly(to: SocketAddr, bytes: u64) -> Outcome<f64> {
    let mut socket = TcpStream::connect(to)?;
    let chunk = vec![7; CHUNK];
    for _ in 0..bytes / CHUNK as u64 {
        socket.write_all(&chunk)?;
    }
    Ok(cpu_ns())
}

/// A driver with its memory.
struct End {
    driver: Driver,
    arena: Arena,
    pool: Pool,
}

impl End {
    fn new(kind: &str) -> Outcome<End> {
        let network = SegmentCount(64);
        let arena = Arena::map(ArenaOptions { network, ..ArenaOptions::default() })?;
        let kind: DriverKind = kind.parse()?;
        let options =
            DriverOptions { kind, arena: Some(arena.clone()), ..DriverOptions::default() };
        let pool = arena.network().create_pool(PoolOptions {
            owner: "example".to_owned(),
            required: network,
            max: network,
            overdraft: SegmentCount::ZERO,
            waker: std::task::Waker::noop().clone(),
        })?;
        Ok(End { driver: Driver::new(options)?, arena, pool })
    }

    fn segment(&mut self) -> Outcome<brisk_memory::Segment> {
        match self.pool.take() {
            Taken::Segment(segment) => Ok(segment),
            _ => Err("the pool has 64 segments".into()),
        }
    }

    fn wait(&mut self, id: OperationId) -> Outcome<brisk_memory::driver::Completion> {
        let mut done = Vec::new();
        loop {
            let until = self.driver.now() + Duration::from_secs(1);
            self.driver.park(Some(until), &mut done);
            if let Some(found) = done.pop() {
                assert_eq!(found.id, id, "one operation at a time");
                return Ok(found);
            }
        }
    }

    fn over(self) -> Outcome<f64> {
        let End { driver, arena, pool } = self;
        drop((driver, pool));
        arena.verify_conservation()?;
        Ok(cpu_ns())
    }
}

fn receive(kind: &str, told: &Told, segments: usize) -> Outcome<f64> {
    let mut end = End::new(kind)?;
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let listener = end.driver.sockets().listen(at, &SocketOptions::default())?;
    told.send(listener.local_address())?;
    let accept = end.driver.submit(Operation::Accept { listener });
    let socket = end.wait(accept)?.socket.ok_or("nobody connected")?;
    loop {
        let mut parts = Vec::with_capacity(segments);
        for _ in 0..segments {
            let segment = end.segment()?;
            let len = segment.size();
            parts.push(IoPart { buffer: IoBuffer::Segment(segment), len });
        }
        let socket = socket.clone();
        let id = end.driver.submit(match parts.pop() {
            Some(IoPart { buffer, len }) if segments == 1 => {
                Operation::Receive { socket, buffer, range: 0..len }
            }
            last => {
                parts.extend(last);
                Operation::ReceiveSeveral { socket, parts }
            }
        });
        if end.wait(id)?.result? == 0 {
            break;
        }
    }
    end.over()
}

fn send(kind: &str, to: SocketAddr, (bytes, zero_copy): (u64, bool)) -> Outcome<f64> {
    let mut end = End::new(kind)?;
    let socket = SocketOptions { zero_copy_send: zero_copy, ..SocketOptions::default() };
    let options = ConnectOptions { to, timeout: Duration::from_secs(10), socket };
    let connect = end.driver.submit(Operation::Connect { options });
    let socket: Socket = end.wait(connect)?.socket.ok_or("nobody listens")?;
    let mut full = Vec::new();
    for _ in 0..BATCH {
        let mut segment = end.segment()?;
        segment.as_mut_slice().fill(7);
        let size = segment.size();
        full.push(segment.freeze(size));
    }
    let mut gather = Gather::new();
    let mut sent = 0;
    while sent < bytes {
        for buffer in &full {
            gather.push_bytes(&HEADER);
            gather.push_buffer(Buffer::clone(buffer));
        }
        sent += gather.len() as u64;
        let id = end.driver.submit(Operation::Send { socket: socket.clone(), gather });
        let done = end.wait(id)?;
        done.result?;
        gather = done.gather.ok_or("a send gives its bytes back")?;
        gather.clear();
    }
    drop((full, gather, socket));
    end.over()
}

/// What this thread has run, so that neighbours on the machine do not count.
fn cpu_ns() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(f64::NAN)
}

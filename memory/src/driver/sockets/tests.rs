//! What sockets must do on every backend: each test runs on all of them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::*;
use crate::driver::{
    AlignedBytes, Completion, Driver, DriverKind, DriverOptions, IoBuffer, IoPart, Operation,
    OperationId,
};
use crate::{Arena, ArenaOptions, Buffer, Pool, PoolOptions, Segment, SegmentCount, Taken};

mod life;
mod stream;

/// A driver on each side of the network, on one thread.
struct Pair {
    drivers: [Driver; 2],
    done: [Vec<Completion>; 2],
    world: Option<SimulatedWorld>,
    server_ip: IpAddr,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// Longer than anything here takes on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` with drivers of each kind.
fn check(test: impl Fn(&mut Pair)) {
    for kind in ["uring", "epoll", "simulated"] {
        test(&mut Pair::of(kind));
    }
}

/// As `check`, where the operating system is what is tested.
fn check_real(test: impl Fn(&mut Pair)) {
    for kind in ["uring", "epoll"] {
        test(&mut Pair::of(kind));
    }
}

impl Pair {
    fn of(kind: &str) -> Pair {
        let world = (kind == "simulated").then(|| SimulatedWorld::from_seed(42));
        Pair::with_kinds(
            [0, 1].map(|side| match &world {
                Some(world) => DriverKind::Simulated(world.machine(if side == 0 {
                    "client"
                } else {
                    "server"
                })),
                None => kind.parse().unwrap(),
            }),
            world,
        )
    }

    fn with_kinds(kinds: [DriverKind; 2], world: Option<SimulatedWorld>) -> Pair {
        let server_ip = match &world {
            Some(world) => world.machine("server").address(),
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let drivers = kinds.map(|kind| {
            Driver::new(DriverOptions { kind, depth: 4, ..DriverOptions::default() }).unwrap()
        });
        Pair { drivers, done: Default::default(), world, server_ip }
    }

    fn is_simulated(&self) -> bool {
        self.world.is_some()
    }

    /// Lets each side do what it can.
    fn step(&mut self) {
        let simulated = self.is_simulated();
        for (driver, done) in self.drivers.iter_mut().zip(&mut self.done) {
            if simulated {
                driver.park(None, done);
            } else {
                let soon = driver.now() + Duration::from_micros(50);
                driver.park(Some(soon), done);
            }
        }
    }

    /// Steps until `what` says so.
    fn until(&mut self, what: &str, mut over: impl FnMut(&mut Pair) -> bool) {
        let start = Instant::now();
        while !over(self) {
            assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
            let stuck = self.world.as_ref().is_some_and(SimulatedWorld::is_stuck);
            assert!(!stuck, "nothing will happen any more, but {what} was expected");
            self.step();
        }
    }

    fn submit(&mut self, side: usize, operation: Operation) -> OperationId {
        self.drivers[side].submit(operation)
    }

    /// The completion of an operation, if it has come.
    fn take(&mut self, side: usize, id: OperationId) -> Option<Completion> {
        let place = self.done[side].iter().position(|done| done.id == id)?;
        Some(self.done[side].swap_remove(place))
    }

    fn wait(&mut self, side: usize, id: OperationId) -> Completion {
        let mut found = None;
        self.until(&format!("{id:?}"), |pair| {
            found = pair.take(side, id);
            found.is_some()
        });
        found.unwrap()
    }

    /// Steps for a while, which is long in a simulation; the operation must not end meanwhile.
    fn stays_pending(&mut self, side: usize, id: OperationId) {
        for _ in 0..50 {
            self.step();
        }
        assert!(self.take(side, id).is_none(), "{id:?} has ended");
    }

    fn one(&mut self, side: usize, operation: Operation) -> Completion {
        let id = self.submit(side, operation);
        self.wait(side, id)
    }

    fn listen(&mut self, options: SocketOptions) -> Listener {
        let at = (self.server_ip, 0).into();
        self.drivers[SERVER].sockets().listen(at, &options).unwrap()
    }

    fn connect_with(&mut self, listener: &Listener, options: SocketOptions) -> [Socket; 2] {
        let to = listener.local_address();
        let accept = self.submit(SERVER, Operation::Accept { listener: listener.clone() });
        let connect = self.submit(CLIENT, connect(to, options));
        let client = self.wait(CLIENT, connect);
        assert_eq!(client.result.unwrap(), 0);
        let server = self.wait(SERVER, accept).socket.unwrap();
        let client = client.socket.unwrap();
        assert_eq!(client.peer(), to);
        assert_eq!(
            (client.local_address(), client.peer()),
            (server.peer(), server.local_address())
        );
        [client, server]
    }

    /// A connection with the client's end first.
    fn connected(&mut self) -> [Socket; 2] {
        let listener = self.listen(SocketOptions::default());
        self.connect_with(&listener, SocketOptions::default())
    }
}

fn connect(to: SocketAddr, socket: SocketOptions) -> Operation {
    let timeout = Duration::from_secs(20);
    Operation::Connect { options: ConnectOptions { to, timeout, socket } }
}

fn send(socket: &Socket, bytes: &[u8]) -> Operation {
    let mut gather = Gather::new();
    gather.push_bytes(bytes);
    Operation::Send { socket: socket.clone(), gather }
}

fn receive(socket: &Socket, len: usize) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(len));
    Operation::Receive { socket: socket.clone(), buffer, range: 0..len }
}

fn close(socket: &Socket, how: CloseKind) -> Operation {
    Operation::Close { socket: socket.clone(), how }
}

fn error_of(completion: Completion) -> std::io::Error {
    completion.result.unwrap_err()
}

impl Pair {
    /// Receives until there are `len` bytes.
    fn receive_all(&mut self, side: usize, socket: &Socket, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let done = self.one(side, receive(socket, len - bytes.len()));
            let count = done.result.unwrap();
            assert!(count > 0, "an end after {} of {len} bytes", bytes.len());
            bytes.extend_from_slice(&done.buffer.unwrap().as_slice()[..count]);
        }
        bytes
    }
}

/// Segments to send from and receive into.
struct Memory {
    arena: Arena,
    pool: Pool,
}

impl Memory {
    fn new() -> Memory {
        let network = SegmentCount(64);
        let arena = Arena::map(ArenaOptions { network, ..ArenaOptions::default() }).unwrap();
        let options = PoolOptions {
            owner: "test".to_owned(),
            required: network,
            max: network,
            overdraft: SegmentCount(0),
            waker: std::task::Waker::noop().clone(),
        };
        let pool = arena.network().create_pool(options).unwrap();
        Memory { arena, pool }
    }

    fn segment(&mut self) -> Segment {
        match self.pool.take() {
            Taken::Segment(segment) => segment,
            other => panic!("the pool has a segment: {other:?}"),
        }
    }

    /// A segment full of bytes that follow from `first`.
    fn filled(&mut self, first: u64) -> Buffer {
        let mut segment = self.segment();
        let len = segment.size();
        fill(segment.as_mut_slice(), first);
        segment.freeze(len)
    }

    fn all_home(&self) {
        assert_eq!(self.pool.outstanding(), SegmentCount(0));
        self.arena.verify_conservation().unwrap();
    }
}

/// Bytes of a stream whose byte `n` is known.
fn fill(bytes: &mut [u8], first: u64) {
    for (byte, number) in bytes.iter_mut().zip(first..) {
        *byte = byte_at(number);
    }
}

fn byte_at(number: u64) -> u8 {
    (number ^ (number >> 8) ^ (number >> 17)) as u8
}

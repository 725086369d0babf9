//! Connections between three machines while everything goes wrong, over many seeds.
//!
//! What must hold: whatever comes is what was sent, in order; without an error all of it comes; every
//! operation ends; nothing waits for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::driver::simulated::PerMillion;
use crate::driver::{
    AlignedBytes, Completion, Driver, DriverKind, DriverOptions, Gather, IoBuffer, KeepAlive,
    Operation, OperationId, Socket,
};

const NAMES: [&str; 3] = ["a", "b", "c"];
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 400;

/// One end of a connection and the stream that it sends.
struct End {
    driver: usize,
    socket: Socket,
    /// Its peer in the list.
    peer: usize,
    sending: Option<OperationId>,
    receiving: Option<OperationId>,
    /// Bytes of sends that were begun, and of those that ended well.
    begun: u64,
    sent: u64,
    received: u64,
    said_all: bool,
    heard_all: bool,
    failed: bool,
}

struct Campaign {
    world: SimulatedWorld,
    drivers: Vec<Driver>,
    ends: Vec<End>,
    done: BTreeMap<(usize, OperationId), Completion>,
    cuts: usize,
}

fn byte_at(end: usize, number: u64) -> u8 {
    (number ^ (number >> 8) ^ (end as u64 * 37)) as u8
}

fn options() -> SocketOptions {
    let keep_alive =
        KeepAlive { idle: Duration::from_secs(10), interval: Duration::from_secs(5), probes: 3 };
    SocketOptions {
        keep_alive: Some(keep_alive),
        user_timeout: Some(Duration::from_secs(20)),
        ..SocketOptions::default()
    }
}

impl Campaign {
    fn new(seed: u64) -> Campaign {
        let world = SimulatedWorld::from_seed(seed);
        let drivers = NAMES
            .iter()
            .map(|name| {
                let kind = DriverKind::Simulated(world.machine(name));
                Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap()
            })
            .collect();
        let done = BTreeMap::new();
        let mut campaign = Campaign { world, drivers, ends: Vec::new(), done, cuts: 0 };
        for _ in 0..CONNECTIONS {
            campaign.connect();
        }
        campaign
    }

    fn below(&self, bound: u64) -> u64 {
        self.world.below(bound)
    }

    fn step(&mut self, longest: Duration) {
        for (index, driver) in self.drivers.iter_mut().enumerate() {
            let mut done = Vec::new();
            let until = driver.now() + longest;
            driver.park(Some(until), &mut done);
            self.done.extend(done.into_iter().map(|done| ((index, done.id), done)));
        }
    }

    fn wait(&mut self, driver: usize, id: OperationId) -> Completion {
        loop {
            if let Some(done) = self.done.remove(&(driver, id)) {
                return done;
            }
            self.step(Duration::from_secs(1));
        }
    }

    fn connect(&mut self) {
        let (from, to) = (self.below(3) as usize, self.below(3) as usize);
        let at = (self.world.machine(NAMES[to]).address(), 0).into();
        let listener = self.drivers[to].sockets().listen(at, &options()).unwrap();
        let reach = listener.local_address();
        let accept = self.drivers[to].submit(Operation::Accept { listener });
        let timeout = Duration::from_secs(60);
        let options = ConnectOptions { to: reach, timeout, socket: options() };
        let connect = self.drivers[from].submit(Operation::Connect { options });
        let near = self.wait(from, connect).socket.unwrap();
        let far = self.wait(to, accept).socket.unwrap();
        let first = self.ends.len();
        for (driver, socket, peer) in [(from, near, first + 1), (to, far, first)] {
            self.ends.push(End {
                driver,
                socket,
                peer,
                sending: None,
                receiving: None,
                begun: 0,
                sent: 0,
                received: 0,
                said_all: false,
                heard_all: false,
                failed: false,
            });
        }
    }

    fn draw_faults(&mut self) {
        let rate = |world: &SimulatedWorld, most: u64| PerMillion(world.below(most) as u32);
        let world = &self.world;
        world.set_network_faults(NetworkFaults {
            stall: rate(world, 20_000),
            torn_receive: rate(world, 500_000),
            torn_send: rate(world, 300_000),
            slow_receive: rate(world, 100_000),
            reset: if world.below(3) == 0 { rate(world, 2_000) } else { PerMillion(0) },
        });
        let (from, to) = (NAMES[world.below(3) as usize], NAMES[world.below(3) as usize]);
        let bytes_per_second = (world.below(2) == 0).then(|| 10_000 + world.below(10_000_000));
        world.set_link(
            from,
            to,
            LinkOptions {
                delay: Duration::from_micros(world.below(100_000)),
                jitter: Duration::from_micros(world.below(10_000)),
                bytes_per_second,
            },
        );
    }

    /// Begins what this end may begin.
    fn submit(&mut self, index: usize, may_send: bool) {
        let (size, room) = (1 + self.below(40_000), 1 + self.below(9000) as usize);
        let end = &mut self.ends[index];
        let driver = &mut self.drivers[end.driver];
        if may_send && end.sending.is_none() && !end.failed {
            let mut gather = Gather::new();
            let bytes: Vec<u8> =
                (end.begun..end.begun + size).map(|number| byte_at(index, number)).collect();
            gather.push_bytes(&bytes);
            end.begun += size;
            let socket = end.socket.clone();
            end.sending = Some(driver.submit(Operation::Send { socket, gather }));
        }
        if end.receiving.is_none() && !end.heard_all {
            let buffer = IoBuffer::Heap(AlignedBytes::zeroed(room));
            let socket = end.socket.clone();
            let range = 0..room;
            end.receiving = Some(driver.submit(Operation::Receive { socket, buffer, range }));
        }
    }

    /// Takes in what has ended for this end.
    fn take_in(&mut self, index: usize) {
        let end = &mut self.ends[index];
        let key = |id: OperationId| (end.driver, id);
        if let Some(done) = end.sending.and_then(|id| self.done.remove(&key(id))) {
            match done.result {
                Ok(count) => end.sent += count as u64,
                Err(_) => end.failed = true,
            }
            end.sending = None;
        }
        let Some(done) = end.receiving.and_then(|id| self.done.remove(&(end.driver, id))) else {
            return;
        };
        end.receiving = None;
        match done.result {
            Ok(0) => end.heard_all = true,
            Ok(count) => {
                let buffer = done.buffer.unwrap();
                let bytes = &buffer.as_slice()[..count];
                for (byte, number) in bytes.iter().zip(end.received..) {
                    assert_eq!(*byte, byte_at(end.peer, number), "byte {number} at end {index}");
                }
                end.received += count as u64;
            }
            Err(_) => {
                end.failed = true;
                end.heard_all = true;
            }
        }
    }

    fn round(&mut self) {
        if self.below(20) == 0 {
            self.draw_faults();
        }
        let (from, to) = (NAMES[self.below(3) as usize], NAMES[self.below(3) as usize]);
        match self.below(40) {
            0 => {
                self.world.cut(from, to);
                self.cuts += 1;
            }
            1..6 => self.world.restore(from, to),
            _ => {}
        }
        for index in 0..self.ends.len() {
            let may_send = self.below(3) > 0;
            self.submit(index, may_send);
        }
        let longest = Duration::from_millis(1 + self.below(300));
        self.step(longest);
        (0..self.ends.len()).for_each(|index| self.take_in(index));
    }

    /// All is well again: everything that is under way comes to its end.
    fn finish(&mut self) {
        self.world.set_network_faults(NetworkFaults::default());
        for (from, to) in NAMES.iter().flat_map(|from| NAMES.map(|to| (*from, to))) {
            self.world.restore(from, to);
            self.world.set_link(from, to, LinkOptions::default());
        }
        while !self.ends.iter().all(|end| end.said_all && end.heard_all) {
            assert!(!self.world.is_stuck(), "connections wait for ever");
            for index in 0..self.ends.len() {
                self.submit(index, false);
                let end = &mut self.ends[index];
                if end.sending.is_none() && !end.said_all {
                    end.said_all = true;
                    let socket = end.socket.clone();
                    self.drivers[end.driver].submit(Operation::Shutdown { socket });
                }
            }
            self.step(Duration::from_secs(1));
            (0..self.ends.len()).for_each(|index| self.take_in(index));
        }
    }

    fn verify(&self) {
        for end in &self.ends {
            let peer = &self.ends[end.peer];
            assert!(peer.received <= end.begun);
            if !end.failed && !peer.failed {
                assert_eq!((end.begun, end.sent), (peer.received, peer.received));
            }
        }
    }
}

/// What a seed comes to: bytes, failures and the time.
fn run(seed: u64) -> (u64, usize, u64, usize) {
    let mut campaign = Campaign::new(seed);
    for _ in 0..ROUNDS {
        campaign.round();
    }
    campaign.finish();
    campaign.verify();
    let received = campaign.ends.iter().map(|end| end.received).sum();
    let failed = campaign.ends.iter().filter(|end| end.failed).count();
    let now = campaign.world.now().as_nanos();
    assert!(campaign.drivers.iter().all(|driver| driver.outstanding() == 0));
    (received, failed, now, campaign.cuts)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn simulated_connections_deliver_what_was_sent_or_fail() {
    let (first, seeds) = (number("BRISK_FIRST_SEED", 0), number("BRISK_SEEDS", 20));
    let (mut failed, mut whole, mut cuts) = (0, 0, 0);
    for seed in first..first + seeds {
        eprintln!("BRISK_FIRST_SEED={seed} BRISK_SEEDS=1 replays this seed");
        let (received, failures, _, cut) = run(seed);
        assert!(received > 0);
        failed += failures;
        whole += 2 * CONNECTIONS - failures;
        cuts += cut;
    }
    assert!(seeds < 20 || (failed > 0 && whole > 0 && cuts > 0), "{failed}, {whole}, {cuts}");
    assert_eq!(run(first), run(first), "a seed gives one run");
}

//! Links, their faults, and what follows from a seed.

use std::io::ErrorKind;
use std::time::Duration;

use super::*;
use crate::driver::simulated::PerMillion;
use crate::driver::{
    AlignedBytes, Completion, Driver, DriverKind, DriverOptions, Gather, Instant64, IoBuffer,
    KeepAlive, Listener, Operation, OperationId, Socket,
};

/// Two machines, a driver on each.
struct Net {
    world: SimulatedWorld,
    drivers: [Driver; 2],
    done: [Vec<Completion>; 2],
}

const A: usize = 0;
const B: usize = 1;
const NAMES: [&str; 2] = ["a", "b"];

fn driver(world: &SimulatedWorld, name: &str) -> Driver {
    let kind = DriverKind::Simulated(world.machine(name));
    Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap()
}

impl Net {
    fn new(seed: u64) -> Net {
        let world = SimulatedWorld::from_seed(seed);
        let drivers = NAMES.map(|name| driver(&world, name));
        Net { world, drivers, done: Default::default() }
    }

    fn step(&mut self) {
        for (driver, done) in self.drivers.iter_mut().zip(&mut self.done) {
            driver.park(None, done);
        }
    }

    fn wait(&mut self, side: usize, id: OperationId) -> Completion {
        loop {
            if let Some(place) = self.done[side].iter().position(|done| done.id == id) {
                return self.done[side].swap_remove(place);
            }
            assert!(!self.world.is_stuck(), "nothing will happen any more");
            self.step();
        }
    }

    fn one(&mut self, side: usize, operation: Operation) -> Completion {
        let id = self.drivers[side].submit(operation);
        self.wait(side, id)
    }

    fn listen(&mut self, options: SocketOptions) -> Listener {
        let at = (self.world.machine("b").address(), 0).into();
        self.drivers[B].sockets().listen(at, &options).unwrap()
    }

    /// A connection from the first machine to the second.
    fn connected(&mut self, options: SocketOptions) -> [Socket; 2] {
        let listener = self.listen(options);
        let to = listener.local_address();
        let accept = self.drivers[B].submit(Operation::Accept { listener });
        let options = ConnectOptions { to, timeout: Duration::from_secs(60), socket: options };
        let near = self.one(A, Operation::Connect { options }).socket.unwrap();
        [near, self.wait(B, accept).socket.unwrap()]
    }

    fn elapsed(&self, since: Instant64) -> Duration {
        self.world.now().saturating_since(since)
    }
}

fn send(socket: &Socket, bytes: &[u8]) -> Operation {
    let mut gather = Gather::new();
    gather.push_bytes(bytes);
    Operation::Send { socket: socket.clone(), gather }
}

fn receive(socket: &Socket) -> Operation {
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(4096));
    Operation::Receive { socket: socket.clone(), buffer, range: 0..4096 }
}

fn bytes_of(completion: &Completion) -> &[u8] {
    let count = *completion.result.as_ref().unwrap();
    &completion.buffer.as_ref().unwrap().as_slice()[..count]
}

/// The sizes and times of what arrives of `total` bytes, whose content is checked.
fn run(seed: u64, set: impl Fn(&SimulatedWorld), total: usize) -> Vec<(usize, u64)> {
    let mut net = Net::new(seed);
    set(&net.world);
    let [near, far] = net.connected(SocketOptions::default());
    let sent: Vec<u8> = (0..total).map(|byte| (byte % 251) as u8).collect();
    let sending = net.drivers[A].submit(send(&near, &sent));
    let mut got = Vec::new();
    let mut arrivals = Vec::new();
    while got.len() < total {
        let done = net.one(B, receive(&far));
        got.extend_from_slice(bytes_of(&done));
        arrivals.push((bytes_of(&done).len(), net.world.now().as_nanos()));
    }
    assert!(got == sent);
    assert_eq!(net.wait(A, sending).result.unwrap(), total);
    arrivals
}

fn no_change(_: &SimulatedWorld) {}

fn faults(faults: NetworkFaults) -> impl Fn(&SimulatedWorld) {
    move |world| world.set_network_faults(faults)
}

const ALWAYS: PerMillion = PerMillion(1_000_000);
const OFTEN: PerMillion = PerMillion(300_000);

#[test]
fn a_seed_gives_one_run() {
    let all = NetworkFaults {
        stall: OFTEN,
        torn_receive: OFTEN,
        torn_send: OFTEN,
        slow_receive: OFTEN,
        reset: PerMillion(0),
    };
    assert_eq!(run(7, faults(all), 50_000), run(7, faults(all), 50_000));
    assert_ne!(run(7, faults(all), 50_000), run(8, faults(all), 50_000));
}

#[test]
fn each_fault_shows() {
    let plain = run(1, no_change, 20_000);
    let last = |run: &[(usize, u64)]| run.last().unwrap().1;
    let torn = run(1, faults(NetworkFaults { torn_receive: ALWAYS, ..Default::default() }), 20_000);
    assert!(torn.len() > plain.len() * 2 && torn.iter().any(|(size, _)| *size < 10));
    let cut = run(1, faults(NetworkFaults { torn_send: ALWAYS, ..Default::default() }), 20_000);
    assert!(cut.iter().any(|(size, _)| *size <= 8));
    let stalled = run(1, faults(NetworkFaults { stall: ALWAYS, ..Default::default() }), 20_000);
    assert!(last(&stalled) > last(&plain) + 200_000_000);
    let slow = run(1, faults(NetworkFaults { slow_receive: ALWAYS, ..Default::default() }), 20_000);
    assert!(last(&slow) > last(&plain) + 1_000_000);
    let link = LinkOptions { bytes_per_second: Some(10_000), ..LinkOptions::default() };
    let narrow = run(1, |world| world.set_link("a", "b", link), 20_000);
    assert!(last(&narrow) > last(&plain) + 1_900_000_000, "20 kB at 10 kB/s take 2 s");
    let link = LinkOptions { delay: Duration::from_millis(70), ..LinkOptions::default() };
    let far = run(1, |world| world.set_link("a", "b", link), 20_000);
    assert!(last(&far) > last(&plain) + 70_000_000);
}

#[test]
fn a_reset_by_the_network_is_seen_at_both_ends() {
    let mut net = Net::new(3);
    let [near, far] = net.connected(SocketOptions::default());
    let reset = NetworkFaults { reset: ALWAYS, ..NetworkFaults::default() };
    net.world.set_network_faults(reset);
    let (waits, late) =
        (net.drivers[A].submit(receive(&near)), net.drivers[B].submit(receive(&far)));
    let _ = net.one(A, send(&near, b"last"));
    for (side, id) in [(A, waits), (B, late)] {
        let mut done = net.wait(side, id);
        if done.result.is_ok() {
            // The bytes were there before the reset.
            done = net.one(side, receive([&near, &far][side]));
        }
        assert_eq!(done.result.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn connections_overtake_each_other_and_bytes_of_one_do_not() {
    let mut net = Net::new(5);
    let jitter = Duration::from_millis(20);
    net.world.set_link("a", "b", LinkOptions { jitter, ..LinkOptions::default() });
    let ends: Vec<_> = (0..20).map(|_| net.connected(SocketOptions::default())).collect();
    let waiting: Vec<_> = ends.iter().map(|[_, far]| net.drivers[B].submit(receive(far))).collect();
    for [near, _] in &ends {
        net.drivers[A].submit(send(near, b"x"));
    }
    let mut order = Vec::new();
    while order.len() < ends.len() {
        net.step();
        order.extend(net.done[B].drain(..).map(|done| done.id));
    }
    assert!(order.iter().all(|id| waiting.contains(id)) && !order.is_sorted());
}

#[test]
fn a_cut_holds_everything_up_until_it_is_repaired() {
    let mut net = Net::new(9);
    let [near, far] = net.connected(SocketOptions::default());
    net.world.cut("a", "b");
    net.one(A, send(&near, b"held up")).result.unwrap();
    let waiting = net.drivers[B].submit(receive(&far));
    // The other way still works.
    net.one(B, send(&far, b"back")).result.unwrap();
    assert_eq!(bytes_of(&net.one(A, receive(&near))), b"back");
    let at = net.world.now() + Duration::from_secs(30);
    net.one(A, Operation::Timer { at });
    assert!(net.done[B].iter().all(|done| done.id != waiting));
    net.world.restore("a", "b");
    assert_eq!(bytes_of(&net.wait(B, waiting)), b"held up");
    assert!(net.elapsed(at) >= Duration::from_millis(200));
}

#[test]
fn a_peer_that_acknowledges_nothing_is_given_up_in_time() {
    for (from, to) in [("a", "b"), ("b", "a")] {
        let mut net = Net::new(9);
        let user_timeout = Some(Duration::from_secs(10));
        let options = SocketOptions { user_timeout, ..SocketOptions::default() };
        let [near, _far] = net.connected(options);
        net.world.cut(from, to);
        let start = net.world.now();
        net.one(A, send(&near, b"x")).result.unwrap();
        let error = net.one(A, receive(&near)).result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().starts_with(&format!("receiving from {}: ", near.peer())));
        let took = net.elapsed(start);
        assert!((10..11).contains(&took.as_secs()), "{took:?}");
    }
}

#[test]
fn a_half_open_end_notices_only_when_it_asks() {
    let keep_alive =
        KeepAlive { idle: Duration::from_secs(20), interval: Duration::from_secs(5), probes: 3 };
    for keep_alive in [None, Some(keep_alive)] {
        let mut net = Net::new(9);
        let options = SocketOptions { keep_alive, ..SocketOptions::default() };
        let [near, _far] = net.connected(options);
        let start = net.world.now();
        let waiting = net.drivers[A].submit(receive(&near));
        for (from, to) in [("a", "b"), ("b", "a")] {
            net.world.cut(from, to);
        }
        let hour =
            net.drivers[A].submit(Operation::Timer { at: start + Duration::from_secs(3600) });
        if keep_alive.is_none() {
            net.wait(A, hour);
            assert!(net.done[A].is_empty(), "silence says nothing");
            continue;
        }
        assert_eq!(net.wait(A, waiting).result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(net.elapsed(start).as_secs(), 35);
    }
}

#[test]
fn a_machine_that_crashed_knows_no_connections() {
    let mut net = Net::new(4);
    let [near, far] = net.connected(SocketOptions::default());
    let waiting = net.drivers[A].submit(receive(&near));
    let lost = net.drivers[B].submit(receive(&far));
    net.world.machine("b").crash();
    for _ in 0..20 {
        net.step();
    }
    assert!(net.world.is_stuck(), "nobody tells the other end");
    assert!(net.done.iter().flatten().all(|done| done.id != lost));
    drop(std::mem::replace(&mut net.drivers[B], driver(&net.world, "b")));
    assert!(net.one(B, receive(&far)).result.is_err());
    net.drivers[A].submit(send(&near, b"anyone?"));
    let told = net.wait(A, waiting).result.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn machines_have_addresses_and_ports() {
    let mut net = Net::new(1);
    assert_ne!(net.world.machine("a").address(), net.world.machine("b").address());
    let sockets = net.drivers[A].sockets();
    let other = (net.world.machine("b").address(), 0).into();
    let error = sockets.listen(other, &SocketOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::AddrNotAvailable));
    let socket = SocketOptions::default();
    let nowhere = "192.0.2.1:80".parse().unwrap();
    let options = ConnectOptions { to: nowhere, timeout: Duration::from_secs(1), socket };
    let error = net.one(A, Operation::Connect { options }).result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "connecting to 192.0.2.1:80: Network is unreachable (os error 101)"
    );
    let nobody = (net.world.machine("b").address(), 80).into();
    let options = ConnectOptions { to: nobody, timeout: Duration::from_secs(1), socket };
    let error = net.one(A, Operation::Connect { options }).result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // A machine talks to itself.
    let here = "127.0.0.1:0".parse().unwrap();
    let listener = net.drivers[A].sockets().listen(here, &socket).unwrap();
    let accept = net.drivers[A].submit(Operation::Accept { listener: listener.clone() });
    let to = listener.local_address();
    let options = ConnectOptions { to, timeout: Duration::from_secs(1), socket };
    net.one(A, Operation::Connect { options }).result.unwrap();
    net.wait(A, accept).result.unwrap();
}

#[test]
fn an_attempt_across_a_cut_succeeds_when_it_is_repaired_in_time() {
    let mut net = Net::new(6);
    let listener = net.listen(SocketOptions::default());
    net.world.cut("b", "a");
    let to = listener.local_address();
    let socket = SocketOptions::default();
    let options = ConnectOptions { to, timeout: Duration::from_secs(9), socket };
    let connecting = net.drivers[A].submit(Operation::Connect { options });
    let at = net.world.now() + Duration::from_secs(3);
    net.one(B, Operation::Timer { at });
    net.world.restore("b", "a");
    net.wait(A, connecting).result.unwrap();
}

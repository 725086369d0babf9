//! The connections of one worker.

mod connecting;
mod hearing;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    net::SocketAddr,
    rc::Rc,
};

use brisk_memory::driver::{
    CloseKind, Completion, Driver, DriverError, Instant64, Listener, Operation, OperationId, Socket,
};

use super::{
    GateOptions, RemoteError, RemoteFailure, RemoteSubpartition, TransportOptions,
    gate::RemoteGate, link::Link,
};
use crate::{
    ChannelIndex, GateAddress,
    wire::{ChannelId, ErrorCode, PartitionAddress, PeerError, handshake::Handshake},
};

/// Numbers a link of a transport; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LinkNumber(u64);

/// What an operation was for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Accept,
    Connect(LinkNumber),
    Receive(LinkNumber),
    Send(LinkNumber),
    Close,
}

/// A channel of a connection.
type At = (LinkNumber, ChannelId);

/// A request for a partition that is not here yet.
#[derive(Debug)]
struct Early {
    at: At,
    address: PartitionAddress,
    until: Instant64,
}

/// The connections of one worker, and what they carry.
///
/// The worker calls [`Transport::turn`] in each turn of its own, hands completions to
/// [`Transport::completed`], and tells the tasks of what [`Transport::take_failures`] brings.
pub struct Transport {
    options: TransportOptions,
    links: BTreeMap<LinkNumber, Rc<RefCell<Link>>>,
    next_link: u64,
    /// Links that this side has made.
    to_peer: HashMap<SocketAddr, LinkNumber>,
    /// Links whose next attempt to connect waits.
    to_connect: Vec<(Instant64, LinkNumber)>,
    accepted: HashSet<LinkNumber>,
    operations: HashMap<OperationId, Purpose>,
    listener: Option<Listener>,
    accepting: bool,
    gates: BTreeMap<GateAddress, RemoteGate>,
    consumers: BTreeMap<At, (GateAddress, ChannelIndex)>,
    /// Channels of gates whose link is not established.
    to_open: Vec<(LinkNumber, GateAddress, ChannelIndex)>,
    subpartitions: HashMap<PartitionAddress, Rc<RemoteSubpartition>>,
    producers: BTreeMap<At, PartitionAddress>,
    /// Partitions that wait for their consumers only.
    finished: HashSet<PartitionAddress>,
    early: Vec<Early>,
    failures: Vec<RemoteFailure>,
}

impl Transport {
    /// One without connections.
    pub fn new(options: TransportOptions) -> Self {
        Self {
            options,
            links: BTreeMap::new(),
            next_link: 0,
            to_peer: HashMap::new(),
            to_connect: Vec::new(),
            accepted: HashSet::new(),
            operations: HashMap::new(),
            listener: None,
            accepting: false,
            gates: BTreeMap::new(),
            consumers: BTreeMap::new(),
            to_open: Vec::new(),
            subpartitions: HashMap::new(),
            producers: BTreeMap::new(),
            finished: HashSet::new(),
            early: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Takes connections of peers at an address; which one it is when its port was 0.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen(&mut self, driver: &Driver, at: SocketAddr) -> Result<SocketAddr, DriverError> {
        let listener = driver.sockets().listen(at, &self.options.link.socket)?;
        let address = listener.local_address();
        self.listener = Some(listener);
        Ok(address)
    }

    /// Has a partition ready for its remote consumer.
    ///
    /// # Panics
    /// If there is one of this address.
    pub fn add_subpartition(&mut self, address: PartitionAddress, end: Rc<RemoteSubpartition>) {
        let before = self.subpartitions.insert(address, end);
        assert!(before.is_none(), "two subpartitions of one address: {address}");
        let asked = self.early.iter().position(|early| early.address == address);
        if let Some(asked) = asked {
            let Early { at, .. } = self.early.swap_remove(asked);
            self.attach_producer(at, address);
        }
    }

    /// Forgets a partition whose task is over; a consumer that reads it is told `error`.
    pub fn remove_subpartition(&mut self, address: PartitionAddress, error: Option<PeerError>) {
        self.finished.remove(&address);
        let Some(end) = self.subpartitions.remove(&address) else { return };
        let at = self.producers.iter().find(|(_, known)| **known == address).map(|(at, _)| *at);
        if let (Some(at), Some(error)) = (at, error) {
            end.end();
            self.fail_channel(at, error);
        }
    }

    /// A partition's task has sent all and is over: it is forgotten as soon as its consumer has
    /// asked. What is on its way then is the connection's.
    pub fn finish_subpartition(&mut self, address: PartitionAddress) {
        let is_handed_over =
            self.subpartitions.get(&address).is_some_and(|end| end.is_handed_over());
        if is_handed_over {
            self.subpartitions.remove(&address);
            self.producers.retain(|_, known| *known != address);
        } else if self.subpartitions.contains_key(&address) {
            self.finished.insert(address);
        }
    }

    /// Connects the remote channels of a gate.
    pub fn open_gate(&mut self, driver: &mut Driver, options: GateOptions) {
        let address = options.address;
        let producers: Vec<_> = options.producers.iter().map(|it| (it.peer, it.address)).collect();
        let before = self.gates.insert(address, RemoteGate::new(options));
        assert!(before.is_none(), "two gates of one address: {address:?}");
        for (index, (peer, partition)) in (0..).map(ChannelIndex).zip(producers) {
            let number = self.link_to(driver, peer, partition);
            let is_open = self.links[&number].borrow().is_open();
            if is_open {
                self.open_channel(number, address, index);
            } else {
                self.to_open.push((number, address, index));
            }
        }
    }

    /// Forgets a gate; its producers are told to send no more.
    pub fn close_gate(&mut self, address: GateAddress) {
        self.gates.remove(&address);
        self.to_open.retain(|(_, gate, _)| *gate != address);
        let channels = self.consumers.extract_if(.., |_, (gate, _)| *gate == address);
        for ((number, channel), _) in channels {
            if let Some(connection) = self.links[&number].borrow_mut().connection() {
                connection.cancel(channel);
            }
        }
    }

    /// Does what can be done now: gives credit, sends and receives. When it wants a turn at the
    /// latest, if nothing happens before.
    pub fn turn(&mut self, driver: &mut Driver) -> Option<Instant64> {
        for gate in self.gates.values_mut() {
            gate.turn();
        }
        let now = driver.now();
        self.time_out(now);
        self.connect_again(driver, now);
        self.accept(driver);
        let numbers: Vec<LinkNumber> = self.links.keys().copied().collect();
        for number in numbers {
            let submitted =
                self.links[&number].borrow_mut().submit(driver, &mut self.options.headers);
            let receive = submitted.receive.map(|id| (id, Purpose::Receive(number)));
            let send = submitted.send.map(|id| (id, Purpose::Send(number)));
            self.operations.extend(receive.into_iter().chain(send));
            let finished = self.links[&number].borrow_mut().take_finished();
            if let Some(socket) = finished {
                self.forget(driver, number, socket);
            }
        }
        let early = self.early.iter().map(|early| early.until);
        let links = self.links.values().filter_map(|link| link.borrow().deadline());
        let again = self.to_connect.iter().map(|(at, _)| *at);
        early.chain(links).chain(again).min()
    }

    /// Takes in a completion; gives it back when it is none of the transport's.
    pub fn completed(&mut self, driver: &mut Driver, completion: Completion) -> Option<Completion> {
        let Some(purpose) = self.operations.remove(&completion.id) else { return Some(completion) };
        match purpose {
            Purpose::Accept => self.accepted(driver, completion),
            Purpose::Connect(number) => self.connected(driver, number, completion),
            Purpose::Receive(number) => {
                let link = self.links.get(&number).cloned()?;
                let mut heard = Vec::new();
                let outcome = link.borrow_mut().received(completion, &mut heard);
                for heard in heard {
                    self.hear(driver, number, heard);
                }
                self.note(driver.now(), number, outcome);
            }
            Purpose::Send(number) => {
                let link = self.links.get(&number).cloned()?;
                let outcome = link.borrow_mut().sent(completion);
                self.note(driver.now(), number, outcome);
            }
            Purpose::Close => {}
        }
        None
    }

    /// Who has to fail since the last call.
    pub fn take_failures(&mut self) -> Vec<RemoteFailure> {
        std::mem::take(&mut self.failures)
    }

    /// Ends all connections gracefully, once their channels have ended.
    pub fn close(&mut self) {
        self.listener = None;
        self.to_peer.clear();
        for link in self.links.values() {
            if let Some(connection) = link.borrow_mut().connection() {
                connection.close();
            }
        }
    }

    /// Gives all connections up at once: peers see a reset, and what they had here fails.
    pub fn abandon(&mut self, driver: &mut Driver) {
        self.listener = None;
        for (_, link) in std::mem::take(&mut self.links) {
            if let Some(socket) = link.borrow_mut().take_socket() {
                let id = driver.submit(Operation::Close { socket, how: CloseKind::Reset });
                self.operations.insert(id, Purpose::Close);
            }
        }
        self.gates.clear();
        self.consumers.clear();
        self.to_open.clear();
        self.producers.clear();
        self.early.clear();
        self.to_peer.clear();
        self.to_connect.clear();
        self.accepted.clear();
        self.finished.clear();
        self.subpartitions.values().for_each(|end| end.end());
    }

    /// Connections, those being made included.
    pub fn connections(&self) -> usize {
        self.links.len()
    }

    /// Whether all remote channels of a gate have ended.
    pub fn gate_is_over(&self, address: GateAddress) -> bool {
        self.gates.get(&address).is_none_or(RemoteGate::is_over)
    }

    fn add_link(&mut self, link: Link) -> LinkNumber {
        let number = LinkNumber(self.next_link);
        self.next_link += 1;
        self.links.insert(number, Rc::new(RefCell::new(link)));
        number
    }

    fn accept(&mut self, driver: &mut Driver) {
        let is_full = self.accepted.len() >= self.options.link.accepted_max;
        let Some(listener) = self.listener.clone() else { return };
        if !self.accepting && !is_full {
            self.accepting = true;
            let id = driver.submit(Operation::Accept { listener });
            self.operations.insert(id, Purpose::Accept);
        }
    }

    fn accepted(&mut self, driver: &mut Driver, completion: Completion) {
        self.accepting = false;
        let Some(socket) = completion.socket else { return };
        let nonce = (self.options.nonces)();
        let handshake = Handshake::accept(self.options.secret.clone(), nonce);
        let mut link = Link::accepted(socket, handshake, self.options.link);
        link.set_deadline(driver.now() + self.options.link.handshake_timeout);
        let number = self.add_link(link);
        self.accepted.insert(number);
    }

    /// Ends what has waited too long.
    fn time_out(&mut self, now: Instant64) {
        let late: Vec<Early> = self.early.extract_if(.., |early| early.until <= now).collect();
        for Early { at, address, .. } in late {
            let text = format!("{address} has not appeared in time");
            self.fail_channel(at, PeerError::new(ErrorCode::UnknownPartition, &text));
        }
        let is_late =
            |link: &Rc<RefCell<Link>>| link.borrow().deadline().is_some_and(|at| at <= now);
        let silent = self.links.iter().filter(|(_, link)| is_late(link));
        let silent: Vec<LinkNumber> = silent.map(|(number, _)| *number).collect();
        for number in silent {
            if self.links[&number].borrow().has_failed() {
                self.links[&number].borrow_mut().stop_lingering();
                continue;
            }
            let peer = self.links[&number].borrow().peer();
            let seconds = self.options.link.handshake_timeout.as_secs();
            self.fail_link(now, number, RemoteError::HandshakeTimeout { peer, seconds });
        }
    }

    fn note(&mut self, now: Instant64, number: LinkNumber, outcome: Result<(), RemoteError>) {
        if let Err(error) = outcome {
            self.fail_link(now, number, error);
        }
    }

    /// Ends a link and all that depends on it.
    fn fail_link(&mut self, now: Instant64, number: LinkNumber, error: RemoteError) {
        let Some(link) = self.links.get(&number).cloned() else { return };
        if link.borrow().has_failed() {
            // Its channels know; it could not even say its last word.
            return link.borrow_mut().stop_lingering();
        }
        let peer = link.borrow().peer();
        if self.to_peer.get(&peer) == Some(&number) {
            self.to_peer.remove(&peer);
        }
        let mut gates = BTreeSet::new();
        for (_, (address, index)) in self.consumers.extract_if(.., |at, _| at.0 == number) {
            if let Some(gate) = self.gates.get_mut(&address) {
                gate.detach(index);
                gates.insert(address);
            }
        }
        let to_open = self.to_open.extract_if(.., |(link, _, _)| *link == number);
        gates.extend(to_open.map(|(_, address, _)| address));
        let mut failures: Vec<RemoteFailure> =
            gates.into_iter().map(|gate| RemoteFailure::Gate(gate, error.clone())).collect();
        for (_, address) in self.producers.extract_if(.., |at, _| at.0 == number) {
            if let Some(end) = self.subpartitions.get(&address) {
                end.end();
            }
            failures.push(RemoteFailure::Partition(address, error.clone()));
        }
        self.early.retain(|early| early.at.0 != number);
        if failures.is_empty() {
            failures.push(RemoteFailure::Nobody(error));
        }
        self.failures.append(&mut failures);
        link.borrow_mut().fail(now + self.options.link.handshake_timeout);
    }

    /// Closes the socket of a link that has nothing more to say.
    fn forget(&mut self, driver: &mut Driver, number: LinkNumber, socket: Option<Socket>) {
        if let Some(link) = self.links.remove(&number) {
            let peer = link.borrow().peer();
            if self.to_peer.get(&peer) == Some(&number) {
                self.to_peer.remove(&peer);
            }
        }
        self.accepted.remove(&number);
        self.producers.retain(|at, _| at.0 != number);
        if let Some(socket) = socket {
            let id = driver.submit(Operation::Close { socket, how: CloseKind::Graceful });
            self.operations.insert(id, Purpose::Close);
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("links", &self.links.len())
            .field("gates", &self.gates.len())
            .field("subpartitions", &self.subpartitions.len())
            .finish_non_exhaustive()
    }
}

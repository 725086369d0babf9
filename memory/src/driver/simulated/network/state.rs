//! [`Network`]: what a world knows of its connections, and its calendar.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::end::{End, EndId, ListenerEnd, State, StreamEnd, Waiting};
use super::link::Link;
use super::{LinkOptions, NetworkFaults};
use crate::driver::simulated::random::Random;
use crate::driver::simulated::world::{DriverIndex, MachineIndex};
use crate::driver::{Completion, ConnectOptions, Instant64, SocketOptions};

/// The first two bytes of a machine's address.
const ADDRESSES: [u8; 2] = [10, 77];

/// Ports that the system chooses: for listeners from the first on, for connections from the second.
const LISTENER_PORTS: u16 = 10_000;
const CONNECTION_PORTS: u16 = 32_768;

/// What a machine takes to talk to itself.
const WITHIN: LinkOptions = LinkOptions {
    delay: Duration::from_micros(5),
    jitter: Duration::from_micros(5),
    bytes_per_second: None,
};

/// What an operation takes to be seen as ended.
const LATENCY_MIN: Duration = Duration::from_micros(1);
const LATENCY_MAX: Duration = Duration::from_micros(20);

/// What the network takes from its world.
pub(in crate::driver::simulated) struct Cx<'a> {
    pub(in crate::driver::simulated) now: Instant64,
    pub(in crate::driver::simulated) random: &'a mut Random,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// An attempt to connect reaches the peer's machine.
    Knock(EndId),
    /// The answer: somebody listens.
    Connected(EndId),
    /// The answer: nobody listens.
    Refused(EndId),
    /// The first packet that this end sent arrives.
    Arrive(EndId),
    /// This end hears of a reset.
    Reset(EndId),
    /// The user timeout may be over.
    GiveUp(EndId),
    /// The peer may not have answered questions since then.
    KeepAlive { id: EndId, since: Instant64 },
    /// A question to a peer that may not know the connection any more.
    Probe(EndId),
}

/// Ends whose handles are gone, until the network looks at them.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped(Arc<Mutex<Vec<EndId>>>);

impl Dropped {
    pub(super) fn note(&self, id: EndId) {
        self.0.lock().expect("nothing panics under this lock").push(id);
    }

    fn take(&self) -> Vec<EndId> {
        std::mem::take(&mut *self.0.lock().expect("nothing panics under this lock"))
    }
}

#[derive(Debug, Default)]
pub(in crate::driver::simulated) struct Network {
    pub(super) faults: NetworkFaults,
    /// By the machines at their ends.
    links: BTreeMap<(usize, usize), Link>,
    pub(super) ends: BTreeMap<EndId, End>,
    /// By machine and port.
    pub(super) listeners: BTreeMap<(usize, u16), EndId>,
    events: BTreeMap<(Instant64, u64), Event>,
    ends_made: u64,
    events_made: u64,
    dropped: Dropped,
    /// Operations that have ended, when, and whose they are.
    pub(super) ended: Vec<(Instant64, DriverIndex, Completion)>,
}

impl Network {
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped.clone()
    }

    pub(super) fn link(&mut self, from: MachineIndex, to: MachineIndex) -> &mut Link {
        self.links.entry((from.0, to.0)).or_insert_with(|| {
            let options = if from == to { WITHIN } else { LinkOptions::default() };
            Link::new(options)
        })
    }

    pub(super) fn stream(&mut self, id: EndId) -> Option<&mut StreamEnd> {
        match self.ends.get_mut(&id)? {
            End::Stream(stream) => Some(stream),
            End::Listener(_) => None,
        }
    }

    pub(super) fn add(&mut self, end: End) -> EndId {
        self.ends_made += 1;
        let id = EndId(self.ends_made);
        self.ends.insert(id, end);
        id
    }

    pub(super) fn schedule(&mut self, at: Instant64, event: Event) {
        self.events_made += 1;
        self.events.insert((at, self.events_made), event);
    }

    /// After the time that a small packet takes.
    pub(super) fn schedule_over(
        &mut self,
        cx: &mut Cx<'_>,
        (from, to): (MachineIndex, MachineIndex),
        event: Event,
    ) {
        let at = self.link(from, to).arrival(cx.now, 0, cx.random);
        self.schedule(at, event);
    }

    /// When something happens next.
    pub(in crate::driver::simulated) fn next_event(&self) -> Option<Instant64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets happen what is due, each at its own time.
    pub(in crate::driver::simulated) fn happen(&mut self, cx: &mut Cx<'_>) {
        while let Some(first) = self.events.first_entry()
            && first.key().0 <= cx.now
        {
            let now = first.key().0;
            let event = first.remove();
            self.step(&mut Cx { now, random: cx.random }, event);
        }
    }

    /// An operation of a driver has ended.
    pub(super) fn finish(&mut self, cx: &mut Cx<'_>, driver: DriverIndex, completion: Completion) {
        let at = cx.now + cx.random.between(LATENCY_MIN, LATENCY_MAX);
        self.ended.push((at, driver, completion));
    }

    pub(in crate::driver::simulated) fn take_ended(
        &mut self,
    ) -> Vec<(Instant64, DriverIndex, Completion)> {
        std::mem::take(&mut self.ended)
    }

    /// Closes the ends that nobody has a handle of any more.
    pub(in crate::driver::simulated) fn bury(&mut self, cx: &mut Cx<'_>) {
        for id in self.dropped.take() {
            self.close(cx, id, crate::driver::CloseKind::Graceful);
            if let Some(end) = self.stream(id) {
                end.dropped = true;
            }
            self.remove_if_over(id);
        }
    }

    pub(super) fn remove_if_over(&mut self, id: EndId) {
        let over = self.stream(id).is_some_and(|end| end.dropped && end.outgoing.first().is_none());
        if over {
            self.ends.remove(&id);
        }
    }

    pub(super) fn listen(
        &mut self,
        machine: MachineIndex,
        at: SocketAddr,
        options: &SocketOptions,
    ) -> io::Result<(EndId, SocketAddr)> {
        if machine_of(machine, at.ip()) != Some(machine) {
            return Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        }
        let taken = |port: &u16| self.listeners.contains_key(&(machine.0, *port));
        let port = match at.port() {
            0 => (LISTENER_PORTS..CONNECTION_PORTS).find(|port| !taken(port)),
            port => Some(port).filter(|port| !taken(port)),
        };
        let port = port.ok_or_else(|| io::Error::from_raw_os_error(libc::EADDRINUSE))?;
        let address = SocketAddr::new(at.ip(), port);
        let line = std::collections::VecDeque::new();
        let listener = ListenerEnd { machine, address, options: *options, line, accept: None };
        let id = self.add(End::Listener(listener));
        self.listeners.insert((machine.0, port), id);
        Ok((id, address))
    }

    pub(super) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        machine: MachineIndex,
        options: &ConnectOptions,
    ) -> io::Result<EndId> {
        let Some(peer) = machine_of(machine, options.to.ip()) else {
            return Err(io::Error::from_raw_os_error(libc::ENETUNREACH));
        };
        let own = if options.to.ip().is_loopback() { options.to.ip() } else { address_of(machine) };
        let ports = u64::from(u16::MAX - CONNECTION_PORTS);
        let chosen = u16::try_from(self.ends_made % ports).expect("fewer than 2^16");
        let local = SocketAddr::new(own, CONNECTION_PORTS + chosen);
        let machines = (machine, peer);
        let addresses = (local, options.to);
        let end = StreamEnd::new(machines, addresses, options.socket, State::Connecting);
        let id = self.add(End::Stream(end));
        self.schedule_over(cx, machines, Event::Knock(id));
        Ok(id)
    }

    /// A machine has lost power: its ends are gone without a word. Gives what waited in them.
    pub(in crate::driver::simulated) fn crash(
        &mut self,
        cx: &mut Cx<'_>,
        machine: MachineIndex,
    ) -> Vec<End> {
        self.listeners.retain(|(of, _), _| *of != machine.0);
        let gone = |end: &End| match end {
            End::Listener(listener) => listener.machine == machine,
            End::Stream(stream) => stream.machine == machine,
        };
        let lost: Vec<EndId> =
            self.ends.iter().filter(|(_, end)| gone(end)).map(|(id, _)| *id).collect();
        let lost = lost.into_iter().filter_map(|id| self.ends.remove(&id)).collect();
        let mut asked = Vec::new();
        for (id, end) in &self.ends {
            if let End::Stream(stream) = end
                && stream.peer_machine == machine
                && let Some(keep_alive) = stream.options.keep_alive
            {
                asked.push((*id, cx.now + keep_alive.idle));
            }
        }
        // The machine is up again when it is asked, and knows nothing.
        asked.into_iter().for_each(|(id, at)| self.schedule(at, Event::Probe(id)));
        lost
    }

    /// A driver is dropped. Gives the operations that it waited for.
    pub(in crate::driver::simulated) fn leave(&mut self, driver: DriverIndex) -> Vec<Waiting> {
        let mut left = Vec::new();
        for end in self.ends.values_mut() {
            let places = match end {
                End::Listener(listener) => [Some(&mut listener.accept), None],
                End::Stream(stream) => [Some(&mut stream.receive), Some(&mut stream.send)],
            };
            for place in places.into_iter().flatten() {
                left.extend(place.take_if(|waiting| waiting.driver == driver));
            }
        }
        left
    }
}

pub(super) fn address_of(machine: MachineIndex) -> IpAddr {
    let number = u16::try_from(machine.0 + 1).expect("a world has less than 65535 machines");
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(ADDRESSES[0], ADDRESSES[1], high, low).into()
}

/// The machine that `machine` reaches at an address.
fn machine_of(machine: MachineIndex, address: IpAddr) -> Option<MachineIndex> {
    if address.is_loopback() || address.is_unspecified() {
        return Some(machine);
    }
    let IpAddr::V4(address) = address else { return None };
    let [first, second, high, low] = address.octets();
    let number = u16::from_be_bytes([high, low]);
    let known = [first, second] == ADDRESSES && number > 0;
    known.then(|| MachineIndex(usize::from(number) - 1))
}

//! The ends of simulated connections, and what is under way between two of them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::driver::Instant64;
use crate::driver::SocketOptions;
use crate::driver::simulated::world::{DriverIndex, MachineIndex};
use crate::driver::sockets::SocketOp;

/// Bytes that both systems keep for one direction when the options don't say.
const BUFFERS_DEFAULT: usize = 256 * 1024;

/// Names an end; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndId(pub(super) u64);

/// An operation that waits for the other side.
#[derive(Debug)]
pub(in crate::driver::simulated) struct Waiting {
    pub(super) driver: DriverIndex,
    pub(super) operation: SocketOp,
}

#[derive(Debug)]
pub(in crate::driver::simulated) enum End {
    Listener(ListenerEnd),
    Stream(StreamEnd),
}

#[derive(Debug)]
pub(in crate::driver::simulated) struct ListenerEnd {
    pub(super) machine: MachineIndex,
    pub(super) address: SocketAddr,
    pub(super) options: SocketOptions,
    /// Connections that wait to be accepted.
    pub(super) line: VecDeque<EndId>,
    pub(super) accept: Option<Waiting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    /// By the peer, the network or time.
    Failed {
        errno: i32,
        /// A send was told; later ones hear of a broken pipe, as from the system.
        told: bool,
    },
    /// By this side.
    Closed,
}

/// One end of a connection, and what it sends.
#[derive(Debug)]
pub(in crate::driver::simulated) struct StreamEnd {
    pub(super) machine: MachineIndex,
    pub(super) peer_machine: MachineIndex,
    pub(super) local: SocketAddr,
    pub(super) peer_address: SocketAddr,
    /// May be gone without this end knowing it.
    pub(super) peer: Option<EndId>,
    pub(super) options: SocketOptions,
    pub(super) state: State,
    pub(super) receive: Option<Waiting>,
    pub(super) send: Option<Waiting>,
    /// Bytes that have come and were not received yet.
    pub(super) inbox: VecDeque<u8>,
    /// After the inbox nothing comes.
    pub(super) inbox_ends: bool,
    pub(super) outgoing: Outgoing,
    /// No handle is left.
    pub(super) dropped: bool,
}

/// What is under way to the peer, in order.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    flying: VecDeque<Packet>,
    flying_bytes: usize,
    /// Nothing overtakes on one connection.
    last_due: Option<Instant64>,
    /// The end was sent.
    pub(super) ended: bool,
    /// There is an event for the arrival of the first packet.
    pub(super) scheduled: bool,
    /// The first packet found its link cut, and waits for its repair.
    pub(super) blocked: bool,
    /// A packet arrived that the peer could not acknowledge.
    pub(super) unheard: bool,
    /// When the oldest bytes left of which the peer has not said that they came.
    pub(super) unacknowledged: Option<Instant64>,
}

#[derive(Debug)]
pub(super) struct Packet {
    pub(super) due: Instant64,
    pub(super) sent: Instant64,
    /// None in the last one.
    pub(super) bytes: Vec<u8>,
}

impl Outgoing {
    /// Appends a packet; it arrives at `due` or with the one before it.
    pub(super) fn push(&mut self, now: Instant64, due: Instant64, bytes: Vec<u8>) {
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        self.flying_bytes += bytes.len();
        self.ended |= bytes.is_empty();
        self.unacknowledged.get_or_insert(now);
        self.flying.push_back(Packet { due, sent: now, bytes });
    }

    pub(super) fn pop(&mut self) -> Option<Packet> {
        let packet = self.flying.pop_front()?;
        self.flying_bytes -= packet.bytes.len();
        Some(packet)
    }

    pub(super) fn first(&self) -> Option<&Packet> {
        self.flying.front()
    }

    /// The peer has said what it has.
    pub(super) fn acknowledged(&mut self) {
        self.unheard = false;
        self.unacknowledged = self.flying.front().map(|packet| packet.sent);
    }

    pub(super) fn bytes(&self) -> usize {
        self.flying_bytes
    }

    pub(super) fn clear(&mut self) {
        self.flying.clear();
        self.flying_bytes = 0;
    }
}

impl StreamEnd {
    pub(super) fn new(
        machines: (MachineIndex, MachineIndex),
        addresses: (SocketAddr, SocketAddr),
        options: SocketOptions,
        state: State,
    ) -> StreamEnd {
        StreamEnd {
            machine: machines.0,
            peer_machine: machines.1,
            local: addresses.0,
            peer_address: addresses.1,
            peer: None,
            options,
            state,
            receive: None,
            send: None,
            inbox: VecDeque::new(),
            inbox_ends: false,
            outgoing: Outgoing::default(),
            dropped: false,
        }
    }

    /// Bytes that may be under way or unread at the peer.
    pub(super) fn window(&self, peer: Option<&StreamEnd>) -> usize {
        let theirs = peer.and_then(|peer| peer.options.receive_buffer);
        match (self.options.send_buffer, theirs) {
            (None, None) => BUFFERS_DEFAULT,
            (ours, theirs) => {
                ours.unwrap_or(BUFFERS_DEFAULT / 2) + theirs.unwrap_or(BUFFERS_DEFAULT / 2)
            }
        }
    }

    /// Takes what comes.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

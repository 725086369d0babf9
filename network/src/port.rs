//! The way from a producer to one consumer's gate: on the same worker, on another
//! worker of the process, or in another process.

use brisk_memory::{Buffer, driver::Doorbell};
use std::{cell::RefCell, collections::VecDeque, fmt, rc::Rc, task::Waker};

use crate::{
    ChannelIndex, Event, InputGate, Item, MailboxSender, barrier::CheckpointBarrier,
    remote::RemoteSubpartition,
};

/// Names a gate on its worker. Never reused while the process lives, so that
/// what arrives for a gate that is gone can be told apart and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GateAddress(pub u64);

/// An item under way to a gate of another worker.
#[derive(Debug)]
pub struct Delivery {
    /// The gate.
    pub gate: GateAddress,
    /// The channel of that gate.
    pub channel: ChannelIndex,
    /// What is delivered.
    pub item: Item,
}

/// The way to another worker, shared by all partitions of this worker.
///
/// What the mailbox has no room for waits here in order; it is bounded by the
/// segments of this worker's pools. The other worker rings this one when it has
/// made room, so that nobody spins.
pub struct PeerPort {
    mailbox: MailboxSender<Delivery>,
    doorbell: Doorbell,
    room: Waker,
    waiting: RefCell<VecDeque<Delivery>>,
}

impl PeerPort {
    /// The way to the worker behind `mailbox`, which `doorbell` wakes; `room` wakes
    /// this worker.
    pub fn new(mailbox: MailboxSender<Delivery>, doorbell: Doorbell, room: Waker) -> Rc<Self> {
        Rc::new(Self { mailbox, doorbell, room, waiting: RefCell::default() })
    }

    fn send(&self, delivery: Delivery) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            if let Err(back) = self.mailbox.push(delivery) {
                waiting.push_back(back);
            }
        } else {
            waiting.push_back(delivery);
        }
        self.doorbell.ring();
    }

    /// Sends what waits, as far as there is room; true when something was sent. If
    /// something is left, this worker will be rung when it is worth trying again.
    ///
    /// What waits for a worker that has ended is dropped: its tasks are gone.
    pub fn send_waiting(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let before = waiting.len();
        self.push_all(&mut waiting);
        if !waiting.is_empty() {
            self.mailbox.wait_for_room(&self.room);
            // Room that was made before rings nobody.
            self.push_all(&mut waiting);
        }
        if self.mailbox.discard_if_closed() {
            waiting.clear();
        }
        let sent = waiting.len() < before;
        if sent {
            self.doorbell.ring();
        }
        sent
    }

    /// Whether something waits for room.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    fn push_all(&self, waiting: &mut VecDeque<Delivery>) {
        while let Some(delivery) = waiting.pop_front() {
            if let Err(back) = self.mailbox.push(delivery) {
                waiting.push_front(back);
                return;
            }
        }
    }
}

impl Drop for PeerPort {
    fn drop(&mut self) {
        // What was sent while the other worker ended must not keep its segments.
        let _ = self.mailbox.discard_if_closed();
    }
}

impl fmt::Debug for PeerPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerPort").field("waiting", &self.waiting.borrow().len()).finish()
    }
}

/// The way to a gate of the same worker.
pub type LocalPort = Rc<RefCell<InputGate>>;

/// The way to one channel of a gate.
#[derive(Clone, Debug)]
pub enum Port {
    /// On this worker.
    Local {
        /// The gate.
        gate: LocalPort,
        /// The channel of that gate.
        channel: ChannelIndex,
    },
    /// On another worker.
    Peer {
        /// The way there.
        peer: Rc<PeerPort>,
        /// The gate.
        gate: GateAddress,
        /// The channel of that gate.
        channel: ChannelIndex,
    },
    /// In another process.
    Remote(Rc<RemoteSubpartition>),
}

impl Port {
    /// Hands `item` over. Never blocks, never fails.
    pub fn send(&self, item: Item) {
        match self {
            Self::Local { gate, channel } => gate.borrow_mut().deliver(*channel, item),
            Self::Peer { peer, gate, channel } => {
                peer.send(Delivery { gate: *gate, channel: *channel, item });
            }
            Self::Remote(subpartition) => subpartition.send(item),
        }
    }

    /// Hands over a barrier that overtakes. What it has overtaken on its way, and its reader will
    /// not find: nothing within a process, where all that was sent is in the gate or before it.
    pub fn overtake(&self, barrier: CheckpointBarrier) -> Vec<Buffer> {
        if let Self::Remote(subpartition) = self {
            return subpartition.overtake(barrier);
        }
        self.send(Item::Event(Event::Barrier(barrier)));
        Vec::new()
    }
}

//! A gate with remote producers: who gets the next segment, and what the reader has read.

use std::{cell::RefCell, net::SocketAddr, rc::Rc};

use brisk_memory::{Lane, Pool, Segment, Taken};

use super::link::Link;
use crate::{
    ChannelIndex, Event, GateAddress, Item, LocalPort,
    barrier::CheckpointId,
    flow::{GateShares, ShareEvent, ShareOptions},
    frame::FrameCheck,
    wire::{ChannelId, PartitionAddress, WireEvent},
};

/// A remote producer of a gate.
#[derive(Clone, Copy, Debug)]
pub struct Producer {
    /// The gate's channel for it.
    pub channel: ChannelIndex,
    /// Where its process listens.
    pub peer: SocketAddr,
    /// What it produces.
    pub address: PartitionAddress,
    /// Where its records stand: at a beginning, or behind restored buffers.
    pub check: FrameCheck,
}

/// What [`super::Transport::open_gate`] needs.
#[derive(Debug)]
pub struct GateOptions {
    /// Names the gate.
    pub address: GateAddress,
    /// The gate.
    pub gate: LocalPort,
    /// Lends the segments that are received into, with a lane for each remote producer.
    pub pool: Pool,
    /// How they are shared out.
    pub shares: ShareOptions,
    /// Its remote producers; other channels of the gate are none of the transport's.
    pub producers: Vec<Producer>,
}

/// One remote channel.
#[derive(Debug)]
struct Remote {
    producer: Producer,
    at: Option<(Rc<RefCell<Link>>, ChannelId)>,
    /// Events in the gate that were not read when one looked last.
    events: u32,
    /// A barrier at which the producer holds data back.
    held: Option<CheckpointId>,
}

/// The remote channels of a gate; numbered by their place among them, which is their lane.
#[derive(Debug)]
pub(super) struct RemoteGate {
    gate: LocalPort,
    pool: Pool,
    shares: GateShares,
    channels: Vec<Remote>,
    holds_at_barriers: bool,
}

impl RemoteGate {
    /// # Panics
    /// If the pool's lanes are not one for each producer.
    pub(super) fn new(options: GateOptions) -> Self {
        let GateOptions { gate, pool, shares, producers, .. } = options;
        let count = u32::try_from(producers.len()).expect("channels are counted by a u32");
        assert_eq!(pool.lanes(), count, "a lane for each remote producer");
        let remote = |producer| Remote { producer, at: None, events: 0, held: None };
        Self {
            gate,
            pool,
            shares: GateShares::new(count, shares),
            channels: producers.into_iter().map(remote).collect(),
            holds_at_barriers: shares.exclusive == 0,
        }
    }

    /// Whether producers hold data behind aligned barriers.
    pub(super) fn holds_at_barriers(&self) -> bool {
        self.holds_at_barriers
    }

    pub(super) fn producer(&self, index: ChannelIndex) -> Producer {
        self.channels[index.position()].producer
    }

    /// A channel has a number on a connection.
    pub(super) fn attach(&mut self, index: ChannelIndex, link: &Rc<RefCell<Link>>, id: ChannelId) {
        self.channels[index.position()].at = Some((Rc::clone(link), id));
    }

    /// A channel will bring nothing more; what it held ready was let go.
    pub(super) fn detach(&mut self, index: ChannelIndex) {
        self.channels[index.position()].at = None;
        self.shares.step(index, ShareEvent::Closed);
    }

    pub(super) fn data(&mut self, index: ChannelIndex, item: Item, backlog: u32) {
        self.shares.step(index, ShareEvent::Arrived);
        self.shares.step(index, ShareEvent::Backlog(backlog));
        self.deliver(index, item);
    }

    pub(super) fn backlog(&mut self, index: ChannelIndex, backlog: u32) {
        self.shares.step(index, ShareEvent::Backlog(backlog));
    }

    /// Delivers an event; an end detaches.
    pub(super) fn event(&mut self, index: ChannelIndex, event: WireEvent, backlog: u32) {
        let WireEvent::InChannel(event) = event else {
            // The barrier itself comes later. Its time runs at the producer as well, which has it
            // overtake when that is over, so the reader need not know.
            self.events_read(index, 1);
            return self.backlog(index, backlog);
        };
        self.channels[index.position()].events += 1;
        match event {
            Event::EndOfPartition => self.detach(index),
            Event::Barrier(barrier) if self.holds_at_barriers && !barrier.overtakes() => {
                self.channels[index.position()].held = Some(barrier.checkpoint);
                self.backlog(index, backlog);
            }
            Event::Barrier(_) | Event::CancelCheckpoint(_) => self.backlog(index, backlog),
        }
        self.deliver(index, Item::Event(event));
    }

    /// Finds out what was read, and gives out segments; true when something was told to a peer.
    pub(super) fn turn(&mut self) -> bool {
        let mut told = self.look();
        let mut early = Vec::new();
        while let Some(index) = self.shares.next() {
            let Some((link, id)) = &self.channels[index.position()].at else {
                // It gets its segments when it has a connection.
                early.push(index);
                continue;
            };
            let segment: Segment = match self.pool.take_for(Lane(index.0)) {
                Taken::Segment(segment) | Taken::Overdraft(segment) => segment,
                Taken::Exhausted => {
                    self.shares.put_back(index);
                    break;
                }
            };
            let mut link = link.borrow_mut();
            let refused = link.connection().map(|open| open.grant(*id, segment));
            assert!(matches!(refused, Some(None)), "a channel that is attached is open");
            told = true;
        }
        early.into_iter().for_each(|index| self.shares.put_back(index));
        told
    }

    /// Whether all remote channels have ended.
    pub(super) fn is_over(&self) -> bool {
        self.channels.iter().all(|remote| remote.at.is_none())
    }

    /// Takes note of what the reader has read since.
    fn look(&mut self) -> bool {
        let mut told = false;
        for at in 0..self.channels.len() {
            let index = ChannelIndex(u32::try_from(at).expect("channels are counted by a u32"));
            let out = self.shares.out(index);
            if out > 0 {
                // A link that failed may still hold some that don't count here any more.
                let returned = out.saturating_sub(self.pool.lane_outstanding(Lane(index.0)).0);
                if returned > 0 {
                    self.shares.step(index, ShareEvent::Returned(returned));
                }
            }
            told |= self.look_for_events(index);
        }
        told
    }

    fn look_for_events(&mut self, index: ChannelIndex) -> bool {
        let remote = &mut self.channels[index.position()];
        if remote.events == 0 && remote.held.is_none() {
            return false;
        }
        let gate = self.gate.borrow();
        let channel = remote.producer.channel;
        let waiting = u32::try_from(gate.waiting(channel)).unwrap_or(u32::MAX);
        let read = remote.events.saturating_sub(waiting);
        let goes_on = waiting == 0 && !gate.is_blocked(channel);
        drop(gate);
        remote.events -= read;
        let resumed = if goes_on { remote.held.take() } else { None };
        if read > 0 {
            self.events_read(index, read);
        }
        let Some(checkpoint) = resumed else { return false };
        self.with_connection(index, |connection, id| connection.resume(id, checkpoint));
        true
    }

    fn events_read(&mut self, index: ChannelIndex, events: u32) {
        self.with_connection(index, |connection, id| connection.events_read(id, events));
    }

    fn with_connection(
        &mut self,
        index: ChannelIndex,
        act: impl FnOnce(&mut crate::connection::Connection, ChannelId),
    ) {
        if let Some((link, id)) = &self.channels[index.position()].at
            && let Some(connection) = link.borrow_mut().connection()
        {
            act(connection, *id);
        }
    }

    fn deliver(&self, index: ChannelIndex, item: Item) {
        let channel = self.channels[index.position()].producer.channel;
        self.gate.borrow_mut().deliver(channel, item);
    }
}

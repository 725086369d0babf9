//! The consuming side of an exchange: an input gate and its channels.
//!
//! Channels with something to read stand in line; a reader takes one item from
//! the first and the channel goes to the end of the line, so that no channel
//! starves another.
//!
//! A checkpoint's barriers are read like other items, but for those that overtake. The
//! reader decides what they mean (see [`crate::barrier`]) and has channels blocked and
//! captured here. Captured buffers are further handles of their segments: bytes are not
//! copied, and a segment comes home when it was both read and stored.

mod channel;
mod debloat;
mod ready;

use brisk_memory::Buffer;
use std::{collections::VecDeque, rc::Rc};

use crate::{
    ChannelIndex, Event, Item,
    barrier::{CheckpointBarrier, CheckpointId},
};
use channel::{Captured, Channel, Delivered};
pub use debloat::{DebloatOptions, Debloater, Observed};
pub use ready::{ReadyList, Signal};

/// What [`InputGate::poll`] found.
#[derive(Debug)]
pub enum Polled {
    /// The oldest item of the channel whose turn it was.
    Item(ChannelIndex, Item),
    /// A barrier whose time to align is limited waits in this channel. It is polled as an
    /// item when its turn comes.
    Announced(ChannelIndex, CheckpointBarrier),
    /// The end of a channel that is being captured for a checkpoint has come, and waits: all is
    /// captured, and no barrier will follow. The end is polled as an item when its turn comes.
    Closed(ChannelIndex, CheckpointId),
    /// Nothing now; the gate's signal will be raised.
    Empty,
    /// All channels have ended and everything was read.
    Ended,
}

/// Counts of one gate, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateStats {
    /// Buffers that were read.
    pub buffers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Buffers that wait to be read.
    pub queued: u64,
}

/// All channels of one input of one subtask.
#[derive(Debug)]
pub struct InputGate {
    channels: Box<[Channel]>,
    /// Channels with something to read, but for those that are blocked.
    line: VecDeque<ChannelIndex>,
    /// Barriers, and word of ends, that go before all that waits.
    urgent: VecDeque<Polled>,
    /// Barriers that wait their turn, and that the reader is to know of now.
    announced: VecDeque<(ChannelIndex, CheckpointBarrier)>,
    open: usize,
    signal: Rc<Signal>,
    stats: GateStats,
}

impl InputGate {
    /// A gate of `channels` channels that raises `signal` when one has data.
    ///
    /// # Panics
    /// If there is no channel.
    pub fn new(channels: usize, signal: Rc<Signal>) -> Self {
        assert!(channels > 0, "a gate has at least one channel");
        Self {
            channels: (0..channels).map(|_| Channel::default()).collect(),
            line: VecDeque::with_capacity(channels),
            urgent: VecDeque::new(),
            announced: VecDeque::new(),
            open: channels,
            signal,
            stats: GateStats::default(),
        }
    }

    /// Puts `item` at the end of `channel`; a barrier that overtakes, before all else.
    ///
    /// # Panics
    /// If the channel does not exist or has ended.
    pub fn deliver(&mut self, channel: ChannelIndex, item: Item) {
        self.stats.queued += u64::from(matches!(item, Item::Buffer(_)));
        match self.channels[channel.position()].deliver(item) {
            Delivered::Waits => {}
            Delivered::Announced(barrier) => self.announced.push_back((channel, barrier)),
            Delivered::Urgent(barrier) => self.urgent.push_back(overtaking(channel, barrier)),
            Delivered::Closed(checkpoint) => {
                self.urgent.push_back(Polled::Closed(channel, checkpoint));
            }
        }
        self.line_up(channel);
        self.signal.raise();
    }

    /// Takes the next item: barriers that overtake, then word of barriers whose time
    /// runs, then the channels in turn.
    pub fn poll(&mut self) -> Polled {
        // One look in the usual case.
        if self.has_urgent()
            && let Some(polled) = self.poll_urgent()
        {
            return polled;
        }
        loop {
            let Some(channel) = self.line.pop_front() else {
                return if self.open == 0 { Polled::Ended } else { Polled::Empty };
            };
            let state = &mut self.channels[channel.position()];
            let item = state.take();
            state.in_line = state.is_readable();
            if state.in_line {
                self.line.push_back(channel);
            }
            let Some(item) = item else { continue };
            match &item {
                Item::Buffer(buffer) => {
                    self.stats.queued -= 1;
                    self.stats.buffers += 1;
                    self.stats.bytes += buffer.len() as u64;
                }
                Item::Event(Event::EndOfPartition) => {
                    assert!(self.open > 0, "more ends than channels");
                    self.open -= 1;
                }
                Item::Event(Event::Barrier(_) | Event::CancelCheckpoint(_)) => {}
            }
            return Polled::Item(channel, item);
        }
    }

    /// Takes what goes before all that waits: barriers that overtake, word of captures that have
    /// come to the end of their channel, and word of barriers whose time runs.
    pub fn poll_urgent(&mut self) -> Option<Polled> {
        if let Some(urgent) = self.urgent.pop_front() {
            return Some(urgent);
        }
        let (channel, barrier) = self.announced.pop_front()?;
        Some(Polled::Announced(channel, barrier))
    }

    /// Whether there is something for [`InputGate::poll_urgent`].
    pub fn has_urgent(&self) -> bool {
        !self.urgent.is_empty() || !self.announced.is_empty()
    }

    /// Reads no more of `channel` until [`InputGate::unblock`], but for barriers that
    /// overtake.
    pub fn block(&mut self, channel: ChannelIndex) {
        let state = &mut self.channels[channel.position()];
        state.blocked = true;
        if state.in_line {
            state.in_line = false;
            self.line.retain(|other| *other != channel);
        }
    }

    /// Reads on; what has come meanwhile is in line.
    pub fn unblock(&mut self, channel: ChannelIndex) {
        self.channels[channel.position()].blocked = false;
        self.line_up(channel);
        self.signal.raise();
    }

    /// Captures, by reference, the buffers of `channel` before the barrier of
    /// `checkpoint`: those that wait, and, until the barrier comes, those to come. A
    /// barrier of it that waits or comes goes before all that waits, as does word of the
    /// channel's end, if that waits or comes instead.
    ///
    /// What was being captured for another checkpoint is dropped.
    pub fn capture(&mut self, channel: ChannelIndex, checkpoint: CheckpointId) {
        let state = &mut self.channels[channel.position()];
        match state.capture(checkpoint) {
            Captured::Open | Captured::ToKnownBarrier => {}
            Captured::ToBarrier(barrier) => {
                self.urgent.push_back(overtaking(channel, barrier));
                self.announced.retain(|(other, known)| (*other, *known) != (channel, barrier));
            }
            Captured::ToEnd => self.urgent.push_back(Polled::Closed(channel, checkpoint)),
        }
        // The barrier may have been all there was.
        if state.in_line && !state.is_readable() {
            state.in_line = false;
            self.line.retain(|other| *other != channel);
        }
        self.signal.raise();
    }

    /// Takes what was captured for `checkpoint`, oldest buffer first, by channel.
    pub fn take_captured(&mut self, checkpoint: CheckpointId) -> Vec<(ChannelIndex, Vec<Buffer>)> {
        self.of_channels(|channel| channel.take_captured(checkpoint))
    }

    /// As [`InputGate::take_captured`], while more is to come: what was taken is older than that.
    pub fn take_captured_so_far(
        &mut self,
        checkpoint: CheckpointId,
    ) -> Vec<(ChannelIndex, Vec<Buffer>)> {
        self.of_channels(|channel| channel.take_captured_so_far(checkpoint))
    }

    fn of_channels(
        &mut self,
        take: impl Fn(&mut Channel) -> Vec<Buffer>,
    ) -> Vec<(ChannelIndex, Vec<Buffer>)> {
        let taken = (0..).map(ChannelIndex).zip(&mut self.channels);
        let taken = taken.map(|(channel, state)| (channel, take(state)));
        taken.filter(|(_, buffers)| !buffers.is_empty()).collect()
    }

    /// Puts buffers that an earlier run captured before all else of `channel`.
    pub fn restore(&mut self, channel: ChannelIndex, buffers: Vec<Buffer>) {
        self.stats.queued += buffers.len() as u64;
        self.channels[channel.position()].restore(buffers);
        self.line_up(channel);
        self.signal.raise();
    }

    fn line_up(&mut self, channel: ChannelIndex) {
        let state = &mut self.channels[channel.position()];
        if !state.in_line && state.is_readable() {
            state.in_line = true;
            self.line.push_back(channel);
        }
    }

    /// Items that wait in `channel`, blocked or not.
    pub fn waiting(&self, channel: ChannelIndex) -> usize {
        self.channels[channel.position()].waiting()
    }

    /// Whether `channel` is blocked.
    pub fn is_blocked(&self, channel: ChannelIndex) -> bool {
        self.channels[channel.position()].blocked
    }

    /// Channels of this gate, ended ones included.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// True when something can be read, the end included.
    pub fn has_input(&self) -> bool {
        let waits = !self.line.is_empty() || !self.urgent.is_empty() || !self.announced.is_empty();
        waits || self.open == 0
    }

    /// Counts so far.
    pub fn stats(&self) -> GateStats {
        self.stats
    }

    /// Checks what must hold between calls; for tests and simulation.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_invariants(&self) {
        let in_line = self.channels.iter().filter(|channel| channel.in_line).count();
        assert_eq!(in_line, self.line.len(), "each channel with data is in line once");
        for channel in &self.channels {
            let readable = channel.is_readable();
            assert_eq!(channel.in_line, readable, "in line iff it has data and is not blocked");
        }
        let queued: usize = self.channels.iter().map(Channel::queued).sum();
        assert_eq!(queued as u64, self.stats.queued, "queued buffers are counted");
    }
}

fn overtaking(channel: ChannelIndex, barrier: CheckpointBarrier) -> Polled {
    Polled::Item(channel, Item::Event(Event::Barrier(barrier)))
}

#[cfg(test)]
mod tests;

//! The consuming side of an exchange: an input gate and its channels.
//!
//! Channels with something to read stand in line; a reader takes one item from
//! the first and the channel goes to the end of the line, so that no channel
//! starves another.

use std::{collections::VecDeque, rc::Rc};

use crate::{ChannelIndex, Event, Item, Signal};

/// What [`InputGate::poll`] found.
#[derive(Debug)]
pub enum Polled {
    /// The oldest item of the channel whose turn it was.
    Item(ChannelIndex, Item),
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

#[derive(Debug, Default)]
struct Channel {
    items: VecDeque<Item>,
    in_line: bool,
    ended: bool,
}

/// All channels of one input of one subtask.
#[derive(Debug)]
pub struct InputGate {
    channels: Box<[Channel]>,
    line: VecDeque<ChannelIndex>,
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
            open: channels,
            signal,
            stats: GateStats::default(),
        }
    }

    /// Puts `item` at the end of `channel`.
    ///
    /// # Panics
    /// If the channel does not exist or has ended.
    pub fn deliver(&mut self, channel: ChannelIndex, item: Item) {
        let state = &mut self.channels[channel.position()];
        assert!(!state.ended, "{channel:?} got {item:?} after its end");
        match &item {
            Item::Buffer(_) => self.stats.queued += 1,
            Item::Event(Event::EndOfPartition) => state.ended = true,
        }
        state.items.push_back(item);
        if !state.in_line {
            state.in_line = true;
            self.line.push_back(channel);
        }
        self.signal.raise();
    }

    /// Takes the next item.
    pub fn poll(&mut self) -> Polled {
        let Some(channel) = self.line.pop_front() else {
            return if self.open == 0 { Polled::Ended } else { Polled::Empty };
        };
        let state = &mut self.channels[channel.position()];
        let item = state.items.pop_front().expect("a channel in line has an item");
        if state.items.is_empty() {
            state.in_line = false;
        } else {
            self.line.push_back(channel);
        }
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
        }
        Polled::Item(channel, item)
    }

    /// Channels of this gate, ended ones included.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// True when something can be read, the end included.
    pub fn has_input(&self) -> bool {
        !self.line.is_empty() || self.open == 0
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
            assert_eq!(channel.in_line, !channel.items.is_empty(), "in line iff it has data");
        }
        let buffers = self.channels.iter().flat_map(|channel| &channel.items);
        let queued = buffers.filter(|item| matches!(item, Item::Buffer(_))).count();
        assert_eq!(queued as u64, self.stats.queued, "queued buffers are counted");
    }
}

#[cfg(test)]
mod tests;

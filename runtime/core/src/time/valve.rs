//! [`WatermarkValve`]: the watermarks of several channels become one.
//!
//! The output is the least watermark of the channels that count: those that are active and
//! *aligned*, that is not behind what was already given out. A channel that was idle and comes back
//! with an old watermark is active, so the gate is, but it counts only once it has caught up: its
//! records are late and must not be promised otherwise, and event time does not go back.
//!
//! ```text
//!            idle                                     status active, watermark >= output
//!   aligned ------> idle  <-------------------------------------------------+
//!      ^              | active, watermark < output             idle         |
//!      |              +-----------------------------> behind ---------------+
//!      +-- watermark >= output ------------------------+
//! ```
//!
//! When the last active channel goes idle, the gate goes idle, and before that it gives out the
//! greatest watermark it has seen if the one that went last was what held it: nobody is left for
//! whom it should wait. These are the rules of Flink's `StatusWatermarkValve`.
//!
//! The least watermark is at the root of a tournament tree over the channels: a watermark costs
//! the logarithm of the number of channels at most, and mostly ends below the root.
//!
//! A channel that has ended sends [`Watermark::MAX`] first, so that it never holds the others.

use super::watermark::{StreamStatus, Watermark};
use crate::task::flow::Signal;

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug)]
struct ChannelTime {
    watermark: Watermark,
    status: StreamStatus,
    aligned: bool,
}

/// Combines watermarks and statuses of the channels of one gate.
#[derive(Clone, Debug)]
pub struct WatermarkValve {
    channels: Box<[ChannelTime]>,
    /// A tree in an array: the root at 1, the children of `i` at `2i` and `2i + 1`, the channels
    /// from `channels.len()` on. A node has the least watermark below it; channels that don't
    /// count stand as the greatest.
    least: Box<[Watermark]>,
    aligned: usize,
    active: usize,
    watermark: Watermark,
    status: StreamStatus,
}

impl WatermarkValve {
    /// A valve of so many channels, all active and at the beginning of time.
    ///
    /// # Panics
    /// If there is no channel.
    pub fn new(channels: usize) -> Self {
        assert!(channels > 0, "a gate has a channel");
        let fresh =
            ChannelTime { watermark: Watermark::MIN, status: StreamStatus::Active, aligned: true };
        Self {
            channels: vec![fresh; channels].into(),
            least: vec![Watermark::MIN; channels * 2].into(),
            aligned: channels,
            active: channels,
            watermark: Watermark::MIN,
            status: StreamStatus::Active,
        }
    }

    /// A valve of channels that have come so far already, that has given out the least of them.
    ///
    /// # Panics
    /// If there is no channel.
    pub fn of_channels(channels: impl ExactSizeIterator<Item = (Watermark, StreamStatus)>) -> Self {
        let mut valve = Self::new(channels.len());
        for (at, (watermark, status)) in channels.enumerate() {
            // What comes out is known from the valve itself.
            valve.input(at, Signal::Watermark(watermark)).for_each(drop);
            valve.input(at, Signal::Status(status)).for_each(drop);
        }
        valve
    }

    /// How far each channel has come, and whether it is idle.
    pub fn channels(&self) -> impl Iterator<Item = (Watermark, StreamStatus)> {
        self.channels.iter().map(|channel| (channel.watermark, channel.status))
    }

    /// The last watermark given out.
    pub fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// The gate's status.
    pub fn status(&self) -> StreamStatus {
        self.status
    }

    /// The channels that hold the watermark where it is: those to look at when nothing comes out.
    pub fn holders(&self) -> impl Iterator<Item = (usize, Watermark)> {
        let least = self.least[1];
        let channels = self.channels.iter().enumerate();
        let holding =
            channels.filter(move |(_, channel)| channel.aligned && channel.watermark == least);
        holding.map(|(at, channel)| (at, channel.watermark))
    }

    /// Takes the signal of one channel; what is to be passed on, in order, two signals at most.
    ///
    /// # Panics
    /// Of a barrier.
    pub fn input(&mut self, channel: usize, signal: Signal) -> impl Iterator<Item = Signal> {
        let signals = match signal {
            Signal::Watermark(watermark) => [self.watermark_of(channel, watermark), None],
            Signal::Status(status) => self.status_of(channel, status),
            Signal::Barrier(_) => unreachable!("inputs agree on barriers elsewhere"),
        };
        signals.into_iter().flatten()
    }

    fn watermark_of(&mut self, at: usize, watermark: Watermark) -> Option<Signal> {
        let known = &mut self.channels[at];
        if known.status == StreamStatus::Idle || watermark <= known.watermark {
            return None;
        }
        known.watermark = watermark;
        if known.aligned {
            self.play(at);
        } else if watermark >= self.watermark {
            self.align(at);
        }
        self.advance()
    }

    fn status_of(&mut self, at: usize, status: StreamStatus) -> [Option<Signal>; 2] {
        if self.channels[at].status == status {
            return [None, None];
        }
        self.channels[at].status = status;
        match status {
            StreamStatus::Idle => self.rest(at),
            StreamStatus::Active => [self.wake(at), None],
        }
    }

    fn rest(&mut self, at: usize) -> [Option<Signal>; 2] {
        let held = self.channels[at].watermark == self.watermark;
        self.active -= 1;
        if self.channels[at].aligned {
            self.channels[at].aligned = false;
            self.aligned -= 1;
            self.play(at);
        }
        if self.active > 0 {
            return [self.advance(), None];
        }
        assert_eq!(self.aligned, 0, "a channel that counts is active");
        self.status = StreamStatus::Idle;
        let greatest = self.channels.iter().map(|channel| channel.watermark).max();
        let greatest = greatest.filter(|greatest| held && *greatest > self.watermark);
        [greatest.map(|greatest| self.give(greatest)), Some(Signal::Status(StreamStatus::Idle))]
    }

    fn wake(&mut self, at: usize) -> Option<Signal> {
        self.active += 1;
        if self.channels[at].watermark >= self.watermark {
            self.align(at);
        }
        let before = std::mem::replace(&mut self.status, StreamStatus::Active);
        (before == StreamStatus::Idle).then_some(Signal::Status(StreamStatus::Active))
    }

    fn align(&mut self, at: usize) {
        assert!(!self.channels[at].aligned, "channel {at} counts already");
        self.channels[at].aligned = true;
        self.aligned += 1;
        self.play(at);
    }

    /// Lets the channel play its matches again, up to the first whose winner stays.
    fn play(&mut self, at: usize) {
        let channel = self.channels[at];
        let mut node = self.channels.len() + at;
        self.least[node] = if channel.aligned { channel.watermark } else { Watermark::MAX };
        while node > 1 {
            let parent = node / 2;
            let winner = self.least[parent * 2].min(self.least[parent * 2 + 1]);
            if self.least[parent] == winner {
                return;
            }
            self.least[parent] = winner;
            node = parent;
        }
    }

    /// The new least watermark, if there is one.
    fn advance(&mut self) -> Option<Signal> {
        let least = self.least[1];
        let is_news = self.aligned > 0 && least > self.watermark;
        is_news.then(|| self.give(least))
    }

    fn give(&mut self, watermark: Watermark) -> Signal {
        assert!(watermark > self.watermark, "event time does not go back");
        self.watermark = watermark;
        Signal::Watermark(watermark)
    }
}

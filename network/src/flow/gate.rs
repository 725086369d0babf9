//! Which channel of a gate gets the next segment.
//!
//! Each channel may have its exclusive segments at any time. Beyond them there are the
//! gate's floating ones, for channels whose producers have more waiting than they have
//! credit for. These stand in line, and each takes one when it is its turn.

use std::collections::VecDeque;

use crate::ChannelIndex;

/// How many segments there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShareOptions {
    /// Of each channel.
    pub exclusive: u32,
    /// Of the gate.
    pub floating: u32,
}

impl ShareOptions {
    /// Segments that a gate of so many channels has in all.
    pub fn total(&self, channels: u32) -> u32 {
        channels.saturating_mul(self.exclusive).saturating_add(self.floating)
    }
}

/// What happened in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShareEvent {
    /// So many buffers wait at the producer.
    Backlog(u32),
    /// A segment that was held ready was filled and goes to the reader.
    Arrived,
    /// So many segments came back from the reader.
    Returned(u32),
    /// Nothing more will come: what was held ready is given back.
    Closed,
}

/// What a channel has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Share {
    /// Segments held ready: its credit.
    held: u32,
    /// Segments with the reader.
    queued: u32,
    backlog: u32,
    closed: bool,
    in_own_line: bool,
    in_line: bool,
}

impl Share {
    fn floating(&self, options: ShareOptions) -> u32 {
        (self.held + self.queued).saturating_sub(options.exclusive)
    }

    fn wants_own(&self, options: ShareOptions) -> bool {
        !self.closed && self.held + self.queued < options.exclusive
    }

    /// Floating segments are for what waits; a channel of which nothing waits keeps none ready.
    fn wants_floating(&self, options: ShareOptions) -> bool {
        !self.closed && !self.wants_own(options) && self.held < self.backlog
    }
}

/// The shares of all channels of a gate.
///
/// Invariant: a channel that wants a segment is in the line it wants it from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GateShares {
    options: ShareOptions,
    shares: Box<[Share]>,
    own_line: VecDeque<ChannelIndex>,
    line: VecDeque<ChannelIndex>,
    floating_out: u32,
}

impl GateShares {
    /// The shares of `channels` channels, none of which has a segment yet.
    ///
    /// # Panics
    /// If there is no segment at all, with which no channel could go on.
    pub fn new(channels: u32, options: ShareOptions) -> Self {
        let ShareOptions { exclusive, floating } = options;
        assert!(exclusive > 0 || floating > 0, "a gate needs exclusive or floating segments");
        let mut shares = Self {
            options,
            shares: (0..channels).map(|_| Share::default()).collect(),
            own_line: VecDeque::with_capacity(channels as usize),
            line: VecDeque::with_capacity(channels as usize),
            floating_out: 0,
        };
        (0..channels).map(ChannelIndex).for_each(|channel| shares.line_up(channel));
        shares
    }

    /// One step. What it makes possible, [`GateShares::next`] tells.
    ///
    /// # Panics
    /// If more arrives or returns than there was.
    pub fn step(&mut self, channel: ChannelIndex, event: ShareEvent) {
        let share = &mut self.shares[channel.position()];
        let before = share.floating(self.options);
        match event {
            ShareEvent::Backlog(backlog) => share.backlog = backlog,
            ShareEvent::Arrived => {
                share.held = share.held.checked_sub(1).expect("what arrives was promised");
                share.queued += 1;
            }
            ShareEvent::Returned(segments) => {
                let left = share.queued.checked_sub(segments);
                share.queued = left.expect("no more comes back than went to the reader");
            }
            ShareEvent::Closed => {
                share.held = 0;
                share.backlog = 0;
                share.closed = true;
            }
        }
        self.floating_out = self.floating_out - before + share.floating(self.options);
        self.line_up(channel);
    }

    /// The channel that gets the next segment; it counts as given.
    #[expect(clippy::should_implement_trait, reason = "what has nothing now may have later")]
    pub fn next(&mut self) -> Option<ChannelIndex> {
        let channel = self.next_own().or_else(|| self.next_floating())?;
        let share = &mut self.shares[channel.position()];
        let before = share.floating(self.options);
        share.held += 1;
        self.floating_out = self.floating_out - before + share.floating(self.options);
        self.line_up(channel);
        Some(channel)
    }

    /// Takes back what [`GateShares::next`] gave, when there was no segment after all.
    pub fn put_back(&mut self, channel: ChannelIndex) {
        let share = &mut self.shares[channel.position()];
        let before = share.floating(self.options);
        share.held = share.held.checked_sub(1).expect("it was given one");
        self.floating_out = self.floating_out - before + share.floating(self.options);
        self.line_up(channel);
    }

    /// Segments that `channel` has, ready or with its reader.
    pub fn out(&self, channel: ChannelIndex) -> u32 {
        let share = &self.shares[channel.position()];
        share.held + share.queued
    }

    /// Segments of `channel` that its reader has.
    pub fn queued(&self, channel: ChannelIndex) -> u32 {
        self.shares[channel.position()].queued
    }

    /// Channels.
    pub fn channels(&self) -> u32 {
        u32::try_from(self.shares.len()).expect("it was made from a u32")
    }

    /// Checks what must hold between steps; for tests and simulation.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_invariants(&self) {
        let floating: u32 = self.shares.iter().map(|share| share.floating(self.options)).sum();
        assert_eq!(floating, self.floating_out, "floating segments are counted");
        assert!(floating <= self.options.floating, "no more floats than the gate has");
        for share in &self.shares {
            assert!(share.in_own_line || !share.wants_own(self.options), "in line for its own");
            assert!(share.in_line || !share.wants_floating(self.options), "in line to float");
        }
    }

    fn line_up(&mut self, channel: ChannelIndex) {
        let share = &mut self.shares[channel.position()];
        if share.wants_own(self.options) && !share.in_own_line {
            share.in_own_line = true;
            self.own_line.push_back(channel);
        }
        if share.wants_floating(self.options) && !share.in_line {
            share.in_line = true;
            self.line.push_back(channel);
        }
    }

    fn next_own(&mut self) -> Option<ChannelIndex> {
        while let Some(channel) = self.own_line.pop_front() {
            let share = &mut self.shares[channel.position()];
            share.in_own_line = false;
            if share.wants_own(self.options) {
                return Some(channel);
            }
        }
        None
    }

    fn next_floating(&mut self) -> Option<ChannelIndex> {
        if self.floating_out >= self.options.floating {
            return None;
        }
        while let Some(channel) = self.line.pop_front() {
            let share = &mut self.shares[channel.position()];
            share.in_line = false;
            if share.wants_floating(self.options) {
                return Some(channel);
            }
        }
        None
    }
}

//! Which upstream subtask feeds which downstream subtask.
//!
//! All-to-all joins everyone. Pointwise joins neighbours, so that each side has as few channels as
//! possible, in the distribution that Flink computes:
//!
//! ```text
//! 4 to 2:  0 1 | 2 3        2 to 4:    0     1        3 to 2:  0 | 1 2
//!           \|   |/                   /|     |\                |   |/
//!            0   1                   0 1     2 3               0   1
//! ```
//!
//! In both, the peers of a subtask are neighbours, so a range says it all. A producer numbers its
//! subpartitions, and a consumer its channels, in the order of their peers.

use crate::graph::key_group::{Parallelism, SubtaskIndex};
use crate::graph::stream::Exchange;

/// One of the parts of a subtask's result, from 0: what one consumer reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubpartitionIndex(pub u32);

/// One of the channels of a subtask's input over one edge, from 0: what comes from one producer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InputChannelIndex(pub u32);

/// Who is joined with whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DistributionPattern {
    /// Neighbours.
    Pointwise,
    /// Everyone with everyone.
    AllToAll,
}

impl Exchange {
    /// How this exchange joins subtasks.
    pub fn pattern(self) -> DistributionPattern {
        match self {
            Exchange::Forward | Exchange::Rescale => DistributionPattern::Pointwise,
            Exchange::Hash
            | Exchange::Rebalance
            | Exchange::Shuffle
            | Exchange::Broadcast
            | Exchange::Global
            | Exchange::Custom => DistributionPattern::AllToAll,
        }
    }
}

/// Neighbouring subtasks of one vertex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SubtaskRange {
    first: u32,
    end: u32,
}

impl SubtaskRange {
    /// How many they are.
    pub fn count(self) -> u32 {
        self.end - self.first
    }

    /// The subtasks in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = SubtaskIndex> + ExactSizeIterator {
        (self.first..self.end).map(SubtaskIndex)
    }

    /// The place of a subtask among them, from 0.
    pub fn position(self, index: SubtaskIndex) -> Option<u32> {
        (self.first..self.end).contains(&index.0).then(|| index.0 - self.first)
    }
}

/// Both ends of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Channel {
    /// Who sends.
    pub producer: SubtaskIndex,
    /// Its number at the producer.
    pub subpartition: SubpartitionIndex,
    /// Who receives.
    pub consumer: SubtaskIndex,
    /// Its number at the consumer.
    pub channel: InputChannelIndex,
}

/// The channels of one edge.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Distribution {
    pattern: DistributionPattern,
    producers: Parallelism,
    consumers: Parallelism,
}

/// What a distribution is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// Subtasks upstream.
    pub producers: Parallelism,
    /// Subtasks downstream.
    pub consumers: Parallelism,
}

impl Distribution {
    /// The distribution between these subtasks.
    ///
    /// # Panics
    /// If one of the sides has no subtask.
    pub fn new(pattern: DistributionPattern, ends: Ends) -> Distribution {
        let Ends { producers, consumers } = ends;
        assert!(producers.0 > 0 && consumers.0 > 0, "{ends:?}: both sides have subtasks");
        Distribution { pattern, producers, consumers }
    }

    /// Pointwise or all to all.
    pub fn pattern(self) -> DistributionPattern {
        self.pattern
    }

    /// Subtasks upstream.
    pub fn producers(self) -> Parallelism {
        self.producers
    }

    /// Who reads from a producer; its subpartitions in this order.
    pub fn consumers_of(self, producer: SubtaskIndex) -> SubtaskRange {
        assert!(producer.0 < self.producers.0, "{producer:?} is not below {:?}", self.producers);
        match self.pattern {
            DistributionPattern::AllToAll => SubtaskRange { first: 0, end: self.consumers.0 },
            DistributionPattern::Pointwise if self.converges() => {
                // The consumer whose share of producers ends above this one.
                let consumer = share_start_up(producer.0 + 1, self.producers, self.consumers) - 1;
                SubtaskRange { first: consumer, end: consumer + 1 }
            }
            DistributionPattern::Pointwise => SubtaskRange {
                first: share_start_up(producer.0, self.producers, self.consumers),
                end: share_start_up(producer.0 + 1, self.producers, self.consumers),
            },
        }
    }

    /// Whom a consumer reads from; its channels in this order.
    pub fn producers_of(self, consumer: SubtaskIndex) -> SubtaskRange {
        assert!(consumer.0 < self.consumers.0, "{consumer:?} is not below {:?}", self.consumers);
        match self.pattern {
            DistributionPattern::AllToAll => SubtaskRange { first: 0, end: self.producers.0 },
            DistributionPattern::Pointwise if self.converges() => SubtaskRange {
                first: share_start(consumer.0, self.consumers, self.producers),
                end: share_start(consumer.0 + 1, self.consumers, self.producers),
            },
            DistributionPattern::Pointwise => {
                let producer = share_start(consumer.0, self.consumers, self.producers);
                SubtaskRange { first: producer, end: producer + 1 }
            }
        }
    }

    /// The channels out of a producer, by subpartition.
    pub fn channels_from(self, producer: SubtaskIndex) -> impl Iterator<Item = Channel> {
        self.consumers_of(producer).iter().map(move |consumer| self.channel(producer, consumer))
    }

    /// The channels into a consumer, by channel index.
    pub fn channels_to(self, consumer: SubtaskIndex) -> impl Iterator<Item = Channel> {
        self.producers_of(consumer).iter().map(move |producer| self.channel(producer, consumer))
    }

    /// All channels, by producer and subpartition.
    pub fn channels(self) -> impl Iterator<Item = Channel> {
        self.producers.subtasks().flat_map(move |producer| self.channels_from(producer))
    }

    /// How many channels there are.
    pub fn channel_count(self) -> u64 {
        let (producers, consumers) = (u64::from(self.producers.0), u64::from(self.consumers.0));
        match self.pattern {
            DistributionPattern::AllToAll => producers * consumers,
            DistributionPattern::Pointwise => producers.max(consumers),
        }
    }

    /// Pointwise: whether producers outnumber consumers, so that a producer has one consumer.
    fn converges(self) -> bool {
        self.producers >= self.consumers
    }

    fn channel(self, producer: SubtaskIndex, consumer: SubtaskIndex) -> Channel {
        let subpartition = self.consumers_of(producer).position(consumer);
        let channel = self.producers_of(consumer).position(producer);
        let (Some(subpartition), Some(channel)) = (subpartition, channel) else {
            panic!("{self:?}: the ends {producer:?} and {consumer:?} disagree about a channel");
        };
        Channel {
            producer,
            subpartition: SubpartitionIndex(subpartition),
            consumer,
            channel: InputChannelIndex(channel),
        }
    }
}

/// `index * to / from`, rounded down: where the share of subtask `index` of `from` begins in `to`.
fn share_start(index: u32, from: Parallelism, to: Parallelism) -> u32 {
    let start = u64::from(index) * u64::from(to.0) / u64::from(from.0);
    u32::try_from(start).expect("a share begins within the subtasks")
}

/// The same, rounded up.
fn share_start_up(index: u32, from: Parallelism, to: Parallelism) -> u32 {
    let start = (u64::from(index) * u64::from(to.0)).div_ceil(u64::from(from.0));
    u32::try_from(start).expect("a share begins within the subtasks")
}

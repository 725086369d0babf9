//! A set of the channels of a task.

use crate::ChannelIndex;

/// Some of the channels of a task, as one bit each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChannelSet {
    words: Box<[u64]>,
    channels: u32,
}

impl ChannelSet {
    /// None of `channels` channels.
    pub fn none_of(channels: u32) -> Self {
        Self { words: vec![0; channels.div_ceil(u64::BITS) as usize].into(), channels }
    }

    /// How many channels there are, in the set or not.
    pub fn channels(&self) -> u32 {
        self.channels
    }

    /// How many are in the set.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether none is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether `channel` is in the set.
    pub fn contains(&self, channel: ChannelIndex) -> bool {
        let (word, bit) = self.place(channel);
        self.words[word] & bit != 0
    }

    /// Adds `channel`; false if it was in the set.
    pub fn insert(&mut self, channel: ChannelIndex) -> bool {
        let (word, bit) = self.place(channel);
        let before = self.words[word];
        self.words[word] |= bit;
        before & bit == 0
    }

    /// The channels in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = ChannelIndex> {
        (0..self.channels).map(ChannelIndex).filter(|channel| self.contains(*channel))
    }

    /// The channels that are in neither of two sets, in order.
    pub fn in_neither<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = ChannelIndex> + 'a {
        let in_none =
            |channel: &ChannelIndex| !self.contains(*channel) && !other.contains(*channel);
        (0..self.channels).map(ChannelIndex).filter(in_none)
    }

    fn place(&self, channel: ChannelIndex) -> (usize, u64) {
        assert!(channel.0 < self.channels, "{channel:?} of a task with {} channels", self.channels);
        (channel.position() / u64::BITS as usize, 1 << (channel.0 % u64::BITS))
    }
}

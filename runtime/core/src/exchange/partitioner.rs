//! Which subpartition a record goes to, where its key does not decide.

use brisk_network::ChannelIndex;
use std::{fmt, sync::Arc};

use crate::graph::Exchange;

/// Chooses a subpartition from a record and their number.
pub(crate) type CustomFunction<T> = Arc<dyn Fn(&T, u32) -> u32 + Send + Sync>;

/// How a stream is spread over the subtasks of its consumer.
pub enum Partitioner<T> {
    /// One to one, order kept.
    Forward,
    /// In turn, to all.
    Rebalance,
    /// In turn, to the few consumers that share this producer's slots.
    Rescale,
    /// At random, uniformly.
    Shuffle,
    /// To all, written once.
    Broadcast,
    /// To the first.
    Global,
    /// As a function says.
    Custom(CustomFunction<T>),
}

impl<T> Partitioner<T> {
    /// What this one became in the job graph: a stream without a partitioner is
    /// described as forward and turns out to be rebalanced when parallelisms differ.
    pub(crate) fn resolved(&self, exchange: Exchange) -> Self {
        match (self, exchange) {
            (Self::Forward, Exchange::Rebalance) => Self::Rebalance,
            _ => self.clone(),
        }
    }
}

impl<T> Clone for Partitioner<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Forward => Self::Forward,
            Self::Rebalance => Self::Rebalance,
            Self::Rescale => Self::Rescale,
            Self::Shuffle => Self::Shuffle,
            Self::Broadcast => Self::Broadcast,
            Self::Global => Self::Global,
            Self::Custom(function) => Self::Custom(Arc::clone(function)),
        }
    }
}

impl<T> fmt::Debug for Partitioner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "Forward",
            Self::Rebalance => "Rebalance",
            Self::Rescale => "Rescale",
            Self::Shuffle => "Shuffle",
            Self::Broadcast => "Broadcast",
            Self::Global => "Global",
            Self::Custom(_) => "Custom",
        })
    }
}

/// A partitioner at work in one subtask.
#[derive(Debug)]
pub(crate) struct Router<T> {
    partitioner: Partitioner<T>,
    consumers: u32,
    /// The last choice in turn, or the state of the random sequence.
    state: u64,
}

impl<T> Router<T> {
    /// A router over `consumers`; `subtask` sets where it begins, so that parallel
    /// producers do not all begin with the same consumer.
    pub(crate) fn new(partitioner: Partitioner<T>, consumers: u32, subtask: u32) -> Self {
        assert!(consumers > 0, "a router has a consumer");
        Self { partitioner, consumers, state: u64::from(subtask) }
    }

    /// The subpartition of `record`; the custom function's answer if it is not one.
    #[inline(always)]
    pub(crate) fn route(&mut self, record: &T) -> Result<ChannelIndex, u32> {
        match &self.partitioner {
            Partitioner::Forward | Partitioner::Broadcast | Partitioner::Global => {
                Ok(ChannelIndex(0))
            }
            Partitioner::Rebalance | Partitioner::Rescale => {
                self.state += 1;
                if self.state >= u64::from(self.consumers) {
                    self.state = 0;
                }
                Ok(ChannelIndex(self.state as u32))
            }
            Partitioner::Shuffle => {
                // The high half of a Weyl sequence under a multiplicative mix
                // (splitmix64, Steele et al. 2014), scaled by multiplication.
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = self.state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                let scaled = (mixed >> 32) * u64::from(self.consumers);
                Ok(ChannelIndex((scaled >> 32) as u32))
            }
            Partitioner::Custom(function) => {
                let chosen = function(record, self.consumers);
                if chosen < self.consumers { Ok(ChannelIndex(chosen)) } else { Err(chosen) }
            }
        }
    }
}

#[cfg(test)]
mod tests;

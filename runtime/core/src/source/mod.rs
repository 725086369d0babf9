//! Sources that need nothing outside the process.

mod channel;
mod collection;
mod generator;
mod sequence;

pub use channel::{ChannelSender, ChannelSource, SendError, channel_source};
pub use collection::CollectionSource;
pub use generator::{GeneratorSource, RateLimit};
pub use sequence::SequenceSource;

/// Records between two looks at whether the job is being canceled.
const INTERRUPT_CHECK: usize = 64;

/// The part of `0..count` that subtask `subtask` of `parallelism` makes: parts
/// differ by one at most and follow each other.
fn share(count: u64, subtask: u32, parallelism: u32) -> std::ops::Range<u64> {
    let bound = |index: u32| {
        (u128::from(count) * u128::from(index) / u128::from(parallelism)) as u64
    };
    bound(subtask)..bound(subtask + 1)
}

#[cfg(test)]
mod tests;

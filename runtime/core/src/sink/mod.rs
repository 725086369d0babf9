//! Sinks that need nothing outside the process, and the protocol of those that commit.

mod channel;
mod collect;
mod discard;
mod function;
mod print;
mod two_phase;

pub use channel::{ChannelReceiver, ChannelSink, channel_sink};
pub use collect::CollectSink;
pub use discard::DiscardSink;
pub use function::FunctionSink;
pub use print::PrintSink;
pub use two_phase::{TwoPhaseCommit, TwoPhaseCommitSink, TwoPhaseCommitWriter};

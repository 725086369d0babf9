//! Sinks that need nothing outside the process.

mod channel;
mod collect;
mod discard;
mod function;
mod print;

pub use channel::{ChannelReceiver, ChannelSink, channel_sink};
pub use collect::CollectSink;
pub use discard::DiscardSink;
pub use function::FunctionSink;
pub use print::PrintSink;

//! How a peer can break flow control.

use crate::{barrier::CheckpointId, wire::SeqNo};

/// What a peer did that no peer of ours does. The connection names channel, job and peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// Frames are missing.
    #[error("frame {found} came where {expected} belongs: {} frames were lost or overtaken", found.0 - expected.0)]
    Lost {
        /// The number that should have come.
        expected: SeqNo,
        /// The number that came.
        found: SeqNo,
    },
    /// A frame came a second time, or late.
    #[error("frame {found} came again or late; {expected} belongs there")]
    Repeated {
        /// The number that should have come.
        expected: SeqNo,
        /// The number that came.
        found: SeqNo,
    },
    /// Data came for which no segment was promised.
    #[error("a buffer came without credit")]
    NoCredit,
    /// More credit than a channel can have.
    #[error("{added} credits were added to {before}, more than a channel can have")]
    CreditOverflow {
        /// Credits before.
        before: u32,
        /// Credits more.
        added: u32,
    },
    /// Something came behind the end of the partition.
    #[error("a frame came behind the end of the channel")]
    AfterEnd,
    /// More events than a reader ever leaves unread.
    #[error("{count} events wait to be read, more than a producer sends")]
    Events {
        /// How many.
        count: u32,
    },
    /// A resumption behind a barrier at which nothing is held.
    #[error("the consumer goes on behind checkpoint {checkpoint}, at which nothing waits")]
    Resumed {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
}

//! Why a connection ended.

use std::fmt;

use brisk_memory::Severity;

use super::PeerName;
use crate::{
    flow::FlowError,
    frame::FrameError,
    wire::{ChannelId, PartitionAddress, PeerError, WireError, WireKind},
};

/// A channel, as an error names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub channel: ChannelId,
    /// What it carries.
    pub address: PartitionAddress,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} ({})", self.channel, self.address)
    }
}

/// What ended a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// Its bytes are no frames.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It broke flow control.
    #[error("{place}: {source}")]
    Flow {
        /// Where.
        place: Place,
        /// How.
        source: FlowError,
    },
    /// It sent a buffer whose frames can't be walked.
    #[error("{place}: {source}")]
    Records {
        /// Where.
        place: Place,
        /// What is wrong.
        source: FrameError,
    },
    /// It ended a channel in the middle of a record.
    #[error("{place}: the partition ends in the middle of a record")]
    CutRecord {
        /// Where.
        place: Place,
    },
    /// It speaks of a channel that there is not.
    #[error("a {kind:?} frame of channel {channel}, which is not open")]
    UnknownChannel {
        /// The frame's kind.
        kind: WireKind,
        /// The channel.
        channel: ChannelId,
    },
    /// It numbers its channels otherwise than by counting.
    #[error("it opens channel {found} where {expected} is next")]
    ChannelNumber {
        /// The number that is next.
        expected: u32,
        /// The number that came.
        found: ChannelId,
    },
    /// It has opened more channels than may be.
    #[error("it opens more than {max} channels")]
    TooManyChannels {
        /// How many may be.
        max: u32,
    },
    /// It said its last word and went on, or left channels open.
    #[error("it closed the connection with {open} channels open")]
    ClosedEarly {
        /// Channels that are open.
        open: usize,
    },
    /// It said its last word and went on.
    #[error("it sent a {kind:?} frame after it had closed the connection")]
    AfterClose {
        /// The frame's kind.
        kind: WireKind,
    },
    /// The connection was cut.
    #[error("the connection was cut with {open} channels open: its process or the network failed")]
    Cut {
        /// Channels that were open.
        open: usize,
    },
    /// It gave up and said why.
    #[error("it gave up: {0}")]
    Peer(PeerError),
    /// The connection had failed before.
    #[error("the connection had failed before")]
    Failed,
}

/// Why a connection ended, and with whom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection with {peer} failed: {fault}")]
pub struct ConnectionError {
    /// With whom.
    pub peer: PeerName,
    /// Why.
    #[source]
    pub fault: ConnectionFault,
}

impl ConnectionError {
    /// What it costs: the tasks that have a channel on it.
    pub fn severity(&self) -> Severity {
        Severity::FailTask
    }
}

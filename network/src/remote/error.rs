//! How an exchange with another process fails.

use std::{io, net::SocketAddr, sync::Arc};

use brisk_memory::Severity;

use crate::{
    GateAddress,
    connection::{ConnectionError, Place},
    wire::{ErrorCode, PartitionAddress, PeerError, handshake::HandshakeError},
};

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The system could not connect, send or receive.
    #[error("the connection with {peer} failed: {source}")]
    Io {
        /// With whom.
        peer: SocketAddr,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The peer is not one of ours, or takes us for none.
    #[error("the handshake with {peer} failed: {source}")]
    Handshake {
        /// With whom.
        peer: SocketAddr,
        /// Why.
        source: HandshakeError,
    },
    /// The peer ended the connection before the handshake was over.
    #[error(
        "{peer} ended the connection during the handshake: is it a TaskManager of this cluster?"
    )]
    HandshakeEnded {
        /// Who.
        peer: SocketAddr,
    },
    /// The peer said nothing for too long.
    #[error("{peer} did not complete the handshake within {seconds} s")]
    HandshakeTimeout {
        /// Who.
        peer: SocketAddr,
        /// How long it had.
        seconds: u64,
    },
    /// The peer broke the protocol, gave up, or was cut off.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The producer of one channel failed.
    #[error("{place}: the producer at {peer} gave up: {error}")]
    Producer {
        /// Who.
        peer: SocketAddr,
        /// Which channel.
        place: Place,
        /// What it says.
        error: PeerError,
    },
    /// There is no memory for a connection.
    #[error("no memory for a connection with {peer}: {source}")]
    Memory {
        /// With whom.
        peer: SocketAddr,
        /// What the system says.
        source: Arc<io::Error>,
    },
}

impl RemoteError {
    /// What it costs.
    pub fn severity(&self) -> Severity {
        Severity::FailTask
    }

    /// Whether it passes by itself: the producer had not begun.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Producer { error, .. } if error.code() == ErrorCode::UnknownPartition)
    }
}

/// Who has to fail, and why.
#[derive(Clone, Debug)]
pub enum RemoteFailure {
    /// The task of a gate.
    Gate(GateAddress, RemoteError),
    /// The task of a partition.
    Partition(PartitionAddress, RemoteError),
    /// Nobody: a stranger, or a peer without channels. To be logged.
    Nobody(RemoteError),
}
